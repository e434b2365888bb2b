"""One person with several registrations: one routine message, which names them all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pyroaring import BitMap
from sqlalchemy import select, update

from broadcast.ledger import delivery_report, passes
from broadcast.ledger.claims.tables import batch, outcome
from broadcast.messages import versions
from broadcast.messages.versions import Version
from broadcast.places.areas import AreaTree
from broadcast.replay import comparison
from broadcast.store.database import Connection, Database
from service.residents import several
from service.setup import people
from service.setup.people import World as Places
from subscribers.index import RegistryIndex
from subscribers.matcher import Matcher
from subscribers.people_file.record import COLUMNS, SubscriberRecord
from subscribers.registry import acts, importing, reached, showing
from subscribers.same_person import groups, joined
from tests.ledger.world import World

NOW = datetime.now(UTC)
ON = frozenset({"sms", "voice", "email"})
ADA, KIOSK, DAN, BEA = 1, 2, 3, 4
PEOPLE: tuple[dict[str, str], ...] = (
    {"name": "Ada Byrne", "kind": "resident", "mobile": "+447700900001", "channels": "sms"},
    {
        "name": "ada  byrne",
        "kind": "business",
        "phone": "+447700900001",
        "email": "kiosk@example.org",
        "channels": "email",
    },
    # Ada's husband: the same number, another name
    {"name": "Dan Byrne", "mobile": "+447700900002", "phone": "+447700900001", "channels": "sms"},
    {"name": "Ada Byrne", "mobile": "+447700900004", "channels": "sms"},  # another Ada
)


def a_person(n: int, **given: str) -> SubscriberRecord:
    empty: dict[str, Any] = dict.fromkeys(COLUMNS, "") | dict.fromkeys(
        ("email", "mobile", "phone", "lat", "lon")
    )
    usual = {"external_id": f"p{n}", "kind": "resident", "language": "en", "area": "E09000033"}
    return SubscriberRecord(**empty | usual | given)


@pytest.fixture
async def world(db: Database) -> World:
    records = [a_person(n, **given) for n, given in enumerate(PEOPLE)]
    await db.write(importing.import_records, records, "test", NOW)
    return await World.make(db)


async def sent(world: World, count: int, **more: Any) -> Version:
    v = await world.approved(count=count, **more)
    assert await Matcher(world.db, lambda _: ON).process(v.id) == "released"
    return await world.db.read(versions.get, v.id)


async def batches(world: World, v: Version) -> dict[tuple[str, str], BitMap]:
    def read(conn: Connection) -> dict[tuple[str, str], BitMap]:
        query = select(batch.c.channel, batch.c.roles, batch.c.members)
        found: dict[tuple[str, str], BitMap] = {}
        for row in conn.execute(query.where(batch.c.version_id == v.id)):
            key = row.channel, row.roles
            there = found.get(key, BitMap())
            ids = [
                int.from_bytes(row.members[n : n + 4], "little")
                for n in range(0, len(row.members), 4)
            ]
            found[key] = there | BitMap(ids)
        return found

    return await world.db.read(read)


async def told(world: World, v: Version) -> dict[str, BitMap]:
    account = await world.db.read(delivery_report.account, await world.db.read(versions.get, v.id))
    assert account.adds_up
    return {line: ids for line, ids in account.people.items() if ids}


async def test_the_same_name_and_the_same_contact_is_one_person_whatever_it_is_used_for(
    world: World,
) -> None:
    everybody = BitMap(range(1, 5))
    assert await world.db.read(groups.groups, everybody) == [{ADA: "resident", KIOSK: "business"}]
    assert await world.db.read(groups.of, KIOSK) == {ADA: "resident", KIOSK: "business"}
    assert await world.db.read(groups.of, DAN) == {}
    assert await world.db.read(groups.groups, BitMap([ADA, DAN, BEA])) == []


async def test_a_routine_message_comes_once_and_the_other_registration_is_on_a_line(
    world: World,
) -> None:
    v = await sent(world, 3)
    assert await batches(world, v) == {
        ("sms", "resident;business"): BitMap([ADA]),
        ("sms", ""): BitMap([DAN, BEA]),
    }
    while claimed := await world.claim():
        for each in claimed:
            await world.done(each)
    assert await told(world, v) == {
        "accepted": BitMap([ADA, DAN, BEA]),
        "not_sent": BitMap([KIOSK]),
    }
    account = await world.db.read(delivery_report.account, v)
    assert account.suppressed == {"duplicate_person": BitMap([KIOSK])}
    assert (await world.db.read(comparison.replay)).differences == []


async def test_joined_by_hand_is_one_person_and_told_apart_is_none(world: World) -> None:
    everybody = BitMap(range(1, 5))
    assert await world.db.write(joined.join, [DAN, BEA], "page", NOW) == [DAN, BEA]
    found = await world.db.read(groups.groups, everybody)
    assert found == [
        {ADA: "resident", KIOSK: "business"},
        {DAN: "resident", BEA: "resident"},
    ]
    # to be one person is carried over, by whatever way
    assert await world.db.write(joined.join, [BEA, ADA], "operator", NOW) == [ADA, DAN, BEA]
    assert await world.db.read(groups.of, KIOSK) == {
        ADA: "resident",
        KIOSK: "business",
        DAN: "resident",
        BEA: "resident",
    }
    assert await world.db.write(joined.part, ADA, "page", NOW)
    assert not await world.db.write(joined.part, ADA, "page", NOW)
    assert await world.db.read(groups.groups, everybody) == [{DAN: "resident", BEA: "resident"}]
    assert await world.db.write(acts.erase, DAN, NOW)
    assert await world.db.read(groups.groups, everybody) == []
    assert await world.db.read(joined.joined_with, BEA) == [BEA]
    # who stands alone because the other was erased is not told apart: their name may join them
    assert await world.db.write(joined.join, [ADA, KIOSK], "page", NOW) == [ADA, KIOSK]
    assert await world.db.read(groups.groups, everybody) == [{ADA: "resident", KIOSK: "business"}]


async def test_danger_is_told_to_every_contact_of_every_registration(world: World) -> None:
    v = await sent(world, 4, severity="Extreme", urgency="Immediate")
    assert v.urgent
    assert await batches(world, v) == {
        ("sms", ""): BitMap([ADA, DAN, BEA]),
        ("email", ""): BitMap([KIOSK]),
    }


async def test_what_follows_goes_where_the_message_before_it_went(world: World) -> None:
    await world.db.write(joined.part, ADA, "page", NOW)
    v = await sent(world, 4)
    for channel in ("sms", "email"):
        for each in await world.claim(channel=channel):
            await world.done(each)
    await world.db.write(joined.join, [ADA, KIOSK], "page", NOW)
    after = await sent(world, 4, message_id=v.message_id, action="update")
    assert not after.urgent
    assert await batches(world, after) == {
        ("sms", ""): BitMap([ADA, DAN, BEA]),
        ("email", ""): BitMap([KIOSK]),
    }


async def test_where_one_registration_cannot_be_reached_the_other_one_is_sent_to(
    world: World,
) -> None:
    v = await sent(world, 3)
    (claimed,) = await world.claim()
    due = datetime.now(UTC) - timedelta(seconds=1)
    await world.done(claimed, "failed", code="30003", due_at=due)

    async def next_pass() -> int:
        return await world.db.write(
            passes.make_due,
            v.id,
            contacts=lambda _conn, _ids: {},
            shared=reached.sharing,
            one_person=groups.groups,
        )

    assert await next_pass() == 1
    (mail,) = await world.claim(channel="email")
    assert [person for _, person in mail.people] == [KIOSK]
    await world.done(mail, "failed", code="5.1.1", due_at=due)
    assert await next_pass() == 0  # nobody is tried twice
    lines = await told(world, v)
    assert lines == {"failed": BitMap([ADA, KIOSK]), "waiting": BitMap([DAN, BEA])}
    assert (await world.db.read(comparison.replay)).differences == []


async def test_a_failure_that_is_told_late_sends_to_nobody_while_another_way_is_tried(
    world: World,
) -> None:
    both = a_person(0, **PEOPLE[0] | {"email": "ada@example.org", "channels": "sms;email"})
    await world.db.write(importing.import_records, [both], "test", NOW)
    v = await sent(world, 3)
    (claimed,) = await world.claim()
    due = datetime.now(UTC) - timedelta(seconds=1)
    await world.done(claimed, "failed", code="30003", due_at=due)
    ways: dict[str, Any] = {"shared": reached.sharing, "one_person": groups.groups}

    async def next_pass() -> int:
        return await world.db.write(passes.make_due, v.id, contacts=lambda _c, _i: {}, **ways)

    def told_again(conn: Connection) -> None:
        conn.execute(update(outcome).where(outcome.c.state == "failed").values(due_at=due))

    assert await next_pass() == 1  # her mail
    await world.db.write(told_again)
    assert await next_pass() == 0
    (mail,) = await world.claim(channel="email")
    assert [person for _, person in mail.people] == [ADA]
    await world.done(mail, "accepted")
    await world.db.write(told_again)
    assert await next_pass() == 0


async def test_the_other_one_waits_while_the_first_may_still_be_reached(world: World) -> None:
    v = await sent(world, 3)
    (claimed,) = await world.claim()
    due = datetime.now(UTC) - timedelta(seconds=1)
    await world.done(claimed, "in_doubt", due_at=due)
    ways: dict[str, Any] = {"shared": reached.sharing, "one_person": groups.groups}
    made = await world.db.write(passes.make_due, v.id, contacts=lambda _c, _i: {}, **ways)
    assert made == 0
    assert await told(world, v) == {
        "in_doubt": BitMap([ADA]),
        "waiting": BitMap([DAN, BEA]),
        "not_sent": BitMap([KIOSK]),
    }


async def test_as_whom_somebody_gets_it_is_a_fact_of_the_log(world: World) -> None:
    v = await sent(world, 3)

    def change(conn: Connection) -> None:
        mine = (batch.c.version_id == v.id, batch.c.roles != "")
        conn.execute(update(batch).where(*mine).values(roles="resident;officer"))

    await world.db.write(change)
    found = (await world.db.read(comparison.replay)).differences
    assert [d.what for d in found] == ["batch"]


async def test_what_one_registration_hides_the_one_that_is_joined_with_it_hides_too(
    world: World,
) -> None:
    """By who holds them and by an administrator; nobody else, and nothing is lifted by it."""
    db = world.db

    async def discreet() -> list[bool]:
        shown = [await db.read(showing.show, n) for n in (ADA, KIOSK, DAN, BEA)]
        return [one is not None and one["discreet"] == "yes" for one in shown]

    places = Places(tree=await db.read(AreaTree.load), trial_numbers=True)
    hidden = {"discreet": "yes"}
    await db.write(people.edit, "machine:test", ADA, hidden, world=places, now=NOW)
    assert await discreet() == [True, False, False, False]
    await db.write(several.join, ADA, "email", "kiosk@example.org", NOW)
    assert await discreet() == [True, True, False, False]
    more: dict[str, Any] = {"world": places, "now": NOW}
    await db.write(people.join, "machine:test", BEA, [KIOSK], "their word", **more)
    assert await discreet() == [True, True, False, True]
    index = await db.read(RegistryIndex.load)
    assert (found := index.person(BEA)) is not None
    assert found.discreet
