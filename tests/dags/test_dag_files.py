"""DAG files are wiring: short, light to read, without SQL or data in them."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.dags.conftest import DAGS, PLUGINS

FILES = sorted(DAGS.glob("*.py"))
HEAVY = (
    "duckdb",
    "pymongo",
    "pandas",
    "pyarrow",
    "boto3",
    "psycopg2",
    "airflow.providers.postgres.hooks",
    "flocon.taxi.pipeline",
    "flocon.sales.pipeline",
)
DRIVERS = {"pandas", "pyarrow", "boto3", "psycopg", "psycopg2", "sqlalchemy", "requests"}
READ = f"""
import sys, time, json
import airflow.sdk, airflow.dag_processing.dagbag, flocon.settings
sys.path.append({str(PLUGINS)!r})
started = time.process_time()
bag = airflow.dag_processing.dagbag.DagBag({str(DAGS)!r})
seconds = time.process_time() - started
read = {{"errors": bag.import_errors, "dags": sorted(bag.dags), "seconds": seconds, "modules": [*sys.modules]}}
print(json.dumps(read))
"""


def test_there_are_dags() -> None:
    assert FILES


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.name)
def test_a_dag_fits_on_a_screen(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= 90


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.name)
def test_a_dag_holds_no_sql_and_imports_no_driver(file: Path) -> None:
    tree = ast.parse(file.read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not [
        name for name in imported if name.split(".")[0] in (*HEAVY, "psycopg", "sqlalchemy", "requests")
    ]
    assert not re.search(
        r"\b(select|insert|delete|update|create) .*\b(from|into|set|table)\b", file.read_text(), re.I
    )


def test_reading_all_dags_is_quick_and_loads_no_driver() -> None:
    done = subprocess.run([sys.executable, "-c", READ], capture_output=True, text=True, check=True)
    read = json.loads(done.stdout.splitlines()[-1])
    assert read["errors"] == {}
    assert read["dags"] == [file.stem for file in FILES]
    assert not [name for name in HEAVY if name in read["modules"]]
    assert read["seconds"] < 2.0
