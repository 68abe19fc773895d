"""A real MinIO, with the lake's user as deploy/minio/init.sh makes it and the buckets as `flocon prepare` makes them.

`minio` and `mc` where they are on PATH, else what `scripts/minio-server.sh` makes once and keeps in the user's cache.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flocon.buckets import ensure_buckets
from flocon.s3 import BUCKETS, s3_client
from flocon.settings import Settings, project_dir
from flocon.stack.program import Program, base_env, running
from flocon.stack.scratch import free_ports, scratch_settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

REGION = "eu-west-3"  # not the default: a request that is signed for another one is refused

_INIT = project_dir() / "deploy" / "minio" / "init.sh"
_KEYS = ("s3_access_key", "s3_secret_key", "s3_admin_access_key", "s3_admin_secret_key")


@dataclass(frozen=True)
class MinioServer:
    """A running server; `settings` has the keys of its administrator too. `bin` is the folder that holds `mc`."""

    settings: Settings
    bin: Path

    def lake_settings(self, settings: Settings, home: Path) -> Settings:
        """These settings, but with this server as the lake, and only the lake's own keys."""
        taken = ("s3_endpoint", "s3_region", "s3_access_key", "s3_secret_key")
        ours = {name: getattr(self.settings, name) for name in taken}
        nobody = {"s3_admin_access_key": None, "s3_admin_secret_key": None}
        return settings.model_copy(update={"home": home, **ours, **nobody})

    def client(self, who: str = "s3") -> "S3Client":
        """A client of the lake's user (`s3`) or of the administrator (`s3_admin`)."""
        keys = [self.settings.secret(f"{who}_{key}") for key in ("access_key", "secret_key")]
        return s3_client(self.settings.s3_url, *keys, region=REGION)

    def init(self, folder: Path | None = None, **changed: str) -> "subprocess.CompletedProcess[str]":
        """Run deploy/minio/init.sh as the deployment does; `folder` holds another `mc`."""
        env = {f"FLOCON_{name.upper()}": self.settings.secret(name) for name in _KEYS}
        path = {"PATH": f"{folder or self.bin}:{os.environ['PATH']}"}
        return subprocess.run(
            ["/bin/sh", _INIT],
            env=base_env(MINIO_URL=self.settings.s3_url) | env | path | changed,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def mc(self, *command: str, who: str = "s3", stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """Run `mc <command>`, where the name `server` is this server as the lake's user or the administrator."""
        access, secret = (self.settings.secret(f"{who}_{key}") for key in ("access_key", "secret_key"))
        url = self.settings.s3_url.replace("://", f"://{access}:{secret}@")
        return subprocess.run(
            [self.bin / "mc", *command],
            env=base_env(MC_HOST_server=url, MC_CONFIG_DIR=str(self.bin / "mc-config")),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def empty(self) -> None:
        """Take everything out of the lake's buckets, with every version."""
        admin = self.client("s3_admin")
        for bucket in BUCKETS:
            for page in admin.get_paginator("list_object_versions").paginate(Bucket=bucket):
                found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
                names = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
                if names:
                    done = admin.delete_objects(Bucket=bucket, Delete={"Objects": names})
                    assert not done.get("Errors"), done


@contextmanager
def minio_server(folder: Path) -> Iterator[MinioServer]:
    """Run MinIO with its data in `folder`; skips the test, saying what is missing, where it cannot be had."""
    programs = {name: _program(name) for name in ("minio", "mc")}
    bin_folder, data = folder / "bin", folder / "data"
    for made in (bin_folder, data):
        made.mkdir()
    (bin_folder / "mc").symlink_to(programs["mc"])
    (port,) = free_ports(1)
    settings = scratch_settings(folder, s3_endpoint=f"http://127.0.0.1:{port}", s3_region=REGION)
    env = base_env(
        HOME=str(folder),
        MINIO_ROOT_USER=settings.secret("s3_admin_access_key"),
        MINIO_ROOT_PASSWORD=settings.secret("s3_admin_secret_key"),
        MINIO_SITE_REGION=REGION,
        MINIO_BROWSER="off",
        MINIO_UPDATE="off",
    )
    command = (programs["minio"], "server", "--quiet", "--address", f"127.0.0.1:{port}", str(data))
    server = MinioServer(settings, bin_folder)
    # No farewell: it waits for its clients to hang up, and the data is thrown away.
    program = Program("minio", command, folder, env, stop_signal=signal.SIGKILL)
    with running(program, folder / "log"):
        done = server.init()  # which waits for the server
        assert done.returncode == 0, done.stdout + done.stderr + (folder / "log").read_text()
        ensure_buckets(settings)
        yield server


def _program(name: str) -> str:
    found = shutil.which(name)
    if found and "RELEASE." in _says(found, "--version"):  # `mc` is Midnight Commander's name as well
        return found
    script = ["scripts/minio-server.sh", name]
    done = subprocess.run(script, cwd=project_dir(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"{done.stderr.strip().splitlines()[-1]}; then run `{' '.join(script)}`")
    return done.stdout.strip()


def _says(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout
