"""A server process: how to start and stop it. Supervised in the stack, started directly in tests."""

import os
import shlex
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from flocon.stack.account import Account


@dataclass(frozen=True)
class Program:
    """One server process.

    `env` is the whole environment of the process, and how secrets reach it: `ps` shows commands to everybody.
    `account` is the OS account to run as, None for the current one. `stop_signal` asks it to end within
    `stop_wait_s` seconds, and its children too where `stops_as_group`.
    """

    name: str
    command: tuple[str, ...]
    directory: Path
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_wait_s: int = 30
    stops_as_group: bool = False


# What a process needs of the caller's environment; LC_*, PG*, AWS_*, AIRFLOW* of the caller must not change a server.
_INHERITED = ("PATH", "HOME", "TMPDIR")


def base_env(**more: str) -> dict[str, str]:
    """An environment that is the same whoever starts the stack."""
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {"PATH": os.defpath, **kept, "LANG": "C.UTF-8", "TZ": "UTC", **more}


def env_script(env: Mapping[str, str]) -> str:
    """A POSIX shell script that exports `env`."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in sorted(env.items()))


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, from its first byte on, whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    part.replace(path)


@contextmanager
def running(program: Program, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a program without a supervisor, its output appended to `log`; stopped at the end."""
    process = launch(program, log)
    try:
        yield process
    finally:
        halt(program, process)


def launch(program: Program, log: Path) -> "subprocess.Popen[bytes]":
    """Start a program in a session of its own, so that an interrupt at the terminal is left to its owner."""
    account = program.account
    with log.open("ab") as output:
        return subprocess.Popen(
            program.command,
            cwd=program.directory,
            env=dict(program.env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )


def halt(program: Program, process: "subprocess.Popen[bytes]") -> None:
    """Ask a program to stop, and end it when it has not after `stop_wait_s`."""
    if process.poll() is None:
        process.send_signal(program.stop_signal)
    try:
        process.wait(program.stop_wait_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
