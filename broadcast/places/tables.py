"""The table of areas."""

from __future__ import annotations

from sqlalchemy import Column, LargeBinary, String, Table

from broadcast.store.database import UtcDateTime, metadata

area = Table(
    "area",
    metadata,
    Column("code", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("level", String, nullable=False),  # ward, borough, force, region, country
    Column("parent", String, index=True),  # may name an area that has not arrived yet
    # WKB, longitude latitude (EPSG:4326); None = known by its children only
    Column("geometry", LargeBinary),
    Column("source", String, nullable=False, server_default=""),
    Column("imported_at", UtcDateTime, nullable=False),
)
