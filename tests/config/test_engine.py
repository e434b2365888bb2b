from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select

from broadcast import replies
from broadcast.problems import Rejected
from broadcast.store import Database, metadata
from broadcast.tables import idempotency
from channels.limits import MemoryLimiter
from config import settings
from config.engine import FORGET_EVERY, Engine


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database with our tables and nothing in them."""
    database = Database(f"sqlite:///{tmp_path}/engine.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url"))
    await database.write(metadata.create_all)
    yield database
    await database.close()


def answered(conn: Connection, key: str, ago: timedelta, status: int | None = 200) -> None:
    conn.execute(insert(idempotency).values(operator_id=1, key=key, digest="d", status=status, body="{}", at=datetime.now(UTC) - ago))


def keys(conn: Connection) -> set[str]:
    return set(conn.execute(select(idempotency.c.key)).scalars())


async def test_answers_are_kept_a_day_and_swept_at_most_once_a_minute(db: Database, tmp_path: Path) -> None:
    engine = Engine(settings=settings.load({"FASTTIME_DATA": str(tmp_path)}), db=db, adapters={}, limiter=MemoryLimiter(), roles=("log",), channels_on=lambda _: frozenset())
    for key, ago in (("young", timedelta(hours=23, minutes=59)), ("old", timedelta(hours=24, seconds=1))):
        await db.write(answered, key, ago)
    await db.write(answered, "never finished", timedelta(days=2), None)
    await engine.sweep()
    assert await db.read(keys) == {"young"}
    await db.write(answered, "old again", timedelta(hours=25))
    await engine.sweep()
    assert await db.read(keys) == {"young", "old again"}
    assert timedelta(seconds=2) < FORGET_EVERY <= timedelta(minutes=1)


async def test_a_key_that_was_forgotten_is_as_good_as_new_and_who_held_it_does_nothing(db: Database) -> None:
    now = datetime.now(UTC)
    long_ago = now - timedelta(hours=25)
    held = await db.write(replies.reserve, operator_id=1, key="k", digest="one", now=long_ago)
    assert isinstance(held, replies.Reservation)
    assert await db.write(replies.forget, now - replies.KEPT) == 1
    assert isinstance(await db.write(replies.reserve, operator_id=1, key="k", digest="another", now=now), replies.Reservation)
    with pytest.raises(Rejected) as refused:
        await db.write(replies.finish, held, replies.Reply(200, "{}"))
    assert refused.value.problems[0].code == "key_in_flight"
