"""One query, printed as CSV."""

from typing import BinaryIO

import psycopg
from psycopg import sql

from flocon.errors import FloconError, SettingsError, StackError
from flocon.settings import Settings


def print_csv(settings: Settings, server: str, query: str, out: BinaryIO) -> None:
    """Write the rows of a SELECT to `out`, with a header line.

    Raises:
        SettingsError: no such server.
        StackError: it cannot be reached.
        FloconError: PostgreSQL refuses the query; says why.
    """
    dsns = {"mart": settings.mart_reader_dsn, "warehouse": settings.warehouse_dsn}
    if server not in dsns:
        raise SettingsError(f"{server!r} is not a server: choose mart or warehouse")
    # COPY gives PostgreSQL's own text of every value, row by row.
    copy = sql.SQL("copy ({}) to stdout (format csv, header)").format(sql.SQL(query.strip().rstrip(";")))
    try:
        with psycopg.connect(dsns[server]) as connection:
            connection.read_only = True
            with connection.cursor().copy(copy) as rows:
                for row in rows:
                    out.write(row)
    except psycopg.OperationalError as error:
        raise StackError(f"{server}: {str(error).strip()}; `make status` shows whether it runs") from error
    except psycopg.Error as error:
        raise FloconError(f"{server}: {str(error).strip()}") from error
