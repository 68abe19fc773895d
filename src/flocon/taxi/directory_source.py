"""Files from a folder: the publisher's file names, months and zone table beside each other."""

import hashlib
from collections.abc import Iterator
from difflib import get_close_matches
from email.utils import formatdate
from pathlib import Path

from flocon.errors import NotYetPublished, SourceError
from flocon.taxi.names import describe
from flocon.taxi.published import CHUNK, Published, RestartStream, check_start


class DirectorySource:
    """Files of one folder. A file's ETag is the SHA-256 of its bytes: a modification time proves nothing."""

    is_synthetic = False
    lake_prefix = "tlc"

    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser().resolve()
        self.spec = str(self.folder)

    def probe(self, file_name: str) -> Published:
        """See `Source.probe`. Reads the whole file."""
        path = self.folder / file_name
        sha256 = hashlib.sha256()
        size = 0
        for chunk in self._chunks(path, file_name):
            sha256.update(chunk)
            size += len(chunk)
        modified = formatdate(path.stat().st_mtime, usegmt=True)
        return Published(path.as_uri(), f'"{sha256.hexdigest()}"', modified, size)

    def stream(self, file_name: str, published: Published) -> Iterator[bytes]:
        """See `Source.stream`."""
        sha256 = hashlib.sha256()
        for chunk in self._chunks(self.folder / file_name, file_name):
            sha256.update(chunk)
            yield chunk
        if published.etag not in (None, f'"{sha256.hexdigest()}"'):
            raise RestartStream(
                f"{describe(file_name)}: {published.url} was replaced while it was read; starts over"
            )

    def _chunks(self, path: Path, file_name: str) -> Iterator[bytes]:
        is_first = True
        try:
            with path.open("rb") as file:
                while (chunk := file.read(CHUNK)) or is_first:
                    if is_first:
                        check_start(file_name, str(path), chunk)
                    is_first = False
                    yield chunk
        except FileNotFoundError as error:
            raise self._missing(file_name) from error
        except OSError as error:
            raise SourceError(f"{describe(file_name)}: cannot read {path}: {error.strerror}") from error

    def _missing(self, file_name: str) -> NotYetPublished:
        there = [path.name for path in self.folder.glob("*") if path.is_file()]
        nearest = ", ".join(get_close_matches(file_name, there, n=3, cutoff=0.0))
        listed = f"; nearest of the {len(there)} files there: {nearest}" if there else ", which holds no file"
        return NotYetPublished(
            f"{describe(file_name)}: not in {self.folder}{listed}. Put it there and run again."
        )
