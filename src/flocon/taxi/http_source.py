"""Files from an HTTP server: asked with HEAD, fetched with GET, retried, resumed where that is safe."""

import re
from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus

import requests

from flocon.errors import SourceError
from flocon.taxi.http_failures import Interrupted, reasons, refuse, retrying
from flocon.taxi.names import ZONE_TABLE, describe
from flocon.taxi.published import CHUNK, Published, RestartStream, check_start, not_the_file

# Compressed in transit, neither Content-Length nor Range would count the file's own bytes.
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "flocon"}
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")
_HEAD_UNKNOWN = (HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED)


class HttpSource:
    """Files under one base address.

    `is_tlc` lays them out as the publisher does (months in trip-data/, the zone table in misc/); otherwise
    all lie beside each other. `timeout_s` is the longest silence, `attempts` the tries a file, `backoff_s`
    the first pause (then 2, 4, … times as long, with jitter).
    """

    is_synthetic = False
    lake_prefix = "tlc"

    def __init__(
        self,
        base_url: str,
        *,
        is_tlc: bool = False,
        timeout_s: float = 60.0,
        attempts: int = 5,
        backoff_s: float = 1.0,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.spec = "tlc" if is_tlc else self.base_url
        self.timeout_s = timeout_s
        self._is_tlc = is_tlc
        self._attempts = attempts
        self._backoff_s = backoff_s
        self._session = requests.Session()
        self._session.headers.update(_HEADERS)

    def url(self, file_name: str) -> str:
        """The address of a file."""
        folder = ("misc/" if file_name == ZONE_TABLE else "trip-data/") if self._is_tlc else ""
        return f"{self.base_url}/{folder}{file_name}"

    def probe(self, file_name: str) -> Published:
        """See `Source.probe`. HEAD; GET without its body where the server does not know HEAD."""
        return retrying(self._attempts, self._backoff_s)(self._probe_once, file_name)

    def stream(self, file_name: str, published: Published) -> Iterator[bytes]:
        """See `Source.stream`. A body of unannounced length cannot be seen to be short here."""
        download = _Download(self, file_name, published)
        for attempt in retrying(self._attempts, self._backoff_s):
            with attempt:
                yield from download.rest()

    def ask(self, method: str, file_name: str, headers: dict[str, str] | None = None) -> requests.Response:
        """A response of any status, its body unread. The caller closes it."""
        url = self.url(file_name)
        with reasons(file_name, url):
            return self._session.request(
                method, url, headers=headers, timeout=self.timeout_s, stream=True, allow_redirects=True
            )

    def _probe_once(self, file_name: str) -> Published:
        with closing(self.ask("HEAD", file_name)) as response:
            if response.status_code not in _HEAD_UNKNOWN:
                return _read_published(file_name, self.url(file_name), response)
        with closing(self.ask("GET", file_name)) as response:
            return _read_published(file_name, self.url(file_name), response)


class _Download:
    """One file on its way: how many bytes were handed over, and of which version of the file."""

    def __init__(self, source: HttpSource, file_name: str, published: Published) -> None:
        self._source = source
        self._file_name = file_name
        self._url = source.url(file_name)
        self._etag = published.etag
        self._last_modified = published.last_modified
        self._length = published.bytes
        self._done = 0

    def rest(self) -> Iterator[bytes]:
        """The bytes not yet handed over.

        Raises:
            Interrupted: the transfer broke; call again.
        """
        with closing(self._open()) as response:
            to_skip = self._check(response)
            for chunk in self._body(response):
                fresh = chunk[to_skip:]
                to_skip -= len(chunk) - len(fresh)
                self._done += len(fresh)
                if fresh:
                    yield fresh
        self._check_complete()

    def _open(self) -> requests.Response:
        if self._done and not self._is_provable:
            raise self._restart(
                "the connection broke, and without an ETag the rest cannot be told from another file's"
            )
        resume = {"Range": f"bytes={self._done}-", "If-Range": self._etag or ""} if self._done else None
        return self._source.ask("GET", self._file_name, resume)

    @property
    def _is_provable(self) -> bool:
        """Whether a later response can be told to be of the same bytes: only a strong ETag says so."""
        return self._etag is not None and not self._etag.startswith("W/")

    def _check(self, response: requests.Response) -> int:
        """How many of this body's bytes were handed over before: it starts at 0 or where the last broke."""
        if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and self._done:
            raise self._restart(
                f"it ends after {self._done:,} bytes where {self._length or 0:,} were announced"
            )
        # Probing found it published: a 403 now can only be the address limiting its rate.
        refuse(response, self._file_name, self._url, is_published=True)
        is_partial = response.status_code == HTTPStatus.PARTIAL_CONTENT
        self._check_kind(response)
        self._check_version(response)
        self._check_length(response, is_partial)
        return 0 if is_partial else self._done

    def _check_version(self, response: requests.Response) -> None:
        etag = response.headers.get("ETag")
        last_modified = response.headers.get("Last-Modified")
        if self._done or (etag and self._etag):
            is_same = etag == self._etag
        else:
            is_same = not (self._last_modified and last_modified) or last_modified == self._last_modified
        if not is_same:
            raise self._restart("it was re-published while downloading")
        self._etag = self._etag or etag

    def _check_length(self, response: requests.Response, is_partial: bool) -> None:
        announced = _length(response)
        if is_partial:
            match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
            start, announced = (int(match[1]), int(match[2])) if match else (-1, None)
            if start != self._done:
                raise self._restart("the server resumes at another byte than the one asked for")
        if self._length is not None and announced is not None and announced != self._length:
            raise self._restart(f"its size changed from {self._length:,} to {announced:,} bytes")
        self._length = announced if self._length is None else self._length

    def _check_kind(self, response: requests.Response) -> None:
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise SourceError(
                f"{self._what}: sent compressed although the plain bytes were asked for; use another mirror"
            )
        if "text/html" in response.headers.get("Content-Type", "").lower():
            with reasons(self._file_name, self._url):
                start = next(response.iter_content(512), b"")
            raise not_the_file(self._file_name, self._url, "HTML", start)

    def _body(self, response: requests.Response) -> Iterator[bytes]:
        chunks = response.iter_content(CHUNK)
        is_first = response.status_code != HTTPStatus.PARTIAL_CONTENT
        while True:
            with reasons(self._file_name, self._url):
                chunk = next(chunks, b"")
            if is_first and (chunk or not self._length):
                check_start(self._file_name, self._url, chunk)
            if not chunk:
                return
            is_first = False
            yield chunk

    def _check_complete(self) -> None:
        if self._length is not None and self._done != self._length:
            raise Interrupted(f"{self._what}: {self._done:,} of {self._length:,} bytes came")

    @property
    def _what(self) -> str:
        return f"{describe(self._file_name)}: {self._url}"

    def _restart(self, why: str) -> RestartStream:
        return RestartStream(f"{self._what}: {why}; the download starts over")


def _read_published(file_name: str, url: str, response: requests.Response) -> Published:
    refuse(response, file_name, url, is_published=False)
    # Some servers answer HEAD with a length of 0 whatever the file: taken as "not said".
    length = _length(response) or None
    return Published(url, response.headers.get("ETag"), response.headers.get("Last-Modified"), length)


def _length(response: requests.Response) -> int | None:
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isdigit() else None
