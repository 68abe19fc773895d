"""What the silver layer did with the rows it was given, as the ledger remembers it."""

from dataclasses import dataclass
from typing import Any

from flocon import ledger
from flocon.postgres import Connection
from flocon.shelf import dataset, lake_tables

KEPT = "kept"
_KEPT_IN_WORDS = "No rule refuses the row."


@dataclass(frozen=True)
class Quality:
    """What became of the rows of a table: `rows_in` = `kept` + the sum of `rejected`, by reason.

    `reasons` are all reasons that the table knows, in words; those that refused nothing are not in `rejected`.
    """

    table: str
    rows_in: int
    kept: int
    rejected: dict[str, int]
    reasons: dict[str, str]

    def rows(self) -> list[dict[str, Any]]:
        """The rows of `sales.qualite`, one for what is kept and one for each reason; `rows_in` stands beside each."""
        counted = [(KEPT, _KEPT_IN_WORDS, self.kept)]
        counted += [(reason, words, self.rejected.get(reason, 0)) for reason, words in self.reasons.items()]
        return [
            {
                "table_silver": self.table,
                "raison": reason,
                "description": words,
                "lignes": rows,
                "rows_in": self.rows_in,
            }
            for reason, words, rows in counted
        ]


def quality(warehouse: Connection, domain: str = "sales") -> list[Quality]:
    """The quality report of the silver layer as it is; a table that was never made is not in it."""
    found = []
    for table in lake_tables(domain, "silver"):
        entry = ledger.current(warehouse, dataset(table), "silver")
        if entry is not None:
            rejected, kept = entry.facts["rejected"], entry.rows or 0
            found.append(Quality(table.name, entry.facts["rows_in"], kept, rejected, table.metadata.rejects))
    return found
