"""Shop files through Airflow, as a user runs them."""

from pathlib import Path

import pytest
from tests.e2e.conftest import Stack

from flocon.lake import Lake

AS_OF = "2024-12-31"
RUN = ("sales", "run", "--as-of", AS_OF)


@pytest.fixture(scope="module")
def dropped(stack: Stack) -> Stack:
    """A stack whose shops have dropped their files."""
    code, output = stack.run("sales", "run")
    assert code == 1
    assert "nothing was ever dropped in the lake's sources/sales/" in output
    code, output = stack.run("sales", "sample", "--clients", "300", "--to", "lake")
    assert code == 0, output
    assert "SYNTHETIC" in output
    return stack


def test_all_layers_then_nothing_to_do(dropped: Stack) -> None:
    code, output = dropped.run(*RUN)
    assert code == 0, output
    for step in ("ingest", "clean", "build", "load", "csv"):
        assert f" {step} " in output
    assert "all done" in output
    assert "duplicate_id" in output  # the quality report, in words
    (shown,) = dropped.mart("select count(*) as n, sum(montant) as ca from sales.fact_ventes")
    (kpis,) = dropped.mart("select nb_transactions, ca_total from sales.kpis")
    assert (shown["n"], shown["ca"]) == (kpis["nb_transactions"], kpis["ca_total"])
    exported = Lake.of(dropped.settings).read("gold", "csv/kpis.csv").decode()
    assert str(kpis["ca_total"]) in exported

    code, output = dropped.run(*RUN)
    assert code == 0, output
    assert "nothing had to be done" in output


def test_one_layer_alone(dropped: Stack) -> None:
    code, output = dropped.run(*RUN, "--layer", "silver", "--force")
    assert code == 0, output
    assert "silver   clean" in output
    assert "build" not in output
    code, output = dropped.run("sales", "run", "--layer", "copper")
    assert code == 2
    assert "copper" in output


def test_a_file_that_is_no_good_is_said_and_keeps_nothing_from_going_on(
    dropped: Stack, tmp_path: Path
) -> None:
    (tmp_path / "clients.csv").write_text("id_client;nom\n1;A\n")
    good = Lake.of(dropped.settings).read("sources", "sales/achats.csv")
    (tmp_path / "achats_nouveaux.csv").write_bytes(good)
    code, output = dropped.run(*RUN, "--source", str(tmp_path))
    assert code == 1
    assert "FAILED report_refused" in output
    assert str(tmp_path / "clients.csv") in output
    assert "email" in output  # one of the columns that it lacks
    assert "achats_nouveaux" in output
    assert Lake.of(dropped.settings).head("quarantine", "sales/clients.csv.reason.json")
