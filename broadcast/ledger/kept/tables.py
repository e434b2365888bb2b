"""The tables of what is kept beside the outcomes: numbers of each pass, and its people by state."""

from __future__ import annotations

from sqlalchemy import Column, Integer, LargeBinary, String, Table

from broadcast.store.database import metadata

kept_pass = Table(
    "kept_pass",
    metadata,
    Column("version_id", Integer, primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("channel", String, primary_key=True),
    Column("asked", LargeBinary, nullable=False),  # Roaring bitmap: everybody of its batches
    Column("size", Integer, nullable=False),
    # sums over the slices that are counted (slice.counted), as they were closed (R18)
    Column("claimed", Integer, nullable=False, server_default="0"),
    Column("accepted", Integer, nullable=False, server_default="0"),
    Column("failed", Integer, nullable=False, server_default="0"),
    Column("in_doubt", Integer, nullable=False, server_default="0"),
    Column("skipped", Integer, nullable=False, server_default="0"),
    Column("waiting", Integer, nullable=False, server_default="0"),
)

kept_outcome = Table(
    "kept_outcome",
    metadata,
    Column("version_id", Integer, primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("channel", String, primary_key=True),
    # a state of broadcast.ledger.evidence, or "claimed": everybody of the counted slices
    Column("state", String, primary_key=True),
    Column("code", String, primary_key=True),  # why somebody was skipped; else empty
    Column("part", Integer, primary_key=True),  # the people's ids, by 262,144
    Column("members", LargeBinary, nullable=False),  # Roaring bitmap
)
