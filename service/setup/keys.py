"""The keys of names and contact points: another in the place of the present one, step by step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from broadcast.store.database import Database
from subscribers.contact import rotation

_AGAIN_SECONDS = 0.2


class File(Protocol):
    """Where a new key may be put."""

    def add(self) -> None:
        """Make a key and put it last; raises Rejected where keys are given by a setting."""


async def rotate(
    db: Database, file: File, now: Callable[[], datetime], told: Callable[[int], None]
) -> tuple[str, str, int]:
    """Put another key in force and seal everything with it; return the ids of the old and the new
    one, and how many names and contact points were sealed anew.

    Each step is a transaction of its own, and whoever runs this again after a crash goes on where
    it ended. `told` hears after each step how many there were so far. Raises Rejected.
    """
    if await db.write(rotation.wants_new_key):
        file.add()
    old, new = await db.write(rotation.begin, now())
    done = 0
    while True:
        while sealed := await db.write(rotation.step):
            done += sealed
            told(done)
        if await db.write(rotation.finish, now()):
            break
        await asyncio.sleep(_AGAIN_SECONDS)  # rows that somebody was writing were left out
    while await db.write(rotation.clean):
        pass
    return old, new, done
