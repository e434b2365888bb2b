"""The table of foreign CAP documents."""

from __future__ import annotations

from sqlalchemy import Column, LargeBinary, String, Table

from broadcast.store.database import UtcDateTime, metadata

cap_document = Table(
    "cap_document",
    metadata,
    Column("sender", String, primary_key=True),
    Column("identifier", String, primary_key=True),
    Column("sent", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("document", LargeBinary, nullable=False),  # as received
)
