"""What `doctor` asks of the database: whether it keeps what it was told, who runs, who may act."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, inspect, select, text

from broadcast.ledger.tables import worker
from broadcast.operators.tables import operator
from broadcast.problems import Problem
from broadcast.store.database import database_now

_SILENT = timedelta(seconds=10)


def schema_revision(conn: Connection) -> str | None:
    """Return the step of the schema at which this database stands; None for an empty one."""
    if not inspect(conn).has_table("alembic_version"):
        return None
    found = conn.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return None if found is None else str(found)


def live_roles(conn: Connection) -> set[str]:
    """Return the roles of which a process gave a sign of life in the last ten seconds."""
    rows = conn.execute(
        select(worker.c.role).where(
            worker.c.dead_at.is_(None), worker.c.heartbeat_at > database_now(conn) - _SILENT
        )
    )
    return {role for roles in rows.scalars() for role in roles.split("+")}


def operator_count(conn: Connection) -> int:
    """Return how many operators may act."""
    return len(conn.execute(select(operator.c.id).where(operator.c.disabled_at.is_(None))).all())


def unsafe_settings(conn: Connection) -> list[Problem]:
    """Return which of the database's settings would let a power cut take back what was promised."""
    if conn.dialect.name == "sqlite":
        problems = []
        journal = str(conn.execute(text("PRAGMA journal_mode")).scalar_one())
        if journal.lower() != "wal":
            fix = "keep the data folder on a local disk, not on a network share"
            problems.append(
                Problem(
                    code="database_unsafe",
                    field="journal_mode",
                    detail=f"SQLite's journal is {journal}, not WAL",
                    fix=fix,
                )
            )
        synchronous = int(conn.execute(text("PRAGMA synchronous")).scalar_one())
        if synchronous < 2:
            problems.append(
                Problem(
                    code="database_unsafe",
                    field="synchronous",
                    detail="SQLite does not wait for the disk",
                    fix="synchronous must be FULL",
                )
            )
        return problems
    wanted = {
        "fsync": ("on",),
        "full_page_writes": ("on",),
        "synchronous_commit": ("on", "local", "remote_write", "remote_apply"),
    }
    problems = []
    for name, good in wanted.items():
        value = str(conn.execute(text(f"SHOW {name}")).scalar_one())
        if value not in good:
            problems.append(
                Problem(
                    code="database_unsafe",
                    field=name,
                    detail=f"PostgreSQL's {name} is {value}",
                    fix=f"set {name} = on in postgresql.conf and restart it",
                )
            )
    return problems
