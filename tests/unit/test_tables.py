"""Reading sql/**: what metadata must say, the order of creation, and the fingerprint."""

from pathlib import Path

import pytest

from flocon.errors import FloconError
from flocon.tables import Table, domain_tables, find_table, fingerprint, load_tables, sql_root

GOOD = """
description: A table for this test.
owner: test
grain: one row
server: warehouse
kind: table
primary_key: [id]
depends_on: [{needs}]
columns:
  id: {{type: integer, description: Its number.}}
"""


def add(root: Path, name: str, needs: str = "", text: str = GOOD) -> Path:
    folder = root / "shop" / "raw" / name
    folder.mkdir(parents=True)
    (folder / "metadata.yaml").write_text(text.format(needs=needs) if text is GOOD else text)
    (folder / "creation.sql").write_text(f"create table if not exists raw.{name} (id integer primary key);")
    return folder


def test_tables_come_after_what_they_depend_on(tmp_path: Path) -> None:
    add(tmp_path, "a", needs="raw.c")
    add(tmp_path, "b")
    add(tmp_path, "c", needs="raw.b")
    assert [table.qualified_name for table in load_tables(tmp_path)] == ["raw.b", "raw.c", "raw.a"]


@pytest.mark.parametrize(
    ("needs", "said"),
    [("raw.gone", "depends_on names raw.gone"), ("raw.a", "goes in a circle")],
)
def test_wrong_dependency_is_named(tmp_path: Path, needs: str, said: str) -> None:
    add(tmp_path, "a", needs=needs)
    with pytest.raises(FloconError, match=said):
        load_tables(tmp_path)


LAKE = "server: lake\nkind: select"
REFUSES = "rejects: {missing_id: No number.}\ncolumns:"


def add_to_lake(root: Path, layer: str, name: str, needs: str = "", **changes: str) -> None:
    """A lake table; `kind` and `columns` replace these lines of the metadata."""
    folder = root / "shop" / layer / name
    folder.mkdir(parents=True)
    text = GOOD.format(needs=needs).replace("server: warehouse\nkind: table", changes.get("kind", LAKE))
    (folder / "metadata.yaml").write_text(text.replace("columns:", changes.get("columns", "columns:")))
    (folder / "query.sql").write_text("select 1 as id")


def test_refused_rows_come_with_the_table_that_refuses_them(tmp_path: Path) -> None:
    add_to_lake(tmp_path, "bronze", "orders", kind='server: lake\nkind: file\nfiles: ["*.csv"]')
    add_to_lake(tmp_path, "gold", "refused", needs="rejected.orders")
    add_to_lake(tmp_path, "silver", "orders", needs="bronze.orders", columns=REFUSES)
    names = [table.qualified_name for table in load_tables(tmp_path)]
    assert names == ["bronze.orders", "silver.orders", "gold.refused"]


def test_a_table_that_refuses_nothing_has_no_refused_rows(tmp_path: Path) -> None:
    add_to_lake(tmp_path, "silver", "orders")
    add_to_lake(tmp_path, "gold", "refused", needs="rejected.orders")
    with pytest.raises(
        FloconError, match=r"depends_on names rejected\.orders, which the lake of shop does not"
    ):
        load_tables(tmp_path)


@pytest.mark.parametrize(
    ("test", "said"),
    [
        (
            "{severity: fatal, expected: 0, why: Because of it.}",
            "tests.a.severity: Input should be 'fail' or",
        ),
        (
            "{severity: fail, expected: none, why: Because of it.}",
            "tests.a.expected: Input should be a valid",
        ),
        (
            "{severity: fail, expected: 0.00001, why: Because of it.}",
            "tests.a.expected: Decimal input should",
        ),
        ("{severity: fail, expected: -1, why: Because of it.}", "tests.a.expected: Input should be greater"),
        ("{severity: fail, expected: 0}", "tests.a.why: Field required"),
    ],
)
def test_wrong_quality_test_is_named(tmp_path: Path, test: str, said: str) -> None:
    add_to_lake(tmp_path, "gold", "tests", columns=f"tests: {{a: {test}}}\ncolumns:")
    with pytest.raises(FloconError, match=said):
        load_tables(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("owner: test\n", ""), "owner: Field required"),
        (("grain:", "grian:"), "grian: Extra inputs are not permitted"),
        (("server: warehouse", "server: moon"), "server: Input should be 'lake', 'warehouse' or 'mart'"),
        (("server: warehouse", "server: lake"), "the lake has no tables of kind table"),
        (("[id]", "[key]"), r"primary_key names \['key'\]"),
        (("type: integer, ", ""), "columns.id.type: Field required"),
        (("columns:", "columns: ["), "is not YAML"),
    ],
)
def test_wrong_metadata_names_its_file_and_field(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    folder = add(tmp_path, "a", text=GOOD.format(needs="").replace(*change))
    with pytest.raises(FloconError, match=said) as error:
        load_tables(tmp_path)
    assert str(folder / "metadata.yaml") in str(error.value)


def test_metadata_without_creation_is_refused(tmp_path: Path) -> None:
    (add(tmp_path, "a") / "creation.sql").unlink()
    with pytest.raises(FloconError, match=r"creation\.sql is missing"):
        load_tables(tmp_path)


def test_fingerprint_changes_with_every_file_of_sql(tmp_path: Path) -> None:
    folder = add(tmp_path, "a")
    table = load_tables(tmp_path)[0]
    seen = {fingerprint([table])}
    assert fingerprint([table]) in seen
    for name in ("insertion.sql", "measure.sql", "checks.sql"):
        (folder / name).write_text("select 1")
        seen.add(fingerprint([table]))
    (folder / "creation.sql").write_text("select 2")
    seen.add(fingerprint([table]))
    (folder / "notes.txt").write_text("no rule")
    seen.add(fingerprint([table]))
    assert len(seen) == 5


def test_fingerprint_does_not_depend_on_where_the_project_is(tmp_path: Path) -> None:
    add(tmp_path / "here", "a")
    add(tmp_path / "there", "a")
    assert fingerprint(load_tables(tmp_path / "here")) == fingerprint(load_tables(tmp_path / "there"))


def test_mart_tables_are_under_their_domains_name() -> None:
    assert find_table("taxi", "mart", "fact_trip").qualified_name == "taxi.fact_trip"
    assert find_table("taxi", "raw", "green_trip").qualified_name == "raw.green_trip"


def test_unknown_table_is_named() -> None:
    with pytest.raises(FloconError, match="there is no table taxi/raw/blue_trip"):
        find_table("taxi", "raw", "blue_trip")


@pytest.mark.parametrize("service", ["yellow", "green"])
def test_contract_is_all_columns_but_the_partition_key(service: str) -> None:
    table = find_table("taxi", "raw", f"{service}_trip")
    assert list(table.metadata.columns) == ["file_month", *table.contract_columns]
    assert table.contract_columns["total_amount"].required
    assert not table.contract_columns["cbd_congestion_fee"].required


@pytest.mark.parametrize("table", load_tables(), ids=lambda table: table.qualified_name)
def test_every_folder_of_sql_is_whole(table: Table) -> None:
    sources = {path.suffix for path in table.path.iterdir()}
    assert sources <= {".sql", ".yaml"}
    assert table.metadata.kind == "function" or table.metadata.columns or table.metadata.partition_of
    # What the taxi mart has of its own is filled by SQL of its own; the sales mart shows gold.
    is_filled = table.domain == "taxi" and table.name.startswith(("dim_", "agg_"))
    if is_filled or table.layer == "reference":
        assert table.insertion is not None


@pytest.mark.parametrize("domain", sorted({table.domain for table in load_tables()}))
def test_no_folder_of_a_domain_lacks_metadata(domain: str) -> None:
    folders = {path.parent for path in (sql_root() / domain).glob("*/*/*.sql")}
    files = {table.path for table in domain_tables(domain) if table.metadata.kind == "file"}
    assert folders | files == {table.path for table in domain_tables(domain)}
