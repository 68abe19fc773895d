"""A whole stack, Airflow included, in a temporary folder and on free ports; commands run against it as a user would."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from psycopg.rows import dict_row
from tests.conftest import settings_for
from tests.integration.webhook_sink import WebhookSink

from flocon.settings import Settings
from flocon.stack.airflow import ADMIN, airflow_url
from flocon.stack.lifecycle import down, up
from flocon.stack.scratch import free_ports


@dataclass(frozen=True)
class Stack:
    """A running stack. `start` and `run` call the command line in processes of their own."""

    settings: Settings
    folder: Path

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command; its two outputs are one text."""
        environment = {
            **os.environ,
            **self.settings.as_env(),
            "FLOCON_ENV_FILE": str(self.folder / "none.env"),
        }
        return subprocess.Popen(
            [sys.executable, "-m", "flocon.cli", *arguments],
            env=environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # A shell that runs the tests in the background makes them, and so this command, ignore interrupts.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        )

    def run(self, *arguments: str, timeout: float = 120) -> tuple[int, str]:
        """Run a command to its end: exit code and output."""
        return finish(self.start(*arguments), timeout)

    def airflow(self, method: str, path: str, **body: object) -> Any:
        """Ask Airflow's REST API, as its administrator."""
        url = airflow_url(self.settings)
        login = {"username": ADMIN, "password": self.settings.secret("airflow_admin_password")}
        token = requests.post(f"{url}/auth/token", json=login, timeout=30).json()["access_token"]
        header = {"Authorization": f"Bearer {token}"}
        answer = requests.request(
            method, f"{url}/api/v2{path}", json=body or None, headers=header, timeout=30
        )
        answer.raise_for_status()
        return answer.json()

    def mart(self, query: str) -> list[dict[str, Any]]:
        """Rows that the mart's reader sees."""
        with psycopg.connect(self.settings.mart_reader_dsn, row_factory=dict_row) as mart:
            return mart.execute(query).fetchall()


def finish(process: subprocess.Popen[str], timeout: float = 120) -> tuple[int, str]:
    """Wait for a started command: exit code and output."""
    try:
        output, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
        pytest.fail(f"{process.args} did not end within {timeout} s:\n{output}")
    return process.returncode, output


def interrupt_at(process: subprocess.Popen[str], text: str) -> tuple[int, str]:
    """Press Ctrl-C when a line holds `text`; exit code and the whole output."""
    assert process.stdout is not None
    seen: list[str] = []
    deadline = time.monotonic() + 60
    for line in process.stdout:
        seen.append(line)
        if text in line:
            process.send_signal(signal.SIGINT)
            break
        assert time.monotonic() < deadline, seen
    code, rest = finish(process, 30)
    return code, "".join(seen) + rest


class Mailbox:
    """Keeps the messages that an SMTP server is given, but for those to addresses in `unknown`."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.unknown: set[str] = set()

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Called by the server with each address of a message."""
        if address in self.unknown:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Called by the server with a whole message."""
        self.messages.append(message_from_bytes(envelope.original_content or b""))
        return "250 OK"

    def sent_to(self, addresses: str) -> list[Message]:
        """What was sent to these addresses."""
        return [message for message in self.messages if message["To"] == addresses]


@pytest.fixture(scope="session")
def mailbox() -> Iterator[Mailbox]:
    """What was mailed, by the connection that Airflow is given in its environment."""
    box, (port,) = Mailbox(), free_ports(1)
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    options = "disable_ssl=true&disable_tls=true&from_email=flocon%40example.com"
    os.environ["AIRFLOW_CONN_SMTP_DEFAULT"] = f"smtp://127.0.0.1:{port}/?{options}"
    yield box
    del os.environ["AIRFLOW_CONN_SMTP_DEFAULT"]
    server.stop()


@pytest.fixture(scope="session")
def webhook_sink() -> Iterator[WebhookSink]:
    """What was posted at the end of the stack's runs."""
    with WebhookSink() as sink:
        yield sink


@pytest.fixture(scope="session")
def stack(server_home: Path, mailbox: Mailbox, webhook_sink: WebhookSink) -> Iterator[Stack]:
    """The stack, once for all tests of a session: they use months of their own."""
    settings = settings_for(
        server_home / "stack",
        lock_patience_s=60.0,
        wine_mail_to="cave@example.com,compta@example.com",
        notify_on="all",
        notify_mail_to="ops@example.com",
        notify_webhook_url=webhook_sink.url,
    )
    up(settings, lambda _: None)
    try:
        yield Stack(settings, server_home)
    finally:
        down(settings, lambda _: None)
