"""The lake's buckets on any S3 server: made where they are missing, and keeping what is replaced where the server can.

Nothing is taken away: a bucket that is there is left as it is, but for versioning, which is switched on, and for a
lifecycle rule, which it gets where it has none.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from botocore.exceptions import BotoCoreError, ClientError

from flocon.errors import FloconError, TransientError
from flocon.s3 import BUCKETS, name_on_server, s3_client
from flocon.settings import PREFIX, Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.literals import BucketLocationConstraintType
    from mypy_boto3_s3.type_defs import CreateBucketRequestTypeDef, LifecycleRuleUnionTypeDef

OLD_VERSIONS_DAYS = 90
UNFINISHED_UPLOADS_DAYS = 7

_RULE: "LifecycleRuleUnionTypeDef" = {
    "ID": "flocon",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "NoncurrentVersionExpiration": {"NoncurrentDays": OLD_VERSIONS_DAYS},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": UNFINISHED_UPLOADS_DAYS},
}
_ADMIN = f"{PREFIX}S3_ADMIN_ACCESS_KEY"
_OWN = f"{PREFIX}S3_ACCESS_KEY"
_NOT_KNOWN = (400, 405, 501)  # what servers answer to a call or an option that they do not have


def ensure_buckets(settings: Settings) -> list[str]:
    """Make the lake's missing buckets and have them keep what is replaced; a line about each. Can always run again.

    Done with the administrator's keys where the server knows them, else with the lake's own. `make env` gives every
    stack random ones, which is right for its own MinIO and means nothing to a server that is somebody else's.

    Raises:
        FloconError: a bucket is missing and cannot be made, or is somebody else's.
        TransientError: the server does not answer.
    """
    client, key_name, said = _client_that_may_most(settings)
    for bucket in (name_on_server(bucket, settings.s3_bucket_prefix) for bucket in BUCKETS):
        with _explained(f"bucket {bucket} of {settings.s3_url}", key_name):
            state = "is there" if _exists(client, bucket) else _create(client, bucket, settings.s3_region)
            said.append(f"{bucket} {state}, {_version(client, bucket)}")
    return said


def _client_that_may_most(settings: Settings) -> tuple["S3Client", str, list[str]]:
    """A client, the setting that its key is from, and what is to be said about that."""
    if not (settings.s3_admin_access_key and settings.s3_admin_secret_key):
        return _client(settings, "s3"), _OWN, []
    admin = _client(settings, "s3_admin")
    with _explained(f"buckets of {settings.s3_url}", _ADMIN):
        if _is_known(admin):
            return admin, _ADMIN, []
    unknown = f"the server does not know {_ADMIN}"
    return _client(settings, "s3"), f"{_OWN} ({unknown})", [f"{unknown}, so this is with {_OWN}"]


def _client(settings: Settings, kind: str) -> "S3Client":
    keys = (settings.secret(f"{kind}_access_key"), settings.secret(f"{kind}_secret_key"))
    return s3_client(settings.s3_url, *keys, region=settings.s3_region)


def _is_known(client: "S3Client") -> bool:
    """Whether the server has this access key. What it may do is not asked here."""
    try:
        client.list_buckets()
    except ClientError as error:
        return error.response["Error"].get("Code") != "InvalidAccessKeyId"
    return True


def _exists(client: "S3Client", bucket: str) -> bool:
    try:
        client.head_bucket(Bucket=bucket)
    except ClientError as error:
        if _status(error) == 404:
            return False
        raise
    return True


def _create(client: "S3Client", bucket: str, region: str) -> str:
    """Make a bucket; with object lock where the server has it, since versioning cannot be switched off then."""
    request: CreateBucketRequestTypeDef = {"Bucket": bucket}
    if region != "us-east-1":  # which AWS takes for granted, and refuses when it is named
        place = cast("BucketLocationConstraintType", region)
        request["CreateBucketConfiguration"] = {"LocationConstraint": place}
    locked: CreateBucketRequestTypeDef = {**request, "ObjectLockEnabledForBucket": True}
    try:
        try:
            client.create_bucket(**locked)
        except ClientError as error:
            if _status(error) not in _NOT_KNOWN:
                raise
            client.create_bucket(**request)
    except ClientError as error:
        if _status(error) == 409 and _exists(client, bucket):  # somebody was faster
            return "is there"
        raise
    return "made"


def _version(client: "S3Client", bucket: str) -> str:
    """Switch versioning on and limit what it keeps; what came of it, in words."""
    try:
        if not _keeps_versions(client, bucket):
            client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
            if not _keeps_versions(client, bucket):
                return "WITHOUT versions: the server took the order and did not follow it"
    except ClientError as error:
        if _status(error) in _NOT_KNOWN:
            return f"WITHOUT versions: the server refuses them ({_reason(error)})"
        if _status(error) == 403:
            return "versions NOT KNOWN: the key may not ask for them or switch them on"
        raise
    return f"with versions, {_expire(client, bucket)}"


def _keeps_versions(client: "S3Client", bucket: str) -> bool:
    return client.get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled"


def _expire(client: "S3Client", bucket: str) -> str:
    """Give a bucket that has no lifecycle rules ours; for how long it keeps old versions, in words."""
    try:
        if _has_rules(client, bucket):
            return "old ones kept for as long as its lifecycle rules say"
        client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [_RULE]})
    except ClientError as error:
        if _status(error) in _NOT_KNOWN:
            return f"old ones kept FOR EVER: the server refuses lifecycle rules ({_reason(error)})"
        if _status(error) == 403:
            return "for how long NOT KNOWN: the key may not ask for lifecycle rules or set them"
        raise
    return f"old ones kept for {OLD_VERSIONS_DAYS} days"


def _has_rules(client: "S3Client", bucket: str) -> bool:
    try:
        return bool(client.get_bucket_lifecycle_configuration(Bucket=bucket).get("Rules"))
    except ClientError as error:
        if _status(error) == 404:
            return False
        raise


def _status(error: ClientError) -> int:
    return error.response["ResponseMetadata"]["HTTPStatusCode"]


def _reason(error: ClientError) -> str:
    """The server's words; it has none where it answers without a body."""
    return error.response["Error"].get("Message") or str(error)


@contextmanager
def _explained(bucket: str, key_name: str) -> Iterator[None]:
    try:
        yield
    except BotoCoreError as error:
        raise TransientError(
            f"{bucket}: the server cannot be reached ({error}). Run again when it is."
        ) from error
    except ClientError as error:
        text = f"{bucket}: the server answered {_status(error)} ({_reason(error)})"
        if _status(error) >= 500:
            raise TransientError(f"{text}. Its log says more; run again.") from error
        if _status(error) == 403:
            raise FloconError(
                f"{text} to the key in {key_name}. Is it right, and may it make buckets? Else have the bucket made. "
                "Where others have buckets too, the name may be taken: set FLOCON_S3_BUCKET_PREFIX."
            ) from error
        raise FloconError(f"{text}. Check FLOCON_S3_ENDPOINT, FLOCON_S3_REGION and {key_name}.") from error
