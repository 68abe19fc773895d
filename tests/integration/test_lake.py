"""The lake, on every server that is here: objects appear whole or not at all, under any name, and are read back."""

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.conftest import ON_BOTH_LAKES

from flocon.errors import FloconError, TransientError
from flocon.lake import Lake, LakeObject
from flocon.settings import Settings
from flocon.stack.scratch import free_ports

pytestmark = ON_BOTH_LAKES

MIB = 1 << 20
LARGE = bytes(range(256)) * (20 * MIB // 256)  # three parts


@pytest.mark.parametrize("content", [b"", b"small", LARGE], ids=["empty", "small", "large"])
def test_what_is_stored_is_read_back(lake: Lake, tmp_path: Path, content: bytes) -> None:
    chunks = (content[start : start + 3 * MIB] for start in range(0, len(content), 3 * MIB))
    stored = lake.put_stream("bronze", "tlc/month", chunks)
    assert (stored.sha256, stored.bytes) == (hashlib.sha256(content).hexdigest(), len(content))
    seen = LakeObject(stored.etag, len(content))
    assert lake.head("bronze", "tlc/month") == seen
    assert lake.list("bronze", "tlc/") == {"tlc/month": seen}
    assert lake.fetch("bronze", "tlc/month", tmp_path / "fetched") == stored.sha256
    assert (tmp_path / "fetched").read_bytes() == content == lake.read("bronze", "tlc/month")


def test_the_same_bytes_are_the_same_object(lake: Lake) -> None:
    first, again = (lake.put_stream("bronze", "month", [LARGE]) for _ in range(2))
    other = lake.put_stream("bronze", "month", [LARGE[:-1] + b"!"])
    assert first == again
    assert first.etag != other.etag


def broken() -> Iterator[bytes]:
    yield LARGE
    raise TransientError("the source went away")


def test_a_broken_stream_leaves_what_was_there(lake: Lake) -> None:
    with pytest.raises(TransientError, match="the source went away"):
        lake.put_stream("bronze", "month", broken())
    assert lake.head("bronze", "month") is None
    before = lake.put_stream("bronze", "month", [b"old"])
    with pytest.raises(TransientError, match="the source went away"):
        lake.put_stream("bronze", "month", broken())
    assert lake.head("bronze", "month") == LakeObject(before.etag, 3)


def test_a_refused_object_does_not_appear(lake: Lake) -> None:
    def refuse(tail: bytes, size: int) -> None:
        raise FloconError(f"{size} bytes that end with {tail[-1]}")

    with pytest.raises(FloconError, match=f"{len(LARGE)} bytes that end with 255"):
        lake.put_stream("bronze", "month", [LARGE], refuse)
    assert lake.list("bronze", "") == {}


@pytest.mark.parametrize("name", ["EXPORT 2024 (1).CSV", "été+hiver.csv", "50%25.csv", "a=b&c;d'e.csv"])
def test_any_name_will_do(lake: Lake, name: str, tmp_path: Path) -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"a": [1, 2]}), sink)
    stored = lake.put_stream("sources", f"sales/{name}", [sink.getvalue()])
    assert lake.list("sources", "sales/") == {f"sales/{name}": LakeObject(stored.etag, stored.bytes)}
    assert lake.fetch("sources", f"sales/{name}", tmp_path / "fetched") == stored.sha256
    with lake.open_parquet("sources", f"sales/{name}") as file:
        assert file.read().to_pydict() == {"a": [1, 2]}


def test_a_list_has_all_pages(lake: Lake) -> None:
    """A server returns a thousand names at a time."""
    names = {f"many/{number}" for number in range(1_001)}
    client = lake._client
    for name in names:
        client.put_object(Bucket="gold", Key=name, Body=b"")
    assert set(lake.list("gold", "many/")) == names


def test_what_is_not_there_is_said(lake: Lake, tmp_path: Path) -> None:
    assert lake.head("bronze", "nothing") is None
    assert lake.list("bronze", "nothing") == {}
    with pytest.raises(FloconError, match=r"reading bronze/nothing: the lake answered 404"):
        lake.read("bronze", "nothing")
    with pytest.raises(FloconError, match=r"reading bronze/nothing: the lake answered 404"):
        lake.fetch("bronze", "nothing", tmp_path / "nothing")


def test_a_wrong_key_is_refused_and_an_absent_server_may_come_back(lake_settings: Settings) -> None:
    wrong = lake_settings.model_copy(update={"s3_secret_key": lake_settings.redis_password})
    with pytest.raises(FloconError, match=r"asking for bronze/month: the lake answered 403"):
        Lake.of(wrong).head("bronze", "month")
    nowhere = f"http://127.0.0.1:{free_ports(1)[0]}"
    away = lake_settings.model_copy(update={"s3_endpoint": nowhere})
    with pytest.raises(TransientError, match="the lake cannot be reached"):
        Lake.of(away).head("bronze", "month")
