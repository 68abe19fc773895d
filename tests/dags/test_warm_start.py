"""Tasks start warm: the process that theirs are forks of has imported what they need, and no other has."""

import json
import os
import subprocess
import sys

import pytest
from tests.dags.conftest import PLUGINS

START = f"""
import json, sys
import airflow.settings
from celery.signals import worker_init
sys.path.append({str(PLUGINS)!r})
import warm_start
worker_init.send(None)
warm_start.on_starting()
print(json.dumps([name for name in warm_start.MODULES if name in sys.modules]))
"""


def imported(executor: str, *command: str) -> list[str]:
    """What `airflow <command>` has imported for tasks once it has started."""
    env = {**os.environ, "AIRFLOW__CORE__EXECUTOR": executor}
    run = [sys.executable, "-c", START, *command]
    done = subprocess.run(run, env=env, capture_output=True, text=True, check=True)
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize(
    ("executor", "command", "is_warm"),
    [
        ("LocalExecutor", "scheduler", True),
        ("LocalExecutor", "dag-processor", False),
        ("CeleryExecutor", "celery worker", True),
        ("CeleryExecutor", "celery flower", False),
        ("CeleryExecutor", "scheduler", False),
    ],
)
def test_who_imports_what_tasks_need(executor: str, command: str, is_warm: bool) -> None:
    found = imported(executor, *command.split())
    assert ("flocon.taxi.pipeline" in found) is is_warm
    assert ("airflow.providers.postgres.hooks.postgres" in found) is is_warm
