"""The tables of the ledger: frozen audiences, batches, claims, outcomes, evidence, and workers."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    text,
)

from broadcast.store.database import UtcDateTime, id_column, metadata

frozen_shard = Table(
    "frozen_shard",
    metadata,
    Column("version_id", ForeignKey("version.id"), primary_key=True),
    Column("shard", Integer, primary_key=True),
    Column("addressed", LargeBinary, nullable=False),  # Roaring bitmap of subscriber ids
    Column("registry_as_of", String, nullable=False),
    Column("frozen_at", UtcDateTime, nullable=False),
    Column("digest", String, nullable=False),
)

frozen_set = Table(
    "frozen_set",
    metadata,
    Column("version_id", Integer, primary_key=True),
    Column("shard", Integer, primary_key=True),  # -1: found at release, over all shards
    Column("no", Integer, primary_key=True),
    Column("role", String, nullable=False),  # send, suppressed, duplicate, held
    # send: the person's order, "sms>email"; duplicate: the one channel
    Column("channels", String, nullable=False),
    Column("language", String, nullable=False, server_default=""),
    Column("reason", String, nullable=False, server_default=""),
    Column("not_before", UtcDateTime),
    Column("members", LargeBinary, nullable=False),  # Roaring bitmap
    Column("size", Integer, nullable=False),
)

generation = Table(
    "generation",
    metadata,
    Column("version_id", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    # first, held, retry, next_channel, resend, other_contact
    Column("cause", String, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("ordered_by", Integer),
    Column("people", Integer, nullable=False),
)

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

receipt = Table(
    "receipt",
    metadata,
    id_column(),
    # no foreign key: a receipt may come first (R6)
    Column("attempt", String, nullable=False, index=True),
    Column("position", Integer, nullable=False),
    Column("source", String, nullable=False),  # callback, look_up, bounce, worker, sweep
    Column("provider", String, nullable=False, server_default=""),
    Column("provider_id", String, nullable=False, server_default=""),
    Column("state", String, nullable=False),
    Column("code", String, nullable=False, server_default=""),
    Column("at", UtcDateTime, nullable=False),
    Column("digest", String, nullable=False, unique=True),
    Column("folded_at", UtcDateTime),
    Index("ix_receipt_unfolded", "folded_at"),
    sqlite_autoincrement=True,
)

response = Table(
    "response",
    metadata,
    id_column(),
    Column("at", UtcDateTime, nullable=False),
    Column("kind", String, nullable=False),  # keypress, stop, stop_unclear, start, help, text
    Column("channel", String, nullable=False),
    Column("person_id", Integer),
    Column("version_id", Integer, index=True),
    Column("attempt", String),
    # the key pressed: 1, 2 or "other"; never the words of a reply (they are in `answer`)
    Column("value", String, nullable=False, server_default=""),
    Column("digest", String, nullable=False, unique=True),
    sqlite_autoincrement=True,
)

worker = Table(
    "worker",
    metadata,
    Column("id", String, primary_key=True),
    Column("role", String, nullable=False),
    Column("key", Integer, nullable=False),  # second key of its session advisory lock
    Column("started_at", UtcDateTime, nullable=False),
    Column("heartbeat_at", UtcDateTime, nullable=False),
    Column("dead_at", UtcDateTime),
)
