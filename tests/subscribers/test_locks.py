"""Whoever writes many people while a file is imported: neither waits for the other for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from shapely import box
from sqlalchemy import Connection, select, text
from sqlalchemy.util import await_only

from broadcast.places.areas import AreaRecord
from broadcast.places.postcodes import look_up
from broadcast.places.postcodes.directory import Entry
from broadcast.places.stored_areas import store_areas
from broadcast.store.database import Database
from migrations.tables import metadata
from subscribers.registry import acts, placing
from subscribers.registry.importing import import_records
from subscribers.registry.tables import subscriber
from tests.keys import database as open_database
from tests.subscribers.test_registry import person

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = datetime(2026, 11, 25, 12, tzinfo=UTC)

ACTS: dict[str, Callable[[Connection], Any]] = {
    "places by postcode": lambda conn: placing.place_by_postcode(conn, LATER, 0),
    "other places by postcode": lambda conn: placing.place_others_by_postcode(conn, 0),
    "officers by area": lambda conn: placing.settle(conn, LATER),
    "visits that ended": lambda conn: acts.end_visits(conn, LATER, 10),
}


@pytest.mark.postgres
@pytest.mark.parametrize("act", ACTS)
async def test_whoever_locks_people_and_an_import_never_wait_for_each_other(
    postgres_url: str, act: str
) -> None:
    """An import locks people in the order that the database finds them; here: the second first."""
    db = open_database(postgres_url)
    await db.write(metadata.create_all)
    visit = "work M1 1AE;visiting M1 1AE until 2026-11-22T12:00Z"
    a, b = (person(who, mobile=f"+44770090000{n}") for n, who in enumerate("ab"))
    people = [each._replace(postcode="M1 1AE", places=visit) for each in (a, b)]
    if act == "officers by area":
        people = [each._replace(kind="officer", lat=51.5, lon=-0.1) for each in (a, b)]
    await db.write(import_records, people, "test", NOON)
    await db.write(look_up.put, [Entry("M11AE", 53.5, -2.2, 100, "", "")], NOON)
    square = AreaRecord(code="E05000001", level="ward", geometry=box(-0.2, 51.4, 0, 51.6))
    await db.write(store_areas, [square], NOON)
    holds = asyncio.Event()

    def import_(conn: Connection) -> None:
        import_records(conn, [people[1]._replace(language="cy")], "test", LATER)
        holds.set()
        await_only(until_waiting(db, other))
        import_records(conn, [people[0]._replace(language="cy")], "test", LATER)

    async def act_meanwhile() -> None:
        await holds.wait()
        await db.write(ACTS[act])

    other = asyncio.ensure_future(act_meanwhile())
    try:
        async with asyncio.timeout(60):
            await asyncio.gather(db.write(import_), other)
        languages = select(subscriber.c.language)
        read = await db.read(lambda conn: list(conn.execute(languages).scalars()))
        assert read == ["cy", "cy"]
    finally:
        await db.close()


async def until_waiting(db: Database, other: asyncio.Future[None]) -> None:
    """Return when the other is done, or waits for a lock."""
    waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    while not other.done() and not await db.read(lambda conn: conn.execute(waits).scalar_one()):
        await asyncio.sleep(0)
