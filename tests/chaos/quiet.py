"""Quiet hours that end in a few seconds: time zones whose minutes begin every ten seconds, for no
test can wait for a minute of ours.
"""

from __future__ import annotations

import struct
import zoneinfo
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

STEP: Final = 10
"""Seconds between two moments at which quiet hours can end."""


def write_zones(folder: Path) -> str:
    """Write the zones; return what PYTHONTZPATH must be for processes that are to know them."""
    for late in range(0, 60, STEP):
        path = folder / f"Kills/Late{late:02d}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_zone(-late))
    return ":".join([str(folder), *zoneinfo.TZPATH])


def hours_until(moment: datetime) -> tuple[str, datetime]:
    """Return quiet hours that hold now and end at the first of those moments after this one, and
    that moment, aware UTC.
    """
    seconds = -(-moment.timestamp() // STEP) * STEP
    end = datetime.fromtimestamp(seconds, UTC)
    late = int(seconds % 60)
    wall = end - timedelta(seconds=late)
    begin = wall - timedelta(hours=6)
    return f"{begin:%H:%M}-{wall:%H:%M} Kills/Late{late:02d}", end


def _zone(offset: int) -> bytes:
    """Return a zone of one offset in seconds (RFC 8536, version 1)."""
    counts = struct.pack(">6l", 0, 0, 0, 0, 1, 4)
    return b"TZif" + bytes(16) + counts + struct.pack(">lBB", offset, 0, 0) + b"KIL\0"
