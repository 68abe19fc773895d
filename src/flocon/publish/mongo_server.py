"""The MongoDB that gold is copied to: one connection, and what its failures mean."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    InvalidURI,
    OperationFailure,
    PyMongoError,
)

from flocon.errors import FloconError, SettingsError, TransientError
from flocon.settings import Settings

Document: TypeAlias = dict[str, Any]

# Where the address says nothing else: the driver itself looks for a server for half a minute, and waits for ever for an
# answer. Its connectTimeoutMS stays: a busy server that does not answer its heartbeat within it is taken for lost.
_PATIENCE = {"serverSelectionTimeoutMS": 10_000, "socketTimeoutMS": 600_000}
_SCHEMES = ("mongodb://", "mongodb+srv://")
_DUPLICATE_KEY = 11000
_REFUSES_LOGIN = {13, 18, 8000}
_MAY_PASS = ("RetryableWriteError", "RetryableError", "TransientTransactionError")


@dataclass(frozen=True)
class MongoServer:
    """A server that answers; `host` names it in messages, without the password."""

    host: str
    database: Database[Document]
    is_ferretdb_1: bool

    @property
    def has_decimals(self) -> bool:
        """FerretDB 1 drops the connection at the first Decimal128."""
        return not self.is_ferretdb_1

    @property
    def writes_at_once(self) -> int:
        """FerretDB 1 keeps one of its 100 sessions for each document that a command replaces, and waits for more."""
        return 50 if self.is_ferretdb_1 else 5_000

    def collection(self, name: str) -> Collection[Document]:
        """A collection of the configured database."""
        return self.database[name]


@contextmanager
def connected(settings: Settings, run_id: str) -> Iterator[MongoServer]:
    """The server of `mongo_url`; a failure of the driver inside is raised as one of ours, naming the server.

    Raises:
        SettingsError: the address makes no sense.
        TransientError: the server is away, or went away.
        FloconError: it refuses the login, the database or what is written.
    """
    url = settings.mongo_url.get_secret_value()
    with _client(url, run_id) as client, explained(host_of(url), settings.mongo_database):
        client.admin.command("ping")
        version = str(client.server_info().get("ferretdbVersion", ""))
        yield MongoServer(host_of(url), client[settings.mongo_database], version.startswith("v1."))


def _client(url: str, run_id: str) -> MongoClient[Document]:
    given = {name.lower() for name in re.findall(r"[?&]([^=&]+)=", url)}
    patience: dict[str, Any] = {name: ms for name, ms in _PATIENCE.items() if name.lower() not in given}
    try:
        if not url.startswith(
            _SCHEMES
        ):  # the driver takes it for a host then, and names all of it when that is away
            raise InvalidURI("no scheme")
        return MongoClient(url, appname=f"flocon {run_id}"[:128], **patience)
    except (InvalidURI, ConfigurationError, ValueError):  # their texts may hold parts of the password
        raise SettingsError(
            "FLOCON_MONGO_URL is not an address of MongoDB such as mongodb://user:password@host:27017; "
            "in the user and password write @ : / % as %40 %3A %2F %25."
        ) from None


def host_of(url: str) -> str:
    """The host and port in an address, for messages: what stands between the password and the options."""
    return re.split("[/?]", url.partition("://")[2])[0].rpartition("@")[2]


@contextmanager
def explained(host: str, database: str) -> Iterator[None]:
    """Say which server failed and what to do; a server that is away may come back, what it refuses stays refused."""
    about = f"MongoDB at {host}"
    try:
        yield
    except ConnectionFailure as error:
        raise TransientError(
            f"{about} cannot be reached ({_reason(error)}). What it has of gold is completed by the next run: start it "
            "and run again, or leave FLOCON_MONGO_URL empty to do without it."
        ) from error
    except OperationFailure as error:
        if error.code in _REFUSES_LOGIN:
            raise FloconError(
                f"{about} refuses us ({_reason(error)}). Check user, password and authSource in FLOCON_MONGO_URL; the "
                f"user needs the role readWrite on the database {database}."
            ) from error
        family = TransientError if _may_pass(error) else FloconError
        raise family(f"{about} refuses what was to be done in {database}: {_reason(error)}") from error
    except PyMongoError as error:
        raise FloconError(f"{about} cannot be used: {_reason(error)}") from error


def _may_pass(error: OperationFailure) -> bool:
    """A key that exists twice is of a run that was killed, whose last documents the server was still writing."""
    if isinstance(error, BulkWriteError):
        return {each["code"] for each in error.details["writeErrors"]} <= {_DUPLICATE_KEY}
    return any(map(error.has_error_label, _MAY_PASS))


def _reason(error: PyMongoError) -> str:
    """The driver's words without the dump of replies and topology that follows them."""
    if isinstance(error, BulkWriteError):
        found = [*error.details["writeErrors"], *error.details["writeConcernErrors"]]
        return "; ".join(str(each["errmsg"]) for each in found[:1]) + f" ({len(found)} such writes)"
    return re.split(r", (?:Timeout:|full error:)| \(configured timeouts:", str(error))[0]
