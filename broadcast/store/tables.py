"""The tables of the database itself: its values, which copy it is, and answers to requests."""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Table, Text

from broadcast.store.database import UtcDateTime, metadata

meta = Table(
    "meta", metadata, Column("key", String, primary_key=True), Column("value", Text, nullable=False)
)

incarnation = Table(
    "incarnation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    # PostgreSQL's system identifier, or the id of an SQLite file
    Column("system", String, nullable=False),
    Column("timeline", String, nullable=False, server_default=""),
    Column(
        "counter",
        Integer,
        nullable=False,
        # repeated in a side file of each program's data folder: gone backwards = restored (R5,
        # later)
    ),
    Column("recorded_at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("operator_id", Integer, primary_key=True),
    Column("key", String, primary_key=True),
    Column("digest", String, nullable=False),  # of method, path and body
    Column("status", Integer),  # None = in flight
    Column("body", Text),
    Column("at", UtcDateTime, nullable=False),
    # whom the answer is about: then it is sealed, and goes when they are erased
    Column("person", Integer, index=True),
)
