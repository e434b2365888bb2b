"""The table of areas: stored as files give them, all of a file or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from broadcast.places.areas import LEVEL_ORDER, AreaRecord
from broadcast.places.geometry import to_wkb
from broadcast.places.tables import area as area_table
from broadcast.problems import Problem, Rejected


def store_areas(
    conn: Connection, records: Sequence[AreaRecord], now: datetime, *, source: str = ""
) -> dict[str, int]:
    """Insert or update areas, all or none; return {new, updated, unchanged, waiting}: waiting are
    those whose parent has not arrived.

    What a record does not say (None) stays as it is. Raises Rejected area_parent_level where a
    parent would not be of a higher level.
    """
    stored = {row.code: row for row in conn.execute(select(area_table)).all()}
    levels = {code: row.level for code, row in stored.items()} | {r.code: r.level for r in records}
    parents = {code: row.parent for code, row in stored.items()} | {
        r.code: r.parent for r in records if r.parent is not None or r.code not in stored
    }
    problems = [
        Problem(
            code="area_parent_level",
            detail=f"{code} is a {levels[code]} and cannot lie in {parent}, a {levels[parent]}",
            fix="check --level and --parent-field",
            field=code,
        )
        for code, parent in parents.items()
        if parent and parent in levels and LEVEL_ORDER[levels[parent]] <= LEVEL_ORDER[levels[code]]
    ]
    if problems:
        raise Rejected(problems)
    fresh: list[dict[str, Any]] = []
    counts = {"new": 0, "updated": 0, "unchanged": 0}
    for r in records:
        old = stored.get(r.code)
        values = {
            "code": r.code,
            "level": r.level,
            "name": r.name or (old.name if old is not None else r.code),
            "parent": parents[r.code] or None,
            "geometry": (
                to_wkb(r.geometry)
                if r.geometry is not None
                else (old.geometry if old is not None else None)
            ),
        }
        if old is None:
            fresh.append({**values, "source": source, "imported_at": now})
            counts["new"] += 1
        elif all(getattr(old, key) == value for key, value in values.items()):
            counts["unchanged"] += 1
        else:
            conn.execute(
                update(area_table)
                .where(area_table.c.code == r.code)
                .values(**values, source=source, imported_at=now)
            )
            counts["updated"] += 1
    if fresh:
        conn.execute(insert(area_table), fresh)
    return {
        **counts,
        "waiting": sum(1 for r in records if parents[r.code] and parents[r.code] not in levels),
    }
