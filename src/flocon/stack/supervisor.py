"""The supervisor: one supervisord a home. It restarts what dies and outlives the terminal that started it."""

import http.client
import os
import shlex
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport  # type: ignore[import-untyped]

from flocon.errors import StackError
from flocon.stack.places import Places
from flocon.stack.program import Program, base_env, env_script, write_private

# In the environment of all that the supervisor starts: tells whose process it is when the supervisor is gone.
MARK = "FLOCON_STACK"
RUNNING = "RUNNING"
DOWN = ("STOPPED", "EXITED", "FATAL", "UNKNOWN")

_SOCKET_MAX = 100  # the kernel takes 107 bytes, supervisord adds its process id while it binds
_RETRIES = 20
_SERVER = """\
[unix_http_server]
file = {socket}
chmod = 0700

[supervisord]
logfile = {logs}/supervisord.log
logfile_maxbytes = 5MB
logfile_backups = 2
pidfile = {run}/supervisord.pid
childlogdir = {logs}
identifier = {identifier}
nodaemon = true
silent = true
umask = 077
{user}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""
_PROGRAM = """
[program:{name}]
command = {command}
directory = {directory}
{user}
autostart = false
autorestart = true
startsecs = 2
startretries = {retries}
stopsignal = {signal}
stopwaitsecs = {wait}
stopasgroup = {as_group}
killasgroup = true
redirect_stderr = true
stdout_logfile = {log}
stdout_logfile_maxbytes = 10MB
stdout_logfile_backups = 3
"""


@dataclass(frozen=True)
class State:
    """What the supervisor knows of a program: its state (RUNNING, STARTING, BACKOFF, ...), pid and seconds up."""

    state: str
    pid: int
    uptime_s: int
    note: str


class Supervisor:
    """The supervisord of one home, whether it runs or not."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._socket = _socket_path(places)

    def is_running(self) -> bool:
        """Whether a supervisord answers for this home."""
        try:
            self._call("supervisor.getState")
        except StackError:
            return False
        return True

    def start(self, programs: list[Program]) -> None:
        """Start supervisord, knowing `programs` and running none of them yet.

        Raises:
            StackError: it did not come up; says what it said.
        """
        config = self._places.run / "supervisord.conf"
        write_private(config, self._configuration(programs))
        output = self._places.logs / "supervisord.out"
        with output.open("wb") as sink:
            process = subprocess.Popen(
                [sys.executable, "-m", "supervisor.supervisord", "--configuration", str(config)],
                env=base_env(**{MARK: self._places.identity}),
                cwd=self._places.home,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + 15
        while not self.is_running():
            if process.poll() is not None or time.monotonic() > deadline:
                raise StackError(
                    f"supervisord did not start: {output.read_text().strip()[-500:]} (see {output})"
                )
            time.sleep(0.05)

    def _configuration(self, programs: list[Program]) -> str:
        # As root it asks to be told so; otherwise `user` is not ours to set.
        user = "user = root" if os.geteuid() == 0 else ""
        places = self._places
        head = _SERVER.format(
            socket=self._socket, logs=places.logs, run=places.run, identifier="flocon", user=user
        )
        return _percent(head) + "".join(self._section(program) for program in programs)

    def _section(self, program: Program) -> str:
        environment = self._places.run / f"{program.name}.env"
        if program.account:
            command = shlex.join(program.command)  # that account cannot read our files, and needs no secret
        else:
            write_private(environment, env_script(program.env))
            script = f". {shlex.quote(str(environment))} && exec {shlex.join(program.command)}"
            command = shlex.join(["/bin/sh", "-c", script])
        text = _PROGRAM.format(
            name=program.name,
            command=command,
            directory=program.directory,
            user=f"user = {program.account.name}" if program.account else "",
            retries=_RETRIES,
            signal=program.stop_signal.name.removeprefix("SIG"),
            wait=program.stop_wait_s,
            as_group=str(program.stops_as_group).lower(),
            log=self._places.logs / f"{program.name}.log",
        )
        return _percent(text)

    def pid(self) -> int | None:
        """Process id of supervisord; None when none runs."""
        return int(self._call("supervisor.getPID")) if self.is_running() else None

    def states(self) -> dict[str, State]:
        """State by program; empty when no supervisord runs."""
        if not self.is_running():
            return {}
        answers = self._call("supervisor.getAllProcessInfo")
        return {a["name"]: _state(a) for a in answers}

    def start_program(self, name: str) -> None:
        """Have a program started; returns at once."""
        self._call("supervisor.startProcess", name, False)

    def stop_programs(self, names: list[str]) -> None:
        """Have programs stopped, all at once, and wait until they are."""
        running = [name for name, state in self.states().items() if name in names and state.state not in DOWN]
        for name in running:
            self._call("supervisor.stopProcess", name, False)
        while any(state.state not in DOWN for name, state in self.states().items() if name in running):
            time.sleep(0.1)

    def shutdown(self) -> None:
        """End supervisord itself; what it still runs is stopped first."""
        self._call("supervisor.shutdown")
        while self.is_running():
            time.sleep(0.05)

    def _call(self, method: str, *arguments: Any) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        try:
            with xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport) as proxy:
                return getattr(proxy, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            raise StackError(f"{method}{arguments}: {fault.faultString}") from fault
        except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
            raise StackError(f"supervisord does not answer at {self._socket}: {error}") from error


def _state(answer: dict[str, Any]) -> State:
    uptime = answer["now"] - answer["start"] if answer["statename"] == RUNNING else 0
    return State(answer["statename"], answer["pid"], uptime, answer["spawnerr"] or answer["description"])


def _percent(text: str) -> str:
    """Supervisor expands %(name)s in its file; nothing here is meant as one."""
    return text.replace("%", "%%")


def _socket_path(places: Places) -> Path:
    """In the home, or, since the kernel limits a socket's path, in a private folder beside other temporary files."""
    path = places.run / "supervisor.sock"
    if len(str(path).encode()) <= _SOCKET_MAX:
        return path
    folder = Path(tempfile.gettempdir(), f"flocon-{os.geteuid()}-{places.identity}")
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.geteuid() or folder.stat().st_mode & 0o077:
        raise StackError(
            f"{folder} is not private to this OS user: remove it, or set TMPDIR or a shorter FLOCON_HOME"
        )
    return folder / "supervisor.sock"
