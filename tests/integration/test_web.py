"""The API and the dashboard as the deployment runs them: by the same commands, over HTTP."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from streamlit.testing.v1 import AppTest
from tests.conftest import Servers

from flocon.errors import StackError
from flocon.settings import Settings, get_settings, project_dir
from flocon.stack.health import wait_until
from flocon.stack.program import Program, base_env, running
from flocon.stack.scratch import free_ports

PAGE = project_dir() / "src" / "flocon" / "dashboard" / "app.py"


@pytest.fixture
def settings(servers: Servers) -> Settings:
    """Settings with a port of its own for each of the two; the mart's server runs."""
    servers.mart.ensure_database()
    api, dashboard = free_ports(2)
    return servers.settings.model_copy(update={"api_port": api, "dashboard_port": dashboard})


@contextmanager
def serving(settings: Settings, name: str, url: str, *command: str) -> Iterator[None]:
    """A process that is given the reader's password and no other secret, until it answers at `url` and to the end."""
    others = {secret for secret in settings.as_env() if secret.endswith(("_PASSWORD", "_KEY", "_SECRET"))}
    env = {k: v for k, v in settings.as_env().items() if k not in others - {"FLOCON_MART_READER_PASSWORD"}}
    env["FLOCON_ENV_FILE"] = "/nowhere"
    program = Program(name, (sys.executable, "-m", *command), Path("/"), base_env(**env))
    log = settings.home_dir / f"{name}.log"

    def answers() -> None:
        try:
            requests.get(url, timeout=5)
        except requests.RequestException as error:
            raise StackError(log.read_text(encoding="utf-8")) from error

    with running(program, log) as process:
        wait_until(answers, 60, lambda: process.poll() is None)
        yield


@contextmanager
def serving_api(settings: Settings) -> Iterator[str]:
    """A running API; its address."""
    url = f"http://127.0.0.1:{settings.api_port}"
    command = ("uvicorn", "--factory", "flocon.api.app:create_app", "--port", str(settings.api_port))
    with serving(settings, "api", f"{url}/health", *command):
        yield url


def test_the_api_is_healthy_only_while_the_mart_answers(settings: Settings) -> None:
    with serving_api(settings) as url:
        healthy = requests.get(f"{url}/health", timeout=10)
        assert (healthy.status_code, healthy.json()["mart"]) == (200, "ok")
    away = settings.model_copy(update={"mart_port": free_ports(1)[0]})
    with serving_api(away) as url:
        ill = requests.get(f"{url}/health", timeout=10)
        assert (ill.status_code, ill.json()["status"]) == (503, "unavailable")
        assert "refused" in ill.json()["mart"]
        assert settings.secret("mart_reader_password") not in ill.text


def test_the_dashboard_is_served_by_its_command(settings: Settings) -> None:
    url = f"http://127.0.0.1:{settings.dashboard_port}/_stcore/health"
    options = (
        f"--server.port={settings.dashboard_port}",
        "--server.address=127.0.0.1",
        "--server.headless=true",
    )
    with serving(settings, "dashboard", url, "streamlit", "run", str(PAGE), *options):
        assert requests.get(url, timeout=10).text == "ok"


def test_the_dashboard_shows_what_the_api_says(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def shown() -> AppTest:
        get_settings.cache_clear()
        page = AppTest.from_file(str(PAGE)).run(timeout=30)
        assert not page.exception
        return page

    monkeypatch.setenv("FLOCON_API_PORT", str(settings.api_port))
    assert "does not answer" in shown().error[0].value
    with serving_api(settings):
        assert shown().success[0].value == "The API and the mart answer."
    get_settings.cache_clear()
