"""Where the stack keeps its things. All of it is in the home, unless PostgreSQL's account cannot reach the home."""

import logging
import os
import uuid
from dataclasses import dataclass
from pathlib import Path

from flocon.errors import StackError
from flocon.settings import Settings
from flocon.stack.account import Account, can_enter, server_account
from flocon.stack.binaries import postgres_bin

log = logging.getLogger(__name__)

ELSEWHERE = Path("/var/lib/flocon")
_HOME = "home"  # a note beside the data: whose it is


@dataclass(frozen=True)
class Places:
    """Folders of one stack. `postgres` may lie outside `home`; `postgres_bin` holds PostgreSQL's programs.

    `identity` is a name of this home that no later home at the same path gets.
    """

    identity: str
    home: Path
    postgres: Path
    postgres_bin: Path
    account: Account | None

    @property
    def lake(self) -> Path:
        """The buckets of the embedded S3 server."""
        return self.home / "lake"

    @property
    def logs(self) -> Path:
        """One file a server."""
        return self.home / "log"

    @property
    def run(self) -> Path:
        """What the supervisor needs while the stack runs; holds secrets."""
        return self.home / "run"

    @property
    def airflow(self) -> Path:
        """AIRFLOW_HOME; holds secrets."""
        return self.home / "airflow"


def find_places(settings: Settings) -> Places:
    """Choose the folders and create them. Folders outside the home, or its parents, keep their permissions."""
    account = server_account(settings.server_user)
    home = settings.home_dir
    _folder(home, 0o755)
    identity = _identity(home)
    postgres = _postgres_folder(home, ELSEWHERE / identity, account)
    places = Places(identity, home, postgres, postgres_bin(account, postgres), account)
    for private in (places.lake, places.logs, places.run, places.airflow):
        _folder(private, 0o700)
    return places


def _postgres_folder(home: Path, outside: Path, account: Account | None) -> Path:
    """The home's own folder when the account can enter it; a folder that already holds data is never left behind."""
    inside = home / "postgres"
    if not outside.exists():
        _folder(inside, 0o755)
        if can_enter(account, inside):
            return inside
        if any(inside.iterdir()):
            raise StackError(
                f"{inside} holds data, but the OS account {account.name if account else ''} can no longer enter it; "
                "give it back the right to (chmod o+x on the folders above) or set FLOCON_SERVER_USER"
            )
    is_new = not outside.exists()
    _folder(ELSEWHERE, 0o755)
    _folder(outside, 0o755)
    if not can_enter(account, outside):
        raise StackError(f"{outside}: the OS account {account.name if account else ''} cannot enter it")
    if is_new:
        (outside / _HOME).write_text(f"{home}", encoding="utf-8")
        log.info("PostgreSQL's data goes to %s: its OS account cannot enter %s", outside, home)
        _mention_left_over(outside.parent)
    return outside


def _mention_left_over(folder: Path) -> None:
    """Data whose home is gone is never removed by itself: the home may be on a disk that is not mounted."""
    for note in folder.glob(f"*/{_HOME}"):
        home = Path(note.read_text(encoding="utf-8"))
        if not (home / "id").exists() or (home / "id").read_text(encoding="ascii") != note.parent.name:
            log.info(
                "%s holds data of %s, which is gone; remove it when you do not need it", note.parent, home
            )


def _identity(home: Path) -> str:
    """Made once: data outside the home must not meet the passwords of a later home at the same path."""
    file = home / "id"
    if not file.exists():
        file.write_text(uuid.uuid4().hex[:12], encoding="ascii")
    return file.read_text(encoding="ascii").strip()


def _folder(path: Path, mode: int) -> None:
    """Create a folder of ours with exactly this mode, whatever the umask."""
    if path.exists() and path.stat().st_uid != os.geteuid():
        raise StackError(f"{path} belongs to another OS user; use that one, or another FLOCON_HOME")
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(mode)
