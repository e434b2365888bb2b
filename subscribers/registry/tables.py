"""The tables of subscribers: people, their consent, what they stopped; and which columns of their
file are kept there, or sealed elsewhere.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    text,
)

from broadcast.store.database import UtcDateTime, metadata
from subscribers.contact import kinds
from subscribers.people_file.record import COLUMNS, SubscriberRecord

subscriber = Table(
    "subscriber",
    metadata,
    # 32 bit, never used again (rule R15)
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("external_id", String, nullable=False, unique=True),
    Column("kind", String, nullable=False),
    # kinds of contact point that there are (subscribers/contact), joined by ";"
    Column("reached_by", String, nullable=False, server_default=""),
    Column("language", String, nullable=False, server_default="en"),
    # what they read beside, in their order, joined by ";"
    Column("other_languages", String, nullable=False, server_default=""),
    # "yes": in neutral words, and never in an exercise
    Column("discreet", String, nullable=False, server_default=""),
    # so many routine messages a week at most; "" = any number
    Column("most_a_week", String, nullable=False, server_default=""),
    # information providers of whom they want nothing routine, joined by ";"
    Column("providers_off", String, nullable=False, server_default=""),
    Column("postcode", String, nullable=False, server_default=""),
    Column("lat", Float),
    Column("lon", Float),
    # metres round the place; None = the place itself was given, else the postcode stands for it
    Column("uncertainty_m", Integer),
    Column("area", String),
    Column("sectors", String, nullable=False, server_default=""),  # lists are joined by ";"
    Column("communities", String, nullable=False, server_default=""),
    Column("topics", String, nullable=False, server_default=""),  # empty = all but exercise
    # in the person's order; filled in on import
    Column("channels", String, nullable=False, server_default=""),
    Column("minimum_severity", String, nullable=False, server_default=""),
    Column("quiet_hours", String, nullable=False, server_default=""),
    # severity and channels of single topics (subscribers/people_file/by_topic.py)
    Column("by_topic", String, nullable=False, server_default=""),
    # where they are beside; subscriber_place follows it (subscribers/places)
    Column("places", String, nullable=False, server_default=""),
    # channels stopped by the person, joined by ";"
    Column("stopped", String, nullable=False, server_default=""),
    Column("consented", String, nullable=False, server_default=""),  # channels consented to
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("erased_at", UtcDateTime),
    # encrypts what is kept of this person beside this row; destroyed at erasure (R6, later)
    Column("person_key", LargeBinary),
    # PostgreSQL: the writing transaction's id; SQLite: a counter (R7)
    Column("change", BigInteger, nullable=False, index=True),
    # few: looked for at every claim, and at every import
    Index(
        "ix_subscriber_discreet",
        "id",
        sqlite_where=text("discreet = 'yes'"),
        postgresql_where=text("discreet = 'yes'"),
    ),
    sqlite_autoincrement=True,
)

consent = Table(
    "consent",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("subscriber_id", ForeignKey("subscriber.id"), nullable=False, index=True),
    Column("channels", String, nullable=False),
    Column("topics", String, nullable=False),
    Column("basis", Text, nullable=False),
    # file, operator, page, text; "" = before this was kept
    Column("source", String, nullable=False, server_default=""),
    Column("wording", String, nullable=False, server_default=""),  # which version they agreed to
    Column("at", UtcDateTime, nullable=False),
    Column("withdrawn_at", UtcDateTime),
    sqlite_autoincrement=True,
)

stop = Table(
    "stop",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("subscriber_id", ForeignKey("subscriber.id"), nullable=False, index=True),
    Column("channel", String, nullable=False),
    Column("source", String, nullable=False),  # one of acts.STOP_SOURCES
    Column("at", UtcDateTime, nullable=False),
    Column("lifted_at", UtcDateTime),
    Column("lifted_by", String),  # sms_reply, link, operator
    sqlite_autoincrement=True,
)

SEALED: Final = ("name", *kinds.NAMES)
"""Columns that are kept sealed (`subscribers/contact`)."""
OPEN: Final = tuple(c for c in COLUMNS if c not in SEALED)
"""Columns of the file that are kept as they are."""
TAKEN: Final = tuple(c for c in SubscriberRecord._fields if c not in SEALED)
"""Fields of a record that are kept as they are."""
STORED: Final = (*TAKEN, "reached_by")
"""Columns of subscriber that a record fills."""
