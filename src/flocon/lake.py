"""The lake: S3 objects, streamed in whole or not at all, and read as Parquet in bounded memory.

Nothing here belongs to one S3 server: AWS, MinIO and `rclone serve s3` answer the same calls.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyarrow.fs as pafs
import pyarrow.parquet as pq
from botocore.exceptions import BotoCoreError, ClientError

from flocon.errors import FloconError, TransientError
from flocon.s3 import name_on_server, s3_client
from flocon.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

log = logging.getLogger(__name__)

_PART_BYTES = 8 << 20
_TAIL_BYTES = 8 << 20


class LakeObject(NamedTuple):
    """What the lake says of an object: its ETag (an identity, not a digest) and its size in bytes."""

    etag: str
    bytes: int


@dataclass(frozen=True)
class Stored:
    """An object that was just stored: SHA-256 (hex) and size of the bytes that went in, and the ETag it got."""

    etag: str
    sha256: str
    bytes: int


class Lake:
    """Buckets of one S3 server, by the names that Flocon has for them; there, the six of them have `prefix` before."""

    def __init__(self, client: "S3Client", filesystem: pafs.S3FileSystem, prefix: str = "") -> None:
        self._client = client
        self._filesystem = filesystem
        self._prefix = prefix

    @classmethod
    def of(cls, settings: Settings) -> "Lake":
        """The lake of the settings."""
        keys = (settings.secret("s3_access_key"), settings.secret("s3_secret_key"))
        return cls.connect(
            settings.s3_url, *keys, region=settings.s3_region, prefix=settings.s3_bucket_prefix
        )

    @classmethod
    def connect(
        cls,
        endpoint: str | None,
        access_key: str,
        secret_key: str,
        *,
        region: str = "us-east-1",
        session_token: str | None = None,
        prefix: str = "",
    ) -> "Lake":
        """Make clients for an S3 server; `endpoint` is its URL, or None for AWS itself."""
        client = s3_client(endpoint, access_key, secret_key, region=region, session_token=session_token)
        filesystem = pafs.S3FileSystem(
            access_key=access_key,
            secret_key=secret_key,
            session_token=session_token,
            region=region,
            endpoint_override=endpoint,
            connect_timeout=10,
            request_timeout=60,
        )
        return cls(client, filesystem, prefix)

    def _named(self, bucket: str) -> str:
        return name_on_server(bucket, self._prefix)

    def head(self, bucket: str, key: str) -> LakeObject | None:
        """What the lake knows of an object, or None when there is none."""
        with _explained(f"asking for {bucket}/{key}"):
            try:
                answer = self._client.head_object(Bucket=self._named(bucket), Key=key)
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                    return None
                raise
        return LakeObject(answer["ETag"].strip('"'), answer["ContentLength"])

    def put_stream(
        self,
        bucket: str,
        key: str,
        chunks: Iterable[bytes],
        accept: Callable[[bytes, int], None] | None = None,
    ) -> Stored:
        """Store a stream as one object, which appears whole when the stream ended well and not at all otherwise.

        `accept(tail, size)` sees the last 8 MiB and the size before the object appears, and may raise to refuse it.
        """
        digest, size, tail, parts = hashlib.sha256(), 0, b"", []
        name = self._named(bucket)
        with _explained(f"storing {bucket}/{key}"):
            upload = self._client.create_multipart_upload(Bucket=name, Key=key)["UploadId"]
            try:
                for number, part in enumerate(_parts(chunks), start=1):
                    digest.update(part)
                    size += len(part)
                    tail = (tail + part)[-_TAIL_BYTES:]
                    parts.append(self._put_part(name, key, upload, number, part))
                if accept is not None:
                    accept(tail, size)
                self._client.complete_multipart_upload(
                    Bucket=name, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}
                )
            except BaseException:
                self._abort(name, key, upload)
                raise
        stored = self.head(bucket, key)  # servers differ in the ETag that completing an upload returns
        if stored is None or stored.bytes != size:
            raise TransientError(
                f"storing {bucket}/{key}: sent {size:,} bytes, but the lake now says {stored}."
            )
        return Stored(stored.etag, digest.hexdigest(), size)

    def _put_part(
        self, bucket: str, key: str, upload: str, number: int, part: bytes
    ) -> "CompletedPartTypeDef":
        answer = self._client.upload_part(
            Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=part
        )
        return {"PartNumber": number, "ETag": answer["ETag"]}

    def _abort(self, bucket: str, key: str, upload: str) -> None:
        """Give back the space of an upload that will not be finished; the reason it failed is raised by the caller."""
        try:
            self._client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
        except (ClientError, BotoCoreError) as error:
            log.warning("%s/%s: the unfinished upload could not be removed (%s)", bucket, key, error)

    def put_file(self, bucket: str, key: str, path: Path) -> Stored:
        """Store a file as one object, whole or not at all."""
        with path.open("rb") as file:
            return self.put_stream(bucket, key, iter(lambda: file.read(_PART_BYTES), b""))

    def list(self, bucket: str, prefix: str) -> dict[str, LakeObject]:
        """The objects whose key starts with `prefix`, by key."""
        with _explained(f"listing {bucket}/{prefix}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._named(bucket), Prefix=prefix
            )
            return {
                found["Key"]: LakeObject(found["ETag"].strip('"'), found["Size"])
                for page in pages
                for found in page.get("Contents", [])
            }

    def fetch(self, bucket: str, key: str, path: Path) -> str:
        """Write an object into a file; return the SHA-256 (hex) of its bytes. FloconError when there is none."""
        digest = hashlib.sha256()
        with _explained(f"reading {bucket}/{key}"), path.open("wb") as file:
            body = self._client.get_object(Bucket=self._named(bucket), Key=key)["Body"]
            for chunk in body.iter_chunks(_PART_BYTES):
                digest.update(chunk)
                file.write(chunk)
        return digest.hexdigest()

    def sha256(self, bucket: str, key: str) -> str:
        """The SHA-256 (hex) of an object's bytes, all of which are read."""
        digest = hashlib.sha256()
        with _explained(f"reading {bucket}/{key}"):
            body = self._client.get_object(Bucket=self._named(bucket), Key=key)["Body"]
            for chunk in body.iter_chunks(_PART_BYTES):
                digest.update(chunk)
        return digest.hexdigest()

    def read(self, bucket: str, key: str) -> bytes:
        """The bytes of a small object."""
        with _explained(f"reading {bucket}/{key}"):
            return self._client.get_object(Bucket=self._named(bucket), Key=key)["Body"].read()

    @contextmanager
    def open_parquet(self, bucket: str, key: str) -> Iterator[pq.ParquetFile]:
        """Open a Parquet object; its columns are read piecewise as its batches are asked for."""
        with (
            _explained(f"reading {bucket}/{key}"),
            self._filesystem.open_input_file(f"{self._named(bucket)}/{key}") as source,
            pq.ParquetFile(source, pre_buffer=True, page_checksum_verification=True) as file,
        ):
            yield file


def _parts(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Gather chunks into parts of the size that a multipart upload wants; an empty stream is one empty part."""
    gathered = bytearray()
    sent = False
    for chunk in chunks:
        gathered += chunk
        while len(gathered) >= _PART_BYTES:
            yield bytes(gathered[:_PART_BYTES])
            del gathered[:_PART_BYTES]
            sent = True
    if gathered or not sent:
        yield bytes(gathered)


@contextmanager
def _explained(doing: str) -> Iterator[None]:
    """Name what was being done when S3 fails; outages and full disks may pass, refusals do not."""
    try:
        yield
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        reason = error.response["Error"].get("Message") or error
        text = f"{doing}: the lake answered {status} ({reason}). Nothing was stored."
        lost_what_was_sent = error.response["Error"].get("Code") == "NoSuchUpload"
        if status >= 500 or lost_what_was_sent:
            raise TransientError(
                f"{text} Its log (`make logs`) tells of a full disk or a permission; run again."
            ) from error
        raise FloconError(f"{text} Check the bucket and the rights of the lake's access key.") from error
    except BotoCoreError as error:
        raise TransientError(
            f"{doing}: the lake cannot be reached ({error}). `make status` shows its health."
        ) from error
