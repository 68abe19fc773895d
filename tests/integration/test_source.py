"""Sources against a real HTTP server that misbehaves, a real folder, and the generator."""

import hashlib
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import settings_for
from tests.integration.publisher import Publisher

from flocon.errors import NotYetPublished, SourceError, TransientError
from flocon.taxi import sample
from flocon.taxi.directory_source import DirectorySource
from flocon.taxi.http_source import HttpSource
from flocon.taxi.names import ZONE_TABLE
from flocon.taxi.published import CHUNK, Published, RestartStream, Source
from flocon.taxi.source import resolve

MONTH = "yellow_tripdata_2024-01.parquet"
WHAT = r"yellow 2024-01 \(yellow_tripdata_2024-01.parquet\): http"
# Begins as Parquet does; four chunks and a bit.
BODY = b"PAR1" + os.urandom(4 * CHUNK + 1234)
OTHER = b"PAR1" + os.urandom(4 * CHUNK + 1234)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as running:
        running.publish(MONTH, BODY)
        yield running


@pytest.fixture
def source(publisher: Publisher) -> HttpSource:
    return http(publisher)


def http(publisher: Publisher, **options: Any) -> HttpSource:
    return HttpSource(
        publisher.base_url, **{"is_tlc": True, "timeout_s": 0.5, "attempts": 3, "backoff_s": 0.01, **options}
    )


def fetch(source: Source, name: str = MONTH) -> bytes:
    return b"".join(source.stream(name, source.probe(name)))


def ranges(publisher: Publisher) -> list[str | None]:
    return [request.range for request in publisher.requests if request.method == "GET"]


# --- a server that behaves -------------------------------------------------------------------------------


def test_a_month_is_probed_without_its_body_and_streamed_whole(
    publisher: Publisher, source: HttpSource
) -> None:
    published = source.probe(MONTH)
    etag = hashlib.md5(BODY, usedforsecurity=False).hexdigest()
    assert published.url == f"{publisher.base_url}/trip-data/{MONTH}"
    assert published.etag == f'"{etag}"'
    assert published.bytes == len(BODY)
    assert published.last_modified == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert publisher.count(MONTH, "GET") == 0
    chunks = list(source.stream(MONTH, published))
    assert b"".join(chunks) == BODY
    assert max(map(len, chunks)) == CHUNK
    assert publisher.count(MONTH, "GET") == 1


def test_the_publisher_keeps_the_zone_table_elsewhere(publisher: Publisher, source: HttpSource) -> None:
    publisher.publish(ZONE_TABLE, b'"LocationID"\n1\n')
    assert source.probe(ZONE_TABLE).url == f"{publisher.base_url}/misc/{ZONE_TABLE}"
    assert fetch(source, ZONE_TABLE) == b'"LocationID"\n1\n'


def test_any_other_address_has_all_files_beside_each_other(publisher: Publisher) -> None:
    publisher.publish(ZONE_TABLE, b"x")
    source = HttpSource(f"{publisher.base_url}/")
    assert source.spec == publisher.base_url
    assert source.probe(MONTH).url == f"{publisher.base_url}/{MONTH}"
    assert fetch(source) == BODY
    assert fetch(source, ZONE_TABLE) == b"x"


def test_a_server_without_head_is_asked_with_get(publisher: Publisher, source: HttpSource) -> None:
    publisher.misbehave(MONTH, "no_head")
    assert source.probe(MONTH).bytes == len(BODY)
    assert fetch(source) == BODY


def test_redirects_are_followed(publisher: Publisher, source: HttpSource) -> None:
    publisher.misbehave(MONTH, "redirect", to=f"/{MONTH}", times=1)
    assert source.probe(MONTH).etag
    publisher.misbehave(MONTH, "redirect", to=f"/{MONTH}", times=1, methods=("GET",))
    assert fetch(source) == BODY


def test_a_body_without_an_announced_length(publisher: Publisher, source: HttpSource) -> None:
    publisher.misbehave(MONTH, "no_length")
    assert source.probe(MONTH).bytes is None
    assert fetch(source) == BODY


# --- not published ---------------------------------------------------------------------------------------


def test_403_tells_both_of_its_meanings(source: HttpSource) -> None:
    with pytest.raises(
        NotYetPublished, match=r"yellow 2030-01 .* answers 403 .*not published yet .* limits its rate"
    ):
        source.probe("yellow_tripdata_2030-01.parquet")


@pytest.mark.parametrize("status", [404, 410])
def test_404_is_not_yet_published(publisher: Publisher, source: HttpSource, status: int) -> None:
    publisher.misbehave(MONTH, "status", status=status)
    with pytest.raises(NotYetPublished, match=WHAT):
        source.probe(MONTH)
    assert publisher.count(MONTH) == 1


def test_403_to_a_file_just_probed_is_rate_limiting(publisher: Publisher, source: HttpSource) -> None:
    publisher.misbehave(MONTH, "status", status=403, times=2, methods=("GET",))
    assert fetch(source) == BODY
    publisher.misbehave(MONTH, "status", status=403, methods=("GET",))
    with pytest.raises(TransientError, match=r"answers 403 Forbidden \(gave up after 3 attempts\)"):
        fetch(source)


# --- failures that pass ----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_passing_failure_is_tried_again(publisher: Publisher, source: HttpSource, status: int) -> None:
    publisher.misbehave(MONTH, "status", status=status, times=2)
    assert source.probe(MONTH).bytes == len(BODY)
    publisher.misbehave(MONTH, "status", status=status, times=2, methods=("GET",))
    assert fetch(source) == BODY


def test_a_failure_that_does_not_pass_says_what_and_how_often(
    publisher: Publisher, source: HttpSource
) -> None:
    publisher.misbehave(MONTH, "status", status=503)
    with pytest.raises(TransientError, match=rf"{WHAT}.* answers 503 .*gave up after 3 attempts.* Run again"):
        source.probe(MONTH)
    assert publisher.count(MONTH) == 3


def test_retry_after_is_honoured(publisher: Publisher, source: HttpSource) -> None:
    publisher.misbehave(MONTH, "status", status=429, retry_after=1, times=1)
    started = time.monotonic()
    source.probe(MONTH)
    assert 1.0 <= time.monotonic() - started < 3.0


def test_retry_after_may_be_a_date(publisher: Publisher, source: HttpSource) -> None:
    when = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    publisher.misbehave(MONTH, "status", status=503, retry_after=when, times=1)
    started = time.monotonic()
    source.probe(MONTH)
    assert 0.5 < time.monotonic() - started < 4.0


def test_a_pause_longer_than_a_task_should_sleep_ends_the_attempt(
    publisher: Publisher, source: HttpSource
) -> None:
    publisher.misbehave(MONTH, "status", status=429, retry_after=3600)
    with pytest.raises(TransientError, match="asks for a pause of 3600 s"):
        source.probe(MONTH)
    assert publisher.count(MONTH) == 1


def test_silence_is_waited_for_no_longer_than_the_timeout(publisher: Publisher) -> None:
    publisher.misbehave(MONTH, "silent", times=1)
    assert http(publisher, timeout_s=0.3).probe(MONTH).etag
    publisher.misbehave(MONTH, "silent")
    with pytest.raises(TransientError, match=r"timed out.*gave up after 2 attempts"):
        http(publisher, timeout_s=0.3, attempts=2).probe(MONTH)


def test_nobody_listens() -> None:
    with Publisher() as gone:
        source = http(gone)
    with pytest.raises(TransientError, match=rf"{WHAT}.*refused.*gave up after 3 attempts"):
        source.probe(MONTH)


# --- transfers that break --------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["cut", "reset", "hang"])
def test_a_broken_transfer_goes_on_where_it_broke(
    publisher: Publisher, source: HttpSource, mode: Any
) -> None:
    publisher.misbehave(MONTH, mode, after=2 * CHUNK + 17, times=1)
    assert fetch(source) == BODY
    first, second = ranges(publisher)
    assert first is None
    # A reset may throw away what was received but not read.
    assert second is None or int(second.removeprefix("bytes=").removesuffix("-")) <= 2 * CHUNK + 17


def test_every_attempt_may_break_as_long_as_the_last_ends(publisher: Publisher, source: HttpSource) -> None:
    publisher.misbehave(MONTH, "cut", after=CHUNK, times=2)
    assert fetch(source) == BODY
    assert ranges(publisher) == [None, f"bytes={CHUNK}-", f"bytes={2 * CHUNK}-"]


@pytest.mark.parametrize("mode", ["cut", "reset", "hang"])
def test_a_transfer_that_always_breaks_is_given_up(
    publisher: Publisher, source: HttpSource, mode: Any
) -> None:
    publisher.misbehave(MONTH, mode, after=100)
    with pytest.raises(TransientError, match=rf"{WHAT}.*gave up after 3 attempts"):
        fetch(source)
    assert publisher.count(MONTH, "GET") == 3


def test_without_ranges_the_bytes_already_handed_over_are_skipped(
    publisher: Publisher, source: HttpSource
) -> None:
    publisher.misbehave(MONTH, "no_range")
    publisher.misbehave(MONTH, "cut", after=2 * CHUNK + 17, times=1)
    assert fetch(source) == BODY
    assert publisher.count(MONTH, "GET") == 2


@pytest.mark.parametrize("mode", ["no_etag", "weak_etag"])
def test_without_a_strong_etag_a_broken_transfer_starts_over(
    publisher: Publisher, source: HttpSource, mode: Any
) -> None:
    publisher.misbehave(MONTH, mode)
    publisher.misbehave(MONTH, "cut", after=CHUNK + 17, times=1)
    with pytest.raises(RestartStream, match=rf"{WHAT}.*without an ETag"):
        fetch(source)
    assert fetch(source) == BODY


def test_without_an_etag_a_transfer_that_broke_before_its_first_byte_is_simply_repeated(
    publisher: Publisher, source: HttpSource
) -> None:
    publisher.misbehave(MONTH, "no_etag")
    publisher.misbehave(MONTH, "cut", after=0, times=1)
    assert fetch(source) == BODY


@pytest.mark.parametrize("is_range_known", [True, False])
def test_a_file_replaced_in_the_middle_is_never_mixed(
    publisher: Publisher, source: HttpSource, is_range_known: bool
) -> None:
    if not is_range_known:
        publisher.misbehave(MONTH, "no_range")
    publisher.misbehave(MONTH, "replace", after=CHUNK + 17, body=OTHER, times=1)
    with pytest.raises(RestartStream, match="re-published while downloading"):
        fetch(source)
    assert fetch(source) == OTHER


def test_a_file_replaced_between_probe_and_download(publisher: Publisher, source: HttpSource) -> None:
    published = source.probe(MONTH)
    publisher.publish(MONTH, OTHER)
    with pytest.raises(RestartStream, match="re-published while downloading"):
        list(source.stream(MONTH, published))


def test_a_file_replaced_between_probe_and_download_without_etags(
    publisher: Publisher, source: HttpSource
) -> None:
    publisher.misbehave(MONTH, "no_etag")
    published = source.probe(MONTH)
    publisher.publish(MONTH, OTHER, modified_at=1_700_000_100)
    with pytest.raises(RestartStream, match="re-published while downloading"):
        list(source.stream(MONTH, published))


def test_a_size_that_changes_is_another_file(publisher: Publisher, source: HttpSource) -> None:
    publisher.misbehave(MONTH, "no_etag")
    published = source.probe(MONTH)
    publisher.publish(MONTH, BODY + b"more")
    with pytest.raises(RestartStream, match="its size changed from"):
        list(source.stream(MONTH, published))


def test_a_server_that_resumes_elsewhere_is_not_believed(publisher: Publisher, source: HttpSource) -> None:
    publisher.misbehave(MONTH, "wrong_range")
    publisher.misbehave(MONTH, "cut", after=CHUNK, times=1)
    with pytest.raises(RestartStream, match="resumes at another byte"):
        fetch(source)


def test_more_bytes_announced_than_there_are(publisher: Publisher, source: HttpSource) -> None:
    publisher.misbehave(MONTH, "wrong_length", extra=10)
    with pytest.raises(TransientError, match=WHAT):
        fetch(source)


def test_a_consumer_may_stop_early(publisher: Publisher, source: HttpSource) -> None:
    stream = source.stream(MONTH, source.probe(MONTH))
    assert next(iter(stream)) == BODY[:CHUNK]
    stream.close()  # type: ignore[attr-defined]
    assert publisher.count(MONTH, "GET") == 1


# --- what is not the file --------------------------------------------------------------------------------


def test_a_web_page_is_refused_at_once_and_shown(publisher: Publisher, source: HttpSource) -> None:
    publisher.misbehave(MONTH, "html")
    with pytest.raises(
        SourceError, match=rf"{WHAT}.*HTML instead of Parquet, beginning with: <!DOCTYPE html>"
    ) as told:
        fetch(source)
    assert not isinstance(told.value, TransientError)
    assert publisher.count(MONTH, "GET") == 1


def test_a_web_page_in_the_guise_of_a_file(publisher: Publisher, source: HttpSource) -> None:
    page = b"<html>\x00\x1b[31m" + b"no " * 100
    publisher.misbehave(MONTH, "html", body=page, content_type="binary/octet-stream")
    with pytest.raises(SourceError, match="HTML instead of Parquet") as told:
        fetch(source)
    shown = str(told.value).split("beginning with: ")[1].split("\n")[0]
    assert shown.isprintable()
    assert len(shown) <= 120


def test_something_else_than_parquet(publisher: Publisher, source: HttpSource) -> None:
    publisher.publish(MONTH, b"PK\x03\x04 a zip file")
    with pytest.raises(SourceError, match="sends something else instead of Parquet"):
        fetch(source)


def test_a_web_page_instead_of_the_zone_table(publisher: Publisher, source: HttpSource) -> None:
    publisher.publish(ZONE_TABLE, b"id")
    publisher.misbehave(ZONE_TABLE, "html", methods=("GET",))
    with pytest.raises(SourceError, match="HTML instead of CSV"):
        fetch(source, ZONE_TABLE)


def test_an_empty_file(publisher: Publisher, source: HttpSource) -> None:
    publisher.publish(MONTH, b"")
    with pytest.raises(SourceError, match=rf"{WHAT}.* is empty \(0 bytes\)"):
        fetch(source)


def test_a_compressed_answer_is_refused(publisher: Publisher, source: HttpSource) -> None:
    publisher.misbehave(MONTH, "compressed")
    with pytest.raises(SourceError, match="sent compressed"):
        fetch(source)


@pytest.mark.parametrize("status", [400, 401, 451])
def test_other_refusals_are_final(publisher: Publisher, source: HttpSource, status: int) -> None:
    publisher.misbehave(MONTH, "status", status=status)
    with pytest.raises(SourceError, match=f"answers {status} .*no retry cures") as told:
        source.probe(MONTH)
    assert not isinstance(told.value, NotYetPublished)
    assert publisher.count(MONTH) == 1


def test_a_redirect_without_end(publisher: Publisher, source: HttpSource) -> None:
    publisher.misbehave(MONTH, "loop")
    with pytest.raises(SourceError, match="redirected without end"):
        source.probe(MONTH)


def test_no_secure_connection(publisher: Publisher) -> None:
    source = HttpSource(publisher.base_url.replace("http://", "https://"), attempts=1, timeout_s=2)
    with pytest.raises(SourceError, match="no secure connection"):
        source.probe(MONTH)


# --- fingerprints ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("etag", "last_modified", "size", "expected"),
    [
        ('"a"', "Monday", 5, 'etag "a"'),
        ('"a"', None, None, 'etag "a"'),
        ('W/"a"', "Monday", 5, 'W/"a" 5 bytes'),
        ('W/"a"', "Monday", None, None),
        (None, "Monday", 5, "Monday 5 bytes"),
        (None, "Monday", None, None),
        (None, None, 5, None),
    ],
)
def test_a_fingerprint_is_only_what_can_tell(
    etag: str | None, last_modified: str | None, size: int | None, expected: str | None
) -> None:
    assert Published("http://x", etag, last_modified, size).fingerprint == expected


# --- folder and generator --------------------------------------------------------------------------------


def test_a_folder_names_a_file_by_its_bytes(tmp_path: Path) -> None:
    (tmp_path / MONTH).write_bytes(BODY)
    source = DirectorySource(tmp_path)
    published = source.probe(MONTH)
    assert published.etag == f'"{hashlib.sha256(BODY).hexdigest()}"'
    assert published.bytes == len(BODY)
    assert published.url == (tmp_path / MONTH).as_uri()
    os.utime(tmp_path / MONTH, (0, 0))
    assert source.probe(MONTH).fingerprint == published.fingerprint
    assert fetch(source) == BODY
    assert not source.is_synthetic
    assert source.spec == str(tmp_path)


def test_a_folder_without_the_file_says_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "yellow_tripdata_2024-02.parquet").write_bytes(BODY)
    (tmp_path / "notes.txt").write_bytes(b"")
    with pytest.raises(
        NotYetPublished, match=r"nearest of the 2 files there: yellow_tripdata_2024-02.parquet, notes.txt"
    ):
        DirectorySource(tmp_path).probe(MONTH)


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(NotYetPublished, match="which holds no file"):
        DirectorySource(tmp_path).probe(MONTH)


def test_a_file_of_a_folder_replaced_in_the_middle(tmp_path: Path) -> None:
    (tmp_path / MONTH).write_bytes(BODY)
    source = DirectorySource(tmp_path)
    published = source.probe(MONTH)
    (tmp_path / MONTH).write_bytes(OTHER)
    with pytest.raises(RestartStream, match="was replaced while it was read"):
        list(source.stream(MONTH, published))


@pytest.mark.parametrize(("body", "said"), [(b"", "is empty"), (b"<html>", "HTML instead of Parquet")])
def test_a_folder_refuses_what_is_not_the_file(tmp_path: Path, body: bytes, said: str) -> None:
    (tmp_path / MONTH).write_bytes(body)
    with pytest.raises(SourceError, match=said):
        DirectorySource(tmp_path).probe(MONTH)


def test_a_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / MONTH).mkdir()
    with pytest.raises(SourceError, match=r"cannot read .*: Is a directory"):
        DirectorySource(tmp_path).probe(MONTH)


def test_generated_months_are_a_source(tmp_path: Path) -> None:
    source = resolve("sample:rows=1000,seed=3", settings_for(tmp_path))
    published = source.probe(MONTH)
    assert (source.spec, source.is_synthetic, source.lake_prefix) == (
        "sample:rows=1000,seed=3",
        True,
        "sample",
    )
    assert published.bytes is None
    assert (
        published.fingerprint
        == resolve("sample:seed=3,rows=1000", settings_for(tmp_path)).probe(MONTH).fingerprint
    )
    path = sample.sample_file(tmp_path, "yellow", sample_month(), 1000, 3)
    assert fetch(source) == path.read_bytes()
    with pytest.raises(NotYetPublished, match="only months are generated"):
        source.probe(ZONE_TABLE)
    with pytest.raises(SourceError, match="nothing is generated before 2011-01"):
        source.probe("yellow_tripdata_2010-12.parquet")


def sample_month() -> Any:
    return datetime(2024, 1, 1, tzinfo=UTC).date()


# --- specifications --------------------------------------------------------------------------------------


def test_each_specification_makes_its_source(tmp_path: Path, publisher: Publisher) -> None:
    settings = settings_for(
        tmp_path, tlc_url=publisher.base_url, sample_rows=10, sample_seed=1, http_attempts=2
    )
    specs = {
        "tlc": "tlc",
        "sample": "sample:rows=10,seed=1",
        "sample:seed=2": "sample:rows=10,seed=2",
        f"{publisher.base_url}/": publisher.base_url,
        str(tmp_path): str(tmp_path),
    }
    for spec, resolved in specs.items():
        source = resolve(spec, settings)
        assert source.spec == resolved
        assert resolve(resolved, settings).spec == resolved
        assert source.lake_prefix == ("sample" if source.is_synthetic else "tlc")
    assert fetch(resolve("tlc", settings)) == BODY
    assert fetch(resolve(publisher.base_url, settings)) == BODY


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("nowhere/at/all", "give tlc, sample, an http"),
        ("", "give tlc, sample, an http"),
        ("ftp://host/x", "begins with http"),
        ("http://", "begins with http"),
        ("http://[::1", "is not a source"),
        ("http://user:secret@host/x", "must hold no user, password"),
        ("http://host/x?token=secret", "must hold no user, password"),
        ("sample:rows=many", "write it as sample:rows=300000,seed=7"),
        ("sample:colour=red", "write it as sample:rows=300000,seed=7"),
        ("sample:rows=0", "at least one row"),
    ],
)
def test_what_is_no_source_is_refused_without_showing_secrets(spec: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=said) as told:
        resolve(spec, settings_for(tmp_path))
    assert "secret" not in str(told.value)
