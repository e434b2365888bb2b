"""The table of what counts against the week of people who take so many routine messages at most."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table

from broadcast.store.database import UtcDateTime, metadata

weekly_use = Table(
    "weekly_use",
    metadata,
    # a number of the registry; no name and no address
    Column("person_id", Integer, primary_key=True, autoincrement=False),
    Column("version_id", ForeignKey("version.id"), primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),  # when the audience was frozen
    Index("ix_weekly_use_at", "at"),
    Index("ix_weekly_use_version", "version_id"),
)
