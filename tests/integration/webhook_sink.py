"""A real HTTP server that keeps the documents that are posted to it, and answers as it is told to."""

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

TOKEN = "T0KEN-of-the-webhook"


@dataclass
class WebhookSink:
    """`status` is what it answers: 0 nothing, and not ever. `port` 0 finds a free one."""

    status: int = 200
    port: int = 0

    def __post_init__(self) -> None:
        self.documents: list[dict[str, Any]] = []
        self._server: ThreadingHTTPServer | None = None
        self._closing = threading.Event()

    @property
    def url(self) -> str:
        """Its address; the path is a secret."""
        return f"http://127.0.0.1:{self.port}/hooks/{TOKEN}"

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> None:
        """Listen."""
        self._closing.clear()
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Listen no more: connections are refused."""
        if self._server is not None:
            self._closing.set()
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def wait_for_end(self) -> None:
        """Until it closes."""
        self._closing.wait()


def _handler(sink: WebhookSink) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sink.documents.append({"path": self.path, **json.loads(body)})
            if sink.status == 0:
                sink.wait_for_end()
                return
            self.send_response(sink.status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    return Handler
