"""Is a port free? Asked before anything starts, so that the answer names the setting and not a stack trace."""

import socket
from contextlib import closing

import psutil

from flocon.errors import StackError
from flocon.stack.servers import Server


def require_free_ports(servers: list[Server]) -> None:
    """Raises StackError with a line for each port that somebody else uses."""
    taken = [
        _complaint(server) for server in servers if server.port and not _is_free(server.host, server.port)
    ]
    if taken:
        raise StackError("\n".join([*taken, "Nothing was started."]))


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free for a server
        try:
            one.bind((host, port))
        except PermissionError as error:
            raise StackError(f"port {port} needs more rights than this OS user has ({error})") from error
        except OSError:
            return False
    return True


def _complaint(server: Server) -> str:
    return (
        f"{server.name}: port {server.port} on {server.host} is in use{_user_of(server.port)}; "
        f"stop that, or put another port into .env: {server.variable}=..."
    )


def _user_of(port: int | None) -> str:
    """Who listens there, where the OS tells."""
    try:
        listening = [c for c in psutil.net_connections("inet") if c.status == psutil.CONN_LISTEN and c.laddr]
        pids = [c.pid for c in listening if getattr(c.laddr, "port", 0) == port and c.pid]
        return f" by {psutil.Process(pids[0]).name()} (pid {pids[0]})" if pids else ""
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        return ""
