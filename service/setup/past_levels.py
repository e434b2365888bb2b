"""Levels of the past: a file fills in what held before, sends nothing, sets no present level."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from broadcast.levels import history
from broadcast.levels.scales import LevelFact
from broadcast.operators import operators
from broadcast.problems import Problem
from broadcast.store.database import Connection
from service.setup.who import Who, allowed

_LEFT_OUT = {
    "present": ("the scope has a newer level", "nothing: a file sets no present level"),
    "approved": ("an approval set the level since", "nothing: what was approved stands"),
    "differs": ("another level is recorded for that day", "compare both with the source"),
}
"""Why a row was left out, and what to do about it."""


def bring_in(
    conn: Connection, who: Who, rows: Sequence[LevelFact], *, name: str, now: datetime
) -> tuple[dict[str, Any], list[Problem]]:
    """Record the rows that fill in the past; return {rows, recorded, left_out} and a warning for
    each row that says something else than is known. Raises Rejected.
    """
    actor = allowed(conn, who, everywhere=True)
    taken, left = history.import_rows(conn, rows, now)
    operators.log_admin(
        conn,
        actor=actor,
        action="level.import",
        subject=name,
        detail=f"rows={len(rows)} recorded={taken}",
        now=now,
    )
    counts = {why: sum(1 for _, w in left if w == why) for why in ("known", *_LEFT_OUT)}
    warnings = [
        Problem(
            code=f"left_out_{why}",
            detail=f"{row.scope} {row.level} on {row.date}: {_LEFT_OUT[why][0]}",
            fix=_LEFT_OUT[why][1],
            where=f"{name}:{row.line}",
        )
        for row, why in left
        if why != "known"
    ]
    return {"rows": len(rows), "recorded": taken, "left_out": counts}, warnings
