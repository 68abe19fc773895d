"""What a backup says of itself: `backup.json`, which is written last and makes the folder a backup."""

import hashlib
import re
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from pydantic import BaseModel, ValidationError

from flocon.errors import FloconError

NAME = "backup.json"
FORMAT = 1


class LedgerState(BaseModel):
    """How far a server's ledger went. `digest` is of its entries down to `last_id`."""

    entries: int
    last_id: int
    last_finished_at: datetime | None
    digest: str


class Dumped(BaseModel):
    """The dump of one server. `postgres` is the server's version number, as in 180006."""

    file: str
    bytes: int
    sha256: str
    postgres: int
    schemas: list[str]
    ledger: LedgerState


class Manifest(BaseModel):
    """A backup: when it is of, what made it, and its dumps by server."""

    format: int
    flocon: str
    taken_at: datetime
    seconds: float
    servers: dict[str, Dumped]


def sha256_of(path: Path) -> str:
    """The SHA-256 (hex) of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """What a backup says of itself.

    Raises:
        FloconError: the folder is no finished backup, or one that a newer version made.
    """
    file = folder / NAME
    try:
        manifest = Manifest.model_validate_json(file.read_bytes())
    except FileNotFoundError as error:
        there = (
            f"backups there: {', '.join(_backups_in(folder))}" if _backups_in(folder) else "choose another"
        )
        raise FloconError(
            f"{folder} is no finished backup, it has no {NAME}; nothing was restored; {there}."
        ) from error
    except (ValidationError, OSError) as error:
        raise FloconError(
            f"{file} cannot be read as a backup's ({str(error).splitlines()[0]}); nothing was restored."
        ) from error
    if manifest.format > FORMAT or _numbers(manifest.flocon) > _numbers(version("flocon")):
        raise FloconError(
            f"{folder} was made by Flocon {manifest.flocon}, this is {version('flocon')}; nothing was restored. "
            "Restore it with that version or a later one."
        )
    return manifest


def require_whole(folder: Path, manifest: Manifest) -> None:
    """Return when the dumps are, byte for byte, those that were made.

    Raises:
        FloconError: one is missing or differs.
    """
    for server, dumped in manifest.servers.items():
        file = folder / dumped.file
        if not file.is_file():
            raise FloconError(f"{file}, the dump of the {server}, is missing; nothing was restored.")
        size = file.stat().st_size
        if size != dumped.bytes or sha256_of(file) != dumped.sha256:
            raise FloconError(
                f"{file}, the dump of the {server}, is damaged: it has {size:,} bytes and another content than the "
                f"{dumped.bytes:,} bytes that were written. Nothing was restored; take another backup or copy."
            )


def _backups_in(folder: Path) -> list[str]:
    return sorted(path.parent.name for path in folder.glob(f"*/{NAME}"))


def _numbers(text: str) -> list[int]:
    """A version as numbers, which compare as versions do."""
    return [int(number) for number in re.findall(r"\d+", text)[:3]]
