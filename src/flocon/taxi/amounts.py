"""Sums of money that are exact and do not depend on the order of rows: each amount is rounded to the cent, then added.

`sql/taxi/staging` rounds in the same way (half to even), so that the sums of a file, of the warehouse and of the mart
can be compared to the cent.
"""

from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

_COUNTABLE = 1e12  # US dollars; beyond it, and for null, NaN and infinity, an amount counts as 0


def total_cents(amounts: pa.DoubleArray) -> int:
    """Sum of dollars in cents."""
    countable = pc.fill_null(pc.less(pc.abs(amounts), _COUNTABLE), False)
    cents = pc.cast(
        pc.round(pc.multiply(pc.filter(amounts, countable), 100.0), round_mode="half_to_even"), pa.int64()
    )
    return pc.sum(cents).as_py() or 0


def dollars(cents: int) -> Decimal:
    """Cents as dollars, exactly."""
    return Decimal(cents).scaleb(-2)
