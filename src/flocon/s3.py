"""A client for an S3 server, and the names of the lake's buckets on it: the one place that says how it is spoken to."""

import os
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKETS = ("bronze", "silver", "gold", "quarantine", "sources", "reports")

# Newer SDKs add checksums that S3-compatible servers may refuse or misread; pyarrow's SDK reads these at its first use.
for _name in ("AWS_REQUEST_CHECKSUM_CALCULATION", "AWS_RESPONSE_CHECKSUM_VALIDATION"):
    os.environ.setdefault(_name, "when_required")


def name_on_server(bucket: str, prefix: str) -> str:
    """What the server calls a bucket. The lake's own have a prefix, since AWS has each name once for all its users."""
    return prefix + bucket if bucket in BUCKETS else bucket


def s3_client(
    endpoint: str | None,
    access_key: str,
    secret_key: str,
    *,
    region: str = "us-east-1",
    session_token: str | None = None,
) -> "S3Client":
    """A client of an S3 server; `endpoint` is its URL, or None for AWS itself."""
    config = Config(
        signature_version="s3v4",
        connect_timeout=10,
        read_timeout=60,
        retries={"mode": "standard", "max_attempts": 4},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        aws_session_token=session_token,
        region_name=region,
        config=config,
    )
