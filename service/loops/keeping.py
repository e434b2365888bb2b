"""Keeping who stands where as bitmaps, so that whoever looks need not read a million rows. Nothing
rests on it: what was not kept yet is read from its rows.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from broadcast.ledger.kept import folding
from broadcast.store.database import Database

KEEP_SECONDS = 1.0
TRANSACTIONS = 4
"""So many in one turn, of `folding.SLICES` each: then others write for a second."""


class Keeping:
    """Adds slices to the kept bitmaps: those that were closed, and those whose outcomes changed."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def keep(self) -> None:
        """Add what has changed since the last turn."""
        if not await self._db.read(folding.waits):
            return
        for _ in range(TRANSACTIONS):
            if await self._db.write(folding.fold, datetime.now(UTC)) < folding.SLICES:
                return
            await asyncio.sleep(0)
