"""Addresses that providers say are gone: found in the outcomes, marked, and their people told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog

from broadcast.ledger import attempt_look_up
from broadcast.problems import Rejected
from broadcast.store.database import Database
from channels.contract import Channel
from service.residents import bounced
from subscribers.registration.budgets import Limits

log = structlog.get_logger("bounces")

AT_ONCE = 200
LOOK_BACK = timedelta(days=1)
"""How far a process that starts looks back."""
OVERLAP = timedelta(minutes=10)
"""How far each turn looks back behind the one before: evidence is dated when it came in, and may be
merged later. What was marked before is not marked again.
"""


class Bounces:
    """Marks what bounced in messages of one status. Several processes may do so."""

    def __init__(
        self,
        db: Database,
        channels: tuple[str, Mapping[str, Channel]],
        *,
        limits: Limits,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._db, (self._status, self._channels) = db, channels
        self._limits, self._now = limits, now
        self._since = now() - LOOK_BACK
        self._seen: dict[tuple[int, str, datetime], datetime] = {}

    async def look(self) -> None:
        """Mark what came in since the last turn, then have those told who wait for it."""
        now = self._now()
        for name, gone in _gone(self._channels.values()):
            found = await self._db.read(
                attempt_look_up.failed_since, name, gone, [self._status], self._since
            )
            fresh = [each for each in found if (each[0], name, each[2]) not in self._seen]
            for start in range(0, len(fresh), AT_ONCE):
                page = fresh[start : start + AT_ONCE]
                await self._db.write(bounced.mark, name, page, now)
                self._seen |= {(person, name, claimed): now for person, _, claimed in page}
        self._seen = {each: at for each, at in self._seen.items() if at > now - 2 * OVERLAP}
        self._since = now - OVERLAP
        await self._tell(now)

    async def _tell(self, now: datetime) -> None:
        tell = partial(
            bounced.tell,
            on=frozenset(self._channels),
            limits=self._limits,
            now=now,
        )
        for person, kind, bounced_at in await self._db.read(bounced.to_tell, now):
            try:
                await self._db.write(tell, person, kind, bounced_at)
            except Rejected as refused:
                log.info("contact.told_later", person=person, reason=refused.problems[0].code)


def _gone(channels: Iterable[Channel]) -> Iterable[tuple[str, frozenset[str]]]:
    for channel in channels:
        if gone := frozenset(getattr(channel, "gone", ())):
            yield channel.name, gone
