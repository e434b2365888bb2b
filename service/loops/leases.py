"""Comparing the database with itself: what should have ended by now ends, and what was caused by
nobody is caused again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog

from broadcast.answers import store as answers
from broadcast.ledger import liveness, passes
from broadcast.ledger.claims import leases
from broadcast.messages import publishing, versions
from broadcast.store import replies
from broadcast.store.database import Connection, Database, database_now
from service.loops.opt_outs import other_contacts
from service.loops.turns import Turns
from subscribers.registry import acts, reached
from subscribers.same_person.groups import groups
from subscribers.weekly import using

log = structlog.get_logger("engine")

FORGET_EVERY = timedelta(minutes=1)
VISITS_TOGETHER = 200
"""Of so many people at most the visits that have ended are taken out in one transaction."""


class Leases:
    """Ends versions past their expiry, and leases of workers that are dead or late; makes the
    passes that are due.
    """

    def __init__(
        self,
        db: Database,
        channels_on: Callable[[str], frozenset[str]],
        turns: Turns,
        *,
        answers_kept: timedelta | None = None,
    ) -> None:
        """`answers_kept`: how long words and senders of answers stay; None = for ever."""
        self._answers_kept = answers_kept
        self._db, self._channels_on, self._turns = db, channels_on, turns
        self._forget_at: datetime | None = None
        self._visits_end_at: datetime | None = None

    async def expire(self) -> None:
        """Look once; each pass that is due is made in a transaction of its own."""
        for version_id in await self._db.write(self._ended):
            await self._turns.guarded(
                partial(self._db.write, self._make_due, version_id), f"make_due {version_id}"
            )

        if self._visits_end_at is None or datetime.now(UTC) >= self._visits_end_at:
            self._visits_end_at = datetime.now(UTC) + FORGET_EVERY
            await self._turns.guarded(self.end_visits)

    async def end_visits(self) -> None:
        """Take out the visits that have ended, a transaction for some people at a time."""
        while await self._db.write(self._end_some) == VISITS_TOGETHER:
            pass

    def _end_some(self, conn: Connection) -> int:
        return acts.end_visits(conn, database_now(conn), VISITS_TOGETHER)

    def _ended(self, conn: Connection) -> list[int]:
        now = database_now(conn)
        publishing.expire_due(conn, now)
        swept = leases.expire_leases(conn, dead_workers=liveness.declare_dead(conn), now=now)
        if swept:
            log.warning("slices.swept", slices=len(swept), attempts=swept[:10])
        if self._forget_at is None or now >= self._forget_at:
            replies.forget(conn, now - replies.KEPT)
            using.forget(conn, now)
            if self._answers_kept is not None:
                forgotten = answers.erase_old(conn, now - self._answers_kept, now)
                if forgotten:
                    log.info("answers.forgotten", answers=forgotten)
            self._forget_at = now + FORGET_EVERY
        return passes.due_versions(conn, now)

    def _make_due(self, conn: Connection, version_id: int) -> int:
        # nobody sends on a channel that is off: no one waits there
        on = self._channels_on(versions.get(conn, version_id).status)
        return passes.make_due(
            conn,
            version_id,
            contacts=partial(other_contacts, on=on),
            shared=reached.sharing,
            quiet=reached.quiet_until,
            one_person=groups,
        )
