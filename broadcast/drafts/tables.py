"""The table of what somebody is writing: forms as they were typed, complete or not, and skeletons
to begin from.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table, Text

from broadcast.store.database import UtcDateTime, id_column, metadata

unfinished = Table(
    "unfinished",
    metadata,
    id_column(),
    Column("kind", String, nullable=False),  # form, skeleton
    Column("owner_id", Integer, nullable=False),
    Column("room", String),  # the owner's area: whose skeletons these are
    Column("place", String, nullable=False),  # the address of the page; of a skeleton its entrance
    Column("name", String, nullable=False, server_default=""),
    Column("fields", Text, nullable=False),  # JSON, as typed
    Column("revision", Integer, nullable=False),
    Column("saved_at", UtcDateTime, nullable=False),
    Index("ix_unfinished_owner", "owner_id", "kind"),
    sqlite_autoincrement=True,
)
