"""The row rules of a month: how large a share of its rows each one touched, and what that means."""

import logging
from typing import Any

from flocon.errors import CheckFailed

log = logging.getLogger(__name__)


def judge(measured: dict[str, Any]) -> dict[str, Any]:
    """The share of one rule and its outcome (ok, warn or fail), as `ledger.rule_share` has it.

    `measured` is a row of measure.sql: rule, action, rows, total_rows, warn_share, fail_share (None: no threshold).
    """
    share = measured["rows"] / measured["total_rows"] if measured["total_rows"] else 0.0
    reached = [
        outcome
        for outcome in ("fail", "warn")
        if measured[f"{outcome}_share"] is not None and share >= measured[f"{outcome}_share"]
    ]
    kept = ("rule", "action", "rows", "warn_share", "fail_share")
    return {name: measured[name] for name in kept} | {"share": share, "outcome": [*reached, "ok"][0]}


def enforce(shares: list[dict[str, Any]], about: str) -> None:
    """Warn of the rules that touched many rows; raise `CheckFailed` when one touched too many to be believed."""
    for share in shares:
        if share["outcome"] == "warn":
            log.warning("%s: %s", about, _in_words(share))
    failed = [_in_words(share) for share in shares if share["outcome"] == "fail"]
    if failed:
        raise CheckFailed(
            f"{about} was not published, what is shown stays as it was: {'; '.join(failed)}. Look at these rows in the "
            "warehouse (view staging.trip); if they are right, raise the rule's share in sql/taxi/rejected/rule."
        )


def _in_words(share: dict[str, Any]) -> str:
    doing = {"reject": "rejects", "flag": "flags"}[share["action"]]
    limits = ", ".join(
        f"{outcome}s from {share[f'{outcome}_share']:.2%}"
        for outcome in ("warn", "fail")
        if share[f"{outcome}_share"] is not None
    )
    return (
        f"rule `{share['rule']}` {doing} {share['rows']:,} rows, {share['share']:.2%} of the month ({limits})"
    )
