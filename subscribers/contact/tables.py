"""The tables of contact points, sealed names, marks of who was erased, and the keys' ids."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table, text

from broadcast.store.database import UtcDateTime, metadata

# No foreign key to subscriber: ids of people are never used again and their rows never deleted,
# and a check for each row would double the time of a large import.
contact_point = Table(
    "contact_point",
    metadata,
    Column("subscriber_id", Integer, primary_key=True, autoincrement=False),
    Column("kind", String, primary_key=True),
    Column("place_in_order", Integer, primary_key=True, autoincrement=False),  # 0 = used
    Column("sealed", LargeBinary, nullable=False),
    Column("key_id", String, nullable=False, index=True),
    # keyed marks of the address, one for each slot of contact_key; the other is empty
    Column("mark_0", LargeBinary, index=True),
    Column("mark_1", LargeBinary, index=True),
    Column("confirmed_at", UtcDateTime, nullable=False),
    # basis: a file or an administrator said so; code, text: its owner proved it
    Column("confirmed_how", String, nullable=False),
    # since when everything that would use it is stopped by the person
    Column("opted_out_at", UtcDateTime),
    # since when a provider says that nobody is there, in which words, and when they were told
    Column("bounced_at", UtcDateTime),
    Column("bounced_code", String, nullable=False, server_default=""),
    Column("bounce_told_at", UtcDateTime),
    # what was claimed before says nothing against it; None = since it was confirmed
    Column("used_since", UtcDateTime),
    Index(
        "ix_contact_point_bounced",
        "subscriber_id",
        sqlite_where=text("bounced_at IS NOT NULL"),
        postgresql_where=text("bounced_at IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
)

sealed_name = Table(
    "sealed_name",
    metadata,
    Column("subscriber_id", Integer, primary_key=True, autoincrement=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("key_id", String, nullable=False, index=True),
)

erased_mark = Table(
    "erased_mark",
    metadata,
    Column("mark", LargeBinary, primary_key=True),
    Column("key_id", String, primary_key=True),
    Column("what", String, nullable=False),  # external id, or a kind of contact point
    Column("subscriber_id", Integer, nullable=False),
    Column("erased_at", UtcDateTime, nullable=False),
)

contact_key = Table(
    "contact_key",
    metadata,
    Column("key_id", String, primary_key=True),
    Column("slot", Integer, nullable=False),  # whose marks are under this key: mark_0 or mark_1
    Column("state", String, nullable=False),  # active; next (while keys are rotated); old
    Column("since", UtcDateTime, nullable=False),
)
