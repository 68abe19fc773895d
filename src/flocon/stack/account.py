"""The OS account that PostgreSQL runs as: it refuses to run as root."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from flocon.errors import SettingsError


@dataclass(frozen=True)
class Account:
    """An unprivileged OS account."""

    name: str
    uid: int
    gid: int


def server_account(wanted: str) -> Account | None:
    """The account for PostgreSQL when we are root: `wanted`, else postgres, else nobody. None when we are not root.

    Raises:
        SettingsError: the account does not exist or is root itself.
    """
    if os.geteuid() != 0:
        return None
    names = [wanted] if wanted else ["postgres", "nobody"]
    for name in names:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid == 0:
            raise SettingsError(f"FLOCON_SERVER_USER: PostgreSQL refuses to run as {name}, which is root")
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise SettingsError(
        f"FLOCON_SERVER_USER: no OS account named {' or '.join(names)}; create it or name another"
    )


def run_as(account: Account | None, command: list[str], env: dict[str, str], cwd: Path) -> str:
    """Run a command as `account` and return what it printed.

    Raises:
        OSError: the account may not reach the command or `cwd`.
        subprocess.CalledProcessError: it failed; its `output` says why.
    """
    return subprocess.run(
        command,
        env=env,
        cwd=cwd,
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    ).stdout


def can_enter(account: Account | None, folder: Path) -> bool:
    """Whether the account can work in a folder: asked by trying, so that modes, groups and ACLs all count."""
    try:
        # By its path: Python changes the directory before it changes the user.
        run_as(account, ["/bin/sh", "-c", 'cd "$0"', str(folder)], {}, Path("/"))
    except (OSError, subprocess.CalledProcessError):
        return False
    return True
