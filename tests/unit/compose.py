"""docker-compose.yml, the images' Dockerfiles and docs/deployment.md, taken apart for the tests."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from flocon.settings import PREFIX, Settings, project_dir

ROOT = project_dir()
FILE = ROOT / "docker-compose.yml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILES = sorted(ROOT.glob("deploy/*/Dockerfile"))
# They do their work once and end.
ONE_SHOTS = {"minio-init", "airflow-init"}
# Secret or not is a matter of type, but for what has a default: empty, for none.
SECRETS = {
    PREFIX + name.upper()
    for name, field in Settings.model_fields.items()
    if "SecretStr" in str(field.annotation)
}
_REFERENCE = re.compile(r"\$\{(?P<name>\w+)(?:(?P<operator>:?[-?+])(?P<rest>(?:[^{}]|\{[^{}]*\})*))?\}")


@dataclass(frozen=True)
class Reference:
    """`${name:-rest}` in the compose file."""

    name: str
    operator: str
    rest: str


def references(value: object) -> list[Reference]:
    """What a value of the compose file takes from the environment, defaults of defaults too."""
    if isinstance(value, dict):
        return [one for key, each in value.items() for one in [*_handed_on(key, each), *references(each)]]
    if isinstance(value, list):
        return [one for each in value for one in references(each)]
    found = [
        Reference(m["name"], m["operator"] or "", m["rest"] or "") for m in _REFERENCE.finditer(str(value))
    ]
    return [*found, *(inner for one in found for inner in references(one.rest))]


def _handed_on(key: str, value: object) -> list[Reference]:
    """A variable without a value is the environment's, when that has it."""
    return [Reference(key, "", "")] if value is None and key.startswith(PREFIX) else []


def has_secrets(service: str) -> set[str]:
    """The secrets that a service is given, under whatever name."""
    return {one.name for one in references(SERVICES[service])} & SECRETS


def variables(service: str) -> dict[str, Any]:
    """The settings in a service's environment."""
    environment = SERVICES[service].get("environment", {})
    return {name: value for name, value in environment.items() if name.startswith(PREFIX)}


def resolved(service: str, given: dict[str, str]) -> dict[str, str]:
    """A service's environment as Compose makes it of `given`, without variables that nobody set."""
    plain = {name: given.get(name) if value is None else value for name, value in variables(service).items()}
    return {name: _filled(str(value), given) for name, value in plain.items() if value is not None}


def _filled(text: str, given: dict[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        return given.get(match["name"]) or _filled(match["rest"] or "", given)

    return _REFERENCE.sub(value, text)


def published(service: str) -> list[tuple[str, int, int]]:
    """A service's ports: the setting, its default, and the port inside. AssertionError unless on FLOCON_BIND."""
    form = re.compile(r"\$\{FLOCON_BIND:-127\.0\.0\.1\}:\$\{(FLOCON_\w+):-(\d+)\}:(\d+)")
    found = [(port, form.fullmatch(port)) for port in SERVICES[service].get("ports", [])]
    assert all(match for _, match in found), f"{service}: {found}"
    return [(match[1], int(match[2]), int(match[3])) for _, match in found if match]


def volumes(service: str) -> list[tuple[str, str]]:
    """A service's volumes: name and place."""
    return [tuple(each.split(":")) for each in SERVICES[service].get("volumes", [])]


def table(heading: str, page: Path = ROOT / "docs" / "deployment.md") -> list[dict[str, str]]:
    """The table under a heading of a page: a dictionary a row."""
    section = page.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("|")
    ]
    assert rows, f"{page.name} has no table under {heading}"
    return [dict(zip(rows[0], row, strict=True)) for row in rows[2:]]


def quoted(cell: str) -> set[str]:
    """The words in code quotes of a table's cell."""
    return set(re.findall(r"`([^`]+)`", cell))
