"""The lake's buckets: made once whoever comes first, with versions where the server has them, and said as it is."""

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.conftest import settings_for
from tests.integration.minio_server import REGION, MinioServer

from flocon.buckets import OLD_VERSIONS_DAYS, ensure_buckets
from flocon.errors import FloconError, TransientError
from flocon.lake import Lake
from flocon.s3 import BUCKETS
from flocon.settings import Settings, load_settings
from flocon.stack.health import check_s3, wait_until
from flocon.stack.program import running
from flocon.stack.s3 import s3_program

WITH_MINIO = pytest.mark.timeout(900)  # building it, once, takes longer than a test may
KEPT = f"with versions, old ones kept for {OLD_VERSIONS_DAYS} days"
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
    with pytest.raises(TransientError, match=f"bucket bronze of {away.s3_url}: the server cannot be reached"):
        ensure_buckets(away)


def test_a_server_without_versions_is_said_to_have_none(tmp_path: Path) -> None:
    """The embedded one, with the lake's key alone."""
    nobody = {"s3_admin_access_key": None, "s3_admin_secret_key": None}
    settings = settings_for(tmp_path, s3_bucket_prefix="acme-", s3_region="eu-west-3", **nobody)
    (tmp_path / "lake" / "acme-bronze").mkdir(parents=True)
    none = "WITHOUT versions: the server refuses them (NotImplemented)"
    with running(s3_program(settings, tmp_path / "lake"), tmp_path / "s3.log"):
        wait_until(lambda: check_s3(settings), 15)
        assert ensure_buckets(settings) == [
            f"acme-bronze is there, {none}",
            *lines(settings, f"made, {none}")[1:],
        ]
        assert ensure_buckets(settings) == lines(settings, f"is there, {none}")
        Lake.of(settings).put_stream("gold", "kpis", [b"1"])
        assert Lake.of(settings).read("gold", "kpis") == b"1"
    assert (tmp_path / "lake" / "acme-gold" / "kpis").read_bytes() == b"1"
