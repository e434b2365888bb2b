"""Threat levels as the log tells of them, held against those that are stored."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from sqlalchemy import Connection, select

from broadcast.levels import history
from broadcast.levels.tables import level_fact
from broadcast.replay.differences import Difference, ReplayResult
from broadcast.replay.recorded import Log
from broadcast.wording.levels import ENDED


def compare_levels(
    conn: Connection, result: ReplayResult, log: Log, since: datetime | None
) -> None:
    """Compare every fact, then what holds now, by the plainest rule: the last one counts, no import
    after the first approval.
    """
    told = Counter(
        (scope, level, datetime.fromisoformat(at), source, version_id)
        for scope, level, at, source, version_id in log.levels
    )
    columns = (
        level_fact.c.scope,
        level_fact.c.level,
        level_fact.c.at,
        level_fact.c.source,
        level_fact.c.version_id,
    )
    query = (
        select(*columns)
        if since is None
        else select(*columns).where(level_fact.c.recorded_at >= since)
    )
    rows = (tuple(row) for row in conn.execute(query))
    found = Counter(
        row
        for row in rows
        if log.wanted is None or row[4] in log.wanted or (log.imports and row[3] == "import")
    )
    for key in sorted(told.keys() | found.keys(), key=str):
        if told[key] != found[key]:
            scope, level, at, source, _ = key
            result.add(
                Difference(
                    what="level fact",
                    scope=scope,
                    live=found[key],
                    rebuilt=told[key],
                    detail=f"{level} since {at.isoformat()} by {source}",
                )
            )
    if log.wanted is not None:
        return
    rebuilt = _present_levels(log)
    live = {
        scope: str(standing.level)
        for scope, standing in (
            history.history(conn).present(datetime.max.replace(tzinfo=UTC)).items()
        )
    }
    for scope in sorted(rebuilt.keys() | live.keys()):
        if rebuilt.get(scope) != live.get(scope):
            result.add(
                Difference(
                    what="level", scope=scope, live=live.get(scope), rebuilt=rebuilt.get(scope)
                )
            )


def _present_levels(log: Log) -> dict[str, str]:
    held: dict[str, tuple[bool, datetime, str]] = {}
    for scope, level, at, source, _ in log.levels:
        fact = (source == "approval", datetime.fromisoformat(at), level)
        if not scope.startswith("scale:") and (scope not in held or fact[:2] >= held[scope][:2]):
            held[scope] = fact
    return {scope: level for scope, (_, _, level) in held.items() if level != ENDED}
