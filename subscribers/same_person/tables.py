"""The table of registrations that were joined, or told apart, by hand."""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Table

from broadcast.store.database import UtcDateTime, metadata

# No foreign key to subscriber: ids of people are never used again and their rows never deleted.
same_person = Table(
    "same_person",
    metadata,
    Column("subscriber_id", Integer, primary_key=True, autoincrement=False),
    # the lowest id of those it was joined with; its own = it stands apart from all others
    Column("one", Integer, nullable=False, index=True),
    Column("source", String, nullable=False),  # page, operator
    Column("at", UtcDateTime, nullable=False),
)
