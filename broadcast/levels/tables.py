"""The table of threat levels over time."""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Table, Text

from broadcast.store.database import UtcDateTime, id_column, metadata

level_fact = Table(
    "level_fact",
    metadata,
    id_column(),
    Column("scope", String, nullable=False, index=True),
    Column("level", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("source", String, nullable=False),  # import, approval
    Column("version_id", Integer),
    Column("note", Text, nullable=False, server_default=""),
    Column("recorded_at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)
