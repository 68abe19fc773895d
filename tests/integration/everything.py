"""All that is in a database of Flocon's: rows, what holds them, who may read them."""

from typing import Any

import psycopg
from psycopg import sql

# Names, shapes and rights, in words that are the same in another database.
_SHAPES = {
    "relations": """
        select n.nspname, c.relname, c.relkind, c.relacl::text, pg_get_expr(c.relpartbound, c.oid)
        from pg_class as c inner join pg_namespace as n on c.relnamespace = n.oid
        where n.nspowner = current_user::regrole""",
    "columns": """
        select a.attrelid::regclass::text, a.attnum, a.attname, a.atttypid::regtype::text, a.attnotnull,
            pg_get_expr(d.adbin, d.adrelid)
        from pg_attribute as a
        inner join pg_class as c on a.attrelid = c.oid
        inner join pg_namespace as n on c.relnamespace = n.oid
        left join pg_attrdef as d on a.attrelid = d.adrelid and a.attnum = d.adnum
        where n.nspowner = current_user::regrole and a.attnum > 0 and not a.attisdropped""",
    "constraints": """
        select k.conrelid::regclass::text, k.conname, pg_get_constraintdef(k.oid), k.convalidated
        from pg_constraint as k inner join pg_namespace as n on k.connamespace = n.oid
        where n.nspowner = current_user::regrole""",
    "indexes": """
        select i.indexdef from pg_indexes as i inner join pg_namespace as n on i.schemaname = n.nspname
        where n.nspowner = current_user::regrole""",
    "views": """
        select v.schemaname, v.viewname, v.definition from pg_views as v
        inner join pg_namespace as n on v.schemaname = n.nspname where n.nspowner = current_user::regrole""",
    "functions": """
        select pg_get_functiondef(p.oid), p.proacl::text
        from pg_proc as p inner join pg_namespace as n on p.pronamespace = n.oid
        where n.nspowner = current_user::regrole""",
    "schemas": "select nspname, nspacl::text from pg_namespace where nspowner = current_user::regrole",
    "sequences": "select schemaname, sequencename, last_value from pg_sequences where sequenceowner = current_user",
    "defaults": "select defaclobjtype, defaclacl::text from pg_default_acl where defaclrole = current_user::regrole",
    "comments": """
        select obj_description(c.oid, 'pg_class') from pg_class as c
        inner join pg_namespace as n on c.relnamespace = n.oid where n.nspowner = current_user::regrole""",
}


def everything(dsn: str) -> dict[str, list[str]]:
    """Every row of every table, and every shape and right, of the schemas of the connection's role."""
    with psycopg.connect(dsn) as connection:
        found = {name: _sorted(connection, query) for name, query in _SHAPES.items()}
        tables = connection.execute(
            "select n.nspname, c.relname from pg_class as c inner join pg_namespace as n on c.relnamespace = n.oid"
            " where n.nspowner = current_user::regrole and c.relkind = 'r' order by 1, 2"
        ).fetchall()
        for schema, table in tables:
            rows = sql.SQL("select count(*), sum(hashtextextended(r::text, 0)) from {} as r")
            found[f"{schema}.{table}"] = _sorted(connection, rows.format(sql.Identifier(schema, table)))
    return found


def _sorted(connection: psycopg.Connection[Any], query: Any) -> list[str]:
    return sorted(str(row) for row in connection.execute(query).fetchall())
