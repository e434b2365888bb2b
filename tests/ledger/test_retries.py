"""When a sure refusal is tried again: soon at first, later each time, counted for each person
alone; and one inbox's refusal holds up nobody else.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from broadcast.ledger import delivery_report, passes
from broadcast.ledger.claims import open_batches
from broadcast.ledger.claims.open_batches import Candidate
from broadcast.ledger.claims.slices import Slice
from broadcast.ledger.claims.tables import batch, outcome
from broadcast.messages import versions
from broadcast.store.database import Connection
from broadcast.wording.rendered import Rendered
from channels.contract import ChannelError, Unavailable
from channels.memory import MemoryChannel, fails_with
from subscribers.registry import importing
from tests.chaos.harness import people
from tests.ledger.sending import run_for, sender_of
from tests.ledger.world import World, no_contacts


def due_of(conn: Connection, person: int) -> datetime | None:
    due: datetime | None = conn.execute(
        select(outcome.c.due_at)
        .where(outcome.c.person_id == person)
        .order_by(outcome.c.generation.desc())
        .limit(1)
    ).scalar_one()
    return due


async def refused(world: World, s: Slice) -> None:
    await world.done(s, "refused", code="20429", due_at=datetime.now(UTC) + timedelta(seconds=5))


async def test_a_first_refusal_after_many_retries_of_others_is_tried_again_as_soon_as_any_first_one(
    world: World,
) -> None:
    v = await world.live(range(1, 41))
    (first,) = await world.claim(want=1)
    waits: list[float] = []
    for _ in range(4):
        await refused(world, first)
        due = await world.db.read(due_of, 1)
        assert due is not None
        waits.append((due - datetime.now(UTC)).total_seconds())
        assert await world.db.write(passes.make_due, v.id, contacts=no_contacts, now=due) == 1
        assert (await world.db.read(versions.get, v.id)).generation == len(waits) + 1
        (first,) = await world.claim(candidate=await retry_of(world))
    assert [round(wait / 5) for wait in waits] == [1, 2, 4, 8]
    (other,) = await world.claim(want=1)
    assert [person for _, person in other.people] == [2]
    await refused(world, other)
    due = await world.db.read(due_of, 2)
    assert due is not None
    assert due - datetime.now(UTC) < timedelta(seconds=6)


async def retry_of(world: World) -> Candidate:
    """Return the newest generation's batch, whatever stands before it."""
    (any_,) = await world.db.read(
        open_batches.candidates,
        "routine",
        "sms",
        ("Actual",),
        datetime.now(UTC) + timedelta(days=1),
    )
    batch_id, number = await world.db.read(
        lambda conn: tuple(
            conn.execute(
                select(batch.c.id, batch.c.generation).order_by(batch.c.id.desc()).limit(1)
            ).one()
        )
    )
    return replace(any_, batch_id=batch_id, generation=number, cause="retry")


class Renderings:
    """One text for everybody."""

    async def rendered(
        self, version_id: int, channel: str, language: str, *, repeat: bool, roles: str = ""
    ) -> tuple[Rendered, datetime]:
        return Rendered(
            channel=channel, language=language, subject="S", body="B", html="H"
        ), datetime.now(UTC) + timedelta(hours=1)


@pytest.mark.parametrize(
    ("refusal", "paused"),
    [
        (Unavailable("451", retry_after=60.0, only_this=True), False),
        (Unavailable("429", retry_after=60.0), True),
    ],
)
async def test_one_greylisted_inbox_holds_up_nobody_and_a_busy_provider_is_left_alone(
    world: World, refusal: ChannelError, paused: bool
) -> None:
    await world.db.write(
        importing.import_records,
        [
            r._replace(channels="email", email=f"p{n}@example.org")
            for n, r in enumerate(people(200))
        ],
        "test",
        datetime.now(UTC),
    )
    v = await world.live(range(1, 201), channels="email")
    channel = MemoryChannel("email", by_call={0: fails_with(refusal)})
    sender = sender_of(world.db, channel, Renderings(), rate=100.0)
    await run_for(sender, 3.5)
    account = await world.db.read(delivery_report.account, await world.db.read(versions.get, v.id))
    assert (len(account.people["accepted"]) < 199) is paused
    assert account.adds_up
