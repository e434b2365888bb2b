"""Two people stand behind every message: scripted ways round that, none of which makes anything
claimable.

Each way is a function whose name is its sentence. It may do what the software lets it; afterwards
everything that the software would do by itself is done (freeze, release, later generations,
expiry), and nothing may be there to claim.
"""

from __future__ import annotations

import pytest
from pyroaring import BitMap
from sqlalchemy import func, select

from broadcast.events.tables import outbox
from broadcast.ledger.claims.tables import batch
from broadcast.messages import publishing, versions
from broadcast.messages.tables import decision
from broadcast.messages.versions import Version
from broadcast.store.database import Database
from tests.ledger.two_persons import follows, rights, together, what, when, who
from tests.ledger.two_persons.room import WAYS, Room, Way
from tests.ledger.two_persons.together import both
from tests.ledger.two_persons.what import ids_of

CATALOGUE = (who, when, what, follows, rights, together)


def test_there_are_at_least_forty_ways() -> None:
    assert len(WAYS) == len({attack.__name__ for attack in WAYS}) >= 40
    assert {attack.__module__ for attack in WAYS} == {module.__name__ for module in CATALOGUE}


@pytest.mark.parametrize("attack", WAYS, ids=lambda attack: attack.__name__)
async def test_no_way_round_the_two_persons_makes_anything_claimable(
    db: Database, attack: Way
) -> None:
    room = await Room.make(db)
    await attack(room)
    await room.batches()
    assert await room.claimed() == []
    # Every batch that there ever was has two people behind it.
    for version_id in await db.read(
        lambda conn: conn.execute(select(batch.c.version_id).distinct()).scalars().all()
    ):
        v = await db.read(versions.get, version_id)
        assert v.approver_id not in (None, v.author_id, v.submitter_id, *v.editors)
        assert publishing.stands(v)


async def test_two_people_are_enough_and_the_batches_hold_exactly_whom_they_saw(
    db: Database,
) -> None:
    room = await Room.make(db)
    v = await room.live()
    assert await room.claimed() == [v.id]
    assert v.seen_count == 29
    people = await db.read(
        lambda conn: BitMap(
            i for row in conn.execute(select(batch.c.members)) for i in ids_of(row.members)
        )
    )
    assert people == BitMap(range(1, 30))


async def test_two_approvals_at_once_are_one_approval_and_everybody_is_claimed_once(
    db: Database,
) -> None:
    room = await Room.make(db)
    v = await room.submitted("ada")
    results = await both(*(room.approve(name, v) for name in ("bea", "cy") * 8))
    assert [r for r in results if not isinstance(r, Version)] == []
    await both(*(room.context.matcher.process(v.id) for _ in range(4)))
    approvals = await db.read(
        lambda conn: conn.execute(
            select(func.count()).where(decision.c.action == "approve")
        ).scalar_one()
    )
    events = await db.read(
        lambda conn: conn.execute(
            select(func.count()).where(outbox.c.type == "message.approved")
        ).scalar_one()
    )
    assert (approvals, events, await room.batches()) == (1, 2, 1)
    assert await room.claimed() == [v.id]


async def test_an_exercise_by_one_person_stays_one_where_two_are_needed_for_actual_only(
    db: Database,
) -> None:
    room = await Room.make(db)
    room.sit_down("actual")
    v = await room.submitted("bea", status="Exercise")
    await room.approve("bea", v)
    assert await room.batches() == 1
    assert await db.read(lambda conn: conn.execute(select(batch.c.status)).scalars().all()) == [
        "Exercise"
    ]
