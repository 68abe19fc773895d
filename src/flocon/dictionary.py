"""Write docs/data-dictionary.md from the metadata of the tables: `python -m flocon.dictionary`."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from flocon.tables import Column, Table, load_tables, sql_root

_HEAD = """# Data dictionary

Generated from `sql/**/metadata.yaml` by `python -m flocon.dictionary`; a test holds it to them. Do not edit it by hand.
"""
_SERVERS = {"lake": "Lake", "warehouse": "Warehouse", "mart": "Mart"}


def dictionary_path() -> Path:
    """Where the dictionary is kept."""
    return sql_root().parent / "docs" / "data-dictionary.md"


def render(tables: list[Table]) -> str:
    """The dictionary as Markdown: per domain and server, every table with its columns, units and keys, by name."""
    ordered = sorted(tables, key=_place)
    parts = [_HEAD]
    for (domain, server), group in groupby(ordered, key=lambda table: (table.domain, table.server)):
        members = list(group)
        parts.append(f"## {domain}: {_SERVERS[server].lower()}\n\n" + "\n".join(_contents(members)) + "\n")
        parts.extend("\n".join(_section(table)) + "\n" for table in members)
    return "\n".join(parts)


def write() -> Path:
    """Bring the file up to date; return its path."""
    path = dictionary_path()
    path.write_text(render(load_tables()), encoding="utf-8")
    return path


def _place(table: Table) -> tuple[str, int, str, str]:
    """Domains by name; in each, in the order of the data's way."""
    return table.domain, list(_SERVERS).index(table.server), table.layer, table.name


def _contents(tables: list[Table]) -> Iterator[str]:
    yield "| Name | Kind | One row is |"
    yield "|---|---|---|"
    for table in tables:
        name, metadata = table.qualified_name, table.metadata
        yield f"| [{name}](#{_anchor(name)}) | {metadata.kind} | {_cell(metadata.grain)} |"


def _anchor(heading: str) -> str:
    """The fragment that GitHub gives to a heading."""
    return heading.lower().replace(".", "")


def _section(table: Table) -> Iterator[str]:
    metadata = table.metadata
    yield f"### {table.qualified_name}\n"
    yield f"{metadata.description}\n"
    facts = {
        "Partitioned by": metadata.partition_by,
        "Part of": metadata.partition_of,
        "Primary key": ", ".join(metadata.primary_key),
        "Files": ", ".join(f"`{pattern}`" for pattern in metadata.files),
        "Exported as": f"`gold/csv/{metadata.export}.csv`" if metadata.export else "",
        "Owner": metadata.owner,
        "Source": f"`{table.path.relative_to(table.path.parents[3]).as_posix()}/`",
    }
    yield " · ".join(f"{label}: {fact}" for label, fact in facts.items() if fact)
    if metadata.columns:
        yield "\n| Column | Type | Unit | Null | Meaning |"
        yield "|---|---|---|---|---|"
        yield from (_row(name, column) for name, column in metadata.columns.items())
    if metadata.rejects:
        yield "\n| Refused as | When |"
        yield "|---|---|"
        yield from (f"| {reason} | {_cell(words)} |" for reason, words in metadata.rejects.items())
    if metadata.tests:
        yield "\n| Quality test | Finds at most | What, and why |"
        yield "|---|---|---|"
        for name, test in metadata.tests.items():
            yield f"| {name} | {test.expected} ({test.severity}) | {_cell(test.why)} |"


def _row(name: str, column: Column) -> str:
    meaning = column.description
    if column.references:
        meaning += f" References {column.references}."
    if column.required is not None:
        meaning += (
            " Required in a published file." if column.required else " May be missing in a published file."
        )
    null = "yes" if column.nullable else "no"
    return f"| {name} | {column.type} | {column.unit or ''} | {null} | {_cell(meaning)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").strip()


if __name__ == "__main__":
    write()
