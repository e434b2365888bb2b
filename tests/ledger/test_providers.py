"""Each attempt names its provider; evidence counts only from the provider that made the attempt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from broadcast.ledger import receipts
from broadcast.ledger.claims import open_batches, recording, taking
from broadcast.ledger.claims.open_batches import Candidate
from broadcast.ledger.claims.outcomes import Outcome
from broadcast.ledger.claims.slices import Slice, read_slice
from broadcast.ledger.claims.tables import outcome
from broadcast.ledger.receipts import Receipt
from broadcast.replay.comparison import replay
from broadcast.store.database import Connection
from tests.ledger.world import World


async def claimed(world: World, provider: str) -> Slice:
    """Claim two people as one provider's sender does, and record one as accepted, one in doubt."""
    await world.live([1, 2])
    found: list[Candidate] = await world.db.read(
        open_batches.candidates, "routine", "sms", ("Actual",), datetime.now(UTC), []
    )
    made: Any = await world.db.write(
        lambda conn: taking.claim(
            conn,
            found[0],
            want=2,
            worker="w1",
            attempts=lambda: "a" * 26,
            suppress=lambda *_: {},
            provider=provider,
        )
    )
    s: Slice = made[0][0]
    ends = [
        Outcome(position=0, person_id=1, state="accepted", provider_id="SM1"),
        Outcome(position=1, person_id=2, state="in_doubt"),
    ]
    await world.db.write(recording.record, [(s, ends)], at=datetime.now(UTC))
    return s


def states(conn: Connection) -> dict[int, tuple[str, str]]:
    rows = conn.execute(select(outcome.c.person_id, outcome.c.state, outcome.c.provider)).all()
    return {row.person_id: (row.state, row.provider) for row in rows}


async def told(world: World, s: Slice, provider: str, position: int = 0) -> dict[int, str]:
    """Store a receipt of a provider, fold it, and return each person's state."""
    r = Receipt(
        attempt=s.attempt,
        position=position,
        state="delivered",
        provider_id="SM1",
        provider=provider,
    )
    await world.db.write(receipts.store, r, datetime.now(UTC))
    await world.db.write(receipts.merge_waiting, datetime.now(UTC))
    return {person: state for person, (state, _) in (await world.db.read(states)).items()}


async def test_slice_outcome_and_facts_name_the_provider_and_replay_compares_it(
    world: World,
) -> None:
    s = await claimed(world, "twilio:AC1")
    assert (await world.db.read(read_slice, s.attempt)) == s
    assert {provider for _, provider in (await world.db.read(states)).values()} == {"twilio:AC1"}
    assert (await world.db.read(replay)).differences == []
    await world.db.write(lambda conn: conn.execute(text("UPDATE slice SET provider = 'other'")))
    assert (await world.db.read(replay)).differences != []


@pytest.mark.parametrize(
    ("made_by", "told_by", "counts"),
    [
        ("twilio:AC1", "twilio:AC1", True),
        ("twilio:AC1", "twilio:AC2", False),
        ("twilio:AC1", "smtp:mail.example.org", False),
        ("twilio", "twilio:AC1", True),  # made before attempts named the account
        ("twilio:AC1", "twilio", True),
        ("twilio2:AC1", "twilio", False),
        ("", "twilio:AC1", True),
        ("twilio:AC1", "", True),
    ],
)
async def test_a_receipt_counts_only_from_the_provider_of_the_attempt(
    world: World, made_by: str, told_by: str, counts: bool
) -> None:
    s = await claimed(world, made_by)
    assert (await told(world, s, told_by))[1] == ("delivered" if counts else "accepted")


async def test_a_doubt_is_looked_up_with_the_provider_that_made_it_alone(world: World) -> None:
    s = await claimed(world, "twilio:AC1")
    later = datetime.now(UTC) + timedelta(hours=1)

    async def asked(provider: str) -> list[str]:
        rows = await world.db.read(
            lambda conn: receipts.in_doubt_to_settle(
                conn, "sms", ("Actual",), later, timedelta(seconds=1), provider=provider
            )
        )
        return [row.attempt for row in rows]

    assert await asked("twilio:AC1") == [s.attempt]
    assert await asked("twilio:AC2") == []


async def test_the_same_id_of_another_provider_proves_nothing_about_who_holds_it(
    world: World,
) -> None:
    await claimed(world, "twilio:AC1")
    held = receipts.provider_id_held
    assert await world.db.read(held, "SM1", "twilio:AC1")
    assert not await world.db.read(held, "SM1", "twilio:AC2")
