"""Generated, synthetic shop files: `clients.csv` and `achats.csv`, of any size, with what real ones have wrong.

The same seed gives the same bytes. Nobody's data: names are drawn from lists, e-mail addresses are of example.com and
the like. Memory is that of one block of rows (65,536), whatever the size.
"""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import numpy as np

from flocon.errors import SourceError
from flocon.sales.sample_dirt import Texts
from flocon.sales.sample_draws import Draws, Ints
from flocon.sales.sample_rows import CLIENT, PURCHASE, client_rows, lines, purchase_rows
from flocon.sales.sample_shop import Shop

DEFAULT_AS_OF = date(2024, 12, 31)
BLOCK = 1 << 16
MOST_CLIENTS = 1_000_000_000


def sample_files(
    folder: Path,
    clients: int = 1_500,
    purchases_each: float = 5,
    seed: int = 2024,
    as_of: date = DEFAULT_AS_OF,
) -> list[Path]:
    """Write both files into a folder, which is made if need be; each appears whole or not at all.

    `clients` have an id of their own each, and `clients * purchases_each` purchases; repeated rows come on top. No
    purchase is later than `as_of` but those that are wrong.

    Raises:
        SourceError: no such files can be generated.
    """
    purchases = round(clients * purchases_each)
    is_possible = 1 <= clients <= MOST_CLIENTS and purchases >= 1 and seed >= 0 and 1980 <= as_of.year <= 9000
    if not is_possible:
        raise SourceError(
            f"cannot generate {clients:,} clients with {purchases:,} purchases and seed {seed} as of {as_of}: "
            f"clients from 1 to {MOST_CLIENTS:,}, purchases from 1, seed from 0, years from 1980 to 9000"
        )
    shop = Shop(clients, purchases, seed, as_of)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / "clients.csv", folder / "achats.csv"]
    for path, chunks in zip(paths, (clients_csv(shop), purchases_csv(shop)), strict=True):
        _write(path, chunks)
    return paths


def _write(path: Path, chunks: Iterator[bytes]) -> None:
    unfinished = path.with_name(f".{path.name}.part")
    try:
        with unfinished.open("wb") as file:
            file.writelines(chunks)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def clients_csv(shop: Shop) -> Iterator[bytes]:
    """The bytes of `clients.csv`, a block of clients at a time, in the order in which they registered."""
    yield from _file(shop, 0, shop.clients, CLIENT, client_rows)


def purchases_csv(shop: Shop) -> Iterator[bytes]:
    """The bytes of `achats.csv`, a block of purchases at a time, nearly in order of time."""
    yield from _file(shop, 1, shop.purchases, PURCHASE, purchase_rows)


def _file(
    shop: Shop,
    file: int,
    rows: int,
    header: tuple[str, ...],
    make: Callable[[Shop, Ints, Draws], list[Texts]],
) -> Iterator[bytes]:
    """Each block has random numbers of its own, so that it is the same whatever was made before it."""
    yield (",".join(header) + "\n").encode()
    for first in range(0, rows, BLOCK):
        number = np.arange(first, min(first + BLOCK, rows))
        yield lines(make(shop, number, Draws((shop.seed, file, first), len(number))))
