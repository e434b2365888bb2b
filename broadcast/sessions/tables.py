"""The tables of sessions and one-time links. Neither holds a secret: what a browser shows is hashed
before it is looked up.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table

from broadcast.store.database import UtcDateTime, id_column, metadata

session = Table(
    "session",
    metadata,
    id_column(),
    Column("kind", String, nullable=False),  # whose: operator, resident
    Column("holder_id", Integer, nullable=False),
    Column("secret_hash", String, nullable=False, unique=True),
    Column("proof", String, nullable=False),  # how the holder proved who they are
    Column("began_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Index("ix_session_holder", "kind", "holder_id"),
    sqlite_autoincrement=True,
)

one_time_link = Table(
    "one_time_link",
    metadata,
    id_column(),
    Column("kind", String, nullable=False),
    Column("holder_id", Integer, nullable=False),
    Column("secret_hash", String, nullable=False, unique=True),
    Column("made_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),  # redeemed, or replaced by a newer one
    Index("ix_one_time_link_holder", "kind", "holder_id"),
    sqlite_autoincrement=True,
)

passkey = Table(
    "passkey",
    metadata,
    id_column(),
    Column("operator_id", Integer, nullable=False, index=True),
    Column("credential_id", LargeBinary, nullable=False, unique=True),
    Column("public_key", LargeBinary, nullable=False),  # COSE, RFC 9052
    Column(
        "sign_count", Integer, nullable=False
    ),  # of the authenticator; 0 where it counts nothing
    Column("name", String, nullable=False),  # what its owner calls it
    Column("added_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
    Column("removed_at", UtcDateTime),
    sqlite_autoincrement=True,
)
