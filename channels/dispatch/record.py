"""Recording outcomes: what is known here is kept until the database has it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from broadcast.ledger.claims import recording
from broadcast.ledger.claims.outcomes import Outcome
from broadcast.ledger.claims.slices import Slice
from broadcast.store.database import TROUBLE, Connection, Database
from channels.dispatch.clock import Clock
from channels.dispatch.under_way import OpenSlice, UnderWay

log = structlog.get_logger("deliver")

RECORD_SECONDS = 0.01
"""How long a finished slice waits for others to be committed with."""
PARTIAL_SECONDS = 1.0
"""After this long the outcomes of an unfinished slice are committed too."""


class Recorder:
    """Commits outcomes, as many slices at a time as are finished.

    It alone writes both parts and ends: a slice must not be closed before all that was known of it
    is committed.
    """

    def __init__(self, db: Database, channel: str, under_way: UnderWay, clock: Clock) -> None:
        self._db, self._channel, self._under_way, self._clock = db, channel, under_way, clock
        self._parts: list[tuple[Slice, list[Outcome]]] = []
        self.stopping = False

    async def run(self) -> None:
        """Record until `stopping` is set and everything is recorded."""
        while True:
            await self._under_way.to_record.wait()
            if self._under_way.open_slices() and not self.stopping:
                await self._clock.sleep(RECORD_SECONDS)
            self._under_way.to_record.clear()
            finished = self._under_way.take_finished()
            parts, self._parts = self._parts, []
            if finished or parts:
                await self._keep(parts, finished)
            if self.stopping and self._under_way.is_empty:
                return

    async def keep_partial(self) -> None:
        """Now and then hand the outcomes of slow slices to the recorder, until cancelled."""
        while True:
            await self._clock.sleep(PARTIAL_SECONDS / 2)
            now = self._clock.boot()
            for opened in self._under_way.open_slices():
                known = len(opened.outcomes)
                if known > opened.kept and now - opened.claimed > PARTIAL_SECONDS and opened.left:
                    self._parts.append((opened.slice, opened.outcomes[opened.kept : known]))
                    opened.kept = known
                    self._under_way.to_record.set()

    async def _keep(
        self, parts: Sequence[tuple[Slice, list[Outcome]]], finished: Sequence[OpenSlice]
    ) -> None:
        # The same time at every try: by it a commit whose reply was lost is known again.
        at = self._clock.now()
        ends = [(opened.slice, opened.outcomes[opened.kept :]) for opened in finished]
        await self._until_kept(lambda conn: _write(conn, parts, ends, at))
        for opened in finished:
            _log(opened)

    async def _until_kept(self, write: Callable[[Connection], object]) -> None:
        wait = 0.1
        while True:
            try:
                await self._db.write(write)
            except TROUBLE as trouble:
                log.warning(
                    "record.database_trouble", channel=self._channel, error=type(trouble).__name__
                )
            else:
                return
            await self._clock.sleep(wait)
            wait = min(wait * 2, 2.0)


def _write(
    conn: Connection,
    parts: Sequence[tuple[Slice, list[Outcome]]],
    ends: Sequence[tuple[Slice, list[Outcome]]],
    at: datetime,
) -> None:
    for s, some in parts:
        recording.record_some(conn, s, some, at=at)
    if ends:
        recording.record(conn, ends, at=at)


def _log(opened: OpenSlice) -> None:
    counts = {
        state: sum(outcome.state == state for outcome in opened.outcomes)
        for state in ("accepted", "failed", "in_doubt", "refused", "not_started")
    }
    log.info(
        "slice.done",
        attempt=opened.slice.attempt,
        version=opened.slice.version_id,
        channel=opened.slice.channel,
        provider=opened.slice.provider,
        skipped=len(opened.slice.skipped),
        **counts,
    )
