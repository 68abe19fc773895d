"""What every source of taxi files has in common: what it says of a file, and what it must not hand over."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from flocon.errors import SourceError, TransientError
from flocon.taxi.names import describe

CHUNK = 1 << 20
_PARQUET_MAGIC = b"PAR1"


class RestartStream(TransientError):
    """The bytes handed over so far cannot be continued: throw them away, probe again, stream again."""


@dataclass(frozen=True)
class Published:
    """What the source says of a file, without fetching it. `bytes` is its size."""

    url: str
    etag: str | None
    last_modified: str | None
    bytes: int | None

    @property
    def fingerprint(self) -> str | None:
        """Equal fingerprints mean equal bytes; None when the source says nothing that could tell.

        A weak ETag (`W/…`) promises the same meaning, not the same bytes: it counts only with the size.
        """
        if self.etag and not self.etag.startswith("W/"):
            return f"etag {self.etag}"
        mark = self.etag or self.last_modified
        return f"{mark} {self.bytes} bytes" if mark and self.bytes is not None else None


class Source(Protocol):
    """Where files come from. Knows nothing of the lake or of PostgreSQL."""

    @property
    def spec(self) -> str:
        """The text that `resolve` makes this same source from, in any working directory."""

    @property
    def is_synthetic(self) -> bool:
        """True when every file is generated, not published."""

    @property
    def lake_prefix(self) -> str:
        """Where its files lie in the lake: `tlc`, or `sample` when synthetic."""

    def probe(self, file_name: str) -> Published:
        """What the source says of a file now.

        Raises:
            NotYetPublished: the source does not have it (yet).
            TransientError: no answer after all attempts.
            SourceError: any other answer.
        """

    def stream(self, file_name: str, published: Published) -> Iterator[bytes]:
        """The file's bytes in chunks of about 1 MiB: all of them, as probed, or an error.

        Raises:
            RestartStream: the file changed meanwhile, or an interrupted transfer cannot be continued.
            TransientError: no complete file after all attempts.
            SourceError: what comes is not the file (an HTML page, nothing at all, a refusal).
        """


def check_start(file_name: str, url: str, start: bytes) -> None:
    """Refuse a body that is not what the file's name says, from its first bytes.

    Raises:
        SourceError: empty, or not Parquet for a `.parquet` name; shows how the body begins.
    """
    if not start:
        raise SourceError(f"{describe(file_name)}: {url} is empty (0 bytes); {ASK_PUBLISHER}")
    if file_name.endswith(".parquet") and start[:4] != _PARQUET_MAGIC[: len(start)]:
        kind = "HTML" if start.lstrip()[:1] == b"<" else "something else"
        raise not_the_file(file_name, url, kind, start)


def not_the_file(file_name: str, url: str, kind: str, start: bytes) -> SourceError:
    """The error for a body of another kind than the file's."""
    wanted = "Parquet" if file_name.endswith(".parquet") else "CSV"
    return SourceError(
        f"{describe(file_name)}: {url} sends {kind} instead of {wanted}, beginning with: {_readable(start)}\n"
        "Open the address in a browser: a proxy, a login page or a wrong base address answers like this."
    )


def _readable(start: bytes) -> str:
    """At most 120 printable characters of a body, on one line."""
    text = start[:400].decode("utf-8", errors="replace")
    shown = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return shown[:120]


ASK_PUBLISHER = "the publisher may be replacing it: run again later"
