"""Sums of money that are exact and do not depend on the order of rows: each amount is rounded to the cent, then added.

`sql/taxi/staging` rounds in the same way (half to even), so that the sums of a file, of the warehouse and of the mart
can be compared to the cent.
"""

from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

_COUNTABLE = 1e12  # US dollars; beyond it, and for null, NaN and infinity, an amount counts as 0


def total_cents(amounts: "pa.Array[Any]") -> int:
    """Sum, in cents, of a float64 column of dollars."""
    values = amounts.to_numpy(zero_copy_only=False)  # a null becomes NaN
    countable = values[np.abs(values) < _COUNTABLE]
    return int(np.rint(countable * 100.0).astype(np.int64).sum())


def dollars(cents: int) -> Decimal:
    """Cents as dollars, exactly."""
    return Decimal(cents).scaleb(-2)
