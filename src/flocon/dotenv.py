"""The project's `.env`: random secrets, written once and never changed."""

import base64
import re
import secrets

from flocon.settings import PREFIX, env_file, missing_secrets, project_dir
from flocon.stack.program import write_private


def random_secret(name: str) -> str:
    """A new value for a secret setting: letters, digits, and for Airflow's Fernet key what that format wants."""
    if name == "airflow_fernet_key":
        return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_hex(
        10 if name.endswith("_access_key") else 32
    )  # Airflow wants 64 bytes to sign tokens with


def ensure_env() -> list[str]:
    """Give every secret that has no value a random one; return the names of those variables.

    A missing file starts as a copy of `.env.example`. What is there stays as it is. Only the owner can read it.
    """
    file, example = env_file(), project_dir() / ".env.example"
    text = (file if file.exists() else example).read_text(encoding="utf-8")
    missing = {f"{PREFIX}{name.upper()}": random_secret(name) for name in missing_secrets()}
    for variable, value in missing.items():
        text = _with_value(text, variable, value)
    if missing or (file.exists() and file.stat().st_mode & 0o077):
        write_private(file, text)
    return list(missing)


def _with_value(text: str, variable: str, value: str) -> str:
    """Fill the variable's empty line, or add one."""
    line = f"{variable}={value}"
    filled, count = re.subn(rf"^{variable}=[ \t]*$", line, text, count=1, flags=re.MULTILINE)
    return filled if count else f"{text.rstrip()}\n{line}\n"
