"""What was dropped for a domain: the files below its name in the lake's bucket `sources`, or those of a folder.

They belong to who dropped them: nothing here is moved or removed.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from flocon import ledger
from flocon.errors import SourceError
from flocon.flow import Flow
from flocon.lake import Lake
from flocon.postgres import explained

BUCKET = "sources"
IN_LAKE = "lake"

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Drop:
    """A dropped file: `name` is its path below the inbox, `origin` where it is, `bytes` its size.

    `fetch(path)` writes its bytes into a file and returns their SHA-256 (hex).
    """

    name: str
    origin: str
    bytes: int
    fetch: Callable[[Path], str]


def resolve(source: str) -> str:
    """A source that means the same in any working directory: `lake`, or an absolute folder.

    Raises:
        SourceError: it is neither.
    """
    if source == IN_LAKE:
        return source
    folder = Path(source).expanduser()
    if not folder.is_dir():
        raise SourceError(f"{source!r} is not a source: give {IN_LAKE} or a folder that exists")
    return str(folder.resolve())


def drops(lake: Lake, domain: str, source: str) -> list[Drop]:
    """The files dropped for a domain, by name; `source` is `lake` or a folder. Hidden files are none.

    Raises:
        SourceError: the folder is not there or cannot be read.
    """
    found = _in_lake(lake, f"{domain}/") if source == IN_LAKE else _in_folder(Path(source))
    return sorted((drop for drop in found if not _is_hidden(drop.name)), key=lambda drop: drop.name)


def is_empty(flow: Flow, domain: str, source: str) -> bool:
    """Whether no file was ever dropped for a domain, neither now in `source` nor at an earlier time."""
    if drops(flow.lake, domain, source):
        return False
    with explained(domain) as sessions, sessions.open("warehouse", flow.warehouse) as warehouse:
        taken = ledger.all_current(warehouse, "bronze")
    return not any(entry.dataset.startswith(f"{domain}.") for entry in taken)


def _is_hidden(name: str) -> bool:
    return not name or any(part.startswith((".", "~$")) for part in name.split("/"))


def _in_lake(lake: Lake, prefix: str) -> list[Drop]:
    return [
        Drop(key.removeprefix(prefix), f"{BUCKET}/{key}", held.bytes, partial(lake.fetch, BUCKET, key))
        for key, held in lake.list(BUCKET, prefix).items()
    ]


def _in_folder(folder: Path) -> list[Drop]:
    if not folder.is_dir():
        raise SourceError(
            f"{folder} is not a folder: a source is `{IN_LAKE}` or a folder with the dropped files."
        )
    try:
        files = [path for path in folder.rglob("*") if path.is_file()]
    except OSError as error:
        raise SourceError(f"{folder} cannot be read: {error.strerror}.") from error
    return [
        Drop(path.relative_to(folder).as_posix(), str(path), path.stat().st_size, partial(_copy, path))
        for path in files
    ]


def _copy(path: Path, target: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as source, target.open("wb") as copy:
            while chunk := source.read(_CHUNK_BYTES):
                digest.update(chunk)
                copy.write(chunk)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {os.strerror(error.errno or 0)}.") from error
    return digest.hexdigest()
