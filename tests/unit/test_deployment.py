"""docker-compose.yml and the images: valid, pinned, without privileges, and of the settings that the code has."""

import os
import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest
from tests.unit.compose import (
    COMPOSE,
    DOCKERFILES,
    FILE,
    ONE_SHOTS,
    ROOT,
    SECRETS,
    SERVICES,
    has_secrets,
    published,
    references,
    variables,
    volumes,
)

from flocon.settings import ADMIN_SECRETS, PREFIX, Settings
from flocon.stack.postgres import PostgresServer

PINNED = re.compile(r"[\w./-]+:[\w.-]*\d[\w.-]*@sha256:[0-9a-f]{64}")
# Known by version only; docs/deployment.md says how to add the digest.
NO_DIGEST = {"mongo-express:1.0.2-20-alpine3.19"}
BIN = Path(sys.prefix, "bin")
NAMES = {PREFIX + name.upper() for name in Settings.model_fields}

# A default in the compose file is that of the settings, but for these.
OTHER_DEFAULT = {
    "FLOCON_S3_ENDPOINT": "the deployment has a lake of its own",
    "FLOCON_AIRFLOW_PUBLIC_URL": "inside, Airflow has another address than for browsers",
    "FLOCON_SHARED_BUFFERS_MB": "a container has no machine to take a twelfth of",
}
# Settings that no service is given.
OF_THE_EMBEDDED_STACK = {
    "FLOCON_PROJECT": "set in the image",
    "FLOCON_HOME": "set in the image",
    "FLOCON_SERVER_USER": "the compose file names the users",
}


def run(*command: str, env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False
    )


def base_image(dockerfile: Path) -> str:
    """The one image that a Dockerfile is made from: its other stages are from that."""
    first, *others = re.findall(
        r"^FROM (\S+)(?: AS \w+)?$", dockerfile.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert set(others) <= {"base"}
    return first


def test_it_is_a_compose_file_by_the_specifications_schema() -> None:
    done = run(str(BIN / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(FILE))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_a_dockerfile_passes_hadolint(dockerfile: Path) -> None:
    done = run(str(BIN / "hadolint"), "--no-color", str(dockerfile))
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def compose() -> list[str]:
    """Docker Compose itself, which needs no engine to read the file."""
    if shutil.which("docker") and run("docker", "compose", "version").returncode == 0:
        return ["docker", "compose"]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    if made := sorted(cache.glob("flocon/compose/docker-compose-*")):
        return [str(made[-1])]
    pytest.skip("no `docker compose` here; with Go on the machine, scripts/docker-compose.sh makes it, once")


def config(compose: list[str], env_file: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    clean = {name: value for name, value in os.environ.items() if not name.startswith((PREFIX, "COMPOSE_"))}
    return run(*compose, "--env-file", str(env_file), "--profile", "*", "config", *options, env=clean)


def needed() -> list[str]:
    """The secrets without which nothing may start."""
    return sorted({one.name for one in references(SERVICES) if one.operator == ":?"})


def test_compose_accepts_it_and_hands_on_what_is_set(compose: list[str], tmp_path: Path) -> None:
    lines = [
        *(f"{name}=xyz-{name}" for name in needed()),
        "FLOCON_TAXI_SOURCE=sample",
        "FLOCON_MART_PORT=5555",
    ]
    file = tmp_path / "env"
    file.write_text("\n".join(lines), encoding="utf-8")
    done = config(compose, file)
    assert done.returncode == 0, done.stderr
    assert "FLOCON_TAXI_SOURCE: sample" in done.stdout
    assert 'published: "5555"' in done.stdout
    assert set(config(compose, file, "--services").stdout.split()) == set(SERVICES)


@pytest.mark.parametrize("missing", needed())
def test_compose_refuses_to_start_without_a_secret_and_names_it(
    compose: list[str], tmp_path: Path, missing: str
) -> None:
    file = tmp_path / "env"
    file.write_text("\n".join(f"{name}=xyz" for name in needed() if name != missing), encoding="utf-8")
    done = config(compose, file, "--quiet")
    assert done.returncode != 0
    assert f"{missing} is missing a value: run make env" in done.stderr


def test_every_image_is_pinned() -> None:
    pulled = {service["image"] for service in SERVICES.values() if not service["image"].startswith("flocon-")}
    images = pulled | {base_image(file) for file in DOCKERFILES}
    assert {image for image in images if not PINNED.fullmatch(image)} == NO_DIGEST


def test_images_of_ours_have_this_version_are_built_once_and_never_pulled() -> None:
    version = re.search(r'version="([^"]+)"', (ROOT / "setup.py").read_text(encoding="utf-8"))
    assert version
    ours = [service for service in SERVICES.values() if service["image"].startswith("flocon-")]
    assert all(service["image"].endswith(f":{version[1]}") for service in ours)
    assert all(service["pull_policy"] == "never" for service in ours)
    built = [service["image"] for service in ours if "build" in service]
    assert sorted(built) == sorted({service["image"] for service in ours}), (
        "twice at a time disturbs the engine"
    )
    builds = [service["build"] for service in ours if "build" in service]
    used = {Path(build["context"], build.get("dockerfile", "Dockerfile")) for build in builds}
    assert used == {file.relative_to(ROOT) for file in DOCKERFILES}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_guarded(name: str) -> None:
    service = SERVICES[name]
    user, group = service["user"].split(":")
    assert int(user) > 0, "nobody is root"
    assert int(group) >= 0
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["networks"] == ["flocon"]
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert service["restart"] == ("no" if name in ONE_SHOTS else "unless-stopped")
    assert ("healthcheck" in service) == (name not in ONE_SHOTS)
    assert not service.keys() & {"privileged", "cap_add", "network_mode", "pid", "devices", "container_name"}


def test_images_run_as_the_users_that_the_services_name() -> None:
    builds = {each["image"]: each["build"] for each in SERVICES.values() if "build" in each}
    for service in (each for each in SERVICES.values() if each["image"] in builds):
        build = builds[service["image"]]
        text = (ROOT / build["context"] / build.get("dockerfile", "Dockerfile")).read_text(encoding="utf-8")
        assert re.findall(r"^USER (\S+)$", text, re.MULTILINE)[-1] == service["user"]


def test_ports_are_published_on_loopback_and_are_those_of_the_settings() -> None:
    ports = [port for name in SERVICES for port in published(name)]
    for setting, default, _ in ports:
        assert Settings.model_fields[setting.removeprefix(PREFIX).lower()].default == default
    assert len({default for _, default, _ in ports}) == len(ports)
    for inner in (
        "redis",
        "airflow-scheduler",
        "airflow-dag-processor",
        "airflow-triggerer",
        "airflow-worker",
    ):
        assert not published(inner)


def test_services_start_by_health() -> None:
    for name, service in SERVICES.items():
        for other, on in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if other in ONE_SHOTS else "service_healthy"
            assert on["condition"] == wanted, f"{name} after {other}"
    assert {other for service in SERVICES.values() for other in service.get("depends_on", {})} >= ONE_SHOTS


def test_data_are_in_named_volumes_all_declared() -> None:
    used = {volume for name in SERVICES for volume, _ in volumes(name)}
    assert used == set(COMPOSE["volumes"])
    assert all(re.fullmatch(r"[a-z-]+", volume) for volume in used), "a folder of the host is no named volume"


def test_no_secret_has_a_default_and_every_needed_one_says_what_to_do() -> None:
    optional = {PREFIX + "MONGO_URL", PREFIX + "NOTIFY_WEBHOOK_URL"}
    for one in references(COMPOSE):
        if one.name in optional:
            assert (one.operator, one.rest) == ("", "")
        elif one.name in SECRETS:
            assert (one.operator, one.rest) == (":?", "run make env")
    assert set(needed()) == SECRETS - optional


def test_other_defaults_are_those_of_the_settings() -> None:
    for one in references(SERVICES):
        assert one.name in NAMES
        if one.operator == ":-" and one.name not in OTHER_DEFAULT:
            assert str(Settings.model_fields[one.name.removeprefix(PREFIX).lower()].default) == one.rest


def test_every_setting_reaches_a_service_or_is_not_for_one() -> None:
    for name in SERVICES:
        assert variables(name).keys() <= NAMES, name
    reached = {one.name for one in references(SERVICES)} | {v for name in SERVICES for v in variables(name)}
    assert NAMES - reached == OF_THE_EMBEDDED_STACK.keys()


def test_tasks_have_every_setting_that_is_no_secret_and_no_port_on_the_host() -> None:
    elsewhere = {
        *OF_THE_EMBEDDED_STACK,
        *(setting for name in SERVICES for setting, _, _ in published(name)),
        *(f"{PREFIX}{name}" for name in ("API_HOST", "SHARED_BUFFERS_MB")),
        *(f"{PREFIX}NOTIFY_{name}" for name in ("ON", "MAIL_TO")),  # the DAG processor tells the end of runs
    }
    given = variables("airflow-worker").keys()
    assert NAMES - SECRETS - elsewhere <= given
    assert {f"{PREFIX}NOTIFY_ON", f"{PREFIX}NOTIFY_MAIL_TO"} <= variables("airflow-dag-processor").keys()


def test_only_servers_and_the_two_that_prepare_them_know_an_administrator() -> None:
    admin = {PREFIX + name.upper() for name in ADMIN_SECRETS}
    assert {name for name in SERVICES if has_secrets(name) & admin} == {
        *("minio", "minio-init", "airflow-init"),
        *("data-warehouse", "data-mart", "postgres-airflow"),
    }
    assert has_secrets("api") == {"FLOCON_MART_READER_PASSWORD"}
    assert has_secrets("dashboard") == set()


def test_no_secret_is_on_a_command_line() -> None:
    for name, service in SERVICES.items():
        words = [
            service.get("command"),
            service.get("entrypoint"),
            service.get("healthcheck"),
            service.get("build"),
        ]
        assert not {one.name for one in references(words)} & SECRETS, name


def test_postgresql_is_made_as_the_embedded_stack_makes_it() -> None:
    import inspect  # noqa: PLC0415 - the source is what it is about

    source = inspect.getsource(PostgresServer._initdb)
    servers = [service for service in SERVICES.values() if service["image"].startswith("flocon-postgres")]
    assert len(servers) == 3
    for service in servers:
        for option in service["environment"]["POSTGRES_INITDB_ARGS"].split():
            assert f'"{option}"' in source
        file = next(word for word in service["command"] if word.startswith("-cconfig_file="))
        assert (ROOT / "deploy" / "postgres" / Path(file).name).exists()


def is_sent(path: str) -> bool:
    """Whether the builder is sent a file: the last pattern of .dockerignore that fits it or its folder decides."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    sent = True
    for pattern in (line for line in lines if line and not line.startswith("#")):
        bare = pattern.lstrip("!").removeprefix("**/")
        parts = path.split("/")
        places = parts if "**/" in pattern else ["/".join(parts[: n + 1]) for n in range(len(parts))]
        if any(fnmatch(place, bare) for place in places):
            sent = pattern.startswith("!")
    return sent


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_what_a_dockerfile_copies_is_there_and_sent(dockerfile: Path) -> None:
    is_whole = any(
        service.get("build", {}).get("dockerfile") == str(dockerfile.relative_to(ROOT))
        for service in SERVICES.values()
    )
    context = ROOT if is_whole else dockerfile.parent
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile.read_text(encoding="utf-8"), re.MULTILINE)
    copied = [path for line in copies for path in line.split()]
    assert copied
    assert not [path for path in copied if not (context / path).exists()]
    assert not is_whole or all(is_sent(path) for path in copied)


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        ".env.airflow",
        ".flocon/lake/bronze",
        ".git/config",
        ".venv/bin/python",
        "src/flocon/__pycache__/a.pyc",
    ],
)
def test_what_is_private_is_not_sent_to_the_builder(path: str) -> None:
    assert is_sent("src/flocon/cli.py")
    assert not is_sent(path)


def test_requirements_of_the_images_are_locked() -> None:
    for dockerfile in DOCKERFILES:
        text = dockerfile.read_text(encoding="utf-8")
        installs = re.findall(r"pip install [^&]*", text.replace("\\\n", " "))
        assert all("--require-hashes" in each or "--no-deps" in each for each in installs)
    chosen = SERVICES["notebooks"]["build"]["args"]["REQUIREMENTS"]
    lock = (ROOT / chosen).read_text(encoding="utf-8")
    assert re.search(r"^jupyterlab==", lock, re.MULTILINE)
    assert "--hash=sha256:" in lock


def test_scripts_in_it_are_shell() -> None:
    assert run("sh", "-n", "-c", SERVICES["redis"]["command"][-1].replace("$$", "$")).returncode == 0
    assert run("sh", "-n", "deploy/minio/init.sh").returncode == 0
