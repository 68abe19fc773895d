"""Airflow reads its configuration when it is imported: a home of its own, so that no Airflow of the user is touched."""

import os
import secrets
import sys
import tempfile
from collections.abc import Iterator

import pytest

from flocon.settings import project_dir, secret_names

AIRFLOW = project_dir() / "airflow"
DAGS = AIRFLOW / "dags"
PLUGINS = AIRFLOW / "plugins"

os.environ |= {
    "AIRFLOW_HOME": tempfile.mkdtemp(prefix="flocon-test-airflow-"),
    "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(PLUGINS),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
}
sys.path.append(str(PLUGINS))


@pytest.fixture(scope="session", autouse=True)
def any_secrets() -> Iterator[None]:
    """Settings are read by the DAGs' params; nothing here connects anywhere."""
    with pytest.MonkeyPatch.context() as patch:
        for name in secret_names():
            patch.setenv(f"FLOCON_{name.upper()}", secrets.token_hex(24))
        yield
