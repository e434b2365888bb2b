"""Whom a chain of versions reached or may have reached (rule R10), held against the plainest
reading of its outcomes.
"""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime

import pytest
from pyroaring import BitMap
from sqlalchemy import Connection, select

from broadcast.ledger import batching
from broadcast.ledger.claims import recording
from broadcast.ledger.claims.outcomes import Outcome
from broadcast.ledger.claims.slices import open_members
from broadcast.ledger.claims.tables import outcome
from broadcast.ledger.planning import earlier_versions
from broadcast.ledger.planning.plan import Part
from broadcast.messages.versions import Version
from tests.ledger.world import World


async def after(world: World, v: Version, action: str, count: int) -> Version:
    kind = "correction" if action == "correct" else "incident"
    return await world.approved(count=count, message_id=v.message_id, action=action, kind=kind)


async def test_who_was_refused_once_and_reached_by_a_later_version_hears_its_correction(
    world: World,
) -> None:
    v = await world.live([1, 2])
    (s,) = await world.claim()
    await world.db.write(
        recording.record,
        [
            (
                s,
                [
                    Outcome(position=0, person_id=1, state="failed", code="21211"),
                    Outcome(position=1, person_id=2, state="accepted"),
                ],
            )
        ],
        at=datetime.now(UTC),
    )
    update = await after(world, v, "update", 2)
    await world.freeze(update, {("sms", "en"): [1, 2]})
    assert await world.release(update) == "released"
    (s,) = await world.claim()
    await world.db.write(
        recording.record,
        [
            (
                s,
                [
                    Outcome(position=0, person_id=1, state="accepted"),
                    Outcome(position=1, person_id=2, state="failed", code="21211"),
                ],
            )
        ],
        at=datetime.now(UTC),
    )
    correction = await after(world, v, "correct", 2)
    assert await world.db.read(earlier_versions.reached_by_predecessors, correction) == {
        "sms": BitMap([1, 2])
    }


async def test_failed_after_it_was_taken_counts_as_reached_whatever_was_refused_beside_it(
    world: World,
) -> None:
    v = await world.live([1, 2])
    (s,) = await world.claim()
    taken = [
        Outcome(position=p, person_id=p + 1, state="failed", code="30003", provider_id=f"SM{p}")
        for p in (0,)
    ]
    await world.db.write(
        recording.record,
        [(s, [*taken, Outcome(position=1, person_id=2, state="failed", code="21211")])],
        at=datetime.now(UTC),
    )
    await world.db.write(
        batching.insert_pass,
        v,
        2,
        "retry",
        [Part("sms", "en", BitMap([1, 2]))],
        datetime.now(UTC),
    )
    (again,) = await world.claim()
    await world.done(again, "failed", code="21211")
    correction = await after(world, v, "correct", 1)
    assert await world.db.read(earlier_versions.reached_by_predecessors, correction) == {
        "sms": BitMap([1])
    }


def plainly(conn: Connection, version_ids: list[int]) -> dict[str, BitMap]:
    found: dict[str, BitMap] = {}
    for version_id in version_ids:
        for row in conn.execute(select(outcome).where(outcome.c.version_id == version_id)):
            if row.state in ("in_doubt", "accepted", "sent", "delivered") or (
                row.state == "failed" and row.provider_id
            ):
                found.setdefault(row.channel, BitMap()).add(row.person_id)
        for channel, ids in open_members(conn, version_id).items():
            found[channel] = found.get(channel, BitMap()) | ids
    return found


@pytest.mark.parametrize("seed", range(4))
async def test_any_chain_reached_whom_its_outcomes_say(world: World, seed: int) -> None:
    chance = random.Random(seed)
    v = await world.live(range(1, 121), channels="sms>email")
    chain = [v.id]
    for step in range(3):
        for channel in ("sms", "email"):
            for _ in range(2):
                slices = await world.claim(
                    channel=channel,
                    want=32,
                    skip=dict.fromkeys(chance.sample(range(1, 121), 5), "stopped"),
                )
                for s in slices:
                    states = [
                        (
                            p,
                            person,
                            chance.choice(
                                ("accepted", "delivered", "in_doubt", "failed", "refused")
                            ),
                        )
                        for p, person in s.people
                        if p not in s.skipped
                    ]
                    outcomes = [
                        Outcome(
                            position=p,
                            person_id=person,
                            state=state,
                            provider_id=chance.choice(("", f"{s.attempt}{p}")),
                        )
                        for p, person, state in states
                    ]
                    if chance.random() < 0.8:
                        await world.db.write(
                            recording.record, [(s, outcomes)], at=datetime.now(UTC)
                        )
        update = await after(world, v, "update", 120)
        assert await world.db.read(
            earlier_versions.reached_by_predecessors, update
        ) == await world.db.read(plainly, chain)
        await world.freeze(
            update, {("sms>email", "en"): range(1, 61), ("email", "en"): range(61, 121)}
        )
        if step < 2:
            assert await world.release(update) == "released"
        chain.append(update.id)


async def test_a_hundred_thousand_outcomes_are_read_in_a_moment(world: World) -> None:
    v = await world.live(range(1, 100_001))
    now = datetime.now(UTC)

    def fill(conn: Connection) -> None:
        rows = [
            {
                "attempt": f"a{n}",
                "position": 0,
                "version_id": v.id,
                "channel": "sms",
                "generation": 1,
                "person_id": n,
                "state": "delivered",
                "code": "",
                "provider_id": f"SM{n}",
                "at": now,
            }
            for n in range(1, 100_001)
        ]
        for start in range(0, len(rows), 5000):
            conn.execute(outcome.insert(), rows[start : start + 5000])

    await world.db.write(fill)
    correction = await world.submitted(
        count=100_000, message_id=v.message_id, action="correct", kind="correction"
    )
    began = time.process_time()
    reached = await world.db.read(earlier_versions.reached_by_predecessors, correction)
    assert time.process_time() - began < 2
    assert reached == {"sms": BitMap(range(1, 100_001))}
