"""The tables of events: the outbox, and what could not be handled."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table, Text

from broadcast.store.database import UtcDateTime, id_column, metadata

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("topic", String, nullable=False),
    Column("partition", Integer),
    Column("key", String, nullable=False),
    Column("type", String, nullable=False),
    Column("payload", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("relayed_at", UtcDateTime),
    sqlite_autoincrement=True,
)
Index(
    "ix_outbox_waiting",
    outbox.c.id,
    sqlite_where=outbox.c.relayed_at.is_(None),
    postgresql_where=outbox.c.relayed_at.is_(None),
)

parked = Table(
    "parked",
    metadata,
    id_column(),
    Column("at", UtcDateTime, nullable=False),
    Column("what", String, nullable=False),
    Column("key", String, nullable=False),
    Column("error", Text, nullable=False),
    Column("closed_at", UtcDateTime),
    Column("closed_by", String, nullable=False, server_default=""),
    Column("why", Text, nullable=False, server_default=""),
    sqlite_autoincrement=True,
)
