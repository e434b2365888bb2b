"""The newest opt-outs, and who can still be reached some other way."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta

from pyroaring import BitMap

from broadcast.content.model import PERSONAL_CHANNELS
from broadcast.store.database import Connection, Database
from channels.dispatch.clock import boot_time
from subscribers.recent_opt_outs import recent_stops
from subscribers.registry import reached

STOPS_KEPT = timedelta(minutes=10)


class RecentOptOuts:
    """Who opted out of what in the last minutes, at most a second old: the last look before the
    wire (rule R9).

    A list that was read before a claim began knows nothing that the claim did not read itself, and
    may know of somebody who started again meanwhile: it counts for no such claim.
    """

    def __init__(self, db: Database, *, boot: Callable[[], float] = boot_time) -> None:
        self._db, self._boot = db, boot
        self._stopped: frozenset[tuple[int, str]] = frozenset()
        self._read_at = 0.0

    def __call__(self, person: int, channel: str, *, claimed: float) -> bool:
        """Return whether the person stopped this channel since a claim that began at `claimed`
        (seconds of this machine's clock of booting) could have seen it.
        """
        return self._read_at > claimed and (person, channel) in self._stopped

    async def refresh(self) -> None:
        """Read the recent opt-outs."""
        stopped = await self._db.read(recent_stops, datetime.now(UTC) - STOPS_KEPT)
        # after the reading: what a claim began during it could have missed counts for that claim
        self._stopped, self._read_at = frozenset(stopped), self._boot()


def other_contacts(
    conn: Connection, people: BitMap, *, on: Collection[str] = PERSONAL_CHANNELS
) -> dict[str, BitMap]:
    """Return per channel of those that are `on` who of these people has a contact point there that
    they did not stop.
    """
    found: dict[str, BitMap] = {}
    for channel in (c for c in PERSONAL_CHANNELS if c in on):
        contacts = reached.contacts(conn, list(people), channel)
        found[channel] = BitMap(
            [
                person
                for person, contact in contacts.items()
                if contact.address and not contact.stopped and not contact.erased
            ]
        )
    return found
