"""Claiming people of a batch: committed before anything touches the wire."""

from __future__ import annotations

from datetime import datetime

from broadcast.ledger import attempts
from broadcast.ledger.claims import batch_causes, recording, taking
from broadcast.ledger.claims.open_batches import Candidate
from broadcast.ledger.claims.slices import Slice, read_slice
from broadcast.store.database import TROUBLE, Connection, Database
from broadcast.wording.rendered import Rendered
from channels.dispatch.clock import Clock
from channels.dispatch.ports import Contacts, NoLongerFor
from channels.dispatch.under_way import OpenSlice, not_started


class Claimer:
    """Claims slices of at most 32 people in one transaction, under the worker's present id."""

    def __init__(
        self, db: Database, contacts: Contacts, no_longer_for: NoLongerFor, clock: Clock
    ) -> None:
        self._db, self._contacts, self._clock = db, contacts, clock
        self._no_longer_for = no_longer_for

    async def claim(
        self,
        chosen: Candidate,
        *,
        want: int,
        worker: str,
        provider: str,
        rendered: Rendered,
        expires_at: datetime,
    ) -> list[OpenSlice]:
        """Claim up to `want` people; empty where the batch cannot be claimed from any more.

        Raises what a database in trouble raises; by then it is sure that nobody stays claimed.
        """
        claimed, claimed_wall = self._clock.boot(), self._clock.wall()
        made: list[str] = []
        addresses: dict[int, str] = {}
        discreet: set[int] = set()
        any_contact = batch_causes.any_contact(chosen.cause)

        def new_attempt() -> str:
            made.append(attempts.new_slice_attempt())
            return made[-1]

        def suppress(conn: Connection, people: list[int], channel: str) -> dict[int, str]:
            skipped = self._contacts(
                conn, people, channel, addresses, any_contact=any_contact, discreet=discreet
            )
            if chosen.status == "Exercise":
                # also who shares a telephone with them, and who asked for it after the freezing
                skipped = dict.fromkeys(discreet, "discreet") | skipped
            return skipped

        def in_transaction(conn: Connection) -> tuple[list[Slice], datetime] | None:
            made.clear()  # a transaction may be tried again
            addresses.clear()
            discreet.clear()
            return taking.claim(
                conn,
                chosen,
                want=want,
                worker=worker,
                provider=provider,
                attempts=new_attempt,
                suppress=suppress,
                no_longer_for=lambda c, people: self._no_longer_for(
                    c, chosen.version_id, people, chosen.channel
                ),
            )

        try:
            done = await self._db.write(in_transaction)
        except TROUBLE:
            await self._give_back(list(made))
            raise
        if done is None:
            return []
        return [
            OpenSlice(s, chosen, rendered, expires_at, addresses, claimed, claimed_wall, discreet)
            for s in done[0]
        ]

    async def _give_back(self, made: list[str]) -> None:
        """The reply of the commit was lost. Nothing was sent, so whoever is claimed after all
        waits again.
        """
        for attempt in made:
            while not await self._given_back(attempt):
                await self._clock.sleep(0.5)

    async def _given_back(self, attempt: str) -> bool:
        try:
            s = await self._db.read(read_slice, attempt)
            if s is not None:
                now = self._clock.now()
                back = [not_started(at, p, now) for at, p in s.people if at not in s.skipped]
                await self._db.write(recording.record, [(s, back)], at=self._clock.now())
        except TROUBLE:
            return False
        return True
