"""Settings: the only reader of the environment.

A value is that of the process environment (`FLOCON_<NAME>`), else of the project's `.env`, else the default here.
Secrets have no default: `make env` writes random ones into `.env` once. A process needs only those that it uses.
"""

import os
from collections.abc import Container
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from dotenv import dotenv_values
from psycopg.conninfo import make_conninfo
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from flocon.errors import SettingsError

PREFIX = "FLOCON_"
Port = Annotated[int, Field(ge=1, le=65535)]
# None until it is given. rclone refuses S3 keys shorter than three characters, MinIO's administrator needs eight.
Secret = Annotated[SecretStr | None, Field(min_length=3)]

# What only administers servers: no task, API or dashboard gets these.
ADMIN_SECRETS = ("postgres_password", "s3_admin_access_key", "s3_admin_secret_key")


def project_dir() -> Path:
    """The folder that holds sql/, airflow/ and .env: FLOCON_PROJECT, else the checkout this package runs from."""
    given = os.environ.get(f"{PREFIX}PROJECT")
    return Path(given).resolve() if given else Path(__file__).resolve().parents[2]


def env_file() -> Path:
    """The file that settings are read from: FLOCON_ENV_FILE, else `.env` in the project."""
    given = os.environ.get(f"{PREFIX}ENV_FILE")
    return Path(given).resolve() if given else project_dir() / ".env"


class Settings(BaseSettings):
    """Every setting of Flocon: a field `x` is the variable `FLOCON_X`. `.env.example` has the same sections."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", env_ignore_empty=True, frozen=True)

    # Places
    project: Path = Field(default_factory=project_dir, description="Folder that holds sql/ and airflow/")
    home: Path = Field(
        Path(".flocon"), description="Where the embedded servers keep data and logs; relative to project"
    )
    server_user: str = Field(
        "",
        description="As root only: the OS account that runs PostgreSQL (default: postgres if it exists, else nobody)",
    )

    # Addresses
    bind: str = Field("127.0.0.1", description="Address that every embedded server listens on")
    warehouse_host: str = Field("127.0.0.1", description="Host of the warehouse")
    warehouse_port: Port = Field(15432, description="Port of the warehouse")
    mart_host: str = Field("127.0.0.1", description="Host of the mart")
    mart_port: Port = Field(15435, description="Port of the mart")
    airflow_db_host: str = Field("127.0.0.1", description="Host of Airflow's metadata database")
    airflow_db_port: Port = Field(15433, description="Port of Airflow's metadata database")
    s3_port: Port = Field(9000, description="Port of the embedded S3 server")
    s3_endpoint: str = Field("", description="URL of the S3 service (default: the embedded one)")
    s3_region: str = Field("us-east-1", description="Its region")
    s3_bucket_prefix: str = Field(
        "",
        pattern=r"^$|^[a-z0-9][a-z0-9-]{0,50}$",
        description="What the names of the lake's buckets start with there, as in acme-: AWS has each name only once",
    )
    airflow_host: str = Field(
        "127.0.0.1",
        description="Host of Airflow's web interface and REST API, as its other processes reach it",
    )
    airflow_port: Port = Field(8080, description="Port of Airflow's web interface and REST API")
    airflow_public_url: str = Field(
        "",
        description="Address of Airflow's web interface as browsers reach it (default: that host and port)",
    )
    api_host: str = Field(
        "127.0.0.1", description="Host of the API over the mart, as the dashboard reaches it"
    )
    api_port: Port = Field(8000, description="Port of the API over the mart")
    dashboard_port: Port = Field(8501, description="Port of the dashboard")

    # Airflow's executor
    airflow_executor: Literal["LocalExecutor", "CeleryExecutor"] = Field(
        "LocalExecutor", description="LocalExecutor, or CeleryExecutor for workers on several machines"
    )
    redis_host: str = Field("127.0.0.1", description="Host of the Redis that hands tasks to Celery's workers")
    redis_port: Port = Field(6379, description="Its port")

    # Ports of the deployment alone (docker-compose.yml)
    s3_console_port: Port = Field(9001, description="Port of MinIO's web console")
    notebooks_port: Port = Field(8888, description="Port of JupyterLab (profile notebooks)")
    mongo_port: Port = Field(27017, description="Port of MongoDB (profile mongo)")
    mongo_express_port: Port = Field(8081, description="Port of Mongo Express (profile mongo)")
    flower_port: Port = Field(
        5555, description="Port of Flower, which shows Celery's workers (profile flower)"
    )

    # Sizes
    shared_buffers_mb: int = Field(
        0,
        ge=0,
        description="Memory of the warehouse and of the mart, each, MB (0: from the machine's memory)",
    )
    airflow_parallelism: int = Field(8, ge=1, le=256, description="Tasks that Airflow runs at the same time")

    # Runs
    lock_patience_s: float = Field(
        900.0, ge=0, description="Seconds to wait for another run that is at work on the same month"
    )

    # Source of the taxi months
    taxi_source: str = Field(
        "tlc", description="Where months come from: tlc, sample, a folder or an http(s) address"
    )
    tlc_url: str = Field("https://d37ci6vzurychx.cloudfront.net", description="Address of the publisher")
    http_timeout_s: float = Field(
        60.0, gt=0, description="Seconds without a byte after which a download is given up"
    )
    http_attempts: int = Field(
        5, ge=1, le=20, description="How often a download is tried before the task fails"
    )
    sample_rows: int = Field(300_000, ge=1, description="Trips in a generated (synthetic) month")
    sample_seed: int = Field(
        2024, ge=0, description="Seed of generated months: the same seed gives the same bytes"
    )

    # Shop files of the domain sales
    sales_source: str = Field(
        "lake",
        description="Where shop files are dropped: lake (its bucket `sources`, under sales/) or a folder",
    )

    # Excel files of the domain wine
    wine_source: str = Field(
        "lake",
        description="Where a month's files are dropped: lake (`sources`, under wine/<month>/) or a folder",
    )

    wine_reports_to: str = Field(
        "",
        pattern=r"^$|^[a-z0-9][a-z0-9.-]+(/[^/]+)*/?$",
        description="Bucket and folder that a month's reports are stored in besides, as in exchange/wine (empty: none)",
    )
    wine_mail_to: str = Field(
        "", description="Addresses that a month's reports are mailed to, with commas between (empty: nobody)"
    )

    # The lake's engine
    engine_memory_mb: int = Field(
        2048,
        ge=256,
        description="Memory that making a lake table may take, MB; more goes to a scratch folder",
    )

    # MongoDB, optional
    mongo_url: SecretStr = Field(
        SecretStr(""),
        description="Address of the MongoDB that gold is copied to, as in mongodb://user:password@host (empty: none)",
    )
    mongo_database: str = Field("flocon", description="Its database")

    # Notifications
    notify_on: Literal["failure", "all"] = Field(
        "failure", description="Runs that are notified about: failure (those that failed) or all"
    )
    notify_mail_to: str = Field(
        "", description="Addresses that are mailed at a run's end, with commas between (empty: nobody)"
    )
    notify_webhook_url: SecretStr = Field(
        SecretStr(""), description="Address that a run's end is posted to as JSON (empty: none)"
    )

    # Secrets
    postgres_password: Secret = Field(None, description="Superuser `postgres` of the PostgreSQL servers")
    warehouse_loader_password: Secret = Field(None, description="Role `warehouse_loader` of the warehouse")
    mart_loader_password: Secret = Field(None, description="Role `mart_loader` of the mart")
    mart_reader_password: Secret = Field(
        None, description="Role `mart_reader` of the mart, which can only SELECT"
    )
    airflow_db_password: Secret = Field(None, description="Role `airflow` of Airflow's metadata database")
    s3_access_key: Secret = Field(None, description="Access key of the lake")
    s3_secret_key: Secret = Field(None, description="Secret key of the lake")
    s3_admin_access_key: Secret = Field(
        None,
        description="Administrator of the S3 server: makes the buckets and the lake's user (MinIO's root)",
    )
    s3_admin_secret_key: Secret = Field(None, description="Its secret key")
    airflow_admin_password: Secret = Field(None, description="User `admin` of Airflow's web interface")
    airflow_fernet_key: Secret = Field(None, description="Key that Airflow encrypts stored connections with")
    airflow_jwt_secret: Secret = Field(None, description="Key that Airflow signs its API tokens with")
    airflow_secret_key: Secret = Field(None, description="Key that Airflow signs its web sessions with")
    redis_password: Secret = Field(None, description="Password of Redis")
    notebooks_token: Secret = Field(None, description="Token that JupyterLab asks for")
    mongo_password: Secret = Field(None, description="User `flocon` of the deployment's MongoDB")
    mongo_express_password: Secret = Field(None, description="User `admin` of Mongo Express")
    flower_password: Secret = Field(None, description="User `admin` of Flower")

    @property
    def home_dir(self) -> Path:
        """`home` as an absolute path."""
        return (self.project / self.home).resolve()

    @property
    def s3_url(self) -> str:
        """URL of the S3 service."""
        return self.s3_endpoint or f"http://{self.bind}:{self.s3_port}"

    @property
    def warehouse_dsn(self) -> str:
        """Connection string of the warehouse as `warehouse_loader`."""
        return self.dsn("warehouse", "warehouse_loader")

    @property
    def mart_dsn(self) -> str:
        """Connection string of the mart as `mart_loader`."""
        return self.dsn("mart", "mart_loader")

    @property
    def mart_reader_dsn(self) -> str:
        """Connection string of the mart as `mart_reader`, which can only SELECT."""
        return self.dsn("mart", "mart_reader")

    def secret(self, name: str) -> str:
        """The value of a secret. SettingsError when it is not given."""
        value = getattr(self, name)
        if value is None:
            raise SettingsError(
                f"not set: {PREFIX}{name.upper()}; run `make env` to have it written into {env_file()}"
            )
        return str(value.get_secret_value())

    def as_env(self, *, without: Container[str] = ()) -> dict[str, str]:
        """The environment that gives another process these settings, whatever its `.env` says; holds the secrets."""
        values = {name: getattr(self, name) for name in type(self).model_fields if name not in without}
        plain = {k: v.get_secret_value() if isinstance(v, SecretStr) else v for k, v in values.items()}
        return {PREFIX + name.upper(): str(value) for name, value in plain.items() if value is not None}

    def address(self, server: str) -> tuple[str, int]:
        """Host and port of `warehouse`, `mart` or `airflow_db`."""
        return getattr(self, f"{server}_host"), getattr(self, f"{server}_port")

    def dsn(self, server: str, user: str, dbname: str = "") -> str:
        """Connection string of one PostgreSQL server; the database is named after the server unless given."""
        host, port = self.address(server)
        return make_conninfo(
            host=host,
            port=port,
            user=user,
            password=self.secret(f"{user}_password"),
            dbname=dbname or server.removesuffix("_db"),
            connect_timeout=10,
        )


def secret_names() -> list[str]:
    """The settings that are secrets, in the order of `Settings`."""
    return [name for name, field in Settings.model_fields.items() if field.default is None]


def missing_secrets() -> list[str]:
    """The secrets that neither the process environment nor `.env` gives."""
    known = {**dotenv_values(env_file()), **os.environ}
    return [name for name in secret_names() if not known.get(PREFIX + name.upper())]


def load_settings(**given: object) -> Settings:
    """Settings with `given` on top of the environment and `.env`.

    Raises:
        SettingsError: a value makes no sense; names the variable, never its value.
    """
    try:
        return Settings(_env_file=env_file(), **given)  # type: ignore[call-arg, arg-type]
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None
    except OSError as error:
        raise SettingsError(f"{env_file()} cannot be read: {error.strerror}") from error


def _explain(error: ValidationError) -> str:
    """One line a variable. Values are left out: they may be secrets."""
    problems = {PREFIX + str(e["loc"][0]).upper() if e["loc"] else "?": e for e in error.errors()}
    return "\n".join(f"{name}: {e['msg']}" for name, e in problems.items())


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read once."""
    return load_settings()
