"""A wine month through Airflow, as a user runs it."""

import shutil
from pathlib import Path

import openpyxl
from tests.e2e.conftest import Mailbox, Stack

MONTH = "2024-05"
READERS = "cave@example.com, compta@example.com"


def test_the_real_month_end_to_end(stack: Stack, mailbox: Mailbox, shared_data: Path, tmp_path: Path) -> None:
    command = ("wine", "run", "--months", MONTH, "--source", str(shared_data / "wine"))
    code, output = stack.run(*command)
    assert code == 0, output
    assert "all done" in output
    assert "14 of 19 quality tests are ok" in output
    assert "erp_prix_positif" in output  # one of those that are not
    (month,) = stack.mart(f"select ca from wine.ca_mensuel where file_month = '{MONTH}-01'")
    assert str(month["ca"]) == "70568.60"  # published by the merchant

    code, output = stack.run("wine", "reports", "--months", MONTH, "--to", str(tmp_path))
    assert code == 0, output
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert names == {
        "rapport_CA.xlsx",
        "extraction_premium.csv",
        "extraction_ordinaire.csv",
        "debug/rapport_test.xlsx",
    }
    assert openpyxl.load_workbook(tmp_path / "rapport_CA.xlsx").sheetnames == ["Détail CA", "CA total"]

    (mail,) = mailbox.sent_to(READERS)
    attached = {part.get_filename() for part in mail.walk() if part.get_filename()}
    assert attached == {Path(name).name for name in names}

    code, output = stack.run(*command)
    assert code == 0, output
    assert "nothing had to be done" in output
    assert len(mailbox.sent_to(READERS)) == 1  # unchanged reports are not sent again


def test_a_missing_file_is_named(stack: Stack, shared_data: Path, tmp_path: Path) -> None:
    for name in ("erp.xlsx", "web.xlsx"):
        shutil.copy(shared_data / "wine" / name, tmp_path)
    code, output = stack.run("wine", "run", "--months", "2024-06", "--source", str(tmp_path))
    assert code == 1
    assert "FAILED 2024-06" in output
    assert "liaison" in output
    assert not stack.mart("select * from wine.ca_mensuel where file_month = '2024-06-01'")
