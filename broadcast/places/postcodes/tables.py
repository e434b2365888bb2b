"""The table of the national postcode directory."""

from __future__ import annotations

from sqlalchemy import Column, Float, Integer, String, Table

from broadcast.store.database import UtcDateTime, metadata

postcode = Table(
    "postcode",
    metadata,
    Column("code", String, primary_key=True),  # capitals and digits, without a space
    Column("lat", Float, nullable=False),
    Column("lon", Float, nullable=False),
    Column("uncertainty_m", Integer, nullable=False),
    Column("ward", String, nullable=False, server_default=""),  # GSS codes, "" = not said
    Column("district", String, nullable=False, server_default=""),
    Column("imported_at", UtcDateTime, nullable=False),
)
