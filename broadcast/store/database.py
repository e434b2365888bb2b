"""The database: one way to run a transaction, the same function on SQLite and on PostgreSQL.

A store function is plain and synchronous: `def claim(conn: Connection, ...)`. `Database.write` runs
it in one transaction. On SQLite that is BEGIN IMMEDIATE on a single writer thread, so nothing can
be awaited inside (rule R15); on PostgreSQL SQLAlchemy carries the same function over asyncpg.
Nothing here opens a connection before it is used.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import asyncpg
from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Dialect,
    Engine,
    Integer,
    MetaData,
    create_engine,
    event,
    text,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlalchemy.types import TypeDecorator
from sqlalchemy.util import LRUCache, await_only

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

__all__ = [
    "TROUBLE",
    "Connection",
    "Database",
    "UtcDateTime",
    "at_the_end",
    "database_now",
    "give_way",
    "lock_name",
    "lock_version",
    "metadata",
    "taken_back",
]

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)

P = ParamSpec("P")
T = TypeVar("T")

TROUBLE = (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)
"""What a database that is away, or going away, raises; whoever must not give up waits and tries
again.
"""

_BUSY_SECONDS = 30.0
_TRY_AGAIN_SECONDS = 0.001
_DIALECTS: dict[str, Dialect] = {}
_COMPILED: LRUCache[Any, Any] = LRUCache(1_000)
"""Statements as SQLAlchemy compiled them, by their dialect: see `_share_dialect`."""
_SCRUBS, _SCRUB_AGAIN_SECONDS = 50, 0.2


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in and out; SQLite keeps no zone, so it is put back on reading. A naive datetime
    raises ValueError.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware time into what the driver wants."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime must not reach the database")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give an aware UTC time back."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Database:
    """One database, reached through `write` and `read`. `url` is `sqlite:///path` or
    `postgresql://user:pass@host/name`. `options`: what every connection carries along for whoever
    asks it (`Connection.get_execution_options`), such as the keys of contact points.
    """

    def __init__(
        self, url: str, *, pool_size: int = 10, options: Mapping[str, Any] | None = None
    ) -> None:
        carried = {**(options or {}), "compiled_cache": _COMPILED}
        parsed = make_url(url)
        self.dialect = parsed.get_backend_name()
        if self.dialect not in ("sqlite", "postgresql"):
            raise ValueError(
                f"DATABASE_URL must be sqlite:/// or postgresql://, not {self.dialect}"
            )
        self.url = parsed
        # whoever had this file before may have died between a deletion and its scrub
        self.scrub_due = self.dialect == "sqlite"
        self._async: AsyncEngine | None = None
        self._snapshots: AsyncEngine | None = None
        self._writer: Engine | None = None
        self._reader: Engine | None = None
        # Of every engine the errors hide what was written: a traceback in a log would tell it.
        if self.dialect == "postgresql":
            # it brings the whole object mapper along, which SQLite's commands need not wait for
            from sqlalchemy.ext.asyncio import create_async_engine

            self._async = create_async_engine(
                parsed.set(drivername="postgresql+asyncpg"),
                pool_size=pool_size,
                max_overflow=pool_size,
                pool_pre_ping=False,
                hide_parameters=True,
                execution_options=carried,
                connect_args={
                    "timeout": 10,
                    "command_timeout": 60,
                    "server_settings": {
                        "application_name": "fasttime",
                        "synchronous_commit": (
                            "on"
                            # a claim must be durable before anything touches the wire (rule
                            # R5)
                        ),
                        "tcp_keepalives_idle": "2",
                        "tcp_keepalives_interval": "2",
                        "tcp_keepalives_count": "3",
                    },
                },
            )
            _share_dialect(self._async.sync_engine)
            # An account reads several tables: between two statements nobody may move from one line
            # to another.
            self._snapshots = self._async.execution_options(isolation_level="REPEATABLE READ")
        else:
            plain = parsed.set(drivername="sqlite+pysqlite")
            if not parsed.database or parsed.database == ":memory:":
                raise ValueError("SQLite needs a file: the ledger must survive the process")
            # People's numbers and addresses are in there: for this user only (SQLite gives its side
            # files the same mode).
            Path(parsed.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(OSError):  # a folder that cannot be written to is told when it is used
                handle = os.open(parsed.database, os.O_CREAT | os.O_RDWR, 0o600)
                try:
                    os.fchmod(handle, 0o600)
                finally:
                    os.close(handle)
            # One thread and one connection write; readers have their own, so a long report never
            # delays a claim.
            self._writer = create_engine(
                plain,
                poolclass=NullPool,
                hide_parameters=True,
                execution_options=carried,
                connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
            )
            self._reader = create_engine(
                plain,
                pool_size=4,
                hide_parameters=True,
                execution_options=carried,
                connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
            )
            for engine, begin in ((self._writer, "BEGIN IMMEDIATE"), (self._reader, "BEGIN")):
                _prepare_sqlite(engine, begin)
                _share_dialect(engine)
            self._write_thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-write")
            self._read_threads = ThreadPoolExecutor(4, thread_name_prefix="sqlite-read")
            self._write_connection: Connection | None = None

    async def write(
        self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `fn(connection, …)` in one transaction; commit when it returns, roll back when it
        raises.
        """
        if self._async is not None:
            async with self._async.begin() as conn:
                return await conn.run_sync(_to_its_end, fn, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(
            self._write_thread, lambda: self._sqlite_write(fn, *args, **kwargs)
        )

    async def read(
        self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `fn(connection, …)` on a snapshot that it must not write to."""
        if self._snapshots is not None:
            async with self._snapshots.begin() as conn:
                return await conn.run_sync(fn, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(
            self._read_threads, lambda: self._sqlite_read(fn, *args, **kwargs)
        )

    def _sqlite_write(self, fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        assert self._writer is not None
        if self._write_connection is None:
            self._write_connection = self._writer.connect()
        with self._write_connection.begin():
            return _to_its_end(self._write_connection, fn, *args, **kwargs)

    def _sqlite_read(self, fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        assert self._reader is not None
        with self._reader.begin() as conn:
            return fn(conn, *args, **kwargs)

    async def scrub(self, *, tries: int = _SCRUBS) -> bool:
        """Have nothing left in SQLite's side file of what was deleted; return whether that could be
        done now. Readers that are under way are waited for, a few seconds.

        What is deleted in the file itself is overwritten at once (`secure_delete`). PostgreSQL's
        WAL and backups are for whoever runs it. `scrub_due` stays until it is done, for the sweep
        to try again.
        """
        if self._async is not None:
            return True
        self.scrub_due = True
        for n in range(tries):
            if n:
                await asyncio.sleep(_SCRUB_AGAIN_SECONDS)
            if await asyncio.get_running_loop().run_in_executor(self._write_thread, self._truncate):
                self.scrub_due = False
                return True
        return False

    def _truncate(self) -> bool:
        assert self._writer is not None
        if self._write_connection is None:
            self._write_connection = self._writer.connect()
        driver = self._write_connection.connection.driver_connection
        assert driver is not None
        driver.execute("PRAGMA busy_timeout=100")
        try:
            busy, _, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            driver.execute(f"PRAGMA busy_timeout={int(_BUSY_SECONDS * 1000)}")
        return not busy

    @property
    def engine(self) -> AsyncEngine:
        """The PostgreSQL engine, for what has no twin in SQLite (LISTEN, session locks)."""
        if self._async is None:
            raise RuntimeError("only PostgreSQL has an asynchronous engine")
        return self._async

    async def close(self) -> None:
        """Let go of every connection."""
        if self._async is not None:
            await self._async.dispose()
            return
        assert self._writer is not None
        assert self._reader is not None
        connection, self._write_connection = self._write_connection, None
        if connection is not None:
            await asyncio.get_running_loop().run_in_executor(self._write_thread, connection.close)
        self._write_thread.shutdown()
        self._read_threads.shutdown()
        self._writer.dispose()
        self._reader.dispose()


def _to_its_end(
    conn: Connection,
    fn: Callable[Concatenate[Connection, P], T],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Run a transaction's work, then what was put off to its end."""
    last: list[Callable[[Connection], None]] = []
    # Held here: a connection that was cut off, by a cancelled task too, has no `info` any more, and
    # asking for it raises an error of its own in the place of the cancellation.
    info = conn.info
    info[_LAST] = last  # a new list each time: what a failed transaction had put off is forgotten
    try:
        result = fn(conn, *args, **kwargs)
        for act in last:
            act(conn)
    finally:
        del info[_LAST]
    return result


def at_the_end(conn: Connection, act: Callable[[Connection], None]) -> None:
    """Have `act` done as the last thing in this transaction, when no lock is waited for any more.
    Only inside `Database.write`.
    """
    conn.info[_LAST].append(act)


@contextmanager
def taken_back(conn: Connection) -> Iterator[None]:
    """Roll back, at the end of the block, everything that was written in it and everything that was
    scheduled in it for the end of the transaction; the transaction itself goes on. SQLite keeps in
    memory what it must restore. Only inside `Database.write`.
    """
    last = conn.info[_LAST]
    kept = len(last)
    within = conn.begin_nested()
    try:
        yield
    finally:
        del last[kept:]
        within.rollback()


def _share_dialect(engine: Engine) -> None:
    """Have the databases of a process share one dialect of their kind, once one has connected.

    SQLAlchemy keeps what it compiled by dialect: whoever opens a second database, such as each of
    our tests, compiles no statement again.
    """
    name = engine.dialect.name
    if name in _DIALECTS:
        engine.dialect = _DIALECTS[name]
        return

    @event.listens_for(engine, "first_connect")
    def _(_connection: object, _record: object) -> None:
        _DIALECTS.setdefault(name, engine.dialect)


def _prepare_sqlite(engine: Engine, begin: str) -> None:
    @event.listens_for(engine, "connect")
    def _(connection: sqlite3.Connection, _record: object) -> None:
        # we say BEGIN ourselves: a deferred BEGIN that reads, then writes, is BUSY at once
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={int(_BUSY_SECONDS * 1000)}",
            "temp_store=MEMORY",
            # what is deleted is overwritten: who is erased is gone from the file too
            "secure_delete=ON",
            "cache_size=-65536",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _(conn: Connection) -> None:
        if begin == "BEGIN":
            conn.exec_driver_sql(begin)
        else:
            _wait_for_the_lock(conn, begin)


def _wait_for_the_lock(conn: Connection, begin: str) -> None:
    """Begin a transaction that writes, as soon as the other process has ended its own.

    SQLite's own waiting sleeps up to 100 ms between two tries, so that a process that writes one
    transaction after another is overtaken again and again.
    """
    until = time.monotonic() + _BUSY_SECONDS
    conn.exec_driver_sql("PRAGMA busy_timeout=0")
    try:
        while True:
            try:
                conn.exec_driver_sql(begin)
                return
            except OperationalError as error:
                code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
                if code != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
            time.sleep(_TRY_AGAIN_SECONDS)
    finally:
        conn.exec_driver_sql(f"PRAGMA busy_timeout={int(_BUSY_SECONDS * 1000)}")


def database_now(conn: Connection) -> datetime:
    """Return the database's own clock, aware UTC: every deadline is counted from it (rule
    R16).
    """
    if conn.dialect.name == "sqlite":
        return datetime.now(UTC)  # the same machine, the same clock
    now: datetime = conn.execute(text("SELECT clock_timestamp()")).scalar_one()
    return now


def lock_version(conn: Connection, version_id: int, *, shared: bool = False) -> None:
    """Take the version's lock for the rest of the transaction: shared by claims, exclusive by what
    stops or adds to them (R9).

    SQLite has one writer, so the transaction itself is the lock. The two-key form keeps these apart
    from liveness locks.
    """
    if conn.dialect.name == "postgresql":
        name = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        conn.execute(
            text(f"SELECT {name}(:class, :id)"), {"class": _VERSION_LOCK_CLASS, "id": version_id}
        )


def lock_name(conn: Connection, name: str, *, shared: bool = False) -> None:
    """Take a lock named by text for the rest of the transaction (a scope, a person); `shared`:
    with all others who want it shared.
    """
    if conn.dialect.name == "postgresql":
        lock = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        conn.execute(
            text(f"SELECT {lock}(:class, hashtext(:name))"),
            {"class": _NAME_LOCK_CLASS, "name": name},
        )


_LAST = "fasttime.last"
_VERSION_LOCK_CLASS = 4711
_NAME_LOCK_CLASS = 4712
WORKER_LOCK_CLASS = 4713


def give_way(conn: Connection) -> None:
    """Let whatever else waits in this process have its turn, in the middle of long work on rows.

    On PostgreSQL such work runs on the event loop itself; on SQLite it has a thread of its own.
    """
    if conn.dialect.name == "postgresql":
        await_only(asyncio.sleep(0))


def count_up(conn: Connection, name: str) -> int:
    """Return the next number of a counter kept in this database, from 1."""
    sql = (
        "INSERT INTO meta (key, value) VALUES (:name, '1') ON CONFLICT (key) DO UPDATE"
        " SET value = CAST(meta.value AS INTEGER) + 1 RETURNING value"
    )
    return int(conn.execute(text(sql), {"name": name}).scalar_one())


def id_column() -> Column[int]:
    """Return the primary key `id` of a table whose ids are never used again."""
    # AUTOINCREMENT: an id is never used again, because a re-used id would stand in old bitmaps
    # (rule R15).
    return Column("id", Integer, primary_key=True, autoincrement=True)
