"""The table of the other places of people."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    text,
)

from broadcast.store.database import metadata

# No foreign key to subscriber: ids of people are never used again and their rows never deleted.
subscriber_place = Table(
    "subscriber_place",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),  # 32 bit, never used again
    Column("subscriber_id", Integer, nullable=False),
    # which of the person's places; one that is given up stays as a row that says nothing
    Column("no", Integer, nullable=False),
    Column("postcode", String, nullable=False, server_default=""),
    Column("lat", Float),
    Column("lon", Float),
    Column("uncertainty_m", Integer),  # as of subscriber
    Column("area", String),
    # seconds since 1970 at which a visit ends; 0 = it does not
    Column("until", BigInteger, nullable=False, server_default="0"),
    # as what the person acts there, where it is a site of an organisation, joined by ";": "i/small"
    Column("acts_as", String, nullable=False, server_default=""),
    # as of subscriber: the matching index follows it (R7)
    Column("change", BigInteger, nullable=False, index=True),
    UniqueConstraint("subscriber_id", "no", name="uq_subscriber_place"),
    # what has ended is taken out: few of many
    Index(
        "ix_subscriber_place_until",
        "until",
        sqlite_where=text("until > 0"),
        postgresql_where=text("until > 0"),
    ),
    sqlite_autoincrement=True,
)
