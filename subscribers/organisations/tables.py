"""The tables of organisations and of who acts for them."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Integer, LargeBinary, String, Table, false

from broadcast.store.database import UtcDateTime, id_column, metadata

organisation = Table(
    "organisation",
    metadata,
    id_column(),
    Column("external_id", String, nullable=False, unique=True),
    # its name, encrypted as those of people are (subscribers/contact/keys.py)
    Column("sealed", LargeBinary, nullable=False),
    Column("key_id", String, nullable=False, index=True),
    Column("trade", String, nullable=False),  # letter of a section of SIC 2007
    Column("size", String, nullable=False),  # micro, small, medium, large
    # places as subscribers/organisations/sites.py writes them, joined by ";"
    Column("sites", String, nullable=False, server_default=""),
    # it protects or stands for others, and passes on to them what its inbox is sent
    Column("passes_on", Boolean, nullable=False, server_default=false()),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)

# No foreign key to subscriber: ids of people are never used again and their rows never deleted.
organisation_person = Table(
    "organisation_person",
    metadata,
    Column("organisation_id", Integer, primary_key=True, autoincrement=False),
    Column("subscriber_id", Integer, primary_key=True, autoincrement=False, index=True),
    # codes of the boroughs for which they are the single point of contact, joined by ";"
    Column("contact_for", String, nullable=False, server_default=""),
)
