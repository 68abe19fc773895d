"""Generated shop files: the same bytes each time, plausible shops, and every kind of dirt at its rate."""

import csv
import hashlib
import io
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from flocon.errors import SourceError
from flocon.sales import sample
from flocon.sales.sample_dirt import RATES
from flocon.sales.sample_draws import Draws
from flocon.sales.sample_rows import CLIENT, PURCHASE, client_rows, lines, purchase_rows
from flocon.sales.sample_shop import COUNTRIES, PRODUCTS, Shop

AS_OF = date(2024, 12, 31)
Rows = list[dict[str, str]]

# Of the files with the default size, seed and date. Other bytes are another VERSION (see sample_draws).
DEFAULT_SHA256 = {
    "clients.csv": "3e9fa5a59fca3f7ea762e9855de6f50b776a063eba411e21f1fcbd9167d4b8dd",
    "achats.csv": "fd0a7c1da2ed447c231eeab1c7ce025f265217b432d00bdeac7746b2afb07ab2",
}


def rows_of(data: bytes) -> Rows:
    return list(csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True))


def make(clients: int, purchases: int, seed: int = 7, as_of: date = AS_OF) -> tuple[bytes, bytes]:
    shop = Shop(clients, purchases, seed, as_of)
    return b"".join(sample.clients_csv(shop)), b"".join(sample.purchases_csv(shop))


@pytest.fixture(scope="module")
def large() -> dict[str, Rows]:
    """60,000 clients with 180,000 purchases."""
    clients, purchases = make(60_000, 180_000)
    return {"clients": rows_of(clients), "achats": rows_of(purchases)}


# --- bytes ----------------------------------------------------------------------------------------------


def test_the_default_files_have_the_same_bytes_everywhere(tmp_path: Path) -> None:
    paths = sample.sample_files(tmp_path / "new")
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths} == DEFAULT_SHA256
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["achats.csv", "clients.csv"]


def test_seed_size_and_date_give_other_files() -> None:
    made = [make(100, 500), make(100, 500, seed=8), make(101, 500), make(100, 500, as_of=date(2024, 12, 30))]
    assert len({clients for clients, _ in made}) == len({purchases for _, purchases in made}) == len(made)


def test_a_block_is_the_same_whatever_is_made_before_it() -> None:
    shop = Shop(3 * sample.BLOCK + 10, 3 * sample.BLOCK + 10, 7, AS_OF)
    files = ((sample.clients_csv, client_rows), (sample.purchases_csv, purchase_rows))
    for file, (make_file, make_rows) in enumerate(files):
        first = 2 * sample.BLOCK
        number = np.arange(first, first + sample.BLOCK)
        alone = lines(make_rows(shop, number, Draws((7, file, first), sample.BLOCK)))
        assert list(make_file(shop))[3] == alone


def test_clients_do_not_depend_on_what_they_buy() -> None:
    assert make(1_000, 10)[0] == make(1_000, 20)[0]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    def peak_mb(clients: int) -> float:
        code = (
            "import resource, sys; from pathlib import Path; from flocon.sales.sample import sample_files\n"
            "sample_files(Path(sys.argv[1]), int(sys.argv[2]))\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
        )
        command = [sys.executable, "-c", code, str(tmp_path), str(clients)]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    one_block = peak_mb(13_000)
    assert peak_mb(400_000) < one_block + 40
    assert (tmp_path / "achats.csv").stat().st_size > 90e6


@pytest.mark.parametrize(
    "given",
    [
        {"clients": 0},
        {"clients": -1},
        {"clients": 1, "purchases_each": 0},
        {"seed": -1},
        {"as_of": date(1970, 1, 1)},
    ],
)
def test_impossible_files_are_refused(tmp_path: Path, given: dict[str, object]) -> None:
    with pytest.raises(
        SourceError, match=r"cannot generate .*clients from 1 .*purchases from 1, seed from 0"
    ):
        sample.sample_files(tmp_path, **given)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_put_in_place_leaves_nothing_unfinished(tmp_path: Path) -> None:
    (tmp_path / "achats.csv").mkdir()
    with pytest.raises(OSError, match=r"achats\.csv"):
        sample.sample_files(tmp_path, 10)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["achats.csv", "clients.csv"]


@pytest.mark.parametrize(("clients", "purchases"), [(1, 1), (2, 1), (sample.BLOCK, sample.BLOCK + 1)])
def test_any_size(clients: int, purchases: int) -> None:
    for data, columns, rows in zip(
        make(clients, purchases), (CLIENT, PURCHASE), (clients, purchases), strict=True
    ):
        assert data.startswith((",".join(columns) + "\n").encode())
        assert data.endswith(b"\n")
        assert rows <= len(rows_of(data)) <= rows * 1.05 + 1


# --- shops ----------------------------------------------------------------------------------------------


def clean(text: str) -> str:
    return " ".join(text.split()).casefold()


def iso_dates(rows: Rows, column: str) -> list[date]:
    """The days that are written plainly, but for those that are wrong because they are in the future."""
    days = [
        date.fromisoformat(row[column])
        for row in rows
        if re.fullmatch(r"\d{4}-(0\d|1[012])-\d\d", row[column])
    ]
    return [day for day in days if day <= AS_OF]


def test_every_client_has_a_number_and_some_rows_come_twice(large: dict[str, Rows]) -> None:
    for table, key, count in (("clients", "id_client", 60_000), ("achats", "id_achat", 180_000)):
        numbers = {int(row[key]) for row in large[table] if row[key].isdecimal()}
        assert max(numbers) == count
        assert len(numbers) == pytest.approx(count, rel=0.02)
        repeated = sum(RATES[f"{table}.row"].values())
        assert len(large[table]) / count == pytest.approx(1 + repeated, rel=0.002)


def test_names_are_those_of_the_lists(large: dict[str, Rows]) -> None:
    countries = Counter(clean(row["pays"]) for row in large["clients"] if row["pays"].strip())
    assert set(countries) == {clean(name) for name in COUNTRIES}
    assert countries["france"] / countries.total() == pytest.approx(0.62, abs=0.01)
    products = Counter(clean(row["produit"]) for row in large["achats"] if row["produit"].strip())
    assert set(products) == {clean(name) for name in PRODUCTS}
    assert products["coque de téléphone"] > 10 * products["robot pâtissier"]


def test_nobody_can_be_written_to(large: dict[str, Rows]) -> None:
    domains = {
        row["email"].rpartition("@")[2].strip().lower() for row in large["clients"] if "@" in row["email"]
    }
    real = {domain for domain in domains if re.search(r"\w\.\w", domain)}
    assert all(re.search(r"(^|\.)example\.(com|org|net)$", domain) for domain in real), real


def test_prices_are_plausible(large: dict[str, Rows]) -> None:
    prices: dict[str, list[float]] = {}
    for row in large["achats"]:
        if re.fullmatch(r"\d+\.\d\d", row["montant"]) and 0 < float(row["montant"]) <= 10_000:
            prices.setdefault(clean(row["produit"]), []).append(float(row["montant"]))
    for product, (_, low, high) in PRODUCTS.items():
        found = sorted(prices[clean(product)])
        assert low <= found[0]
        assert found[-1] <= 3 * high + 3
        assert low <= found[len(found) // 2] <= (low + high) / 2


def test_a_few_clients_buy_much_and_some_nothing(large: dict[str, Rows]) -> None:
    bought = Counter(row["id_client"] for row in large["achats"] if row["id_client"].isdecimal())
    ranked = [count for _, count in bought.most_common()]
    assert 0.05 < sum(ranked[:600]) / sum(ranked) < 0.2  # the first hundredth of all clients
    assert ranked[0] > 12 * 3
    assert 0.05 < 1 - len(ranked) / 60_000 < 0.4


def test_there_are_seasons_and_nothing_is_bought_before_one_is_a_client(large: dict[str, Rows]) -> None:
    months = Counter(day.month for day in iso_dates(large["achats"], "date_achat"))
    assert months[12] > 1.5 * months[8]
    weekdays = Counter(day.weekday() for day in iso_dates(large["achats"], "date_achat"))
    assert weekdays[5] > weekdays[0] > weekdays[6]
    assert min(iso_dates(large["achats"], "date_achat")) == date(2022, 1, 2)
    assert min(iso_dates(large["clients"], "date_inscription")) == date(2019, 1, 3)
    joined = {row["id_client"]: row["date_inscription"] for row in reversed(large["clients"])}
    pairs = [(joined.get(row["id_client"], ""), row["date_achat"]) for row in large["achats"][:20_000]]
    plain = re.compile(r"20(19|2[0-4])-(0\d|1[012])-\d\d")
    early = [
        pair for pair in pairs if plain.fullmatch(pair[0]) and plain.fullmatch(pair[1]) and pair[1] < pair[0]
    ]
    assert not early


# --- dirt -----------------------------------------------------------------------------------------------

D, M, Y = r"(0[1-9]|[12]\d|3[01])", r"(0[1-9]|1[0-2])", r"\d{4}"
PAST = r"(19|20[01]\d|202[0-4])"
DATES = {
    "blank": r"[ \u00a0]*",
    "french": rf"{D}/{M}/{Y}",
    "dashed": rf"{D}-{M}-{Y}",
    "dotted": rf"{D}\.{M}\.{Y}",
    "slashed": rf"{Y}/{M}/{D}",
    "timed": rf"{Y}-{M}-{D} 09:41:00",
    "iso_timed": rf"{Y}-{M}-{D}T18:05:30",
    "spaced": rf"  {Y}-{M}-{D} ",
    "no_such_day": rf"31/02/{Y}",
    "no_such_month": rf"{Y}-13-\d\d",
    "worded": "inconnu",
    "future": rf"(?!{PAST}){Y}-{M}-{D}",
}
NUMBERS = {
    "blank": r"[ \u00a0]*",
    "decimal": r"\d+\.0",
    "spaced": r"  \d+ ",
    "lettered": r"C\d+",
}
WORDS = {
    "blank": r"[ \u00a0]*",
    "spaced": r"  .*[^ ] ",
    "tabbed": r".*\t",
    "gapped": r"[^ ].*[^ ]  .*",
    "no_break": r".*[^ \u00a0]\u00a0",
}
# How each kind looks in the file; what is not given here is looked for in the tests below.
LOOKS: dict[str, dict[str, str]] = {
    "clients.id_client": NUMBERS,
    "clients.nom": {
        "blank": r"[ \u00a0]*",
        "spaced": r"  .* ",
        "capitals": r"(?=.*[A-Z])[^a-z]+",
        "reversed": ".*, .*",
    },
    "clients.email": {
        "blank": r"[ \u00a0]*",
        "capitals": r"[A-Z0-9-]+\.[A-Z0-9-]+@[A-Z.]+",
        "spaced": r"  .* ",
        "no_at": r"[^@\s]+",
        "two_ats": ".*@@.*",
        "no_domain": "[^@]+@",
        "no_dot": r"[^@\s]+@[^.@\s]+",
        "gap": r"[^ ]+ .*",
        "no_name": "@.+",
    },
    "clients.date_inscription": DATES,
    "clients.pays": {**WORDS, "capitals": r"(?=.*[A-Z])[^a-z]+", "small": r"(?=.*[a-z])[^A-ZÉ]+"},
    "achats.id_achat": NUMBERS,
    "achats.id_client": NUMBERS,
    "achats.date_achat": DATES,
    "achats.montant": {
        "blank": r"[ \u00a0]*",
        "comma": r"\d+,\d\d",
        "short": r"\d+(\.\d)?",
        "noisy": r"\d+\.\d\d0000000000002",
        "signed": r"\+\d+\.\d\d",
        "euros": r"\d+\.\d\d €",
        "gift": "offert",
        "fine": r"\d+\.\d\d5",
        "refund": r"-\d+\.\d\d",
        "free": r"0\.00",
        "huge": r"\d{5,}\.\d\d",
    },
    "achats.produit": {**WORDS, "capitals": r"(?=.*[A-Z])[^a-z]+", "small": r"(?=.*[a-z])[^A-ZÉ]+"},
}  # fmt: skip
KINDS = [(column, kind) for column, looks in LOOKS.items() for kind in looks if kind in RATES[column]]
# What its look cannot tell from clean values in part: amounts like 12.00 that may be written 12, names without letters
# that have another case.
INEXACT = {("achats.montant", "short"), ("achats.produit", "gapped")}


@pytest.mark.parametrize(("column", "kind"), KINDS, ids=[f"{c}-{k}" for c, k in KINDS])
def test_dirt_comes_at_its_rate(large: dict[str, Rows], column: str, kind: str) -> None:
    table, _, name = column.partition(".")
    look = re.compile(LOOKS[column][kind])
    share = sum(look.fullmatch(row[name]) is not None for row in large[table]) / len(large[table])
    rate = RATES[column][kind]
    if (column, kind) in INEXACT:
        assert 0.2 * rate < share < rate
    else:
        assert share == pytest.approx(rate, rel=0.3)


def test_every_kind_of_dirt_is_looked_for() -> None:
    looked = {(column, kind) for column, looks in LOOKS.items() for kind in looks}
    elsewhere = {("clients.row", "exact"), ("clients.row", "key"), ("achats.row", "exact"), ("achats.row", "key"),
                 ("achats.id_client", "orphan"), ("achats.montant", "grouped")}  # fmt: skip
    assert {(column, kind) for column, kinds in RATES.items() for kind in kinds} - looked == elsewhere


def test_orphans_are_of_clients_that_never_were(large: dict[str, Rows]) -> None:
    numbers = [int(row["id_client"]) for row in large["achats"] if row["id_client"].isdecimal()]
    assert sum(number > 60_000 for number in numbers) / len(numbers) == pytest.approx(0.006, rel=0.3)


def test_thousands_are_grouped_by_a_no_break_space(large: dict[str, Rows]) -> None:
    grouped = [
        row["montant"] for row in large["achats"] if re.fullmatch(r"\d\u00a0\d{3},\d\d", row["montant"])
    ]
    assert len(grouped) > 10


@pytest.mark.parametrize(("table", "key"), [("clients", "id_client"), ("achats", "id_achat")])
def test_rows_are_repeated_as_they_are_or_corrected(large: dict[str, Rows], table: str, key: str) -> None:
    rates = RATES[f"{table}.row"]
    by_key: dict[str, Rows] = {}
    for row in large[table]:
        if row[key].strip():
            by_key.setdefault(row[key], []).append(row)
    pairs = [rows for rows in by_key.values() if len(rows) == 2]
    exact = sum(first == second for first, second in pairs) / len(large[table])
    assert exact == pytest.approx(rates["exact"], rel=0.2)
    assert len(pairs) / len(large[table]) - exact == pytest.approx(rates["key"], rel=0.25)


MEANT: dict[str, Callable[[Rows, Rows], bool]] = {
    "orphan": lambda clients, achats: any(r["id_client"].isdecimal() and int(r["id_client"]) > 1_500 for r in achats),
    "future": lambda clients, achats: any(r["date_achat"][:4] in ("2025", "2026") for r in achats),
    "impossible date": lambda clients, achats: any(r["date_achat"].startswith("31/02/") for r in achats),
    "bad e-mail": lambda clients, achats: any(r["email"].strip() and "@" not in r["email"] for r in clients),
    "at most zero": lambda clients, achats: any(r["montant"].startswith(("-", "0.00")) for r in achats),
    "too large": lambda clients, achats: any(re.fullmatch(r"\d{5,}\.\d\d", r["montant"]) for r in achats),
    "not a number": lambda clients, achats: any(r["montant"] == "offert" for r in achats),
    "decimal comma": lambda clients, achats: any("," in r["montant"] for r in achats),
    "exact duplicate": lambda clients, achats: len({tuple(r.values()) for r in achats}) < len(achats),
    "blank in every column": lambda clients, achats: all(
        any(not row[name].strip() for row in rows) for rows in (clients, achats) for name in rows[0]
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", MEANT)
def test_the_default_size_has_every_kind_that_is_refused(tmp_path: Path, kind: str) -> None:
    clients, achats = sample.sample_files(tmp_path)
    assert MEANT[kind](rows_of(clients.read_bytes()), rows_of(achats.read_bytes()))
