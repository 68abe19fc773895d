"""The embedded S3 server: rclone over a folder, one sub-folder a bucket."""

from pathlib import Path

from flocon.s3 import BUCKETS, name_on_server
from flocon.settings import Settings
from flocon.stack.binaries import rclone
from flocon.stack.program import Program, base_env

_UNFINISHED = ".rclone_temp_multipart_*"


def s3_program(settings: Settings, folder: Path) -> Program:
    """The server process over `folder`; needs `prepare_lake` to have run."""
    keys = ",".join(map(settings.secret, ("s3_access_key", "s3_secret_key")))
    return Program(
        name="s3",
        # Without --no-cleanup the deletion of its last object takes the bucket away as well.
        command=(
            str(rclone()),
            "serve",
            "s3",
            "--addr",
            f"{settings.bind}:{settings.s3_port}",
            "--no-cleanup",
            str(folder),
        ),
        directory=folder,
        # A list of values in an environment variable is read as CSV, so a value with a comma is quoted.
        env=base_env(RCLONE_AUTH_KEY=f'"{keys}"', RCLONE_CONFIG="/dev/null"),
    )


def prepare_lake(folder: Path, prefix: str = "") -> None:
    """Create the missing buckets, and remove what a killed server left of unfinished uploads.

    Done on disk, before the server starts: it refuses to create a bucket that exists, and never shows those remains.
    """
    for bucket in BUCKETS:
        (folder / name_on_server(bucket, prefix)).mkdir(parents=True, exist_ok=True)
    for remains in folder.rglob(_UNFINISHED):
        remains.unlink()
