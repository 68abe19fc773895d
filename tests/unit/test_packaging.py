"""The way in: the commands of the Makefile, the lock files, and what a machine that lacks something is told."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flocon.settings import project_dir

ROOT = project_dir()
AS_INSTALLED = ("--assume-old=.venv/.installed",)
LOCKS = sorted(ROOT.glob("requirements*.txt"))
PROMISED = {
    *("demo", "test", "check", "up", "down", "status", "logs", "run"),
    *("backfill", "recheck", "sql", "sample", "bench", "clean"),
}


def make(*arguments: str, where: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    # Under `make test` this is make within make, which would hand on its own options.
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", *arguments], cwd=where, env=env, capture_output=True, text=True, timeout=60, check=False
    )


def test_make_alone_lists_every_command_with_what_it_does() -> None:
    shown = dict(re.findall(r"^  make (\w+) +(.+)$", make().stdout, re.MULTILINE))
    assert shown.keys() >= PROMISED
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(targets) == shown.keys(), "a target without ## is one that nobody finds"


@pytest.mark.parametrize("command", ["run", "backfill", "sql", "sample"])
def test_a_missing_value_is_said_with_an_example(command: str) -> None:
    done = make(command, *AS_INSTALLED)
    assert done.returncode == 2
    assert f"is missing: make {command} " in done.stderr


def test_values_reach_the_command_as_they_are() -> None:
    """Quotes, dollars and spaces in a query are PostgreSQL's business, neither make's nor the shell's."""
    query = "select 'it''s', $$a b$$, \"x\" -- `true` $HOME \\"
    done = make("sql", *AS_INSTALLED, "FLOCON=printf '[%s]'", f"Q={query}")
    assert done.stdout == f"[sql][--server][mart][{query}]"


def test_options_are_given_only_when_set() -> None:
    say = (*AS_INSTALLED, "FLOCON=echo")
    assert make("run", *say, "MONTHS=2024-01").stdout == "taxi run --months 2024-01\n"
    forced = make("run", *say, "MONTHS=2024-01", "SOURCE=a b", "FORCE=1", "SERVICE=green").stdout
    assert forced == "taxi run --months 2024-01 --service green --source a b --force\n"
    layer = make("run", *say, "DOMAIN=sales", "LAYER=silver", "AS_OF=2024-12-31").stdout
    assert layer == "sales run --layer silver --as-of 2024-12-31\n"
    assert "--force" not in make("run", *say, "MONTHS=2024-01", "FORCE=0").stdout


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_locks_pin_everything_with_hashes_and_name_no_machine(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    requirements = re.findall(
        r"^([a-z0-9].*?)(?: ;.*?)? \\\n((?:    --hash=\S+(?: \\\n|\n))+)", text, re.MULTILINE
    )
    lines = [line for line in text.splitlines() if line and not line.startswith(("#", "    --hash="))]
    assert len(requirements) == len(lines)
    assert all(re.fullmatch(r"[a-z0-9.\[\],_-]+==\S+", name) for name, _ in requirements)
    assert not re.search(r"https?://|--index|--find-links|file:|/home/|/root/|/tmp/", text)


def test_dev_lock_is_the_base_lock_and_more() -> None:
    base, dev = ((ROOT / f"requirements{name}.txt").read_text(encoding="utf-8") for name in ("", "-dev"))
    pins = {text: set(re.findall(r"^\S+==\S+", text, re.MULTILINE)) for text in (base, dev)}
    assert pins[base] < pins[dev]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the installation needs, and no virtual environment yet."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    shutil.copy(ROOT / "requirements-uv.txt", tmp_path)
    return tmp_path


def install(checkout: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    command = ["/bin/sh", "scripts/install.sh", "requirements.txt"]
    return subprocess.run(
        command, cwd=checkout, env=env, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_machine_without_a_suitable_python_is_told_in_one_line(checkout: Path) -> None:
    done = install(checkout, PATH="/nowhere")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "Python 3.11, 3.12 or 3.13" in done.stderr


def test_a_python_that_is_too_old_is_told_in_one_line(checkout: Path) -> None:
    # Stands for an old Python: it fails the question for its version, as that would.
    done = install(checkout, PATH="/usr/bin:/bin", PYTHON="/bin/false")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "PYTHON=/bin/false" in done.stderr


def test_a_python_without_venv_is_told_in_one_line(checkout: Path) -> None:
    python = checkout / "python3"
    # -S -I and an import that is refused: what Debian's python3 says without the package python3-venv.
    python.write_text(
        f'#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; esac\nexec {sys.executable} "$@"\n', encoding="ascii"
    )
    python.chmod(0o755)
    done = install(checkout, PATH="/usr/bin:/bin", PYTHON=str(python))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "python3-venv" in done.stderr
    assert not (checkout / ".venv").exists()


def test_a_second_make_installs_nothing() -> None:
    done = make("--question", ".venv/.installed")
    if not (ROOT / ".venv" / ".installed").exists():
        pytest.skip("this environment was not made by make")
    assert done.returncode == 0, done.stdout
