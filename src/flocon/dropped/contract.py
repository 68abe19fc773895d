"""The contract of a dropped file: which table it is for, which columns it must bring, and of which types.

The contract itself is the metadata of a domain's bronze tables (`sql/<domain>/bronze/*/metadata.yaml`). Values are kept
as they came: a file is refused only when it cannot be what its name says.
"""

from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import PurePosixPath
from typing import NamedTuple

from flocon.errors import ContractError
from flocon.quarantine import Reason
from flocon.tables import Table

# Below this share of values that can be read as its type, a column is another column, not a dirty one.
READABLE_SHARE = 0.5
# Names of columns that are added to what was received, here and in quarantine.
RESERVED = ("_file", "_line", "reason")


class Unfit(ContractError):
    """A dropped file breaks a rule of its contract."""

    def __init__(self, rule: str, expected: str, found: str) -> None:
        self.reason = Reason(rule, expected, found)
        super().__init__(str(self.reason))


class Read(NamedTuple):
    """Of one column, how many values are filled in, and how many of those can be read as its type."""

    name: str
    filled: int
    readable: int


def is_for(name: str, table: Table) -> bool:
    """Whether a dropped file is for a table, by its name, whatever its case."""
    base = PurePosixPath(name).name.casefold()
    return any(fnmatch(base, pattern.casefold()) for pattern in table.metadata.files)


def table_of(name: str, tables: Sequence[Table]) -> Table:
    """The table that a dropped file is for, by its name.

    Raises:
        Unfit: it is for none of the tables, or for several.
    """
    found = [table for table in tables if is_for(name, table)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{' or '.join(table.metadata.files)} ({table.name})" for table in tables)
    if not found:
        raise Unfit("unknown_file", f"a name like one of {known}", f"{name}, which is like none of them")
    names = " and ".join(table.name for table in found)
    raise Unfit(
        "ambiguous_file", f"a name like only one of {known}", f"{name}, which is like those of {names}"
    )


def known_columns(header: Sequence[str], table: Table) -> list[str]:
    """The columns of the contract that a header has, each as often as it is there."""
    return [name for name in _canonical(header, table) if name in table.contract_columns]


def fit_header(header: Sequence[str], table: Table) -> tuple[str, ...]:
    """The header with the contract's columns under their canonical names, the others under their own.

    Raises:
        Unfit: a required column is missing, or the columns cannot be told apart.
    """
    columns = _canonical(header, table)
    told = f"the columns {', '.join(columns)}"
    missing = [name for name, c in table.contract_columns.items() if c.required and name not in columns]
    if missing:
        needed = ", ".join(name for name, c in table.contract_columns.items() if c.required)
        raise Unfit("missing_column", f"the columns {needed}", f"no {', '.join(missing)}; {told}")
    repeated = [name for name, count in Counter(map(str.casefold, columns)).items() if count > 1 and name]
    if repeated:
        raise Unfit("repeated_column", "every column once", f"{', '.join(repeated)} more than once; {told}")
    if "" in columns:
        raise Unfit(
            "unnamed_column", "a name for every column", f"none for column {columns.index('') + 1}; {told}"
        )
    reserved = [name for name in columns if name.casefold() in RESERVED]
    if reserved:
        raise Unfit("reserved_column", f"no column named {', '.join(RESERVED)}", ", ".join(reserved))
    return columns


def judge_types(reads: Sequence[Read], table: Table) -> None:
    """Raise `Unfit` when a column cannot be what the contract says."""
    wrong = [read for read in reads if read.readable < READABLE_SHARE * read.filled]
    if wrong:
        types = {name: column.type for name, column in table.contract_columns.items()}
        raise Unfit(
            "wrong_type",
            f"at least {READABLE_SHARE:.0%} of the filled values to be "
            + ", ".join(f"{types[read.name]} in {read.name}" for read in wrong),
            ", ".join(f"{read.readable:,} of {read.filled:,} in {read.name}" for read in wrong),
        )


def _canonical(header: Sequence[str], table: Table) -> tuple[str, ...]:
    names = {
        known.casefold(): name
        for name, column in table.contract_columns.items()
        for known in (name, *column.aliases)
    }
    stripped = [name.removeprefix("\ufeff").strip() for name in header]
    return tuple(names.get(name.casefold(), name) for name in stripped)
