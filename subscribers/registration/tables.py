"""The tables of people who are registering, and of how many codes were sent.

No address stands in them in clear: it is sealed while a code is on its way, and counted by a keyed
mark.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table

from broadcast.store.database import UtcDateTime, id_column, metadata

registration = Table(
    "registration",
    metadata,
    id_column(),
    Column("secret_hash", String, nullable=False, unique=True),  # of the browser's cookie
    Column("purpose", String, nullable=False),  # join, sign_in, add, sample
    Column("language", String, nullable=False),
    Column("network", String, nullable=False),  # a keyed mark of where it came from
    Column("area", String, nullable=False, server_default=""),
    Column("postcode", String, nullable=False, server_default=""),
    Column("topics", String, nullable=False, server_default=""),
    # the last day of a visit, as 2026-12-24; "" = the place is their own
    Column("visit_until", String, nullable=False, server_default=""),
    Column("discreet", String, nullable=False, server_default=""),  # as of subscriber
    Column("channel", String, nullable=False, server_default=""),
    Column("address", LargeBinary),  # sealed; gone once it is confirmed
    # the contact key that the address is sealed with, and the code is kept under
    Column("key_id", String, nullable=False, server_default=""),
    Column("prefix_mark", String, nullable=False, server_default=""),
    Column("codes", Integer, nullable=False, server_default="0"),  # asked for in all
    Column("tries", Integer, nullable=False, server_default="0"),  # of the present code
    # "", waiting, sending, sent, refused, doubt, nobody; once it is done, what it led to
    Column("state", String, nullable=False, server_default=""),
    Column("code_hash", String),  # an HMAC, made when the code is sent
    Column("code_expires_at", UtcDateTime),
    Column("made_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("done_at", UtcDateTime),
    Index("ix_registration_state", "state"),
    Index("ix_registration_expires_at", "expires_at"),
    sqlite_autoincrement=True,
)

sign_up_count = Table(
    "sign_up_count",
    metadata,
    Column("name", String, primary_key=True),  # what is counted: a keyed mark, or money
    Column("span", String, primary_key=True),  # of which day, hour or ten minutes
    Column("used", Integer, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Index("ix_sign_up_count_expires_at", "expires_at"),
)
