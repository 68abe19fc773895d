"""The data dictionary is generated, complete and up to date."""

from flocon.dictionary import dictionary_path, render
from flocon.tables import load_tables


def test_committed_dictionary_is_up_to_date() -> None:
    text = dictionary_path().read_text(encoding="utf-8")
    assert text == render(load_tables()), (
        "run `python -m flocon.dictionary` and commit docs/data-dictionary.md"
    )


def test_every_table_and_column_is_in_it() -> None:
    text = render(load_tables())
    for table in load_tables():
        assert f"### {table.qualified_name}\n" in text
        section = text.split(f"### {table.qualified_name}\n")[1].split("\n### ")[0]
        for name, column in table.metadata.columns.items():
            assert f"\n| {name} | {column.type} |" in section


def test_no_cell_breaks_its_row() -> None:
    rows = [line for line in render(load_tables()).splitlines() if line.startswith("| ")]
    assert {line.count("|") - line.count("\\|") for line in rows} <= {3, 4, 6}


def test_columns_with_a_quantity_have_a_unit() -> None:
    quantities = ("_cents", "_amount", "_miles", "_s", "_days_before", "_days_after")
    for table in load_tables():
        for name, column in table.metadata.columns.items():
            if name.endswith(quantities):
                assert column.unit, f"{table.path}/metadata.yaml: {name} has no unit"
