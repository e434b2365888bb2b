"""The tables of operators: who may act, what one asked another to approve, and the audit chain."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text

from broadcast.store.database import UtcDateTime, id_column, metadata

operator = Table(
    "operator",
    metadata,
    id_column(),
    Column("name", String, nullable=False, unique=True),
    Column("role", String, nullable=False),
    Column("area", String),  # None = the whole tree
    Column("email", String),
    # JSON list of scopes granted beside the area
    Column("may_set", Text, nullable=False, server_default="[]"),
    Column("token_hash", String, nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
    sqlite_autoincrement=True,
)

operator_request = Table(
    "operator_request",
    metadata,
    id_column(),
    Column("kind", String, nullable=False),  # add, disable, export, registry
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
