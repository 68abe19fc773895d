"""Gold in MongoDB, optional: each gold table has a collection of its name, which mirrors it.

* One database (`mongo_database`) for all domains: readers know tables by their names, and two gold tables of one name
  are refused. `_sync_metadata` has one document a collection, the name as its `_id`.
* A mirror: what is gone from gold is removed. A mark would have to be heeded by every reader, for ever; what was
  there before is kept by the mart, which has the history.
* Every document of a changed table is written again, with the hash of the gold bytes it is from as `_source_hash`:
  what has another hash afterwards is gone from gold. Comparing contents would spare writes, but has to read all of the
  collection first, and is one more thing that can be wrong.
* Readers may see old and new documents side by side during a sync. Its metadata goes first and comes back last: where
  there is none, a sync is under way or was killed, and the next run completes it.
* Documents without `_source_hash` are somebody else's: such a collection is left alone, and the run says so.
"""

import logging
from pathlib import Path
from tempfile import TemporaryDirectory

from flocon.errors import FloconError
from flocon.flow import Flow, Outcome
from flocon.publish.mongo_mirror import ForeignDocuments, Mirror
from flocon.publish.mongo_server import connected
from flocon.shelf import Shelf, lake_tables
from flocon.tables import Table, load_tables

log = logging.getLogger(__name__)

_LAYER = "gold"


def sync(flow: Flow, domain: str, *, force: bool = False) -> list[Outcome]:
    """Bring the collections of a domain up to date with gold, one outcome a table; none where `mongo_url` is empty.

    Raises:
        FloconError: gold was never made, the server refuses us, or collections hold documents of others; these are
            left as they are, all other collections are up to date.
        TransientError: the server is away.
    """
    if not flow.settings.mongo_url.get_secret_value():
        log.info("%s: gold is not copied to MongoDB, since FLOCON_MONGO_URL is empty", domain)
        return []
    tables = lake_tables(domain, _LAYER)
    _require_own_names(tables)
    outcomes, refused = [], []
    with (
        flow.holding(f"{domain} in MongoDB") as warehouse,
        TemporaryDirectory(prefix="flocon-") as scratch,
        connected(flow.settings, flow.run_id) as server,
    ):
        shelf = Shelf(flow, warehouse, domain, Path(scratch))
        for table in tables:
            try:
                outcomes.append(Mirror(flow, shelf, server, table).sync(force=force))
            except ForeignDocuments as error:
                log.error("%s", error)  # noqa: TRY400 (said once more, together with the others, by the caller)
                refused.append(str(error))
    if refused:
        raise ForeignDocuments("\n".join(refused))
    return outcomes


def _require_own_names(tables: list[Table]) -> None:
    domain_of = {t.name: t.domain for t in load_tables() if (t.server, t.layer) == ("lake", _LAYER)}
    for table in tables:
        if domain_of[table.name] != table.domain:
            raise FloconError(
                f"{table.domain} and {domain_of[table.name]} both have a gold table {table.name}, but MongoDB has one "
                f"collection of that name: rename one of them."
            )
