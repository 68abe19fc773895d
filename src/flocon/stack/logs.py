"""The servers' logs: one file a process, rotated by the supervisor."""

import os
from pathlib import Path
from typing import NoReturn

from flocon.errors import StackError
from flocon.stack.places import Places

_TAIL_BYTES = 64 << 10


def log_file(places: Places, name: str) -> Path:
    """The log of one process."""
    return places.logs / f"{name}.log"


def tail(file: Path, lines: int) -> str:
    """The last lines of a file, indented; at most 64 KiB of them."""
    if not file.exists():
        return "  (nothing was logged)"
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - _TAIL_BYTES))
        text = stream.read().decode("utf-8", errors="replace")
    return "\n".join(f"  {line}" for line in text.splitlines()[-lines:])


def follow(places: Places, name: str | None, lines: int, is_followed: bool) -> NoReturn:
    """Show logs with `tail`, which takes the place of this process. All of them where no name is given.

    Raises:
        StackError: there is no log of that name.
    """
    known = sorted(places.logs.glob("*.log"))
    files = [file for file in known if name is None or file.stem == name]
    if not files:
        names = ", ".join(file.stem for file in known) or "none yet: the stack has not run"
        raise StackError(f"no log named {name}; there is {names}")
    command = ["tail", "-n", str(lines), *(["-F"] if is_followed else []), *map(str, files)]
    os.execvp("tail", command)  # noqa: S606 - the point is that no shell stands between
