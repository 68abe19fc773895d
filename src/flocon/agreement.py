"""Do the ledger, the lake, the warehouse and the mart agree? What does not is told, with what to do about it."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from flocon import ledger
from flocon.flow import Flow
from flocon.lake import Lake, LakeObject
from flocon.months import month_label
from flocon.postgres import Connection, explained
from flocon.quarantine import BUCKET as QUARANTINE

log = logging.getLogger(__name__)

_BRONZE = "bronze"
# The steps of what goes through the warehouse, each of one month of a service.
_MONTHLY = ("lake", "warehouse", "mart")
# Where a step's objects are, when its entries do not name the bucket and it is not named after it.
_BUCKET_OF = {"lake": _BRONZE, "csv": "gold"}


@dataclass(frozen=True)
class Held:
    """An object that an entry says is in the lake; `sha256` and `bytes` are None where the entry does not tell them."""

    entry: ledger.Entry
    bucket: str
    key: str
    etag: str
    bytes: int | None
    sha256: str | None

    def __str__(self) -> str:
        return f"{self.bucket}/{self.key}"


@dataclass(frozen=True)
class Disagreement:
    """`thing` is not as the ledger says: `found` instead. `remedy` is what to do."""

    thing: str
    found: str
    remedy: str


@dataclass
class Verdict:
    """What was compared: `unknown` are objects in bronze that no entry ever knew."""

    entries: int = 0
    objects: int = 0
    read: int = 0
    disagreements: list[Disagreement] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def verify(flow: Flow, *, deep: bool = False) -> Verdict:
    """Hold the lake against the newest entry of every step, and the steps of a month against each other.

    `deep` reads every object, and compares the SHA-256 of its bytes.

    Raises:
        TransientError: a server cannot be reached.
    """
    with (
        explained("verify") as sessions,
        sessions.open("mart", flow.mart) as mart,
        sessions.open("warehouse", flow.warehouse) as warehouse,
    ):
        shown, known = ledger.all_current(mart), ledger.all_current(warehouse)
        ever = _keys_ever(warehouse)
        unbalanced = _unbalanced(mart)
    verdict = Verdict(entries=len(shown) + len(known))
    objects = [held for entry in known for held in objects_of(entry)]
    _compare_lake(flow.lake, objects, verdict, deep=deep)
    verdict.disagreements += [*_compare_months(known, shown), *_compare_gold(known, shown), *unbalanced]
    verdict.unknown = sorted(key for key in flow.lake.list(_BRONZE, "") if key not in ever)
    return verdict


def objects_of(entry: ledger.Entry) -> list[Held]:
    """The objects of the lake that an entry describes."""
    facts, found = entry.facts, []
    if "lake_key" in facts:
        found.append(Held(entry, _BRONZE, facts["lake_key"], facts["lake_etag"], entry.bytes, entry.sha256))
    if "key" in facts:
        bucket = facts.get("bucket") or _BUCKET_OF.get(entry.step, entry.step)
        # Of a dropped file the ledger has the digest of what was received, and beside it that of the rows as stored.
        sha256 = facts.get("object_sha256") if entry.step == _BRONZE else entry.sha256
        found.append(Held(entry, bucket, facts["key"], facts["etag"], entry.bytes, sha256))
    if "raw_key" in facts:
        found.append(Held(entry, _BRONZE, facts["raw_key"], facts["raw_etag"], None, entry.sha256))
    if refused := facts.get("refused"):
        told = (refused["key"], refused["etag"], refused["bytes"], refused["sha256"])
        found.append(Held(entry, QUARANTINE, *told))
    return found


def _keys_ever(warehouse: Connection) -> set[str]:
    """The keys of all objects in bronze that any entry, also a superseded one, describes."""
    query = """
        select facts ->> name from ledger.step_run
        cross join unnest(array['lake_key', 'key', 'raw_key']) as name
        where facts ? name
    """
    return {key for (key,) in warehouse.execute(query)}


def _compare_lake(lake: Lake, objects: list[Held], verdict: Verdict, *, deep: bool) -> None:
    there = {bucket: lake.list(bucket, "") for bucket in sorted({held.bucket for held in objects})}
    for held in objects:
        verdict.objects += 1
        found = there[held.bucket].get(held.key)
        problem = _problem(lake, held, found)
        if problem is None and deep and held.sha256 is not None:
            verdict.read += 1
            problem = _other_bytes(lake, held)
        if problem is not None:
            verdict.disagreements.append(Disagreement(str(held), *problem))


def _problem(lake: Lake, held: Held, found: LakeObject | None) -> tuple[str, str] | None:
    """What is wrong with an object, and what to do, by what the lake says of it."""
    if found is None:
        return f"gone; {_about(held.entry)}", _remake(held)
    if found.etag == held.etag and (held.bytes is None or found.bytes == held.bytes):
        return None
    if held.sha256 is not None and lake.sha256(held.bucket, held.key) == held.sha256:
        return f"the same bytes under another ETag; {_about(held.entry)}", _rebuild(held.entry)
    return f"changed by somebody else; {_about(held.entry)}", _remake(held)


def _other_bytes(lake: Lake, held: Held) -> tuple[str, str] | None:
    sha256 = lake.sha256(held.bucket, held.key)
    if sha256 == held.sha256:
        return None
    return f"other bytes than were stored (sha256 {sha256}); {_about(held.entry)}", _remake(held)


def _compare_months(known: list[ledger.Entry], shown: list[ledger.Entry]) -> Iterator[Disagreement]:
    """Bytes landed = bytes loaded = bytes published, for what goes through the warehouse month by month."""
    chain = zip(_MONTHLY, (known, known, shown), strict=True)
    by_step = {step: {(e.dataset, e.file_month): e for e in of if e.step == step} for step, of in chain}
    for (before, after), verb in zip(
        (("lake", "warehouse"), ("warehouse", "mart")), ("loaded", "published"), strict=True
    ):
        for thing in sorted(by_step["lake"]):
            made, made_of = by_step[after].get(thing), by_step[before].get(thing)
            if made_of is None:
                continue  # told by the step before
            if made is None:
                yield Disagreement(_about(made_of), f"in the {before}, but not {verb}", _run(made_of))
            elif made.sha256 != made_of.sha256:
                found = (
                    f"the {after} has other bytes (sha256 {made.sha256}) than the {before} ({made_of.sha256})"
                )
                yield Disagreement(_about(made_of), found, _run(made_of))
        for thing in sorted(set(by_step[after]) - set(by_step[before])):
            made = by_step[after][thing]
            if made.file_month is not None and "." in made.dataset:
                yield Disagreement(
                    _about(made), f"in the {after}, but the {before} never had it", _rebuild(made)
                )


def _compare_gold(known: list[ledger.Entry], shown: list[ledger.Entry]) -> Iterator[Disagreement]:
    """What a publication of gold says it showed is what gold is."""
    gold = {(entry.dataset, entry.file_month): entry.sha256 for entry in known if entry.step == "gold"}
    for entry in shown:
        for name, sha256 in entry.facts.get("gold", {}).items():
            if gold.get((f"{entry.dataset}.{name}", entry.file_month)) != sha256:
                found = f"the mart shows another gold.{name} than the lake has"
                yield Disagreement(_about(entry), found, _run(entry))


def _unbalanced(mart: Connection) -> list[Disagreement]:
    query = "select service, file_month from ledger.reconciliation where not is_balanced order by 1, 2"
    return [
        Disagreement(
            f"{service} {month_label(month)}",
            "its rows or amounts do not add up (ledger.reconciliation)",
            f"make rebuild MONTHS={month_label(month)} FORCE=1",
        )
        for service, month in mart.execute(query)
    ]


def _about(entry: ledger.Entry) -> str:
    return f"{entry.dataset} {month_label(entry.file_month)}" if entry.file_month else entry.dataset


def _domain(entry: ledger.Entry) -> str:
    return entry.dataset.partition(".")[0]


def _order(entry: ledger.Entry) -> str:
    month = f" MONTHS={month_label(entry.file_month)}" if entry.file_month else ""
    return f"DOMAIN={_domain(entry)}{month}"


def _rebuild(entry: ledger.Entry) -> str:
    return f"make rebuild {_order(entry)}"


def _run(entry: ledger.Entry) -> str:
    is_of_service = entry.step in _MONTHLY and entry.file_month is not None
    service = entry.dataset.partition(".")[2] if is_of_service else ""
    return f"make run {_order(entry)}" + (f" SERVICE={service}" if service else "")


def _remake(held: Held) -> str:
    """How an object comes back: from its source, where it is the first of its kind, else from bronze."""
    entry = held.entry
    if held.bucket != _BRONZE:
        return _rebuild(entry)
    if "lake_key" in entry.facts:
        months = "" if entry.file_month else " MONTHS=<any of that source>"
        return f"{_run(entry)}{months} SOURCE={entry.facts['source']}"
    return f"drop it again ({entry.source_url}), then {_run(entry)}"


def lines(verdict: Verdict) -> Iterable[str]:
    """The verdict in words: what was compared, and what of it is not well."""
    read = f", {verdict.read:,} of them read to the last byte" if verdict.read else ""
    yield f"{verdict.entries:,} entries of the ledgers, {verdict.objects:,} objects of the lake compared{read}"
    if verdict.unknown:
        yield f"{len(verdict.unknown):,} objects in {_BRONZE} that no entry knows (`make rebuild` takes them up):"
        yield from (f"  {_BRONZE}/{key}" for key in verdict.unknown)
