"""What is wrong with the rows that shops send, and how often: all of it in `RATES`."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flocon.sales.sample_draws import Draws, Ints, weighted

Texts: TypeAlias = "pa.Array[Any]"

# Column (or "row", for whole rows) to what happens to it, to the share of rows that it happens to. What is not listed
# arrives clean. The kinds of one column exclude each other.
RATES: Mapping[str, Mapping[str, float]] = {
    "clients.row": {
        "exact": 0.010,  # the same line twice: a form sent twice, two exports glued together
        "key": 0.008,  # the same client once more, registered anew after a move: another date, another country
    },
    "clients.id_client": {
        "blank": 0.003,  # a row typed by hand, never given a number
        "decimal": 0.006,  # 12.0: a spreadsheet made a number of it
        "spaced": 0.006,  # padded to a width
        "lettered": 0.002,  # C12: the number as another system writes it
    },
    "clients.nom": {
        "blank": 0.005,  # bought as a guest
        "spaced": 0.020,  # copied and pasted
        "capitals": 0.030,  # typed with caps lock
        "reversed": 0.010,  # "Dupont, Jean": a comma inside quotes
    },
    "clients.email": {
        "blank": 0.012,  # would not give it
        "capitals": 0.025,  # phones capitalise the first letter, tills all of them
        "spaced": 0.010,  # copied and pasted
        "no_at": 0.003,  # mistyped, as the five that follow
        "two_ats": 0.002,
        "no_domain": 0.002,
        "no_dot": 0.003,
        "gap": 0.002,
        "no_name": 0.002,
    },
    "clients.date_inscription": {
        "blank": 0.004,  # registered before dates were kept
        "french": 0.080,  # 31/12/2024: typed in France
        "dashed": 0.015,  # 31-12-2024
        "dotted": 0.010,  # 31.12.2024: the Swiss and German shops
        "slashed": 0.010,  # 2024/12/31
        "timed": 0.030,  # 2024-12-31 09:41:00: exported from a database
        "iso_timed": 0.010,  # 2024-12-31T09:41:00: exported from a web shop
        "spaced": 0.005,  # padded
        "no_such_day": 0.002,  # 31/02: typed without a calendar
        "no_such_month": 0.002,  # 2024-13-01: month and day swapped by a program
        "worded": 0.002,  # "inconnue"
        "future": 0.003,  # a wrong year, a wrong clock
    },
    "clients.pays": {
        "blank": 0.006,  # not asked at the till
        "capitals": 0.040,  # each shop writes it in its own way, as do the next three
        "small": 0.030,
        "spaced": 0.030,
        "tabbed": 0.004,  # a tab, from a spreadsheet's cell
        "no_break": 0.006,  # a no-break space, from a web page
    },
    "achats.row": {
        "exact": 0.010,  # a till that sent its day twice
        "key": 0.004,  # an exchange: the same purchase once more, on another day and of another product
    },
    "achats.id_achat": {"blank": 0.001, "decimal": 0.004, "spaced": 0.003, "lettered": 0.001},
    "achats.id_client": {
        "blank": 0.004,  # paid without a client's card
        "decimal": 0.006,
        "spaced": 0.003,
        "lettered": 0.001,
        "orphan": 0.006,  # a client whom the shop deleted, or never sent
    },
    "achats.date_achat": {
        "blank": 0.002,
        "french": 0.100,
        "dashed": 0.015,
        "dotted": 0.010,
        "slashed": 0.010,
        "timed": 0.080,
        "iso_timed": 0.020,
        "spaced": 0.004,
        "no_such_day": 0.001,
        "no_such_month": 0.001,
        "worded": 0.001,
        "future": 0.003,
    },
    "achats.montant": {
        "blank": 0.003,
        "comma": 0.080,  # "12,50": as a French spreadsheet writes it, quoted for its comma
        "grouped": 0.010,  # "1 234,50", with a no-break space where there are thousands
        "short": 0.040,  # 12.5, 12: a spreadsheet drops the zeros
        "noisy": 0.006,  # 12.500000000000002: a sum of floating-point numbers
        "signed": 0.003,  # +12.50
        "euros": 0.003,  # 12.50 €: not a number
        "gift": 0.002,  # "offert"
        "fine": 0.002,  # 12.505: half a cent, from a rate of exchange
        "refund": 0.006,  # below zero: money given back
        "free": 0.003,  # 0.00: a voucher paid for it
        "huge": 0.003,  # above 10,000: the decimal point was lost
    },
    "achats.produit": {
        "blank": 0.003,
        "capitals": 0.040,
        "small": 0.040,
        "spaced": 0.030,
        "gapped": 0.010,  # two spaces inside
        "tabbed": 0.004,
        "no_break": 0.006,
    },
}


class Fates:
    """What happens to one column of the rows of a block."""

    def __init__(self, column: str, draws: Draws) -> None:
        self._kinds = tuple(RATES[column])
        self._drawn = draws.pick(_table(column))

    def rows(self, kind: str) -> Ints:
        """The rows that this happens to, by their place in the block."""
        return np.flatnonzero(self._drawn == self._kinds.index(kind))

    def dress(self, clean: Texts) -> Texts:
        """The column's texts, of which some are now written in another way."""
        parts, place = [clean], np.arange(len(clean))
        for kind in self._kinds:
            if kind in WAYS:
                rows = self.rows(kind)
                place[rows] = sum(map(len, parts)) + np.arange(len(rows))
                parts.append(WAYS[kind](clean.take(rows)))
        return pa.concat_arrays(parts).take(place)


@cache
def _table(column: str) -> Ints:
    """The kinds of a column by number; -1: none."""
    shares = dict(enumerate(RATES[column].values()))
    return weighted({-1: 1 - sum(shares.values()), **shares})


def glued(*parts: "Texts | str") -> Texts:
    """Texts one after the other, row by row."""
    separator: Any = ""  # the stub knows arrays only
    joined: Texts = pc.binary_join_element_wise(*parts, separator)
    return joined


def _blank(texts: Texts) -> Texts:
    """Nothing, or only spaces."""
    return pa.array(np.resize(["", "", "", "   ", "\u00a0"], len(texts)).tolist(), pa.string())


def _day_first(separator: str) -> Callable[[Texts], Texts]:
    return _rewritten(r"^(\d{4})-(\d\d)-(\d\d)$", rf"\3{separator}\2{separator}\1")


def _rewritten(pattern: str, by: str) -> Callable[[Texts], Texts]:
    return lambda texts: pc.replace_substring_regex(texts, pattern=pattern, replacement=by)


_quoted_comma = _rewritten(r"^(.*)\.(.*)$", r'"\1,\2"')

# How each kind is written, given the clean texts: dates as 2024-12-31, amounts as 1234.50, e-mail addresses whole.
# Kinds that are not here change the value itself (see sample_rows.py).
WAYS: Mapping[str, Callable[[Texts], Texts]] = {
    "blank": _blank,
    "capitals": pc.utf8_upper,
    "small": pc.utf8_lower,
    "spaced": lambda texts: glued("  ", texts, " "),
    "tabbed": lambda texts: glued(texts, "\t"),
    "gapped": _rewritten(" ", "  "),
    "no_break": lambda texts: glued(_rewritten(" ", "\u00a0")(texts), "\u00a0"),
    "reversed": _rewritten("^([^ ]+) (.+)$", r'"\2, \1"'),
    "decimal": lambda texts: glued(texts, ".0"),
    "lettered": lambda texts: glued("C", texts),
    "no_at": _rewritten("@", ""),
    "two_ats": _rewritten("@", "@@"),
    "no_domain": _rewritten("@.*$", "@"),
    "no_dot": _rewritten(r"@.*$", "@example"),
    "gap": _rewritten(r"\.", " "),
    "no_name": _rewritten("^.*@", "@"),
    "french": _day_first("/"),
    "dashed": _day_first("-"),
    "dotted": _day_first("."),
    "slashed": _rewritten("-", "/"),
    "timed": lambda texts: glued(texts, " 09:41:00"),
    "iso_timed": lambda texts: glued(texts, "T18:05:30"),
    "gift": _rewritten("^.*$", "offert"),
    "no_such_day": _rewritten(r"^(\d{4}).*$", r"31/02/\1"),
    "no_such_month": _rewritten(r"^(\d{4})-\d\d", r"\1-13"),
    "worded": _rewritten("^.*$", "inconnu"),
    "comma": _quoted_comma,
    "grouped": lambda texts: _rewritten(r"(\d)(\d{3}),", "\\1\u00a0\\2,")(_quoted_comma(texts)),
    "short": _rewritten(r"\.?0+$", ""),
    "noisy": lambda texts: glued(texts, "0000000000002"),
    "signed": lambda texts: glued("+", texts),
    "euros": lambda texts: glued(texts, " €"),
    "fine": lambda texts: glued(texts, "5"),
}
