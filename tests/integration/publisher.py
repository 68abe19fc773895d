"""A real HTTP server that publishes files as TLC does, and misbehaves when told to.

    with Publisher() as publisher:
        publisher.publish("yellow_tripdata_2024-01.parquet", body)
        publisher.misbehave("yellow_tripdata_2024-01.parquet", "cut", after=1000, times=1)
        HttpSource(publisher.base_url, is_tlc=True)

Files are served at /trip-data/<name>, /misc/<name> and /<name>. What is not published answers 403, as TLC's does.
"""

import hashlib
import os
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self

Mode = Literal[
    "status",  # answers `status` (default 500), with `retry_after` if given
    "cut",  # closes the connection after `after` bytes of the body
    "reset",  # resets it (RST) after `after` bytes
    "hang",  # says nothing more after `after` bytes, until the client leaves
    "silent",  # accepts the request and never answers
    "html",  # a web page (`body`) with status 200
    "replace",  # publishes `body` in the file's place once `after` bytes are sent, and cuts
    "wrong_length",  # announces `extra` bytes more (or less) than it has
    "no_length",  # announces no length: the end of the connection is the end of the body
    "no_range",  # ignores Range
    "wrong_range",  # answers Range with another part than the one asked for
    "no_etag",
    "weak_etag",
    "no_head",  # 405 to HEAD
    "compressed",  # claims Content-Encoding: gzip
    "redirect",  # to the path `to` on this server
    "loop",  # redirects to itself
]
_OF_BODY = {"cut", "reset", "hang", "replace"}
_PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Please sign in to the network.</body></html>"


@dataclass(frozen=True)
class Request:
    """A request that came in, and the status it was answered with (0: none)."""

    method: str
    path: str
    file_name: str
    range: str | None
    status: int


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes
    fault: "Fault | None" = None  # what happens while the body is sent


@dataclass
class Fault:
    mode: Mode
    times: int | None  # how many more answers it spoils; None: all
    methods: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class File:
    body: bytes
    etag: str
    last_modified: str


class Publisher:
    """Starts with `with`, on a free port of 127.0.0.1. Safe to change while it serves."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._files: dict[str, File] = {}
        self._faults: dict[str, list[Fault]] = {}
        self._lock = threading.Lock()
        self.closing = threading.Event()
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Handler", (_Handler,), {"publisher": self})
        )
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def publish(self, file_name: str, body: bytes, *, modified_at: float = 1_700_000_000) -> None:
        """Publish a file, or replace it. Its ETag is that of its bytes."""
        etag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
        with self._lock:
            self._files[file_name] = File(body, etag, formatdate(modified_at, usegmt=True))

    def unpublish(self, file_name: str) -> None:
        with self._lock:
            del self._files[file_name]

    def misbehave(
        self,
        file_name: str,
        mode: Mode,
        *,
        times: int | None = None,
        methods: tuple[str, ...] = ("GET", "HEAD"),
        **options: Any,
    ) -> None:
        """Spoil the next `times` answers about a file (all of them by default). Faults add up; see `Mode`."""
        methods = ("GET",) if mode in _OF_BODY else ("HEAD",) if mode == "no_head" else methods
        with self._lock:
            self._faults.setdefault(file_name, []).append(Fault(mode, times, methods, options))

    def heal(self, file_name: str | None = None) -> None:
        """End the misbehaviour about a file, or all of it."""
        with self._lock:
            for name in [file_name] if file_name else list(self._faults):
                self._faults.pop(name, None)

    def count(self, file_name: str, method: str | None = None) -> int:
        """How many requests came for a file."""
        with self._lock:
            return sum(r.file_name == file_name and method in (None, r.method) for r in self.requests)

    def find(self, path: str) -> File | None:
        folder, _, name = path.rpartition("/")
        with self._lock:
            return self._files.get(name) if folder in ("", "/trip-data", "/misc") else None

    def take_faults(self, file_name: str, method: str) -> list[Fault]:
        """The faults that spoil the answer about to be given; uses them up."""
        with self._lock:
            due = [f for f in self._faults.get(file_name, []) if method in f.methods and f.times != 0]
            for fault in due:
                fault.times = None if fault.times is None else fault.times - 1
            return due

    def record(self, request: Request) -> None:
        with self._lock:
            self.requests.append(request)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    publisher: Publisher

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        """Tests read `requests` instead."""

    def _answer(self) -> None:
        path = self.path.split("?")[0]
        name = path.rpartition("/")[2]
        file = self.publisher.find(path)
        reply = _honest_reply(file, self.headers)
        faults = self.publisher.take_faults(name, self.command)
        for fault in faults:
            _SPOIL.get(fault.mode, _on_the_way)(reply, fault, file, self.path)
        is_silent = any(fault.mode == "silent" for fault in faults)
        status = 0 if is_silent else reply.status
        self.publisher.record(Request(self.command, path, name, self.headers.get("Range"), status))
        if is_silent:
            self.publisher.closing.wait(60)
            self.close_connection = True
            return
        with _client_may_leave(self):
            self._send_head(reply)
            if self.command == "GET":
                self._send_body(reply, name)

    def _send_head(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for key, value in reply.headers.items():
            self.send_header(key, value)
        if reply.headers.get("Content-Length") != str(len(reply.body)) and self.command == "GET":
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()

    def _send_body(self, reply: Reply, name: str) -> None:
        if reply.fault is None:
            self.wfile.write(reply.body)
            return
        self.wfile.write(reply.body[: reply.fault.options.get("after", 0)])
        self.close_connection = True
        if reply.fault.mode == "hang":
            self.publisher.closing.wait(60)
        elif reply.fault.mode == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())
        elif reply.fault.mode == "replace":
            self.publisher.publish(name, reply.fault.options["body"], modified_at=1_700_000_001)


@contextmanager
def _client_may_leave(handler: BaseHTTPRequestHandler) -> Iterator[None]:
    """A client that hangs up is no error of the server's."""
    try:
        yield
    except (BrokenPipeError, ConnectionResetError):
        handler.close_connection = True


def _honest_reply(file: File | None, headers: Any) -> Reply:
    if file is None:
        body = b"<Error><Code>AccessDenied</Code></Error>"
        return Reply(403, {"Content-Type": "application/xml", "Content-Length": str(len(body))}, body)
    common = {
        "ETag": file.etag,
        "Last-Modified": file.last_modified,
        "Content-Type": "binary/octet-stream",
        "Accept-Ranges": "bytes",
    }
    asked = re.fullmatch(r"bytes=(\d+)-", headers.get("Range", ""))
    size = len(file.body)
    if not asked or headers.get("If-Range", file.etag) != file.etag:
        return Reply(200, {**common, "Content-Length": str(size)}, file.body)
    start = int(asked[1])
    if start >= size:
        return Reply(416, {"Content-Range": f"bytes */{size}", "Content-Length": "0"}, b"")
    part = {"Content-Range": f"bytes {start}-{size - 1}/{size}", "Content-Length": str(size - start)}
    return Reply(206, {**common, **part}, file.body[start:])


def _on_the_way(reply: Reply, fault: Fault, _file: File | None, _path: str) -> None:
    """Faults of the body come while it is sent."""
    if fault.mode in _OF_BODY:
        reply.fault = fault


def _status(reply: Reply, fault: Fault, _file: File | None, _path: str) -> None:
    reply.status = fault.options.get("status", 500)
    reply.body = b"the server says no"
    reply.headers = {"Content-Type": "text/plain", "Content-Length": str(len(reply.body))}
    if "retry_after" in fault.options:
        reply.headers["Retry-After"] = str(fault.options["retry_after"])


def _html(reply: Reply, fault: Fault, _file: File | None, _path: str) -> None:
    reply.status = 200
    reply.body = fault.options.get("body", _PAGE)
    kind = fault.options.get("content_type", "text/html; charset=utf-8")
    reply.headers = {"Content-Type": kind, "Content-Length": str(len(reply.body))}


def _wrong_length(reply: Reply, fault: Fault, _file: File | None, _path: str) -> None:
    reply.headers["Content-Length"] = str(int(reply.headers["Content-Length"]) + fault.options["extra"])


def _no_length(reply: Reply, _fault: Fault, _file: File | None, _path: str) -> None:
    reply.headers.pop("Content-Length", None)


def _no_range(reply: Reply, _fault: Fault, file: File | None, _path: str) -> None:
    if file and reply.status in (206, 416):
        reply.status, reply.body = 200, file.body
        reply.headers.pop("Content-Range", None)
        reply.headers |= {"ETag": file.etag, "Content-Length": str(len(file.body))}


def _wrong_range(reply: Reply, _fault: Fault, file: File | None, _path: str) -> None:
    if file and reply.status == 206:
        size = len(file.body)
        reply.body = file.body
        reply.headers |= {"Content-Range": f"bytes 0-{size - 1}/{size}", "Content-Length": str(size)}


def _no_etag(reply: Reply, _fault: Fault, _file: File | None, _path: str) -> None:
    reply.headers.pop("ETag", None)


def _weak_etag(reply: Reply, _fault: Fault, _file: File | None, _path: str) -> None:
    reply.headers["ETag"] = f"W/{reply.headers['ETag']}"


def _no_head(reply: Reply, _fault: Fault, _file: File | None, _path: str) -> None:
    reply.status, reply.headers = 405, {"Allow": "GET", "Content-Length": "0"}


def _compressed(reply: Reply, _fault: Fault, _file: File | None, _path: str) -> None:
    reply.headers["Content-Encoding"] = "gzip"


def _redirect(reply: Reply, fault: Fault, _file: File | None, path: str) -> None:
    reply.status, reply.body = 302, b""
    reply.headers = {"Location": fault.options.get("to", path), "Content-Length": "0"}


_SPOIL: dict[str, Callable[[Reply, Fault, File | None, str], None]] = {
    "status": _status,
    "html": _html,
    "wrong_length": _wrong_length,
    "no_length": _no_length,
    "no_range": _no_range,
    "wrong_range": _wrong_range,
    "no_etag": _no_etag,
    "weak_etag": _weak_etag,
    "no_head": _no_head,
    "compressed": _compressed,
    "redirect": _redirect,
    "loop": _redirect,
}
