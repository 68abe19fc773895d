"""The lake's user on a real MinIO: what deploy/minio/init.sh lets it do, and everything that it must not."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.integration.minio_server import REGION, MinioServer

from flocon.errors import TransientError
from flocon.lake import Lake, LakeObject
from flocon.s3 import s3_client
from flocon.stack.airflow import airflow_env
from flocon.stack.places import find_places
from flocon.stack.scratch import scratch_settings
from flocon.stack.servers import compose

pytestmark = pytest.mark.timeout(900)  # building MinIO, once, takes longer than a test may

OBJECT = {"Bucket": "bronze", "Key": "tlc/month"}
OBJECT_NAME = {"bucket": "bronze", "key": "tlc/month"}


@pytest.fixture
def server(minio: MinioServer) -> MinioServer:
    """MinIO with empty buckets of the lake, and a bucket `private` of somebody else."""
    minio.empty()
    admin = minio.client("s3_admin")
    if "private" not in {bucket["Name"] for bucket in admin.list_buckets()["Buckets"]}:
        admin.create_bucket(Bucket="private", CreateBucketConfiguration={"LocationConstraint": REGION})
    admin.put_object(Bucket="private", Key="secret", Body=b"secret")
    return minio


@pytest.fixture
def lake(server: MinioServer, tmp_path: Path) -> Lake:
    return Lake.of(server.lake_settings(server.settings, tmp_path))


@pytest.fixture
def versions(server: MinioServer, lake: Lake) -> list[str]:
    """The versions, newest first, of an object that the lake's user stored and then replaced."""
    lake.put_stream(**OBJECT_NAME, chunks=[b"old"])
    lake.put_stream(**OBJECT_NAME, chunks=[b"new"])
    return versions_of(server)


def versions_of(server: MinioServer) -> list[str]:
    found = server.client("s3_admin").list_object_versions(Bucket=OBJECT["Bucket"])
    return [version["VersionId"] for version in found.get("Versions", [])]


# --- versions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["replaced", "deleted"])
def test_what_was_lost_is_brought_back_as_it_was(server: MinioServer, lake: Lake, what: str) -> None:
    """By the command of docs/lake-servers.md, with its old ETag, which is what the ledger knows it by."""
    stored = lake.put_stream(**OBJECT_NAME, chunks=[bytes(20 << 20)])
    if what == "replaced":
        lake.put_stream(**OBJECT_NAME, chunks=[b"something else"])
    else:
        server.client().delete_object(**OBJECT)
    undone = server.mc("undo", "server/bronze/tlc/month", who="s3_admin")
    assert undone.returncode == 0, undone.stderr
    assert lake.head(**OBJECT_NAME) == LakeObject(stored.etag, stored.bytes)


def test_the_user_cannot_delete_a_version(server: MinioServer, versions: list[str]) -> None:
    user = server.client()
    for version in (*versions, "null"):
        with pytest.raises(ClientError, match="AccessDenied"):
            user.delete_object(**OBJECT, VersionId=version)
        one = {"Key": OBJECT["Key"], "VersionId": version}
        answer = user.delete_objects(Bucket=OBJECT["Bucket"], Delete={"Objects": [one]})
        assert [error["Code"] for error in answer["Errors"]] == ["AccessDenied"]
    assert versions_of(server) == versions


@pytest.mark.parametrize("key", ["tlc", "tlc/month"])
def test_the_user_cannot_force_a_deletion(server: MinioServer, versions: list[str], key: str) -> None:
    """A header of MinIO's own deletes a prefix with all versions, whatever the policy; object lock forbids it."""
    user = server.client()
    user.meta.events.register(
        "before-call.s3.DeleteObject", lambda params, **_: params["headers"].update(_FORCE)
    )
    with pytest.raises(ClientError, match="force-delete is forbidden"):
        user.delete_object(Bucket=OBJECT["Bucket"], Key=key)
    assert versions_of(server) == versions


_FORCE = {"x-minio-force-delete": "true"}


def test_a_broken_upload_takes_no_space(server: MinioServer, lake: Lake) -> None:
    def broken() -> Iterator[bytes]:
        yield bytes(20 << 20)
        raise TransientError("the source went away")

    def unfinished() -> int:
        found = server.client().list_multipart_uploads(Bucket=OBJECT["Bucket"], Prefix=OBJECT["Key"])
        return len(found.get("Uploads", []))

    upload = server.client().create_multipart_upload(**OBJECT)["UploadId"]
    assert unfinished() == 1
    with pytest.raises(TransientError, match="the source went away"):
        lake.put_stream(**OBJECT_NAME, chunks=broken())
    assert unfinished() == 1
    server.client().abort_multipart_upload(**OBJECT, UploadId=upload)
    assert unfinished() == 0


# --- what the user must not -----------------------------------------------------------------------------

DENIED: dict[str, Callable[[Any], object]] = {
    "make a bucket": lambda s3: s3.create_bucket(
        Bucket="mine", CreateBucketConfiguration={"LocationConstraint": REGION}
    ),
    "delete a bucket": lambda s3: s3.delete_bucket(Bucket="reports"),
    "suspend versioning": lambda s3: s3.put_bucket_versioning(
        Bucket="bronze", VersioningConfiguration={"Status": "Suspended"}
    ),
    "change the lifecycle": lambda s3: s3.put_bucket_lifecycle_configuration(
        Bucket="bronze",
        LifecycleConfiguration={
            "Rules": [{"Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]
        },
    ),
    "end the lifecycle": lambda s3: s3.delete_bucket_lifecycle(Bucket="bronze"),
    "set a policy": lambda s3: s3.put_bucket_policy(
        Bucket="bronze",
        Policy='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*",'
        ' "Action": "s3:*", "Resource": "arn:aws:s3:::bronze/*"}]}',
    ),
    "lock objects": lambda s3: s3.put_object_lock_configuration(
        Bucket="bronze",
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}},
        },
    ),
    "list another bucket": lambda s3: s3.list_objects_v2(Bucket="private"),
    "read another bucket": lambda s3: s3.get_object(Bucket="private", Key="secret"),
    "write another bucket": lambda s3: s3.put_object(Bucket="private", Key="secret", Body=b""),
    "copy another bucket": lambda s3: s3.copy_object(
        Bucket="bronze", Key="copy", CopySource="private/secret"
    ),
}


@pytest.mark.parametrize("what", DENIED)
def test_the_user_cannot(server: MinioServer, what: str) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        DENIED[what](server.client())


def test_the_user_sees_no_bucket_but_the_lakes(server: MinioServer) -> None:
    seen = {bucket["Name"] for bucket in server.client().list_buckets()["Buckets"]}
    assert seen == {"bronze", "silver", "gold", "quarantine", "sources", "reports"}


ADMINISTRATION = (
    ("admin", "info", "server"),
    ("admin", "user", "ls", "server"),
    ("admin", "user", "add", "server"),
    ("admin", "policy", "ls", "server"),
    ("admin", "policy", "attach", "server", "consoleAdmin", "--user", "{user}"),
    ("admin", "accesskey", "create", "server"),
    ("admin", "user", "svcacct", "add", "server", "{user}"),
    ("admin", "config", "get", "server", "api"),
)


@pytest.mark.parametrize("command", ADMINISTRATION, ids=" ".join)
def test_the_user_cannot_administer(server: MinioServer, command: tuple[str, ...]) -> None:
    user = server.settings.secret("s3_access_key")
    done = server.mc(*(word.format(user=user) for word in command), stdin="someone\nsomething\n")
    assert done.returncode == 1
    assert "Access Denied" in done.stderr


def test_the_user_cannot_change_its_own_password(server: MinioServer) -> None:
    user = server.settings.secret("s3_access_key")
    done = server.mc("admin", "user", "add", "server", stdin=f"{user}\nanother-password\n")
    assert (done.returncode, "Access Denied" in done.stderr) == (1, True)
    assert server.client().list_objects_v2(Bucket="bronze")["KeyCount"] == 0


# --- init.sh --------------------------------------------------------------------------------------------


@pytest.fixture
def initial(server: MinioServer) -> Iterator[MinioServer]:
    """A server whose user is put back after the test."""
    yield server
    assert server.init().returncode == 0


def login(server: MinioServer, secret: str) -> str:
    """What the server says to the lake's user with this secret key."""
    user = server.settings.secret("s3_access_key")
    try:
        s3_client(server.settings.s3_url, user, secret, region=REGION).list_objects_v2(Bucket="bronze")
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "welcome"


def test_init_runs_again_and_a_changed_password_holds(initial: MinioServer) -> None:
    old = initial.settings.secret("s3_secret_key")
    assert initial.init().returncode == 0
    assert login(initial, old) == "welcome"
    new = 'n:e/w"w @o\\r$d'  # what a shell, an address or a JSON string might stumble over
    done = initial.init(FLOCON_S3_SECRET_KEY=new)
    assert done.returncode == 0, done.stderr
    assert (login(initial, new), login(initial, old)) == ("welcome", "SignatureDoesNotMatch")


def test_init_puts_rights_back_that_somebody_took(initial: MinioServer) -> None:
    user = initial.settings.secret("s3_access_key")
    done = initial.mc("admin", "policy", "detach", "server", "flocon-lake", "--user", user, who="s3_admin")
    assert done.returncode == 0, done.stderr
    with pytest.raises(ClientError, match="AccessDenied"):
        initial.client().list_objects_v2(Bucket="bronze")
    assert initial.init().returncode == 0
    assert initial.client().list_objects_v2(Bucket="bronze")["KeyCount"] == 0


def test_init_shows_no_secret(initial: MinioServer, tmp_path: Path) -> None:
    """Neither in what it prints, nor in the commands it runs, which `ps` shows to everybody."""
    spy = tmp_path / "mc"
    spy.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>{tmp_path}/commands\nexec {initial.bin}/mc "$@"\n')
    spy.chmod(0o755)
    done = initial.init(tmp_path)
    assert done.returncode == 0, done.stderr
    shown = done.stdout + done.stderr + (tmp_path / "commands").read_text()
    assert "admin policy attach" in shown
    for name in ("s3_secret_key", "s3_admin_secret_key"):
        assert initial.settings.secret(name) not in shown


def test_init_knows_the_prefix_of_the_buckets(initial: MinioServer) -> None:
    """For another user, since policies add up."""
    settings = initial.settings.model_copy(update={"s3_access_key": initial.settings.notebooks_token})
    other = replace(initial, settings=settings)
    assert other.init(FLOCON_S3_BUCKET_PREFIX="acme-").returncode == 0
    admin = initial.client("s3_admin")
    admin.create_bucket(Bucket="acme-bronze", CreateBucketConfiguration={"LocationConstraint": REGION})
    try:
        assert other.client().list_objects_v2(Bucket="acme-bronze")["KeyCount"] == 0
        with pytest.raises(ClientError, match="AccessDenied"):
            other.client().list_objects_v2(Bucket="bronze")
    finally:
        admin.delete_bucket(Bucket="acme-bronze")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"FLOCON_S3_SECRET_KEY": ""}, "FLOCON_S3_SECRET_KEY is not set; `make env`"),
        ({"FLOCON_S3_SECRET_KEY": "short"}, "FLOCON_S3_SECRET_KEY is too short"),
        ({"FLOCON_S3_ADMIN_SECRET_KEY": "wrong-secret"}, "refuses FLOCON_S3_ADMIN_ACCESS_KEY"),
    ],
)
def test_init_says_what_is_wrong(initial: MinioServer, changed: dict[str, str], said: str) -> None:
    done = initial.init(**changed)
    assert done.returncode == 1
    assert said in done.stderr.splitlines()[-1]


def test_init_refuses_the_administrator_as_the_lakes_user(initial: MinioServer) -> None:
    done = initial.init(FLOCON_S3_ACCESS_KEY=initial.settings.secret("s3_admin_access_key"))
    assert done.returncode == 1
    assert "the lake's user must be another one" in done.stderr


# --- how the rest reaches it ----------------------------------------------------------------------------


def test_tasks_of_airflow_reach_it_by_their_connection(
    server: MinioServer, lake: Lake, tmp_path: Path
) -> None:
    settings = server.lake_settings(server.settings, tmp_path)
    code = "from flocon_airflow import _lake; _lake().put_stream('gold', 'kpis', [b'of a task'])"
    plugins = str(settings.project / "airflow" / "plugins")
    env = {**airflow_env(settings, tmp_path), "PYTHONPATH": plugins}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert lake.read("gold", "kpis") == b"of a task"


def test_a_stack_with_another_s3_server_starts_none_of_its_own(server: MinioServer, tmp_path: Path) -> None:
    own = scratch_settings(tmp_path)
    other = server.lake_settings(own, tmp_path)
    names = {
        settings.s3_endpoint: {one.name for one in compose(settings, find_places(settings)).stores}
        for settings in (own, other)
    }
    assert names[""] - names[other.s3_endpoint] == {"s3"}
