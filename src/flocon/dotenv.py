"""The project's `.env`: random secrets, written once and never changed."""

import base64
import re
import secrets
from pathlib import Path

from dotenv import dotenv_values

from flocon.settings import PREFIX, secret_names
from flocon.stack.program import write_private


def random_secret(name: str) -> str:
    """A new value for a secret setting: letters, digits, and for Airflow's Fernet key what that format wants."""
    if name == "airflow_fernet_key":
        return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_hex(
        10 if name == "s3_access_key" else 32
    )  # Airflow wants 64 bytes to sign tokens with


def ensure_env(file: Path, example: Path) -> list[str]:
    """Give every secret that has no value a random one; return the names of those variables.

    A missing file starts as a copy of `example`. Lines that are there stay as they are. Only the owner can read it.
    """
    text = (file if file.exists() else example).read_text(encoding="utf-8")
    known = dotenv_values(file) if file.exists() else {}
    added = {}
    for name in secret_names():
        variable = f"{PREFIX}{name.upper()}"
        if not known.get(variable):
            added[variable] = random_secret(name)
            text = _with_value(text, variable, added[variable])
    if added or file.stat().st_mode & 0o077:
        write_private(file, text)
    return list(added)


def _with_value(text: str, variable: str, value: str) -> str:
    """Fill the variable's empty line, or add one."""
    line = f"{variable}={value}"
    filled, count = re.subn(rf"^{variable}=[ \t]*$", line, text, count=1, flags=re.MULTILINE)
    return filled if count else f"{text.rstrip()}\n{line}\n"
