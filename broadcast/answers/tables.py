"""The table of answers: of each its facts in clear, its words and its sender sealed."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, String, Table

from broadcast.store.database import UtcDateTime, id_column, metadata

answer = Table(
    "answer",
    metadata,
    id_column(),
    Column("at", UtcDateTime, nullable=False),
    Column("channel", String, nullable=False),  # sms, voice, web
    # text; stop_unclear: holds a word that stops; word: acted on too (yes, end); keypress; page
    Column("kind", String, nullable=False),
    # of provider and provider's id: the same answer told again is the same row
    Column("digest", String, nullable=False, unique=True),
    Column("joined", String, nullable=False),  # attempt, link, appeal, unsorted
    Column("message_id", Integer),
    Column("version_id", Integer),
    Column("attempt", String),
    # CAP status of what it answers; of an unsorted one the world that it came from
    Column("status", String, nullable=False),
    Column("simulated", Boolean, nullable=False, server_default="0"),
    Column("person_id", Integer),  # only where a single one can have sent it
    # of the sender's number: the id of a contact key, then what that key makes of the number
    Column("mark", String, nullable=False, server_default=""),
    Column("urgent", Boolean, nullable=False, server_default="0"),
    Column("key_id", String, nullable=False),
    Column("sealed", LargeBinary),  # None = erased
    # set where this answer is the one that was acknowledged, for its number and message
    Column("ack_key", String, unique=True),
    Column("first_read_at", UtcDateTime),
    Column("erased_at", UtcDateTime),
    Index("ix_answer_message", "message_id", "id"),
    Index("ix_answer_mark", "mark"),
    Index("ix_answer_urgent", "urgent", "first_read_at"),
    sqlite_autoincrement=True,
)
