"""The source of a month, by its specification: published, generated, a folder or a web address."""

from pathlib import Path
from urllib.parse import urlsplit

from flocon.errors import SourceError
from flocon.settings import Settings
from flocon.taxi.directory_source import DirectorySource
from flocon.taxi.http_source import HttpSource
from flocon.taxi.published import Published, RestartStream, Source
from flocon.taxi.sample_source import SampleSource

__all__ = ["Published", "RestartStream", "Source", "resolve"]


def resolve(spec: str, settings: Settings) -> Source:
    """The source that `spec` names: `tlc`, `sample[:rows=…,seed=…]`, an http(s) address or a folder.

    Raises:
        SourceError: none of these, or an address that carries a password or a query.
    """
    if spec == "tlc":
        return _http(settings.tlc_url, settings, is_tlc=True)
    if spec == "sample" or spec.startswith("sample:"):
        return SampleSource.parse(spec, rows=settings.sample_rows, seed=settings.sample_seed)
    if "://" in spec:
        return _http(spec, settings, is_tlc=False)
    folder = Path(spec).expanduser()
    if not spec or not folder.is_dir():
        raise SourceError(
            f"{spec!r} is not a source: give tlc, sample, an http(s) address or a folder that exists"
        )
    return DirectorySource(folder)


def _http(url: str, settings: Settings, *, is_tlc: bool) -> HttpSource:
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError as error:
        raise SourceError(f"{url!r} is not a source: {error}") from error
    if not is_address:
        raise SourceError(f"{url!r} is not a source: an address begins with http:// or https:// and a host")
    if parts.username or parts.password or parts.query or parts.fragment:
        # It is written to the ledger and to logs, where a password must not be.
        raise SourceError(
            f"the address of the source on {parts.hostname} must hold no user, password, query or fragment; "
            "put credentials in ~/.netrc"
        )
    return HttpSource(url, is_tlc=is_tlc, timeout_s=settings.http_timeout_s, attempts=settings.http_attempts)
