"""Files that were refused: kept in the lake's bucket `quarantine` beside the reason, for who dropped them to mend."""

import json
import logging
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flocon.flow import Flow
from flocon.inbox import Drop

log = logging.getLogger(__name__)

BUCKET = "quarantine"


@dataclass(frozen=True)
class Reason:
    """Why a file was refused: the rule that it breaks, what that expects, and what was found instead."""

    rule: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.rule}: expected {self.expected}, found {self.found}"


def refuse(flow: Flow, domain: str, drop: Drop, path: Path, sha256: str, reason: Reason) -> str:
    """Keep a refused file, whose bytes are in `path`, and `<name>.reason.json` beside it; say why in one line.

    The same bytes refused for the same reason are kept once, with the time and run that met them first.
    """
    key = f"{domain}/{drop.name}"
    told = {"file": drop.name, "origin": drop.origin, **asdict(reason), "sha256": sha256, "bytes": drop.bytes}
    if not _is_known(flow, key, told):
        flow.lake.put_file(BUCKET, key, path)
        told |= {"at": datetime.now(UTC).isoformat(timespec="seconds"), "run_id": flow.run_id}
        text = json.dumps(told, ensure_ascii=False, indent=2) + "\n"
        flow.lake.put_stream(BUCKET, f"{key}.reason.json", [text.encode()])
    line = f"{drop.origin} was refused ({reason}); it is kept in {BUCKET}/{key}, the reason beside it."
    log.warning("%s", line)
    return line


def _is_known(flow: Flow, key: str, told: dict[str, Any]) -> bool:
    """Whether just this was refused before; the reason is written last, so it stands for both."""
    if flow.lake.head(BUCKET, f"{key}.reason.json") is None:
        return False
    known = json.loads(flow.lake.read(BUCKET, f"{key}.reason.json"))
    return bool(told.items() <= known.items())
