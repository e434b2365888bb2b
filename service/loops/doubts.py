"""Reconciling doubts: the provider's own list is asked what became of attempts without a known
outcome.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import structlog

from broadcast.ledger import receipts
from broadcast.ledger.receipts import Receipt
from broadcast.messages import versions
from broadcast.store.database import Connection, Database
from channels.contract import Channel, ProviderRecord, Unavailable
from channels.dispatch.ports import AnswerLinks
from service.loops.turns import Turns
from service.rendering import StoredRenderings
from subscribers.registry import reached

log = structlog.get_logger("engine")

ASK_AFTER = timedelta(seconds=120)
"""So old is a doubt before the provider is asked: late callbacks settle most before that."""
SLOW_PROVIDER = timedelta(seconds=60)
"""So long after the deadline of an attempt a provider may still have begun it."""


class Doubts:
    """Asks about one page of each adapter's doubts a turn; after the last page comes the first
    again.
    """

    def __init__(
        self,
        db: Database,
        channels: Callable[[], Iterable[Channel]],
        renderings: StoredRenderings,
        answer_links: Callable[[Channel], AnswerLinks],
        turns: Turns,
        stopping: asyncio.Event,
        *,
        ask_after: timedelta = ASK_AFTER,
    ) -> None:
        self._db, self._channels, self._renderings = db, channels, renderings
        self._answer_links = answer_links
        self._turns, self._stopping, self._ask_after = turns, stopping, ask_after
        self._asked: dict[tuple[str, int], datetime] = {}
        """Until when an attempt is not asked about again."""
        self._page_after: dict[tuple[str, ...], tuple[str, int]] = {}

    async def reconcile(self) -> None:
        """Ask every provider about its next page of attempts in doubt."""
        now = datetime.now(UTC)
        self._asked = {key: again for key, again in self._asked.items() if again > now}
        for channel in self._channels():
            await self._turns.guarded(partial(self._ask_page, channel), f"settle {channel.name}")

    async def _ask_page(self, channel: Channel) -> None:
        now = datetime.now(UTC)
        statuses = sorted(channel.serves)
        place = (channel.name, *statuses)
        rows = await self._db.read(
            partial(receipts.in_doubt_to_settle, provider=channel.provider),
            channel.name,
            statuses,
            now,
            self._ask_after,
            self._page_after.get(place, ("", -1)),
        )
        for row in rows:
            key = (row.attempt, row.position)
            # kept before it is asked about: one that fails is not the first again
            self._page_after[place] = key
            if self._stopping.is_set() or key in self._asked:
                continue
            wait = min(3600, 60 + (now - row.at).total_seconds())
            self._asked[key] = now + timedelta(seconds=wait)
            await self._ask_about(channel, row)
        if not rows:
            self._page_after.pop(place, None)

    async def _ask_about(self, channel: Channel, row: Any) -> None:
        v = await self._db.read(versions.get, row.version_id)
        if v.status not in channel.serves:
            return
        contacts = await self._db.read(reached.contacts, [row.person_id], channel.name)
        contact = contacts.get(row.person_id)
        if contact is None or not contact.address:
            return
        try:
            listed = await channel.look_up(contact.address, row.claimed_at - timedelta(seconds=5))
        except Unavailable:
            return
        if not listed:
            return  # not found proves nothing (rule R13)
        bodies = await self._bodies(channel, v.id, row)
        for record in listed:
            if _may_be(record, bodies, row) and await self._kept(channel, row, record):
                log.info(
                    "doubt.settled", attempt=row.attempt, position=row.position, state=record.state
                )
                return

    async def _bodies(self, channel: Channel, version_id: int, row: Any) -> set[str]:
        """Return the words that the attempt may have carried: the first time, or repeated."""
        link = self._answer_links(channel)(row.person_id, version_id)
        found = set()
        for repeat in (False, True):
            words, _ = await self._renderings.rendered(
                version_id, channel.name, row.language, repeat=repeat, roles=row.roles
            )
            found.add(words.words_for(link))
        return found

    async def _kept(self, channel: Channel, row: Any, record: ProviderRecord) -> bool:
        """Store what was found as a receipt; return False where another attempt holds that record
        already.
        """
        found = Receipt(
            attempt=row.attempt,
            position=row.position,
            state=record.state,
            code=record.code,
            provider_id=record.provider_id,
            source="look_up",
            provider=channel.provider,
        )

        def keep(conn: Connection) -> bool:
            held = receipts.provider_id_held(conn, found.provider_id, found.provider)
            return not held and receipts.store(conn, found, datetime.now(UTC))

        return await self._db.write(keep)


def _may_be(record: ProviderRecord, bodies: set[str], row: Any) -> bool:
    """Return whether a record of the provider's may be this attempt: the same words, and begun in
    time. What began too late is a later call, perhaps one whose own reply is still awaited.
    """
    return (not record.body or record.body in bodies) and (
        record.created <= row.deadline + SLOW_PROVIDER
    )
