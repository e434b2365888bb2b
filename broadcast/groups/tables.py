"""The table of registered communities, sectors and information providers."""

from __future__ import annotations

from sqlalchemy import Column, String, Table, Text, UniqueConstraint

from broadcast.store.database import UtcDateTime, id_column, metadata

community_or_sector = Table(
    "community_or_sector",
    metadata,
    id_column(),
    Column("kind", String, nullable=False),  # community, sector, provider
    Column("key", String, nullable=False),  # the folded form of its name, as messages hold it
    Column("name", String, nullable=False),  # what people call it, where a language has no own word
    Column("names", Text, nullable=False, server_default="{}"),  # JSON by language tag
    Column("registered_at", UtcDateTime, nullable=False),
    UniqueConstraint("kind", "key"),
)
