"""Settings of a stack of its own, for tests and benchmarks: free ports, random secrets, a home that is thrown away."""

import socket
from contextlib import ExitStack, closing
from pathlib import Path

from flocon.dotenv import random_secret
from flocon.settings import Settings, load_settings, secret_names

_PORTS = tuple(name for name in Settings.model_fields if name.endswith("_port"))


def free_ports(number: int) -> list[int]:
    """Ports that nobody listens on now; all held at once, so they differ."""
    with ExitStack() as held:
        sockets = [held.enter_context(closing(socket.socket())) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def scratch_settings(home: Path, **given: object) -> Settings:
    """Settings that touch neither the ports nor the home nor the `.env` of a stack that `make up` runs."""
    ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
    passwords = {name: random_secret(name) for name in secret_names()}
    return load_settings(**{"home": home, **ports, **passwords, **given})
