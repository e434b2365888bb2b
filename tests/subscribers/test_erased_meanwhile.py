"""Somebody is erased while something else is done with them: of two transactions that meet, one
comes first, and nobody is erased by half. On SQLite they never meet: it has one writer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.util import await_only

from broadcast.places import stored_areas
from broadcast.places.areas import AreaTree
from broadcast.problems import Rejected
from broadcast.store.database import Connection, Database
from service.residents import registering, several
from service.setup import people
from service.setup.people import World
from subscribers.contact import points
from subscribers.demo_world import demo_areas
from subscribers.registration import addresses, pending
from subscribers.registration.budgets import Limits
from subscribers.registry import importing, reached
from tests.chaos import harness, registry_verdict
from tests.keys import database as open_database

pytestmark = pytest.mark.postgres

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
NUMBER = "+999000000000"
OTHER = "+999000000005"


@pytest.fixture
async def db(migrated_postgres_url: str) -> AsyncIterator[Database]:
    database = open_database(migrated_postgres_url)
    await database.write(stored_areas.store_areas, demo_areas(), NOW, source="test")
    await database.write(importing.import_records, harness.people(10), "test", NOW)
    for number in (NUMBER, OTHER):
        [who] = await database.read(reached.persons_with_address, "sms", number)
        await database.write(points.prove, who, "sms", number, "code", NOW)
    yield database
    await database.close()


async def world_of(db: Database) -> World:
    return World(tree=await db.read(AreaTree.load), trial_numbers=True)


async def while_erased(db: Database, act: Callable[[Connection], Any], erased: str = NUMBER) -> Any:
    """Erase somebody, and have the act meet it before it is committed; return what came of it."""
    gate, world = asyncio.Event(), await world_of(db)
    [who] = await db.read(reached.persons_with_address, "sms", erased)

    def erase(conn: Connection) -> None:
        people.erase(conn, "test", who, "their own wish", world=world, now=NOW)
        begun.set()
        await_only(gate.wait())

    begun = asyncio.Event()
    erasing = asyncio.create_task(db.write(erase))
    await begun.wait()
    acting = asyncio.create_task(db.write(act))
    while not acting.done() and not await db.read(_somebody_waits):
        await asyncio.sleep(0.01)
    gate.set()
    await erasing
    try:
        return await acting
    except Rejected as rejected:
        return rejected.problems[0].code


def _somebody_waits(conn: Connection) -> bool:
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    return bool(conn.execute(waiting).scalar_one())


async def left(db: Database, erased: str = NUMBER) -> tuple[list[str], list[int]]:
    """Return what is half-written, and who is at the telephone of who was erased."""
    faults = await db.read(registry_verdict.half_written)
    # nobody here wrote an audit or a form whole: only what stands of people counts
    faults = [f for f in faults if "audit" not in f and "registrations were" not in f]
    return faults, await db.read(reached.persons_with_address, "sms", erased)


async def test_who_is_changed_while_they_are_erased_stays_erased(db: Database) -> None:
    world = await world_of(db)
    fields = {"email": "new@example.org", "channels": ["sms", "email"]}
    edit = partial(
        people.edit, who="test", person="p0", fields=fields, basis="test", world=world, now=NOW
    )
    assert await while_erased(db, edit) == "subscriber_unknown"
    assert await left(db) == ([], [])
    everybody = text("SELECT count(*) FROM subscriber")
    assert await db.read(lambda conn: conn.execute(everybody).scalar_one()) == 10


async def test_a_file_that_comes_while_somebody_is_erased_leaves_them_out(db: Database) -> None:
    bring = partial(importing.import_records, records=harness.people(12), basis="test", now=NOW)
    counts = await while_erased(db, bring)
    assert (counts.new, counts.erased) == (2, 1)
    assert await left(db) == ([], [])


async def code(db: Database, purpose: str, number: str = NUMBER) -> tuple[str, str]:
    """Begin a form, have its code made; return the secret and the code."""
    limits = Limits()
    begin = partial(
        pending.begin,
        purpose=purpose,
        language="en",
        network="n",
        limits=limits,
        now=NOW,
        area=harness.CAMDEN,
        topics="incident",
    )
    secret = await db.write(begin)
    address = addresses.read("sms", number, trial=True)
    await db.write(pending.ask_code, secret, address=address, limits=limits, now=NOW)
    [claimed] = await db.write(partial(pending.claim, channels=("sms",), now=NOW))
    return secret, claimed.code


async def test_who_signs_in_while_they_are_erased_is_not_signed_in(db: Database) -> None:
    secret, typed = await code(db, "sign_in")
    enter = partial(
        registering.enter, secret=secret, typed=typed, world=await world_of(db), now=NOW
    )
    assert (await while_erased(db, enter)).outcome == "expired"
    assert await left(db) == ([], [])


async def test_who_registers_while_they_are_erased_is_registered_anew(db: Database) -> None:
    secret, typed = await code(db, "join")
    enter = partial(
        registering.enter, secret=secret, typed=typed, world=await world_of(db), now=NOW
    )
    joined = await while_erased(db, enter)
    assert joined.outcome == "registered"
    assert await left(db) == ([], [joined.person])


@pytest.mark.parametrize("erased", [NUMBER, OTHER])
async def test_who_is_joined_with_somebody_while_one_of_them_is_erased_is_not_joined(
    db: Database, erased: str
) -> None:
    [me] = await db.read(reached.persons_with_address, "sms", NUMBER)
    secret, typed = await code(db, several.PURPOSE, OTHER)
    enter = partial(
        registering.enter, secret=secret, typed=typed, world=await world_of(db), now=NOW, me=me
    )
    assert (await while_erased(db, enter, erased)).outcome in ("expired", "nobody_else")
    assert await left(db, erased) == ([], [])
    links = text("SELECT count(*) FROM same_person")
    assert await db.read(lambda conn: conn.execute(links).scalar_one()) == 0


async def test_who_adds_a_contact_while_they_are_erased_leaves_none(db: Database) -> None:
    [me] = await db.read(reached.persons_with_address, "sms", NUMBER)
    secret, typed = await code(db, "add", "+999700000001")
    enter = partial(
        registering.enter, secret=secret, typed=typed, world=await world_of(db), now=NOW, me=me
    )
    assert await while_erased(db, enter) == "subscriber_unknown"
    assert await left(db) == ([], [])
    assert await left(db, "+999700000001") == ([], [])
