"""The store: one transaction function, two databases."""

from __future__ import annotations

import asyncio
import stat
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.util import await_only

from broadcast.store import database
from broadcast.store.database import Connection, Database, database_now, give_way, taken_back
from broadcast.store.tables import meta
from tests.keys import database as open_database


async def test_what_is_read_together_is_one_snapshot(db: Database) -> None:
    first_read, written = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def count(conn: Connection) -> int:
        return len(conn.execute(select(meta.c.key).where(meta.c.key.like("snapshot%"))).all())

    def twice(conn: Connection) -> tuple[int, int]:
        before = count(conn)
        loop.call_soon_threadsafe(first_read.set)
        if conn.dialect.name == "postgresql":
            await_only(written.wait())
        else:
            asyncio.run_coroutine_threadsafe(written.wait(), loop).result()
        return before, count(conn)

    async def writer() -> None:
        await first_read.wait()
        await db.write(lambda conn: conn.execute(insert(meta).values(key="snapshot", value="x")))
        written.set()

    found, _ = await asyncio.gather(db.read(twice), writer())
    assert found == (0, 0)
    assert await db.read(count) == 1


async def test_long_work_on_rows_lets_others_have_their_turn(db: Database) -> None:
    loop, turned = asyncio.get_running_loop(), threading.Event()

    def work(conn: Connection) -> bool:
        loop.call_soon_threadsafe(turned.set)
        give_way(conn)
        # on the event loop itself nobody could have it while we wait here
        return turned.wait(0 if conn.dialect.name == "postgresql" else 10)

    assert await db.read(work)


async def test_a_transaction_that_raises_leaves_nothing(db: Database) -> None:
    def fail(conn: Connection) -> None:
        conn.execute(insert(meta).values(key="half", value="done"))
        raise RuntimeError("crash")

    with pytest.raises(RuntimeError):
        await db.write(fail)
    assert (
        await db.read(
            lambda conn: conn.execute(select(meta.c.key).where(meta.c.key == "half")).first()
        )
        is None
    )


async def test_an_error_of_the_database_tells_nothing_of_what_was_written_or_asked(
    db: Database,
) -> None:
    secret = "+44" + "7700900613"

    def write(conn: Connection) -> None:
        conn.execute(insert(meta), [{"key": secret, "value": None}])

    def ask(conn: Connection) -> None:
        conn.execute(text("SELECT no_such_column FROM meta WHERE key = :key"), {"key": secret})

    for work, act in ((db.write, write), (db.write, ask), (db.read, ask)):
        with pytest.raises(SQLAlchemyError) as refused:
            await work(act)
        told = "".join(traceback.format_exception(refused.value))
        # PostgreSQL names a row that it refuses in words of its own: we log the first line alone
        assert secret not in "\n".join(x for x in told.splitlines() if not x.startswith("DETAIL"))


async def test_the_file_of_people_is_for_its_user_only(tmp_path: Path) -> None:
    db = open_database(f"sqlite:///{tmp_path}/data/people.db")
    await db.write(lambda conn: conn.exec_driver_sql("CREATE TABLE x (y)"))
    files = [tmp_path / "data", *(tmp_path / "data").iterdir()]
    assert {file.name: stat.S_IMODE(file.stat().st_mode) & 0o077 for file in files} == {
        file.name: 0 for file in files
    }
    await db.close()


async def test_whoever_waits_for_the_other_process_begins_as_soon_as_it_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes that write at once, as the doors and the engine do."""
    url = f"sqlite:///{tmp_path / 'both.sqlite'}"
    one, other = open_database(url), open_database(url)
    in_there, go_on = threading.Event(), threading.Event()
    tries: list[float] = []

    def held(conn: Connection) -> None:
        in_there.set()
        assert go_on.wait(20)

    def sleep(seconds: float) -> None:
        tries.append(seconds)
        go_on.set()  # the other ends now

    def done(conn: Connection) -> str:
        return "done"

    monkeypatch.setattr(database.time, "sleep", sleep)  # type: ignore[attr-defined]
    holding = asyncio.create_task(one.write(held))
    await asyncio.to_thread(in_there.wait, 20)
    assert await other.write(done) == "done"
    await holding
    assert tries
    assert max(tries) <= 0.002

    in_there.clear()
    go_on.clear()
    monkeypatch.setattr(database, "_BUSY_SECONDS", 0.05)
    monkeypatch.setattr(database.time, "sleep", lambda _: None)  # type: ignore[attr-defined]
    holding = asyncio.create_task(one.write(held))
    await asyncio.to_thread(in_there.wait, 20)
    with pytest.raises(OperationalError, match="locked"):
        await other.write(done)
    go_on.set()
    await holding
    await one.close()
    await other.close()


async def test_who_opens_a_second_database_compiles_no_statement_again(
    db: Database, tmp_path: Path
) -> None:
    statement = select(meta.c.value).where(meta.c.key == "compiled once")

    def cached(conn: Connection) -> str:
        return conn.execute(statement).context.cache_hit.name

    await db.read(cached)
    other = open_database(f"sqlite:///{tmp_path}/other.db")
    try:
        await other.write(meta.create)
        if db.dialect == "postgresql":  # another dialect, other words
            await other.read(cached)
        third = open_database(f"sqlite:///{tmp_path}/other.db")
        try:
            assert await third.read(cached) == "CACHE_HIT"
        finally:
            await third.close()
    finally:
        await other.close()


def _sleeps(conn: Connection) -> None:
    conn.execute(text("SELECT pg_sleep(30)"))


def _tried_only(conn: Connection) -> None:
    with taken_back(conn):
        _sleeps(conn)


@pytest.mark.parametrize("work", [_sleeps, _tried_only])
async def test_who_is_told_to_stop_amid_a_statement_stops(
    migrated_postgres_url: str, work: Callable[[Connection], None]
) -> None:
    """A cancellation that became an error of the database let every process of a cluster run on
    until its own timer ended it, ten seconds after SIGTERM.
    """
    db = open_database(migrated_postgres_url)
    try:
        writing = asyncio.create_task(db.write(work))
        await asyncio.sleep(0.3)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await db.write(work)
        assert await db.write(database_now)
    finally:
        await db.close()
