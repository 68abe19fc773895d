"""The database roles of each PostgreSQL server: sql/roles says what each may do, the settings have the passwords."""

import psycopg

from flocon.settings import Settings

# server -> the roles that sql/roles/<database>.sql creates, and the setting of each one's password.
ROLES: dict[str, dict[str, str]] = {
    "warehouse": {"warehouse_loader": "warehouse_loader_password"},
    "mart": {"mart_loader": "mart_loader_password", "mart_reader": "mart_reader_password"},
    "airflow_db": {"airflow": "airflow_db_password"},
}


def grant_roles(settings: Settings, server: str, database: str = "") -> None:
    """Bring the roles, rights and passwords of a server (`warehouse`, `mart`, `airflow_db`) to what sql/roles says.

    Done by the superuser, in the server's own database unless another is named.
    """
    file = settings.project / "sql" / "roles" / f"{server.removesuffix('_db')}.sql"
    with psycopg.connect(settings.dsn(server, "postgres", database)) as admin:
        for role, setting in ROLES[server].items():
            password = settings.secret(setting).encode()
            # The server gets the verifier, never the password, so no log of its can hold it.
            verifier = admin.pgconn.encrypt_password(password, role.encode(), b"scram-sha-256")
            admin.execute("select set_config(%s, %s, true)", [f"flocon.{role}_verifier", verifier.decode()])
        admin.execute(file.read_text(encoding="utf-8"))
