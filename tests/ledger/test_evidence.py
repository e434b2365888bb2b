"""Which evidence beats which: what stands moves up, and never down."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
from sqlalchemy import select

from broadcast.ledger.claims.outcomes import merge_evidence
from broadcast.ledger.claims.tables import outcome
from broadcast.store.database import Connection, Database
from tests.ledger.world import World

LADDER = (
    # decided at the claim: nothing was sent
    ("skipped",),
    # nobody knows
    ("in_doubt",),
    # a sure refusal settles a doubt
    ("not_started", "refused"),
    # the provider took it, whatever a second answer says
    ("accepted",),
    ("sent",),
    ("failed",),
    # somebody has it: a carrier's earlier "failed" was wrong
    ("delivered",),
)
STEP = {state: n for n, states in enumerate(LADDER) for state in states}


async def test_evidence_replaces_only_what_is_lower(db: Database) -> None:
    world = await World.make(db)
    v = await world.live([1])
    (s,) = await world.claim()
    pairs = list(product(STEP, STEP))

    def row(position: int, state: str) -> dict[str, Any]:
        return {
            "attempt": s.attempt,
            "position": position,
            "version_id": v.id,
            "channel": "sms",
            "generation": 1,
            "person_id": position + 1,
            "state": state,
            "code": "",
            "provider": "test",
            "provider_id": "",
            "at": datetime.now(UTC),
            "due_at": None,
        }

    def merge(conn: Connection) -> dict[int, str]:
        for n in (0, 1):
            merge_evidence(conn, [row(p, pair[n]) for p, pair in enumerate(pairs)])
        found = conn.execute(select(outcome.c.position, outcome.c.state))
        return {int(row.position): str(row.state) for row in found}

    stands = await db.write(merge)
    wrong = {
        pair: stands[p]
        for p, pair in enumerate(pairs)
        if stands[p] != (pair[1] if STEP[pair[1]] > STEP[pair[0]] else pair[0])
    }
    assert wrong == {}


async def test_of_several_pieces_at_once_the_highest_counts(db: Database) -> None:
    world = await World.make(db)
    await world.live([1])
    (s,) = await world.claim()
    at = {"due_at": None, "provider": "test", "provider_id": "", "code": "", "channel": "sms"}
    told = {**at, "attempt": s.attempt, "position": 0, "version_id": 1, "generation": 1}
    rows = [
        {**told, "person_id": 1, "at": datetime.now(UTC), "state": state}
        for state in ("in_doubt", "sent", "refused")
    ]
    await db.write(merge_evidence, rows)
    states = await db.read(lambda conn: list(conn.execute(select(outcome.c.state)).scalars()))
    assert states == ["sent"]


@pytest.mark.parametrize(
    ("first", "later", "kept"), [("SM1", "", "SM1"), ("SM1", "SM2", "SM2"), ("", "SM2", "SM2")]
)
async def test_a_providers_id_that_came_first_stays_where_higher_evidence_brings_none(
    db: Database, first: str, later: str, kept: str
) -> None:
    world = await World.make(db)
    await world.live([1])
    (s,) = await world.claim()
    told = {
        "attempt": s.attempt,
        "position": 0,
        "version_id": s.version_id,
        "channel": "sms",
        "generation": 1,
        "person_id": 1,
        "code": "",
        "provider": "test",
        "at": datetime.now(UTC),
        "due_at": None,
    }
    for state, provider_id in (("accepted", first), ("delivered", later)):
        row = {**told, "state": state, "provider_id": provider_id}
        await db.write(merge_evidence, [row])
    found = await db.read(
        lambda conn: conn.execute(select(outcome.c.state, outcome.c.provider_id)).all()
    )
    assert [tuple(row) for row in found] == [("delivered", kept)]
