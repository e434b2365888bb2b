"""The tables of claims: batches, slices and outcomes."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    text,
)

from broadcast.store.database import UtcDateTime, id_column, metadata

batch = Table(
    "batch",
    metadata,
    id_column(),
    Column("version_id", Integer, nullable=False, index=True),
    Column("generation", Integer, nullable=False),
    Column("no", Integer, nullable=False),
    Column("status", String, nullable=False),  # CAP status: an adapter of another one never sees it
    Column("lane", String, nullable=False),  # urgent, routine
    Column("channel", String, nullable=False),
    Column("language", String, nullable=False),
    # as whom its people get it: kinds of their registrations, where one person has several
    Column("roles", String, nullable=False, server_default=""),
    # little-endian uint32 subscriber ids, in sending order
    Column("members", LargeBinary, nullable=False),
    Column("size", Integer, nullable=False),
    Column("next", Integer, nullable=False, server_default="0"),
    Column("cause", String, nullable=False),
    Column("not_before", UtcDateTime),
    Column("severity_rank", Integer, nullable=False),
    Column("correction", Boolean, nullable=False),
    Column("room", String, nullable=False, server_default=""),
    # next < size and the version not ended: what a sender looks for
    Column("open", Boolean, nullable=False, server_default="1"),
    Column("announced_at", UtcDateTime),
    Column("announcements", Integer, nullable=False, server_default="0"),
    UniqueConstraint("version_id", "generation", "no"),
    Index("ix_batch_work", "open", "lane", "channel"),
    sqlite_autoincrement=True,
)

slice_ = Table(
    "slice",
    metadata,
    Column("attempt", String, primary_key=True),
    Column("batch_id", Integer, nullable=False, index=True),
    Column("version_id", Integer, nullable=False, index=True),
    Column("generation", Integer, nullable=False),
    Column("channel", String, nullable=False),
    Column("lo", Integer, nullable=False),
    Column("hi", Integer, nullable=False),
    Column("worker", String, nullable=False, index=True),
    Column("provider", String, nullable=False, server_default=""),  # adapter and account
    Column("state", String, nullable=False),  # open, done, swept
    Column("claimed_at", UtcDateTime, nullable=False),
    Column("deadline", UtcDateTime, nullable=False),
    Column("done_at", UtcDateTime),
    # totals, committed with "slice done" (R18)
    Column("accepted", Integer, nullable=False, server_default="0"),
    Column("failed", Integer, nullable=False, server_default="0"),
    Column("in_doubt", Integer, nullable=False, server_default="0"),
    Column("skipped", Integer, nullable=False, server_default="0"),
    Column("waiting", Integer, nullable=False, server_default="0"),
    # when its outcomes went into what is kept (broadcast.ledger.kept); NULL where they have not,
    # or have changed since
    Column("kept_at", UtcDateTime),
    # its totals and its people are in what is kept: they do not change after it was closed
    Column("counted", Boolean, nullable=False, server_default="0"),
    Index("ix_slice_state", "state"),
)
Index(
    "ix_slice_not_kept",
    slice_.c.version_id,
    sqlite_where=slice_.c.kept_at.is_(None),
    postgresql_where=slice_.c.kept_at.is_(None),
)

outcome = Table(
    "outcome",
    metadata,
    Column("attempt", String, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("version_id", Integer, nullable=False),
    Column("channel", String, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("person_id", Integer, nullable=False),
    Column("state", String, nullable=False),  # broadcast.ledger.evidence.STATES
    Column("code", String, nullable=False, server_default=""),
    Column("provider", String, nullable=False, server_default=""),
    Column("provider_id", String, nullable=False, server_default=""),
    Column("at", UtcDateTime, nullable=False),
    # when this row asks for a further generation: a retry, the next channel, another contact
    Column("due_at", UtcDateTime),
    Index("ix_outcome_due", "due_at"),
    Index("ix_outcome_version", "version_id", "channel", "state"),
    Index("ix_outcome_person", "person_id", "version_id"),
    Index("ix_outcome_provider_id", "provider_id"),
    Index(
        "ix_outcome_failed",
        "at",
        sqlite_where=text("state = 'failed'"),
        postgresql_where=text("state = 'failed'"),
    ),
)
