"""The newest opt-outs, and who can still be reached some other way."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from pyroaring import BitMap

from broadcast.content.model import PERSONAL_CHANNELS
from broadcast.store.database import Connection, Database
from subscribers import registry
from subscribers.stops import recent_stops

STOPS_KEPT = timedelta(minutes=10)


class RecentOptOuts:
    """Who opted out of what in the last minutes, at most a second old: the last look before the
    wire (rule R9).
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._stopped: frozenset[tuple[int, str]] = frozenset()

    def __call__(self, person: int, channel: str) -> bool:
        """Return whether the person stopped this channel since the claim could have seen it."""
        return (person, channel) in self._stopped

    async def refresh(self) -> None:
        """Read the recent opt-outs."""
        self._stopped = frozenset(await self._db.read(recent_stops, datetime.now(UTC) - STOPS_KEPT))


def other_contacts(
    conn: Connection, people: BitMap, *, on: Collection[str] = PERSONAL_CHANNELS
) -> dict[str, BitMap]:
    """Return per channel of those that are `on` who of these people has a contact point there that
    they did not stop.
    """
    found: dict[str, BitMap] = {}
    for channel in (c for c in PERSONAL_CHANNELS if c in on):
        contacts = registry.contacts(conn, list(people), channel)
        found[channel] = BitMap(
            [
                person
                for person, contact in contacts.items()
                if contact.address and not contact.stopped and not contact.erased
            ]
        )
    return found
