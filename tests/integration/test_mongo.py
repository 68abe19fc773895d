"""Gold in a real MongoDB: each test on every server that can be had, on invented gold of all tables."""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from bson.decimal128 import Decimal128
from bson.int64 import Int64
from pydantic import SecretStr
from pymongo.errors import DuplicateKeyError
from tests.conftest import Databases
from tests.integration.gold import Row, invented, put_gold
from tests.integration.mongo_server import KINDS, MongoServer, mongo_server, start_sync

from flocon import ledger
from flocon.errors import FloconError, TransientError, Unbalanced
from flocon.flow import Flow, Outcome
from flocon.publish.mongo import sync
from flocon.publish.mongo_server import connected
from flocon.sales import pipeline
from flocon.sales.sample import DEFAULT_AS_OF, sample_files
from flocon.shelf import lake_tables
from flocon.stack.scratch import free_ports
from flocon.tables import Table, find_table

pytestmark = pytest.mark.timeout(1200)  # where the first test has to build the server

DOMAIN = "sales"
FACT = "fact_ventes"


@dataclass(frozen=True)
class Scene:
    """Gold of every table, 25 rows each, and a server without documents."""

    server: MongoServer
    flow: Flow
    databases: Databases
    folder: Path

    def put(self, table: Table, rows: list[Row]) -> ledger.Entry:
        return put_gold(self.flow, table, rows, self.folder)

    def sync(self, *, force: bool = False) -> dict[str, Outcome]:
        return {outcome.service: outcome for outcome in sync(self.flow, DOMAIN, force=force)}

    def with_url(self, url: str) -> "Scene":
        return replace(self, flow=with_url(self.flow, url))

    def found(self, table: Table) -> list[dict[str, Any]]:
        """The documents of a collection, without what is ours, in the order of their first column."""
        documents = self.server.database[table.name].find({}, {"_id": False, "_source_hash": False})
        return in_order(list(documents))

    def metadata(self, name: str) -> dict[str, Any] | None:
        return self.server.database["_sync_metadata"].find_one({"_id": name})

    def expected(self, table: Table, rows: list[Row]) -> list[dict[str, Any]]:
        """What the documents of these rows must be, types included."""
        return in_order(
            [
                {
                    name: self._expected(column.type, row[name])
                    for name, column in table.metadata.columns.items()
                }
                for row in rows
            ]
        )

    def _expected(self, kind: str, value: Any) -> Any:
        if value is None:
            return None
        if kind == "bigint":
            return Int64(value)
        if isinstance(value, Decimal):
            return Decimal128(str(value)) if self.server.has_decimals else float(str(value))
        if isinstance(value, date):
            return datetime(value.year, value.month, value.day)  # noqa: DTZ001 (as the driver reads UTC)
        return value


def with_url(flow: Flow, url: str) -> Flow:
    return replace(flow, settings=flow.settings.model_copy(update={"mongo_url": SecretStr(url)}))


def clear(server: MongoServer) -> None:
    for name in server.database.list_collection_names():
        server.database[name].drop()


def in_order(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(documents, key=str)


def types_of(documents: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [{name: type(value).__name__ for name, value in each.items()} for each in documents]


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    with mongo_server(request.param, tmp_path_factory.mktemp(request.param)) as running:
        yield running


@pytest.fixture
def scene(server: MongoServer, flow: Flow, databases: Databases, tmp_path: Path) -> Scene:
    clear(server)
    made = Scene(server, with_url(flow, server.url), databases, tmp_path)
    for table in lake_tables(DOMAIN, "gold"):
        made.put(table, invented(table, range(25)))
    return made


@pytest.fixture
def fact() -> Table:
    return find_table(DOMAIN, "gold", FACT)


def test_every_gold_table_becomes_a_collection_of_its_name(scene: Scene) -> None:
    outcomes = scene.sync()
    tables = lake_tables(DOMAIN, "gold")
    assert len(tables) == 12
    assert [outcome.changed for outcome in outcomes.values()] == [True] * 12
    assert set(scene.server.database.list_collection_names()) == {*outcomes, "_sync_metadata"}
    for table in tables:
        found, expected = scene.found(table), scene.expected(table, invented(table, range(25)))
        assert found == expected
        assert types_of(found) == types_of(expected)
        assert outcomes[table.name].rows == 25


def test_gold_as_the_pipeline_makes_it(flow: Flow, server: MongoServer, tmp_path: Path) -> None:
    """Real gold: as many documents as rows, and the turnover to the cent in two ways."""
    clear(server)
    sample_files(tmp_path / "shop", clients=60)
    pipeline.bronze(flow, str(tmp_path / "shop"))
    pipeline.silver(flow, DEFAULT_AS_OF)
    rows = {outcome.service: outcome.rows for outcome in pipeline.gold(flow, DEFAULT_AS_OF)}
    outcomes = sync(with_url(flow, server.url), DOMAIN)
    assert {outcome.service: outcome.rows for outcome in outcomes} == rows
    amounts = [Decimal(str(each["montant"])) for each in server.database[FACT].find()]
    (headline,) = server.database["kpis"].find()
    assert sum(amounts) == Decimal(str(headline["ca_total"])) > 0
    assert len(amounts) == headline["nb_transactions"]


def test_the_key_is_unique_in_mongodb_itself(scene: Scene) -> None:
    scene.sync()
    for table in lake_tables(DOMAIN, "gold"):
        collection = scene.server.database[table.name]
        key = [(name, 1) for name in table.metadata.primary_key]
        assert {"key": key, "unique": True}.items() <= collection.index_information()["flocon_key"].items()
        again = collection.find_one() or {}
        with pytest.raises(DuplicateKeyError):
            collection.insert_one({**again, "_id": "another"})


def test_unchanged_gold_is_skipped(scene: Scene) -> None:
    scene.sync()
    before = list(scene.server.database["_sync_metadata"].find())
    outcomes = scene.sync()
    assert [outcome.changed for outcome in outcomes.values()] == [False] * 12
    assert "nothing to do, it has these 25 rows" in outcomes[FACT].message
    assert list(scene.server.database["_sync_metadata"].find()) == before


def test_the_collection_mirrors_the_rows_of_now(scene: Scene, fact: Table) -> None:
    """One row stays, one changes, one is new, and the others are gone."""
    scene.sync()
    rows = [*invented(fact, [4]), *invented(fact, [7], edition=2), *invented(fact, [101])]
    gold = scene.put(fact, rows)
    outcomes = scene.sync()
    assert [name for name, outcome in outcomes.items() if outcome.changed] == [FACT]
    assert outcomes[FACT].facts["removed"] == 23
    assert scene.found(fact) == scene.expected(fact, rows)
    assert scene.server.database[FACT].distinct("_source_hash") == [gold.sha256]


def test_gold_without_rows_empties_the_collection(scene: Scene, fact: Table) -> None:
    """As before the first purchase; later ones come as always."""
    scene.put(fact, [])
    assert scene.sync()[FACT].rows == 0
    assert not scene.sync()[FACT].changed
    rows = invented(fact, range(3))
    scene.put(fact, rows)
    assert scene.sync()[FACT].changed
    assert scene.found(fact) == scene.expected(fact, rows)
    scene.put(fact, [])
    assert scene.sync()[FACT].facts["removed"] == 3
    assert scene.found(fact) == []


def test_force_writes_again_what_was_edited_by_hand(scene: Scene, fact: Table) -> None:
    scene.sync()
    expected = scene.found(fact)
    scene.server.database[FACT].update_one({"_id": "7"}, {"$set": {"produit": "edited"}})
    assert scene.found(fact) != expected
    outcomes = scene.sync(force=True)
    assert [outcome.changed for outcome in outcomes.values()] == [True] * 12
    assert scene.found(fact) == expected


def test_documents_that_were_deleted_by_hand_come_back(scene: Scene, fact: Table) -> None:
    scene.sync()
    expected = scene.found(fact)
    scene.server.database[FACT].delete_one({"_id": "7"})
    outcomes = scene.sync()
    assert [name for name, outcome in outcomes.items() if outcome.changed] == [FACT]
    assert "its output is gone" in outcomes[FACT].message
    assert scene.found(fact) == expected


@pytest.mark.parametrize("is_first", [True, False], ids=["first", "later"])
def test_a_sync_that_was_killed_is_completed_by_the_next(scene: Scene, fact: Table, is_first: bool) -> None:
    if not is_first:
        scene.sync()
    rows = invented(fact, range(10, 10 + scene.server.some_seconds_of_rows), edition=2)
    gold = scene.put(fact, rows)
    dsns = (scene.databases.warehouse_dsn, scene.databases.mart_dsn)
    worker = start_sync(dsns, scene.flow.settings, DOMAIN)
    wait_for_documents(scene, gold)
    worker.kill()
    worker.join()
    assert scene.metadata(FACT) is None
    assert 0 < wait_until_quiet(scene, gold) < len(rows)
    assert scene.sync()[FACT].changed
    assert scene.found(fact) == scene.expected(fact, rows)
    assert [outcome.changed for outcome in scene.sync().values()] == [False] * 12


def wait_for_documents(scene: Scene, gold: ledger.Entry) -> None:
    """Return as soon as some documents of a gold table are there."""
    deadline = time.monotonic() + 120
    while scene.server.database[FACT].find_one({"_source_hash": gold.sha256}) is None:
        assert time.monotonic() < deadline, "no document was seen"


def wait_until_quiet(scene: Scene, gold: ledger.Entry) -> int:
    """How many of its documents there are once the server has ended what it had already been sent."""
    before, now = -1, 0
    while now != before:
        time.sleep(1)
        before, now = now, scene.server.database[FACT].count_documents({"_source_hash": gold.sha256})
    return now


def test_metadata_says_what_is_there_and_how_fresh(scene: Scene, fact: Table) -> None:
    with scene.flow.warehouse() as warehouse:
        warehouse.execute("update ledger.step_run set finished_at = finished_at - interval '1 hour'")
        gold = ledger.current(warehouse, "sales.fact_ventes", "gold")
    assert gold is not None
    assert gold.finished_at is not None
    scene.sync()
    found = scene.metadata(FACT)
    assert found is not None
    last_sync = found["last_sync"].replace(tzinfo=UTC)
    assert timedelta() <= datetime.now(UTC) - last_sync < timedelta(minutes=1)
    assert found["refresh_seconds"] == pytest.approx((last_sync - gold.finished_at).total_seconds(), abs=0.01)
    assert found["refresh_seconds"] >= 3600
    said = {name: found[name] for name in ("_id", "collection", "domain", "source_hash", "rows", "run_id")}
    assert said == {
        "_id": FACT,
        "collection": FACT,
        "domain": DOMAIN,
        "source_hash": gold.sha256,
        "rows": 25,
        "run_id": "test",
    }
    with scene.flow.warehouse() as warehouse:
        entry = ledger.current(warehouse, "sales.fact_ventes", "mongodb")
    assert entry is not None
    assert (entry.sha256, entry.rows) == (gold.sha256, 25)


def test_documents_of_others_are_left_alone_and_the_rest_is_synced(scene: Scene) -> None:
    theirs = scene.server.database["kpis"]
    theirs.insert_one({"_id": 1, "note": "do not lose"})
    with pytest.raises(
        FloconError, match=r"flocon\.kpis: holds documents that Flocon did not write, such as _id 1"
    ):
        scene.sync()
    assert list(theirs.find()) == [{"_id": 1, "note": "do not lose"}]
    assert scene.metadata("kpis") is None
    assert scene.server.database["_sync_metadata"].count_documents({}) == 11
    theirs.delete_one({"_id": 1})
    assert [name for name, outcome in scene.sync().items() if outcome.changed] == ["kpis"]


def test_a_document_of_others_among_ours_is_seen(scene: Scene) -> None:
    scene.sync()
    scene.server.database["kpis"].insert_one({"_id": 1, "perimetre": "theirs"})
    with pytest.raises(FloconError, match=r"flocon\.kpis: holds documents that Flocon did not write"):
        scene.sync()
    assert scene.server.database["kpis"].count_documents({"_id": 1}) == 1


def test_another_key_gives_other_documents(scene: Scene, fact: Table) -> None:
    """As if an earlier version of the table had had the product as its key."""
    scene.sync()
    expected = scene.found(fact)
    database = scene.server.database
    database[FACT].drop_index("flocon_key")
    database[FACT].create_index([("produit", 1)], unique=True, name="flocon_key")
    database[FACT].update_many({}, {"$unset": {"id_achat": ""}})
    database["_sync_metadata"].update_one({"_id": FACT}, {"$set": {"fingerprint": "key produit"}})
    scene.sync()
    assert database[FACT].index_information()["flocon_key"]["key"] == [("id_achat", 1)]
    assert scene.found(fact) == expected


def test_a_wrong_password_is_told_without_it(scene: Scene) -> None:
    wrong = scene.with_url(scene.server.url.replace(scene.server.password, "guessed"))
    with pytest.raises(FloconError, match="refuses us") as caught:
        wrong.sync()
    assert not isinstance(caught.value, TransientError)
    assert scene.server.host in str(caught.value)
    assert "guessed" not in str(caught.value)


def test_no_login_at_all_is_refused(scene: Scene) -> None:
    with pytest.raises(FloconError, match="refuses us"):
        scene.with_url(f"mongodb://{scene.server.host}").sync()


def test_a_server_that_is_away_may_come_back(scene: Scene) -> None:
    host = f"127.0.0.1:{free_ports(1)[0]}"
    away = scene.with_url(f"mongodb://publisher:hidden@{host}/?serverSelectionTimeoutMS=200")
    with pytest.raises(TransientError, match=f"MongoDB at {host} cannot be reached") as caught:
        away.sync()
    assert "hidden" not in str(caught.value)
    assert "run again" in str(caught.value)


def test_documents_that_two_runs_write_at_once_may_pass(scene: Scene) -> None:
    """As those that a server still writes of a run that was killed."""
    with (
        pytest.raises(TransientError, match="E11000 duplicate key"),
        connected(scene.flow.settings, "x") as server,
    ):
        server.collection(FACT).insert_many([{"_id": "1"}, {"_id": "1"}])


def test_what_the_server_refuses_stays_refused(scene: Scene) -> None:
    refused = pytest.raises(FloconError, match="refuses what was to be done in flocon")
    with refused as caught, connected(scene.flow.settings, "x") as server:
        server.collection(FACT).update_one({}, {"$nonsense": 1})
    assert not isinstance(caught.value, TransientError)


def test_a_key_that_is_not_unique_in_gold_is_told(scene: Scene, fact: Table) -> None:
    scene.sync()
    scene.put(fact, [*invented(fact, range(3)), *invented(fact, range(3), edition=2)])
    with pytest.raises(Unbalanced, match="holds 3 documents after the sync, and gold has 6 rows"):
        scene.sync()
    assert scene.metadata(FACT) is None


def test_without_an_address_nothing_happens(flow: Flow, caplog: pytest.LogCaptureFixture) -> None:
    """Not even gold is looked for."""
    with caplog.at_level(logging.INFO, "flocon"):
        assert sync(flow, DOMAIN) == []
    assert "sales: gold is not copied to MongoDB, since FLOCON_MONGO_URL is empty" in caplog.text
