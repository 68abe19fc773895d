"""Settings: where a value comes from, and what is said when it is missing or makes no sense."""

import re
from pathlib import Path

import pytest

from flocon.dotenv import ensure_env
from flocon.errors import SettingsError
from flocon.settings import (
    ADMIN_SECRETS,
    PREFIX,
    Settings,
    get_settings,
    load_settings,
    project_dir,
    secret_names,
)

VARIABLES = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
EXAMPLE = (project_dir() / ".env.example").read_text(encoding="utf-8")


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment without settings, and a `.env` that does not exist yet."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    file = tmp_path / ".env"
    monkeypatch.setenv("FLOCON_ENV_FILE", str(file))
    get_settings.cache_clear()
    return file


@pytest.mark.parametrize("name", secret_names())
def test_a_missing_secret_is_named_with_the_command_that_makes_it(env_file: Path, name: str) -> None:
    settings = load_settings()
    with pytest.raises(SettingsError, match=rf"FLOCON_{name.upper()};.*make env"):
        settings.secret(name)


def test_an_administrators_secrets_are_not_handed_on(env_file: Path) -> None:
    ensure_env()
    settings = load_settings()
    handed = settings.as_env(without=ADMIN_SECRETS)
    assert "FLOCON_MART_LOADER_PASSWORD" in handed
    assert not [name for name in ADMIN_SECRETS if settings.secret(name) in handed.values()]


def test_a_value_that_makes_no_sense_is_named_and_not_shown(
    env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure_env()
    monkeypatch.setenv("FLOCON_MART_PORT", "99999")
    monkeypatch.setenv("FLOCON_S3_SECRET_KEY", "xq")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "FLOCON_MART_PORT" in str(caught.value)
    assert "FLOCON_S3_SECRET_KEY" in str(caught.value)
    assert "xq" not in str(caught.value)


def test_environment_wins_over_file_and_file_over_default(
    env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env_file.write_text("FLOCON_MART_PORT=1111\nFLOCON_S3_PORT=2222\n", encoding="utf-8")
    ensure_env()
    monkeypatch.setenv("FLOCON_S3_PORT", "3333")
    settings = load_settings()
    assert (settings.mart_port, settings.s3_port, settings.warehouse_port) == (1111, 3333, 15432)
    assert settings.s3_url == "http://127.0.0.1:3333"


def test_env_is_private_and_what_is_there_stays(env_file: Path) -> None:
    env_file.write_text("# mine\nFLOCON_MART_READER_PASSWORD=chosen by me\n", encoding="utf-8")
    env_file.chmod(0o644)
    added = ensure_env()
    first = env_file.read_text(encoding="utf-8")
    assert len(added) == len(secret_names()) - 1
    assert first.startswith("# mine\nFLOCON_MART_READER_PASSWORD=chosen by me\n")
    assert env_file.stat().st_mode & 0o777 == 0o600
    assert ensure_env() == []
    assert env_file.read_text(encoding="utf-8") == first
    assert load_settings().secret("mart_reader_password") == "chosen by me"


def test_new_env_is_the_example_with_random_secrets_filled_in(env_file: Path) -> None:
    ensure_env()
    lines = env_file.read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(EXAMPLE.splitlines())
    assert env_file.stat().st_mode & 0o777 == 0o600
    settings = load_settings()
    values = [settings.secret(name) for name in secret_names()]
    assert len(set(values)) == len(values)
    assert min(map(len, values)) >= 20


def test_secrets_given_by_the_environment_are_not_written(
    env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in secret_names():
        monkeypatch.setenv(f"FLOCON_{name.upper()}", "from elsewhere")
    assert ensure_env() == []
    assert not env_file.exists()


def test_another_process_gets_the_same_settings(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ensure_env()
    settings = load_settings(mart_port=4444, home=Path("elsewhere"))
    env_file.unlink()
    for variable, value in settings.as_env().items():
        monkeypatch.setenv(variable, value)
    assert load_settings() == settings


def test_secrets_do_not_show_when_settings_are_printed(env_file: Path) -> None:
    ensure_env()
    settings = load_settings()
    shown = f"{settings!r} {settings}"
    assert not [name for name in secret_names() if settings.secret(name) in shown]


@pytest.mark.parametrize("variable", VARIABLES)
def test_example_lists_every_setting_with_a_comment(variable: str) -> None:
    line = re.search(rf"^(# )?{variable}=(.*)$", EXAMPLE, re.MULTILINE)
    assert line, f"{variable} is missing in .env.example"
    field = Settings.model_fields[variable.removeprefix(PREFIX).lower()]
    assert field.description
    if field.default is None:
        assert line.groups() == (None, ""), "a secret has no value in a file that is committed"
    else:
        assert line.group(1), "a default is shown as a comment"
        if field.default_factory is None:
            assert type(field.default)(line.group(2)) == field.default


def test_example_lists_nothing_else() -> None:
    assert set(re.findall(r"^(?:# )?(FLOCON_\w+)=", EXAMPLE, re.MULTILINE)) == set(VARIABLES)
