"""The tables of messages: their versions, the decisions about them, and ordered resends."""

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
    Text,
    UniqueConstraint,
)

from broadcast.store.database import UtcDateTime, id_column, metadata

message = Table(
    "message",
    metadata,
    id_column(),
    Column("code", String, nullable=False, unique=True),  # of /v/{code}
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", ForeignKey("operator.id")),
    Column("room", String),  # the control room: the area its author is bound to
    sqlite_autoincrement=True,
)

version = Table(
    "version",
    metadata,
    id_column(),
    Column("message_id", ForeignKey("message.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("action", String, nullable=False),  # new, update, correct, all_clear
    Column("predecessor_id", ForeignKey("version.id")),
    Column("kind", String, nullable=False),
    Column("status", String, nullable=False),  # CAP status
    Column("state", String, nullable=False),
    Column("resume_state", String),  # what a held version returns to
    Column("why", Text),  # of blocked, returned, rejected, cancelled
    Column("revision", Integer, nullable=False),
    Column("content", Text, nullable=False),  # Content.to_json, canonical
    Column("author_id", ForeignKey("operator.id")),
    Column("editors", Text, nullable=False),  # JSON list of operator ids
    Column("submitter_id", ForeignKey("operator.id")),
    Column("approver_id", ForeignKey("operator.id")),
    Column("content_hash", String),
    Column("seen_count", Integer),
    Column("wording_revision", String),
    # 128 random bits in the hash, so that trying counts does not find the one seen
    Column("salt", LargeBinary),
    # people by which the audience may differ at release; None = the rule before it was kept
    Column("margin", Integer),
    Column("cancel_reason", String),  # of broadcast.wording.cancelling.REASONS; `why` stays inside
    # JSON: area codes with their descendants, for people of whom only the area is known
    Column("targets", Text),
    # WKB of everything addressed, as resolved at submit; None = no geometry
    Column("shape", LargeBinary),
    Column("level_from", String),
    Column("room", String),
    Column("urgent", Boolean, nullable=False),
    Column("severity_rank", Integer, nullable=False),  # 0 = Extreme
    Column("identifier", String, unique=True),
    Column("sent", UtcDateTime),
    Column("expires_at", UtcDateTime),
    Column("approved_at", UtcDateTime),
    Column("live_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("shards", Integer),
    Column("generation", Integer, nullable=False, server_default="0"),
    Column("addressed", Integer),
    Column("cap", LargeBinary),  # the published document, byte for byte
    Column("cancel_cap", LargeBinary),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("message_id", "number"),
    Index("ix_version_state", "state"),
    sqlite_autoincrement=True,
)

decision = Table(
    "decision",
    metadata,
    id_column(),
    Column("version_id", ForeignKey("version.id"), nullable=False, index=True),
    Column("action", String, nullable=False),
    Column("operator_id", ForeignKey("operator.id")),  # None = the machine itself
    Column("at", UtcDateTime, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("content_hash", String),
    Column("count", Integer),
    Column("why", Text),
    Column("content", Text),  # what stood there when it was decided: drafts are never lost
    sqlite_autoincrement=True,
)

resend = Table(
    "resend",
    metadata,
    id_column(),
    Column("version_id", ForeignKey("version.id"), nullable=False, index=True),
    Column("only", String, nullable=False),  # failed, in_doubt
    Column("state", String, nullable=False),  # pending_approval, approved, rejected
    Column("ordered_by", Integer, nullable=False),
    Column("ordered_at", UtcDateTime, nullable=False),
    Column("approved_by", Integer),
    Column("approved_at", UtcDateTime),
    Column("members", LargeBinary, nullable=False),
    Column("people", Integer, nullable=False),
    # what is approved: version, people, mark and reason (broadcast.messages.resends)
    Column("digest", String),
    sqlite_autoincrement=True,
)
