"""An all-clear goes by every channel that reached a person: who was told to stay inside hears of
the end by the same way.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from broadcast.ledger import delivery_report, passes
from broadcast.ledger.claims import recording
from broadcast.ledger.claims.outcomes import Outcome
from broadcast.ledger.claims.slices import Slice
from broadcast.messages import versions
from broadcast.messages.versions import Version
from tests.ledger.world import World, no_contacts

ORDER = ("email", "sms", "voice")
OVER: dict[str, Any] = {"kind": "all_clear", "urgency": "Past", "severity": "Minor"}


async def told(world: World, s: Slice, states: dict[int, str]) -> None:
    """Record what became of each person, later ones as refused for good."""
    more: dict[str, dict[str, Any]] = {"failed": {"code": "21211", "due_at": datetime.now(UTC)}}
    outcomes = [
        Outcome(position=p, person_id=who, state=state, **more.get(state, {}))
        for p, who in s.people
        for state in [states.get(who, "failed")]
    ]
    await world.db.write(recording.record, [(s, outcomes)], at=datetime.now(UTC))


async def all_clear(world: World, v: Version, people: list[int]) -> Version:
    over = await world.approved(
        count=len(people), message_id=v.message_id, action="all_clear", **OVER
    )
    assert not over.urgent
    await world.freeze(over, {(">".join(ORDER), "en"): people})
    assert await world.release(over) == "released"
    return over


async def asked(world: World) -> dict[str, Slice]:
    found = {channel: await world.claim(channel=channel) for channel in ORDER}
    return {channel: slices[0] for channel, slices in found.items() if slices}


def whom(slices: dict[str, Slice]) -> dict[str, list[int]]:
    return {channel: [who for _, who in s.people] for channel, s in slices.items()}


async def test_an_all_clear_goes_by_every_channel_that_reached_a_person_else_by_their_first(
    world: World,
) -> None:
    everybody = [1, 2, 3, 4]
    alarm = await world.live(everybody, channels=">".join(ORDER), severity="Extreme")
    became: dict[str, dict[int, str]] = {
        "email": {1: "delivered", 2: "accepted"},
        "sms": {1: "accepted", 3: "in_doubt"},
        "voice": {},
    }
    for channel, states in became.items():
        (s,) = await world.claim("urgent", channel)
        await told(world, s, states)
    over = await all_clear(world, alarm, everybody)
    found = await asked(world)
    assert whom(found) == {"email": [1, 2, 4], "sms": [1, 3]}
    # of two ways one fails: the other one is enough; whose only way fails goes on to the next
    await told(world, found["email"], {1: "accepted", 2: "accepted"})
    await told(world, found["sms"], {})
    await world.db.write(
        passes.make_due, over.id, contacts=no_contacts, now=datetime.now(UTC) + timedelta(seconds=1)
    )
    assert whom(await asked(world)) == {"email": [3], "sms": [4]}
    account = await world.db.read(
        delivery_report.account, await world.db.read(versions.get, over.id)
    )
    assert account.adds_up


async def test_a_routine_message_and_its_all_clear_go_by_one_channel(world: World) -> None:
    routine = await world.live([1, 2], channels=">".join(ORDER))
    (s,) = await world.claim(channel="email")
    await told(world, s, {1: "delivered"})
    await world.db.write(passes.make_due, routine.id, contacts=no_contacts)
    (s,) = await world.claim(channel="sms")
    await world.done(s)
    await all_clear(world, routine, [1, 2])
    assert whom(await asked(world)) == {"email": [1], "sms": [2]}
