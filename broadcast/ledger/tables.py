"""The tables of the ledger: frozen audiences, passes, evidence, and workers."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
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
    # what it may send a second, by CAP status and channel: {"Actual/sms": 10.0}, 0 = no limit
    Column("rates", String, nullable=False, server_default="{}"),
)
