"""Dropped files into bronze, on a real lake: what is taken, as received, and what is refused, for which reason."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest
from tests.conftest import ON_BOTH_LAKES
from tests.integration.sales_files import (
    ACHAT_HEADER,
    ACHATS,
    BAD,
    CLIENT_HEADER,
    CLIENTS,
    FORMS,
    TWO_CLIENTS,
)

from flocon import ledger
from flocon.errors import SourceError
from flocon.flow import Flow
from flocon.inbox import BUCKET
from flocon.lake import Lake
from flocon.postgres import Connection
from flocon.sales.bronze import Ingested, ingest
from flocon.sales.sample import sample_files
from flocon.settings import Settings
from flocon.shelf import Shelf


@dataclass(frozen=True)
class Inbox:
    """The lake's inbox of the domain."""

    lake: Lake

    def drop(self, name: str, content: str | bytes) -> None:
        data = content.encode() if isinstance(content, str) else content
        self.lake.put_stream(BUCKET, f"sales/{name}", [data])


@pytest.fixture
def inbox(lake: Lake) -> Inbox:
    return Inbox(lake)


def bronze_rows(lake: Lake, key: str) -> list[dict[str, Any]]:
    with lake.open_parquet("bronze", f"sales/{key}.parquet") as file:
        rows: list[dict[str, Any]] = file.read().to_pylist()
    return rows


def reason_of(lake: Lake, name: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(lake.read("quarantine", f"sales/{name}.reason.json"))
    return told


def changed(done: Ingested) -> list[bool]:
    return [outcome.changed for outcome in done.outcomes]


# --- taken ----------------------------------------------------------------------------------------------


@ON_BOTH_LAKES
def test_files_are_kept_as_received(flow: Flow, inbox: Inbox, lake: Lake, warehouse: Connection) -> None:
    inbox.drop("clients.csv", CLIENTS)
    inbox.drop("achats.csv", ACHATS)
    done = ingest(flow, "lake")
    assert (done.refused, changed(done)) == ([], [True, True])
    assert bronze_rows(lake, "clients/clients") == [
        {"id_client": "1", "nom": "Léa Martin", "email": "lea@example.com", "date_inscription": "2024-01-31",
         "pays": "France", "_file": "clients.csv", "_line": 1},
        {"id_client": "2", "nom": "Hugo Petit", "email": "hugo@example.com", "date_inscription": "31/01/2024",
         "pays": "  BELGIQUE ", "_file": "clients.csv", "_line": 2},
        {"id_client": "x", "nom": None, "email": "nobody", "date_inscription": None, "pays": None,
         "_file": "clients.csv", "_line": 3},
    ]  # fmt: skip
    assert [row["montant"] for row in bronze_rows(lake, "achats/achats")] == ["12,50", "-3.00"]
    assert [o.service for o in done.outcomes] == ["achats", "clients"]
    assert "achats.csv → bronze.achats: 2 rows" in done.outcomes[0].message


def test_the_ledger_says_what_was_taken(flow: Flow, inbox: Inbox, lake: Lake, warehouse: Connection) -> None:
    inbox.drop("achats.csv", ACHATS)
    ingest(flow, "lake")
    entry = ledger.current(warehouse, "sales.achats:achats.csv", "bronze")
    assert entry is not None
    held = lake.head("bronze", "sales/achats/achats.parquet")
    assert held is not None
    assert (entry.rows, entry.sha256) == (2, hashlib.sha256(ACHATS.encode()).hexdigest())
    assert (entry.facts["key"], entry.facts["etag"]) == ("sales/achats/achats.parquet", held.etag)
    assert (entry.run_id, entry.bytes, entry.source_url) == ("test", held.bytes, "sources/sales/achats.csv")
    assert entry.schema_seen is not None
    assert entry.schema_seen == {
        "id_achat": "BIGINT", "id_client": "BIGINT", "date_achat": "DATE", "montant": "VARCHAR", "produit": "VARCHAR"
    }  # fmt: skip
    assert entry.facts["readable"] == {
        "id_achat": [2, 2], "id_client": [2, 2], "date_achat": [2, 2], "montant": [2, 2], "produit": [2, 2]
    }  # fmt: skip


@ON_BOTH_LAKES
def test_the_same_content_is_no_work(flow: Flow, inbox: Inbox, lake: Lake, warehouse: Connection) -> None:
    inbox.drop("clients.csv", CLIENTS)
    inbox.drop("achats.csv", ACHATS)
    ingest(flow, "lake")
    before = {key: lake.list("bronze", "sales/")[key] for key in lake.list("bronze", "sales/")}
    inbox.drop("achats.csv", ACHATS)  # dropped once more
    done = ingest(flow, "lake")
    assert changed(done) == [False, False]
    assert "nothing to do" in done.outcomes[0].message
    assert lake.list("bronze", "sales/") == before
    count = "select count(*) from ledger.step_run where step = 'bronze'"
    assert warehouse.execute(count).fetchone() == (2,)
    assert changed(ingest(flow, "lake", force=True)) == [True, True]
    assert lake.list("bronze", "sales/") == before  # and the same rows give the same bytes


def test_changed_content_replaces_what_was_there(flow: Flow, inbox: Inbox, lake: Lake) -> None:
    inbox.drop("clients.csv", CLIENTS)
    inbox.drop("achats.csv", ACHATS)
    ingest(flow, "lake")
    inbox.drop("achats.csv", ACHATS + "12,1,2024-02-03,5,Bouilloire\n")
    done = ingest(flow, "lake")
    assert changed(done) == [True, False]
    assert "its input changed" in done.outcomes[0].message
    assert [row["id_achat"] for row in bronze_rows(lake, "achats/achats")] == ["10", "11", "12"]


@ON_BOTH_LAKES
def test_an_object_that_somebody_removed_is_stored_again(
    flow: Flow, inbox: Inbox, lake: Lake, lake_settings: Settings
) -> None:
    inbox.drop("clients.csv", CLIENTS)
    ingest(flow, "lake")
    before = lake.head("bronze", "sales/clients/clients.parquet")
    s3 = boto3.client(
        "s3",
        endpoint_url=lake_settings.s3_url,
        aws_access_key_id=lake_settings.secret("s3_access_key"),
        aws_secret_access_key=lake_settings.secret("s3_secret_key"),
        region_name=lake_settings.s3_region,
    )
    s3.delete_object(Bucket="bronze", Key="sales/clients/clients.parquet")
    done = ingest(flow, "lake")
    assert "its output is gone" in done.outcomes[0].message
    assert lake.head("bronze", "sales/clients/clients.parquet") == before


@ON_BOTH_LAKES
def test_several_files_of_one_table_and_files_of_folders(
    flow: Flow, inbox: Inbox, lake: Lake, tmp_path: Path, warehouse: Connection
) -> None:
    inbox.drop("Clients_Lyon.csv", CLIENTS)
    inbox.drop("paris/EXPORT CLIENTS 2024.CSV", CLIENTS.replace("\n1,", "\n3,"))
    done = ingest(flow, "lake")
    assert done.refused == []
    paris = "clients/paris/EXPORT CLIENTS 2024.CSV"
    assert {row["_file"] for row in bronze_rows(lake, paris)} == {"paris/EXPORT CLIENTS 2024.CSV"}
    shelf = Shelf(flow, warehouse, "sales", tmp_path)
    files = [str(path) for path in shelf.paths("bronze.clients")]
    counted = duckdb.sql(
        f"select _file, count(*) from read_parquet({files}) group by 1 order by 1"
    ).fetchall()
    assert counted == [("Clients_Lyon.csv", 3), ("paris/EXPORT CLIENTS 2024.CSV", 3)]


def test_a_folder_can_be_the_source_and_a_file_gone_from_it_stays(
    flow: Flow, lake: Lake, tmp_path: Path
) -> None:
    folder = tmp_path / "shop"
    paths = sample_files(folder, 50, 4)
    done = ingest(flow, str(folder))
    assert (done.refused, changed(done)) == ([], [True, True])
    paths[0].unlink()
    (folder / "read me.txt").write_text("not ours")
    assert changed(ingest(flow, str(folder))) == [False]
    assert len(bronze_rows(lake, "clients/clients")) >= 50
    with pytest.raises(SourceError, match="is not a folder"):
        ingest(flow, str(tmp_path / "nowhere"))


def test_other_columns_are_kept(flow: Flow, inbox: Inbox, lake: Lake) -> None:
    header, *rows = CLIENTS.splitlines()
    wider = [f"Remarque,{header},Fidélité"] + [f"r{n},{row},{n}" for n, row in enumerate(rows)]
    inbox.drop("clients.csv", "\n".join(wider) + "\n")
    done = ingest(flow, "lake")
    assert "with the columns Remarque, Fidélité besides" in done.outcomes[0].message
    rows_kept = bronze_rows(lake, "clients/clients")
    assert [(row["Remarque"], row["id_client"], row["Fidélité"]) for row in rows_kept] == [
        ("r0", "1", "0"),
        ("r1", "2", "1"),
        ("r2", "x", "2"),
    ]


@pytest.mark.parametrize("form", FORMS)
def test_the_same_table_in_another_form(flow: Flow, inbox: Inbox, lake: Lake, form: str) -> None:
    inbox.drop("achats.csv", FORMS[form])
    assert ingest(flow, "lake").refused == []
    names = ("id_achat", "id_client", "date_achat", "montant", "produit", "_line")
    assert [tuple(row[name] for name in names) for row in bronze_rows(lake, "achats/achats")] == [
        ("10", "1", "2024-02-01", "12,50", "Clé USB", 1),
        ("11", "2", "2024-02-02", "-3.00", "Bouilloire", 2),
    ]


def test_a_column_is_known_by_its_aliases(flow: Flow, inbox: Inbox, lake: Lake) -> None:
    inbox.drop("clients.csv", CLIENTS.replace("email", "E-Mail", 1))
    assert ingest(flow, "lake").refused == []
    assert bronze_rows(lake, "clients/clients")[0]["email"] == "lea@example.com"


def test_line_breaks_and_quotes_within_a_field_are_kept(flow: Flow, inbox: Inbox, lake: Lake) -> None:
    inbox.drop("achats.csv", ACHATS.replace("Clé USB", '"Clé ""USB"",\r\n32 Go\n"'))
    assert ingest(flow, "lake").refused == []
    assert [(row["_line"], row["produit"]) for row in bronze_rows(lake, "achats/achats")] == [
        (1, 'Clé "USB",\r\n32 Go\n'),
        (2, "Bouilloire"),
    ]


def test_the_number_of_a_row_is_its_place_in_a_large_file(flow: Flow, lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "shop" / "achats.csv"
    path.parent.mkdir()
    rows = 2_000_000
    filler = "x" * 20
    with path.open("w", newline="") as file:
        file.write(f"{ACHAT_HEADER}\n")
        for start in range(0, rows, 100_000):
            file.writelines(
                # Breaks within quotes, which a reader that starts in the middle of a file could take for line ends.
                f'{n},7,2024-01-01,1.00,"{filler}\n{n},7,2024-01-01,1.00,{filler}"\n'
                if n % 1_000 == 0
                else f"{n},7,2024-01-01,1.00,{filler}{filler}\n"
                for n in range(start + 1, start + 100_001)
            )
    assert path.stat().st_size > 100e6
    assert ingest(flow, str(path.parent)).refused == []
    lake.fetch("bronze", "sales/achats/achats.parquet", tmp_path / "written.parquet")
    query = "select count(*), count(*) filter (id_achat::bigint = _line), min(_line), max(_line)"
    found = duckdb.sql(f"{query} from read_parquet('{tmp_path / 'written.parquet'}')")
    assert found.fetchall() == [(rows, rows, 1, rows)]


# --- refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_refused_with_its_reason_and_the_others_go_on(
    flow: Flow, inbox: Inbox, lake: Lake, warehouse: Connection, kind: str
) -> None:
    bad = BAD[kind]
    inbox.drop(bad.name, bad.bytes)
    inbox.drop("les clients.csv", CLIENTS)
    inbox.drop("zz achats.csv", ACHATS)
    done = ingest(flow, "lake")
    assert [outcome.facts["key"] for outcome in done.outcomes] == [
        "sales/clients/les clients.parquet", "sales/achats/zz achats.parquet"
    ]  # fmt: skip
    (line,) = done.refused
    assert line.startswith(f"sources/sales/{bad.name} was refused ({bad.rule}: expected ")
    assert bad.expected in line
    reason = reason_of(lake, bad.name)
    assert (reason["file"], reason["origin"], reason["rule"]) == (
        bad.name,
        f"sources/sales/{bad.name}",
        bad.rule,
    )
    assert bad.expected in reason["expected"]
    assert bad.found in reason["found"]
    assert (reason["run_id"], reason["sha256"]) == ("test", hashlib.sha256(bad.bytes).hexdigest())
    assert datetime.fromisoformat(reason["at"]) <= datetime.now(UTC)
    assert lake.read("quarantine", f"sales/{bad.name}") == bad.bytes
    assert sorted(lake.list("bronze", "sales/")) == sorted(o.facts["key"] for o in done.outcomes)
    entries = warehouse.execute(
        "select dataset from ledger.step_run where step = 'bronze' order by 1"
    ).fetchall()
    assert entries == [("sales.achats:zz achats.csv",), ("sales.clients:les clients.csv",)]


@ON_BOTH_LAKES
def test_the_same_bad_file_is_told_each_time_and_kept_once(flow: Flow, inbox: Inbox, lake: Lake) -> None:
    inbox.drop("clients.csv", TWO_CLIENTS)
    first = ingest(flow, "lake")
    kept = lake.list("quarantine", "sales/")
    second = ingest(flow, "lake")
    assert first.refused == second.refused != []
    assert lake.list("quarantine", "sales/") == kept
    assert sorted(kept) == ["sales/clients.csv", "sales/clients.csv.reason.json"]
    inbox.drop("clients.csv", f"{CLIENT_HEADER}\n")  # another fault
    ingest(flow, "lake")
    assert reason_of(lake, "clients.csv")["rule"] == "no_rows"


def test_a_bad_file_leaves_what_its_name_brought_before(flow: Flow, inbox: Inbox, lake: Lake) -> None:
    inbox.drop("clients.csv", CLIENTS)
    ingest(flow, "lake")
    before = lake.list("bronze", "sales/")
    inbox.drop("clients.csv", TWO_CLIENTS)
    assert len(ingest(flow, "lake").refused) == 1
    assert lake.list("bronze", "sales/") == before
    inbox.drop("clients.csv", CLIENTS)  # mended
    done = ingest(flow, "lake")
    assert (done.refused, changed(done)) == ([], [False])


def test_files_of_other_kinds_are_left_alone_and_told(
    flow: Flow, inbox: Inbox, lake: Lake, caplog: pytest.LogCaptureFixture
) -> None:
    inbox.drop("clients.xlsx", b"PK\x03\x04")
    inbox.drop(".clients.csv.part", CLIENTS)
    done = ingest(flow, "lake")
    assert (done.outcomes, done.refused) == ([], [])
    assert "sources/sales/clients.xlsx: left alone" in caplog.text
    assert lake.list("quarantine", "") == {}


def test_a_dirty_file_is_not_a_bad_one(flow: Flow, inbox: Inbox, lake: Lake) -> None:
    dirty = (
        "id_achat,id_client,date_achat,montant,produit\n"
        + "1,1,31/02/2024,offert,x\n2,2,2024-01-01,1,x\n,,,,\n"
    )
    inbox.drop("achats.csv", dirty)
    assert ingest(flow, "lake").refused == []  # half of the values are what they should be
    assert len(bronze_rows(lake, "achats/achats")) == 3
