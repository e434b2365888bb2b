"""The tables of broadcast: messages and their decisions, the ledger, levels, areas, operators, the
outbox.
"""

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

from broadcast.store import UtcDateTime, metadata


def _id() -> Column[int]:
    # AUTOINCREMENT: an id is never used again, because a re-used id would stand in old bitmaps
    # (guarantee R15).
    return Column("id", Integer, primary_key=True, autoincrement=True)


meta = Table(
    "meta", metadata, Column("key", String, primary_key=True), Column("value", Text, nullable=False)
)

operator = Table(
    "operator",
    metadata,
    _id(),
    Column("name", String, nullable=False, unique=True),
    Column("role", String, nullable=False),
    Column("area", String),  # None = the whole tree
    Column("email", String),
    Column(
        "may_set", Text, nullable=False, server_default="[]"
    ),  # JSON list of scopes granted beside the area
    Column("token_hash", String, nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
    sqlite_autoincrement=True,
)

operator_request = Table(
    "operator_request",
    metadata,
    _id(),
    Column("kind", String, nullable=False),  # add, disable, export
    Column("what", Text, nullable=False),  # JSON: what is asked for, never a token
    Column("state", String, nullable=False),  # pending_approval, approved, rejected, taken
    Column("asked_by", ForeignKey("operator.id"), nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("decided_by", ForeignKey("operator.id")),
    Column("decided_at", UtcDateTime),
    Column("why", Text),
    sqlite_autoincrement=True,
)

audit = Table(
    "audit",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),  # from 1, without a gap
    Column("at", UtcDateTime, nullable=False),
    Column("kind", String, nullable=False),  # decision, admin, export, look_up
    Column("actor", String, nullable=False),
    Column("action", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("detail", Text, nullable=False),
    Column("digest", String, nullable=False),  # of what it stands for
    Column("row_id", Integer),  # the decision that it covers
    Column("previous", String, nullable=False),
    Column("hash", String, nullable=False),
    Index("ix_audit_row", "kind", "row_id"),
    Index("ix_audit_subject", "subject"),
)

area = Table(
    "area",
    metadata,
    Column("code", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("level", String, nullable=False),  # ward, borough, force, region, country
    Column("parent", String, index=True),  # may name an area that has not arrived yet
    Column(
        "geometry", LargeBinary
    ),  # WKB, longitude latitude (EPSG:4326); None = known by its children only
    Column("source", String, nullable=False, server_default=""),
    Column("imported_at", UtcDateTime, nullable=False),
)

message = Table(
    "message",
    metadata,
    _id(),
    Column("code", String, nullable=False, unique=True),  # of /v/{code}
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", ForeignKey("operator.id")),
    Column("room", String),  # the control room: the area its author is bound to
    sqlite_autoincrement=True,
)

version = Table(
    "version",
    metadata,
    _id(),
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
    Column(
        "salt", LargeBinary
    ),  # 128 random bits in the hash, so that trying counts does not find the one seen
    Column(
        "margin", Integer
    ),  # people by which the audience may differ at release; None = the rule before it was kept
    Column("cancel_reason", String),  # of broadcast.wording.cancelling.REASONS; `why` stays inside
    Column(
        "targets", Text
    ),  # JSON: area codes with their descendants, for people of whom only the area is known
    Column(
        "shape", LargeBinary
    ),  # WKB of everything addressed, as resolved at submit; None = no geometry
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
    _id(),
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
    Column(
        "channels", String, nullable=False
    ),  # send: the person's order, "sms>email"; duplicate: the one channel
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
    Column(
        "cause", String, nullable=False
    ),  # first, held, retry, next_channel, resend, other_contact
    Column("made_at", UtcDateTime, nullable=False),
    Column("ordered_by", Integer),
    Column("people", Integer, nullable=False),
)

resend = Table(
    "resend",
    metadata,
    _id(),
    Column("version_id", ForeignKey("version.id"), nullable=False, index=True),
    Column("only", String, nullable=False),  # failed, in_doubt
    Column("state", String, nullable=False),  # pending_approval, approved, rejected
    Column("ordered_by", Integer, nullable=False),
    Column("ordered_at", UtcDateTime, nullable=False),
    Column("approved_by", Integer),
    Column("approved_at", UtcDateTime),
    Column("members", LargeBinary, nullable=False),
    Column("people", Integer, nullable=False),
    Column(
        "digest", String
    ),  # what is approved: version, people, mark and reason (broadcast.resends)
    sqlite_autoincrement=True,
)

batch = Table(
    "batch",
    metadata,
    _id(),
    Column("version_id", Integer, nullable=False, index=True),
    Column("generation", Integer, nullable=False),
    Column("no", Integer, nullable=False),
    Column("status", String, nullable=False),  # CAP status: an adapter of another one never sees it
    Column("lane", String, nullable=False),  # urgent, routine
    Column("channel", String, nullable=False),
    Column("language", String, nullable=False),
    Column(
        "members", LargeBinary, nullable=False
    ),  # little-endian uint32 subscriber ids, in sending order
    Column("size", Integer, nullable=False),
    Column("next", Integer, nullable=False, server_default="0"),
    Column("cause", String, nullable=False),
    Column("not_before", UtcDateTime),
    Column("severity_rank", Integer, nullable=False),
    Column("correction", Boolean, nullable=False),
    Column("room", String, nullable=False, server_default=""),
    Column(
        "open", Boolean, nullable=False, server_default="1"
    ),  # next < size and the version not ended: what a sender looks for
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
    Column("state", String, nullable=False),  # open, done, swept
    Column("claimed_at", UtcDateTime, nullable=False),
    Column("deadline", UtcDateTime, nullable=False),
    Column("done_at", UtcDateTime),
    Column(
        "accepted", Integer, nullable=False, server_default="0"
    ),  # totals, committed with "slice done" (R18)
    Column("failed", Integer, nullable=False, server_default="0"),
    Column("in_doubt", Integer, nullable=False, server_default="0"),
    Column("skipped", Integer, nullable=False, server_default="0"),
    Column("waiting", Integer, nullable=False, server_default="0"),
    Index("ix_slice_state", "state"),
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
    Column("state", String, nullable=False),  # broadcast.fold.STATES
    Column("code", String, nullable=False, server_default=""),
    Column("provider_id", String, nullable=False, server_default=""),
    Column("at", UtcDateTime, nullable=False),
    Column(
        "due_at", UtcDateTime
    ),  # when this row asks for a further generation: a retry, the next channel, another contact
    Index("ix_outcome_due", "due_at"),
    Index("ix_outcome_version", "version_id", "channel", "state"),
    Index("ix_outcome_person", "person_id", "version_id"),
    Index("ix_outcome_provider_id", "provider_id"),
)

receipt = Table(
    "receipt",
    metadata,
    _id(),
    Column(
        "attempt", String, nullable=False, index=True
    ),  # no foreign key: a receipt may come first (R6)
    Column("position", Integer, nullable=False),
    Column("source", String, nullable=False),  # callback, look_up, bounce, worker, sweep
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
    _id(),
    Column("at", UtcDateTime, nullable=False),
    Column("kind", String, nullable=False),  # keypress, stop, stop_unclear, start, help, text
    Column("channel", String, nullable=False),
    Column("person_id", Integer),
    Column("version_id", Integer, index=True),
    Column("attempt", String),
    Column(
        "value", String, nullable=False, server_default=""
    ),  # the key pressed; never the words of a reply
    Column(
        "sealed", LargeBinary
    ),  # the words, encrypted with the person's key (R6); stays empty until erasure is built
    Column("digest", String, nullable=False, unique=True),
    sqlite_autoincrement=True,
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("topic", String, nullable=False),
    Column("partition", Integer),
    Column("key", String, nullable=False),
    Column("type", String, nullable=False),
    Column("payload", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("relayed_at", UtcDateTime),
    sqlite_autoincrement=True,
)
Index(
    "ix_outbox_waiting",
    outbox.c.id,
    sqlite_where=outbox.c.relayed_at.is_(None),
    postgresql_where=outbox.c.relayed_at.is_(None),
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

idempotency = Table(
    "idempotency",
    metadata,
    Column("operator_id", Integer, primary_key=True),
    Column("key", String, primary_key=True),
    Column("digest", String, nullable=False),  # of method, path and body
    Column("status", Integer),  # None = in flight
    Column("body", Text),
    Column("at", UtcDateTime, nullable=False),
)

parked = Table(
    "parked",
    metadata,
    _id(),
    Column("at", UtcDateTime, nullable=False),
    Column("what", String, nullable=False),
    Column("key", String, nullable=False),
    Column("error", Text, nullable=False),
    sqlite_autoincrement=True,
)

level_fact = Table(
    "level_fact",
    metadata,
    _id(),
    Column("scope", String, nullable=False, index=True),
    Column("level", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("source", String, nullable=False),  # import, approval
    Column("version_id", Integer),
    Column("note", Text, nullable=False, server_default=""),
    Column("recorded_at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)

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

incarnation = Table(
    "incarnation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column(
        "system", String, nullable=False
    ),  # PostgreSQL's system identifier, or the id of an SQLite file
    Column("timeline", String, nullable=False, server_default=""),
    Column(
        "counter",
        Integer,
        nullable=False,
        # repeated in a side file of each program's data folder: gone backwards = restored (R5,
        # later)
    ),
    Column("recorded_at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)
