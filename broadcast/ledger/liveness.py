"""Which workers live: heartbeats, session locks, and who is declared dead (rule R8, R16)."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select, text, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from broadcast.ledger.claims.tables import slice_
from broadcast.ledger.tables import worker
from broadcast.store.database import WORKER_LOCK_CLASS, database_now

HEARTBEAT_SECONDS = 2.0
WATCHING = "web"
"""The role of a process that sends nothing and only expires leases."""
DEAD_AFTER = timedelta(seconds=6)
DATABASE_SETTLING = timedelta(seconds=10)
"""Heartbeats are not judged until the database has been up this long: its own restart must not
kill its clients.
"""


def new_worker(role: str) -> tuple[str, int]:
    """Return a new worker id and the key of its session lock."""
    return f"{role}-{secrets.token_hex(8)}", secrets.randbelow(2**31 - 1)


def register(
    conn: Connection,
    worker_id: str,
    role: str,
    key: int,
    rates: Mapping[str, float] | None = None,
) -> None:
    """Say that the worker lives; a worker declared dead registers again under a new id before it
    claims. `rates` is what it may send a second, by "STATUS/CHANNEL"; 0 is no limit. They hold as
    long as it lives, so whoever looks back knows under which rate a slice was claimed.
    """
    now = database_now(conn)
    into = pg_insert(worker) if conn.dialect.name == "postgresql" else sqlite_insert(worker)
    conn.execute(
        into.values(
            id=worker_id,
            role=role,
            key=key,
            started_at=now,
            heartbeat_at=now,
            rates=json.dumps(dict(rates or {}), separators=(",", ":"), sort_keys=True),
        ).on_conflict_do_nothing()
    )


def heartbeat(conn: Connection, worker_id: str) -> bool:
    """Renew the worker's sign of life; return False where it was declared dead and must register
    anew.
    """
    return (
        conn.execute(
            update(worker)
            .where(worker.c.id == worker_id, worker.c.dead_at.is_(None))
            .values(heartbeat_at=database_now(conn))
        ).rowcount
        == 1
    )


def leave(conn: Connection, worker_id: str) -> None:
    """Say that this worker has stopped: the leases of slices it left open expire at once."""
    conn.execute(
        update(worker)
        .where(worker.c.id == worker_id, worker.c.dead_at.is_(None))
        .values(dead_at=database_now(conn))
    )


def declare_dead(conn: Connection) -> list[str]:
    """Mark workers dead whose session lock is gone or who were silent for six seconds; return every
    dead one with open slices.
    """
    now = database_now(conn)
    silent = set(
        conn.execute(
            select(worker.c.id).where(
                worker.c.dead_at.is_(None), worker.c.heartbeat_at < now - DEAD_AFTER
            )
        ).scalars()
    )
    if conn.dialect.name == "postgresql":
        started: datetime = conn.execute(text("SELECT pg_postmaster_start_time()")).scalar_one()
        if now - started < DATABASE_SETTLING:
            silent = set()
        else:
            held = set(
                conn.execute(
                    text(
                        "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND classid"
                        " = :class AND granted"
                    ),
                    {"class": WORKER_LOCK_CLASS},
                ).scalars()
            )
            rows = conn.execute(
                select(worker.c.id, worker.c.key).where(
                    worker.c.dead_at.is_(None), worker.c.started_at < now - timedelta(seconds=3)
                )
            )
            silent |= {r.id for r in rows if r.key not in held}
    if silent:
        conn.execute(
            update(worker)
            .where(worker.c.id.in_(silent), worker.c.dead_at.is_(None))
            .values(dead_at=now)
        )
    return list(
        conn.execute(
            select(worker.c.id).where(
                worker.c.dead_at.is_not(None),
                worker.c.id.in_(select(slice_.c.worker).where(slice_.c.state == "open")),
            )
        ).scalars()
    )


@dataclass(frozen=True, slots=True)
class Worker:
    """One process that was seen lately."""

    id: str
    role: str
    started_at: datetime
    heartbeat_at: datetime
    alive: bool


def seen(conn: Connection, limit: int = 100) -> list[Worker]:
    """Return the processes, those that live first, then the last that were heard of."""
    query = select(worker).order_by(worker.c.dead_at.is_not(None), worker.c.heartbeat_at.desc())
    return [
        Worker(r.id, r.role, r.started_at, r.heartbeat_at, r.dead_at is None)
        for r in conn.execute(query.limit(limit))
    ]


def engine_seen(conn: Connection) -> datetime | None:
    """Return the newest sign of life of a process that sends; None where none is alive."""
    alive = select(func.max(worker.c.heartbeat_at)).where(
        worker.c.dead_at.is_(None), worker.c.role != WATCHING
    )
    found: datetime | None = conn.execute(alive).scalar_one()
    return found


def end_earlier_run(conn: Connection) -> None:
    """Start of the embedded engine: the one before it is gone, for its lock is ours (rule
    R15). Who sends nothing stays.
    """
    conn.execute(
        update(worker)
        .where(worker.c.dead_at.is_(None), worker.c.role != WATCHING)
        .values(dead_at=database_now(conn))
    )
