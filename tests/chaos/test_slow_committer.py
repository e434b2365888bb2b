"""Guarantee R7: somebody whose registration commits late is in the audience of the next alert. Ids
and transaction ids never lead the way.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from pyroaring import BitMap
from sqlalchemy import text

from broadcast.ledger import audiences
from broadcast.operators import operators
from broadcast.places import stored_areas
from broadcast.store.database import Connection
from config import settings as settings_module
from console.processes import migrate
from service.commands import deciding, drafting, submitting
from service.installation import make_context
from subscribers.contact import points
from subscribers.demo_world import demo_areas
from subscribers.matcher import Matcher
from subscribers.people_file.record import SubscriberRecord
from subscribers.registry import importing, mark
from tests.chaos.harness import content, people
from tests.keys import database as open_database
from tests.rows import registered

pytestmark = pytest.mark.postgres


def channels_on(status: str) -> frozenset[str]:
    return frozenset({"sms", "email"})


async def test_a_registration_that_commits_after_a_later_one_was_read_is_in_the_next_audience(
    migrated_postgres_url: str,
) -> None:
    db = open_database(migrated_postgres_url)
    try:
        now = datetime.now(UTC)
        await migrate.upgrade(db)
        await db.write(stored_areas.store_areas, demo_areas(), now, source="test")
        author, _ = await db.write(
            operators.add, name="Ada", role="author", area=None, email=None, now=now
        )
        approver, _ = await db.write(
            operators.add, name="Bea", role="approver", area=None, email=None, now=now
        )
        everybody = people(60)
        await db.write(importing.import_records, everybody[:20], "test", now)

        matcher = Matcher(db, channels_on)
        index, _ = await matcher.index()
        assert len(index) == 20

        async with db.engine.connect() as slow:
            held = await slow.begin()
            # The slow writer has its transaction id and its rows before the quick one even begins.
            # Imports take turns; other writers do not.
            await slow.run_sync(_insert_without_turn, everybody[20:30])
            await db.write(importing.import_records, everybody[30:], "test", now)
            index, _ = await matcher.index()
            assert len(index) == 50
            await held.commit()

        context = make_context(
            settings_module.load({"FASTTIME_DATABASE_URL": migrated_postgres_url}),
            db,
            channels_on,
            matcher=matcher,
        )
        v = await context.do(drafting.draft, author, content())
        v, seen = await context.do(submitting.submit, author, v.message_id)
        assert seen.people == 60
        v = await context.do(deciding.approve, approver, v.message_id, v.content_hash)
        assert await matcher.process(v.id) == "released"
        frozen = await db.read(audiences.read, v.id)
        assert frozen.addressed == BitMap(await db.read(_ids))
        assert len(frozen.addressed) == 60
    finally:
        await db.close()


def _ids(conn: Connection) -> list[int]:
    return list(conn.execute(text("SELECT id FROM subscriber")).scalars())


def _insert_without_turn(conn: Connection, records: list[SubscriberRecord]) -> None:
    columns = (
        "external_id, kind, reached_by, language, area, channels, consented, created_at,"
        " updated_at, change"
    )
    values = (
        ":external_id, :kind, :reached_by, :language, :area, :channels, :channels,"
        " now(), now(), pg_current_xact_id()::text::bigint"
    )
    wanted = ("external_id", "kind", "language", "area", "channels")
    conn.execute(
        text(f"INSERT INTO subscriber ({columns}) VALUES ({values})"),
        [
            {
                **{name: getattr(r, name) for name in wanted},
                "reached_by": points.reached_by(importing.known_of(r)),
            }
            for r in records
        ],
    )


def _insert(conn: Connection, records: list[SubscriberRecord], now: datetime) -> None:
    importing.import_records(conn, records, "test", now)


async def test_fifty_writers_that_commit_in_any_order_are_all_found_by_a_reading_index(
    migrated_postgres_url: str,
) -> None:
    db = open_database(migrated_postgres_url, pool_size=20)
    try:
        await migrate.upgrade(db)
        matcher = Matcher(db, channels_on)
        everybody = people(500)
        done = asyncio.Event()

        async def write(n: int) -> None:
            mine = everybody[n * 10 : n * 10 + 10]
            async with db.engine.connect() as conn, conn.begin():
                await conn.run_sync(mark.next_change)
                await asyncio.sleep((n * 7 % 13) / 100)
                await conn.run_sync(_insert, mine, datetime.now(UTC))
                await asyncio.sleep((n * 5 % 11) / 100)

        async def read() -> None:
            while not done.is_set():
                await matcher.index()

        reader = asyncio.create_task(read())
        await asyncio.gather(*(write(n) for n in range(50)))
        done.set()
        await reader
        index, _ = await matcher.index()
        assert len(index) == 500
        assert await db.read(registered) == 500
    finally:
        await db.close()
