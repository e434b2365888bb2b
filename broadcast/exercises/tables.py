"""The table of planned exercises."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table

from broadcast.store.database import UtcDateTime, id_column, metadata

planned_exercise = Table(
    "planned_exercise",
    metadata,
    id_column(),
    Column("name", String, nullable=False),
    Column("area", String, nullable=False),  # the area's code
    Column("area_name", String, nullable=False),  # as it was called when it was planned
    Column("starts_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    Column("planned_by", ForeignKey("operator.id"), nullable=False),
    Column("planned_at", UtcDateTime, nullable=False),
    Column("approved_by", Integer),
    Column("approved_at", UtcDateTime),  # from here on the public sees it
    Column("cancelled_by", Integer),
    Column("cancelled_at", UtcDateTime),
    Index("ix_planned_exercise_ends", "ends_at"),
    sqlite_autoincrement=True,
)
