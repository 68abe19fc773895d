"""The lake's buckets: made once whoever comes first, with versions where the server has them, and said as it is."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError
from tests.conftest import settings_for
from tests.integration.minio_server import REGION, MinioServer

from flocon.buckets import OLD_VERSIONS_DAYS, ensure_buckets
from flocon.errors import FloconError, TransientError
from flocon.lake import Lake, LakeObject
from flocon.s3 import BUCKETS
from flocon.settings import Settings, load_settings
from flocon.stack.health import check_s3, wait_until
from flocon.stack.program import running
from flocon.stack.s3 import s3_program

WITH_MINIO = pytest.mark.timeout(900)  # building it, once, takes longer than a test may
KEPT = f"with versions, old ones kept for {OLD_VERSIONS_DAYS} days"
UNKNOWN = "the server does not know FLOCON_S3_ADMIN_ACCESS_KEY, so this is with FLOCON_S3_ACCESS_KEY"
PLACE = {"CreateBucketConfiguration": {"LocationConstraint": REGION}}

_numbers = count(1)


@pytest.fixture
def new(minio: MinioServer) -> Settings:
    """Settings of the administrator whose buckets MinIO does not have yet."""
    return minio.settings.model_copy(update={"s3_bucket_prefix": f"t{next(_numbers)}-"})


def lines(settings: Settings, said: str) -> list[str]:
    return [f"{settings.s3_bucket_prefix}{bucket} {said}" for bucket in BUCKETS]


@WITH_MINIO
def test_buckets_are_made_once_and_keep_versions(minio: MinioServer, new: Settings) -> None:
    assert ensure_buckets(new) == lines(new, f"made, {KEPT}")
    again = "is there, with versions, old ones kept for as long as its lifecycle rules say"
    assert ensure_buckets(new) == lines(new, again)
    admin = minio.client("s3_admin")
    for bucket in (f"{new.s3_bucket_prefix}{bucket}" for bucket in BUCKETS):
        assert admin.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
        (rule,) = admin.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
        assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": OLD_VERSIONS_DAYS}
        with pytest.raises(ClientError, match="versioning cannot be suspended"):  # not even by root
            admin.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})


@WITH_MINIO
def test_two_at_once_do_not_disturb_each_other(minio: MinioServer, new: Settings) -> None:
    with ThreadPoolExecutor(4) as threads:
        runs = [threads.submit(ensure_buckets, new) for _ in range(4)]
        said = [run.result() for run in runs]
    for bucket in zip(*said, strict=True):
        assert [line.split()[1] for line in bucket].count("made,") == 1
        assert all("with versions" in line for line in bucket)


@WITH_MINIO
def test_buckets_of_somebody_elses_making_are_left_as_they_are(minio: MinioServer, new: Settings) -> None:
    admin, bucket = minio.client("s3_admin"), f"{new.s3_bucket_prefix}bronze"
    admin.create_bucket(Bucket=bucket, **PLACE)
    admin.put_object(Bucket=bucket, Key="theirs", Body=b"stays")
    rule: Any = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1000}}
    admin.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    said = ensure_buckets(new)[0]
    assert said == f"{bucket} is there, with versions, old ones kept for as long as its lifecycle rules say"
    assert admin.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert admin.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == [rule]
    assert admin.get_object(Bucket=bucket, Key="theirs")["Body"].read() == b"stays"


@WITH_MINIO
def test_the_lakes_own_key_says_what_it_may_not_know(minio: MinioServer, tmp_path: Path) -> None:
    settings = minio.lake_settings(minio.settings, tmp_path)
    unknown = "is there, versions NOT KNOWN: the key may not ask for them or switch them on"
    assert ensure_buckets(settings) == lines(settings, unknown)


@WITH_MINIO
def test_the_lakes_own_key_cannot_make_a_bucket(minio: MinioServer, new: Settings, tmp_path: Path) -> None:
    settings = minio.lake_settings(new, tmp_path)
    with pytest.raises(
        FloconError, match=r"bucket t\d+-bronze of .*403.* FLOCON_S3_ACCESS_KEY.* may it make"
    ):
        ensure_buckets(settings)


@WITH_MINIO
def test_an_administrator_that_the_server_does_not_know_is_named(new: Settings) -> None:
    stranger = new.model_copy(update={"s3_admin_access_key": new.redis_password})
    with pytest.raises(
        FloconError, match=r"403.* FLOCON_S3_ACCESS_KEY \(the server does not know FLOCON_S3_ADMIN"
    ):
        ensure_buckets(stranger)


@WITH_MINIO
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"s3_admin_secret_key": "another"}, "403 .*FLOCON_S3_ADMIN_ACCESS_KEY"),
        ({"s3_region": "eu-north-1"}, "400 .*FLOCON_S3_REGION"),
    ],
)
def test_wrong_settings_are_named(new: Settings, changed: dict[str, str], said: str) -> None:
    wrong = load_settings(**{**new.model_dump(), **changed})
    with pytest.raises(FloconError, match=said):
        ensure_buckets(wrong)


def test_a_server_that_is_away_may_come_back(tmp_path: Path) -> None:
    away = settings_for(tmp_path)
    with pytest.raises(TransientError, match=f"buckets of {away.s3_url}: the server cannot be reached"):
        ensure_buckets(away)


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Settings]:
    """The embedded server, which knows the lake's key alone, and one of its buckets, with a prefix."""
    settings = settings_for(tmp_path, s3_bucket_prefix="acme-", s3_region=REGION)
    (tmp_path / "lake" / "acme-bronze").mkdir(parents=True)
    with running(s3_program(settings, tmp_path / "lake"), tmp_path / "s3.log"):
        wait_until(lambda: check_s3(settings), 15)
        yield settings


def test_a_server_without_versions_is_said_to_have_none(embedded: Settings) -> None:
    none = "WITHOUT versions: the server refuses them (NotImplemented)"
    assert ensure_buckets(embedded) == [
        UNKNOWN,
        f"acme-bronze is there, {none}",
        *lines(embedded, f"made, {none}")[1:],
    ]
    lakes_own = embedded.model_copy(update={"s3_admin_access_key": None})
    assert ensure_buckets(lakes_own) == lines(embedded, f"is there, {none}")


def test_the_lake_knows_the_prefix_of_its_buckets(embedded: Settings, tmp_path: Path) -> None:
    ensure_buckets(embedded)
    lake, without = Lake.of(embedded), Lake.of(embedded.model_copy(update={"s3_bucket_prefix": ""}))
    pq.write_table(pa.table({"a": [1]}), tmp_path / "table")
    stored = lake.put_file("gold", "table", tmp_path / "table")
    known = LakeObject(stored.etag, stored.bytes)
    assert without.head("acme-gold", "table") == lake.head("gold", "table") == known
    assert lake.list("gold", "") == {"table": known}
    assert lake.fetch("gold", "table", tmp_path / "fetched") == lake.sha256("gold", "table") == stored.sha256
    assert lake.read("gold", "table") == (tmp_path / "table").read_bytes()
    with lake.open_parquet("gold", "table") as file:
        assert file.read().to_pydict() == {"a": [1]}
    assert lake.head("acme-gold", "table") == known  # a bucket of another name is taken by its name
