"""Several acts in one unit of work: all are done, or none is."""

from __future__ import annotations

import pytest

from broadcast.messages import versions
from broadcast.problems import Rejected
from broadcast.store.database import Database
from service.commands import deciding, drafting
from service.commands.unit_of_work import commit_all
from tests.ledger.two_persons.room import Room
from tests.ledger.world import content


@pytest.fixture
async def room(db: Database) -> Room:
    return await Room.make(db)


async def test_acts_of_one_unit_of_work_are_done_together(room: Room) -> None:
    bea = await room.who("bea")
    pack = [await room.submitted("ada") for _ in range(3)]
    acts = [await deciding.approve(room.context, bea, v.message_id, v.content_hash) for v in pack]
    done = await commit_all(room.db, acts)
    assert [v.state for v in done] == ["approved"] * 3


async def test_one_refused_act_undoes_those_before_it_in_its_unit_of_work(room: Room) -> None:
    bea = await room.who("bea")
    first, second = [await room.submitted("ada") for _ in range(2)]
    acts = [
        await deciding.approve(room.context, bea, v.message_id, v.content_hash)
        for v in (first, second)
    ]
    # decided by another meanwhile
    await room.context.do(
        deciding.send_back, await room.who("cy"), second.message_id, "return", "a typo"
    )
    with pytest.raises(Rejected):
        await commit_all(room.db, acts)
    stands = await room.db.read(versions.get, first.id)
    assert stands.state == "pending_approval"


async def test_a_prepared_act_is_nothing_until_it_is_committed(room: Room) -> None:
    act = await drafting.draft(room.context, await room.who("ada"), content())
    with pytest.raises(Rejected, match="message_unknown"):
        await room.db.read(versions.of_message, 1)
    drafted = await room.db.write(act.write)
    assert (drafted.message_id, drafted.state) == (1, "draft")
