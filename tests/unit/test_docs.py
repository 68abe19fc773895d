"""The documentation is held to the code: commands, settings, links, house rules of the tree."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PAGES = [*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md")]
TARGETS = re.findall(r"^([a-z]+):.*## ", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
SHARED = {"stack", "publish", "dropped", "api", "dashboard", "backup"}
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


@pytest.mark.parametrize("target", TARGETS)
def test_every_make_target_is_documented(target: str) -> None:
    assert re.search(rf"make {target}\b", TEXT), f"no page mentions `make {target}`"


def test_no_page_speaks_of_a_target_that_is_not_there() -> None:
    spoken_of = set(re.findall(r"(?:`|^|&& )make ([a-z]+)\b", TEXT, re.MULTILINE))
    assert spoken_of <= set(TARGETS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]*)(#[^)]+)?\)", page.read_text(encoding="utf-8"))
    assert not [target for target, _ in targets if target and not (page.parent / target).exists()]


def test_every_decision_is_numbered_once() -> None:
    numbers = [path.name[:4] for path in sorted((PROJECT / "docs" / "adr").glob("[0-9]*.md"))]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]


def test_a_domain_has_the_same_name_everywhere() -> None:
    in_sql = {path.name for path in (PROJECT / "sql").iterdir()} - {"core", "roles"}
    packages = {path.parent.name for path in (PROJECT / "src" / "flocon").glob("*/__init__.py")} - SHARED
    dags = {path.name.partition("_")[0] for path in (PROJECT / "airflow" / "dags").glob("*_*.py")}
    tests = {path.name for path in (PROJECT / "tests" / "sql").iterdir() if path.is_dir()} - {"__pycache__"}
    assert in_sql == packages == dags == tests


def test_shared_mechanisms_import_no_domain() -> None:
    package = PROJECT / "src" / "flocon"
    shared = [*package.glob("*.py"), *(path for part in SHARED for path in package.glob(f"{part}/*.py"))]
    domains = re.compile(r"from flocon\.(taxi|sales|wine)\b")
    importing = [
        path.name
        for path in shared
        if path.name != "cli.py" and domains.search(path.read_text(encoding="utf-8"))
    ]
    assert not importing
