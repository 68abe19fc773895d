"""The rows of the generated files, a block at a time: made, spoiled, repeated and written as lines."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flocon.sales import sample_shop as shops
from flocon.sales.sample_dirt import Fates, Texts, glued
from flocon.sales.sample_draws import Draws, Ints
from flocon.sales.sample_shop import Shop

CLIENT = ("id_client", "nom", "email", "date_inscription", "pays")
PURCHASE = ("id_achat", "id_client", "date_achat", "montant", "produit")

_FUTURE_DAYS = 400  # so far ahead at most is a date that is wrong
_HIGHEST_CENTS = 1_000_000  # the contract's highest amount
_REPEATED_WITHIN = 200  # rows between a row and its repetition, at most


def _words(values: Iterable[str]) -> Texts:
    return pa.array(list(values), pa.string())


_PLAIN = str.maketrans("éèêëàâäïîôöùûüç", "eeeeaaaiioouuuc", " '")
_FIRST, _LAST = _words(shops.FIRST_NAMES), _words(shops.LAST_NAMES)
_FIRST_MAIL, _LAST_MAIL = (
    _words(name.lower().translate(_PLAIN) for name in names)
    for names in (shops.FIRST_NAMES, shops.LAST_NAMES)
)
_MAIL_DOMAINS, _COUNTRIES, _PRODUCTS = (
    _words(names) for names in (shops.MAIL_DOMAINS, shops.COUNTRIES, shops.PRODUCTS)
)
_TWO_DIGITS = _words(f"{number:02}" for number in range(100))
_SIGNS = _words(("", "-"))


def client_rows(shop: Shop, number: Ints, draws: Draws) -> list[Texts]:
    """The columns of `CLIENT` for the clients numbered so from 0, with the rows that are repeated."""
    fates = {name: Fates(f"clients.{name}", draws) for name in CLIENT}
    first, last = draws.below(len(_FIRST)), draws.below(len(_LAST))
    domain = _MAIL_DOMAINS.take(draws.below(len(_MAIL_DOMAINS)))
    ids = _text(number + 1)
    day = shop.registered_on(number)
    _postdate(day, shop, fates["date_inscription"], draws)
    clean = {
        "id_client": ids,
        "nom": glued(_FIRST.take(first), " ", _LAST.take(last)),
        "email": glued(_FIRST_MAIL.take(first), ".", _LAST_MAIL.take(last), ids, "@", domain),
        "date_inscription": _dates(day),
        "pays": _COUNTRIES.take(draws.pick(shops.COUNTRY)),
    }
    columns = [fates[name].dress(clean[name]) for name in CLIENT]
    return _repeated(columns, Fates("clients.row", draws), ("date_inscription", "pays"), CLIENT, draws)


def purchase_rows(shop: Shop, number: Ints, draws: Draws) -> list[Texts]:
    """The columns of `PURCHASE` for the purchases numbered so from 0, with the rows that are repeated."""
    fates = {name: Fates(f"achats.{name}", draws) for name in PURCHASE}
    day = shop.sold_on(number, draws)
    client = shop.buyer(draws.pick(shops.strata()), draws.below(1 << 31), day) + 1
    orphans = fates["id_client"].rows("orphan")
    client[orphans] = shop.clients + 1 + client[orphans] % 1000
    _postdate(day, shop, fates["date_achat"], draws)
    product = draws.pick(shops.PRODUCT)
    clean = {
        "id_achat": _text(number + 1),
        "id_client": _text(client),
        "date_achat": _dates(day),
        "montant": _amounts(_cents(product, fates["montant"], draws)),
        "produit": _PRODUCTS.take(product),
    }
    columns = [fates[name].dress(clean[name]) for name in PURCHASE]
    return _repeated(
        columns, Fates("achats.row", draws), ("date_achat", "montant", "produit"), PURCHASE, draws
    )


def lines(columns: list[Texts]) -> bytes:
    """Rows as lines of CSV; what needs quotes has them."""
    separated = [part for column in columns for part in (column, ",")][:-1]
    text = glued(*separated, "\n")
    joined: Any = pc.binary_join(pa.ListArray.from_arrays([0, len(text)], text), "")
    whole: str = joined[0].as_py()
    return whole.encode()


def _postdate(day: Ints, shop: Shop, fates: Fates, draws: Draws) -> None:
    """Put the days that are to be wrong in this way after the as-of date."""
    rows = fates.rows("future")
    day[rows] = shop.today + 1 + draws.below(_FUTURE_DAYS)[rows]


def _cents(product: Ints, fates: Fates, draws: Draws) -> Ints:
    """What each purchase cost: more often near the product's lowest price, and mostly one piece."""
    low, high = shops.LOWEST[product], shops.HIGHEST[product]
    price = low + ((high - low) * shops.skewed(draws.u16().astype(np.int64)) >> 16)
    cents = (price // 100 * 100 + draws.pick(shops.ENDING)) * draws.pick(shops.QUANTITY)
    refund, huge = fates.rows("refund"), fates.rows("huge")
    cents[refund] = -cents[refund]
    cents[fates.rows("free")] = 0
    cents[huge] = _HIGHEST_CENTS + cents[huge] * 100
    return cents


def _repeated(
    columns: list[Texts], fates: Fates, corrected: tuple[str, ...], names: tuple[str, ...], draws: Draws
) -> list[Texts]:
    """The rows, some of them once more a little later: as they are, or with other values in what is corrected."""
    keys = fates.rows("key")
    chosen = np.concatenate([fates.rows("exact"), keys])
    count = len(columns[0])
    place = np.minimum(chosen + 1 + draws.below(_REPEATED_WITHIN)[chosen], count)
    row = np.insert(np.arange(count), place, chosen)
    other = np.arange(count)
    other[keys] = (keys + 1) % count  # the values of the row after
    changed = np.insert(np.arange(count), place, other[chosen])
    return [
        column.take(changed if name in corrected else row)
        for name, column in zip(names, columns, strict=True)
    ]


def _amounts(cents: Ints) -> Texts:
    """Amounts as 1234.50."""
    units = abs(cents)
    return glued(
        _SIGNS.take((cents < 0).astype(np.int64)), _text(units // 100), ".", _TWO_DIGITS.take(units % 100)
    )


def _dates(day: Ints) -> Texts:
    """Days since 1970 as 2024-12-31."""
    dates: Texts = pa.array(day.astype(np.int32)).cast(pa.date32()).cast(pa.string())
    return dates


def _text(numbers: Ints) -> Texts:
    text: Texts = pa.array(numbers).cast(pa.string())
    return text
