"""Whoever is refused too often fails, and a routine person goes on to their next channel."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pyroaring import BitMap
from sqlalchemy import select

from broadcast.events.tables import outbox
from broadcast.ledger import delivery_report, passes
from broadcast.ledger.claims import recording, timing
from broadcast.ledger.claims.outcomes import Outcome
from broadcast.store.database import Connection, Database
from tests.ledger.world import World


def nobody(conn: Connection, people: BitMap) -> dict[str, BitMap]:
    return {}


async def refused(world: World, version_id: int, channel: str) -> list[int]:
    """Claim who waits on a channel and refuse them all for now; return whom."""
    people = []
    for s in await world.claim(channel=channel):
        now = datetime.now(UTC)
        outcomes = [
            Outcome(position=at, person_id=person, state="refused", code="30001", due_at=now)
            for at, person in s.people
        ]
        await world.db.write(recording.record, [(s, outcomes)], at=now)
        people += [person for _, person in s.people]
    return people


async def test_after_the_last_try_a_person_fails_and_their_next_channel_is_counted(
    db: Database,
) -> None:
    world = await World.make(db)
    v = await world.live([1, 2], channels="sms>email")
    later = datetime.now(UTC) + timedelta(minutes=30)
    queued = 2
    for tried in range(1, timing.MAX_TRIES + 1):
        assert queued == 2, f"before try {tried}"
        assert await refused(world, v.id, "sms") == [1, 2]
        queued = await world.db.write(passes.make_due, v.id, contacts=nobody, now=later)
    assert queued == 2  # not tried again by text: both wait for their mail
    assert await refused(world, v.id, "sms") == []
    assert [person for s in await world.claim(channel="email") for _, person in s.people] == [1, 2]

    def told(conn: Connection) -> list[dict[str, object]]:
        query = select(outbox.c.payload).where(outbox.c.type == "retries.exhausted")
        return list(conn.execute(query).scalars())

    facts = await world.db.read(told)
    assert len(facts) == 1
    account = await world.db.read(delivery_report.account, v)
    assert len(account.channels["sms"]["failed"]) == 2
    assert account.adds_up
