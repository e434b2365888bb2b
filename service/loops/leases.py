"""The loop that follows the clock: it ends what should have ended by now, makes the passes that are
due, and deletes what was kept for its time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog

from broadcast.ledger import liveness, passes
from broadcast.ledger.claims import leases
from broadcast.messages import publishing, versions
from broadcast.store.database import Connection, Database, database_now
from service.loops import forgetting
from service.loops.opt_outs import other_contacts
from service.loops.turns import Turns
from subscribers.registry import acts, reached
from subscribers.same_person.groups import groups

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
        """`answers_kept`: as for `forgetting.steps`."""
        self._forgetting = forgetting.steps(answers_kept)
        self._db, self._channels_on, self._turns = db, channels_on, turns
        self._next_minute: datetime | None = None

    async def expire(self) -> None:
        """Do everything that is due once; each pass is made in a transaction of its own."""
        for version_id in await self._db.write(self._ended):
            await self._turns.guarded(
                partial(self._db.write, self._make_due, version_id), f"make_due {version_id}"
            )

        if self._next_minute is None or datetime.now(UTC) >= self._next_minute:
            self._next_minute = datetime.now(UTC) + FORGET_EVERY
            # apart from what ends: data that cannot be deleted must hold up no lease and no expiry
            await self._turns.guarded(self.end_visits)
            await self.forget()

    async def forget(self) -> None:
        """Delete what was kept for its time. Where a process died after deleting, wipe the deleted
        data from the database files.
        """
        for name, step in self._forgetting.items():
            await self._turns.guarded(partial(self._db.write, _now, step), f"forget {name}")
        if self._db.scrub_due:
            # once: the sweep must not stand still while somebody reads, and comes again
            await self._turns.guarded(partial(self._db.scrub, tries=1))

    async def end_visits(self) -> None:
        """Delete the visits that have ended, some people in each transaction."""
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


def _now(conn: Connection, step: forgetting.Step) -> object:
    return step(conn, database_now(conn))
