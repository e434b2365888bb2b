"""What the matching index reads of the registry: one statement, so that rows, mark and counts are
of one moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection, text
from sqlalchemy.util import await_only

from subscribers.registry.by_area import BY_AREA

_CHUNK: Final = 50_000
PLACE: Final = 2
"""Among the rows of the registry: another place of somebody."""
_TRAIT_COLUMNS = (
    "kind",
    "minimum_severity",
    "channels",
    "stopped",
    "consented",
    "topics",
    "reached_by",
    "discreet",
    "most_a_week",
)


def read_rows(
    conn: Connection, after: str, only: Sequence[int] | None = None
) -> Iterator[list[Sequence[Any]]]:
    """Yield the changed rows in chunks of driver tuples, and among them one with id -1: the new
    mark and the number of rows there are. `only`: the rows of these ids alone.
    """
    postgres = conn.dialect.name == "postgresql"
    traits = " || '|' || ".join(_TRAIT_COLUMNS)
    mark = (
        "pg_snapshot_xmin(pg_current_snapshot())::text"
        if postgres
        else "COALESCE((SELECT value FROM meta WHERE key = 'registry_change'), '0')"
    )
    since = f" WHERE change {'>=' if postgres else '>'} {int(after)}" if after else ""
    whose = since
    if only is not None:
        those = ", ".join(str(int(each)) for each in only) or "NULL"
        since, whose = f" WHERE id IN ({those})", f" WHERE subscriber_id IN ({those})"
    # S608: nothing in it comes from outside but numbers.
    by_area = "CASE WHEN kind IN ('" + "', '".join(BY_AREA) + "') THEN NULL ELSE"
    sql = f"""SELECT id, {by_area} lat END, {by_area} lon END,
            COALESCE(area, ''),
            CASE other_languages WHEN '' THEN language ELSE language || ';' || other_languages END,
            {traits},
            CASE WHEN erased_at IS NULL THEN 0 ELSE 1 END,
            sectors, communities, quiet_hours, COALESCE(uncertainty_m, 0), by_topic,
            providers_off
        FROM subscriber{since}
        UNION ALL SELECT id, lat, lon, COALESCE(area, ''), CAST(subscriber_id AS TEXT),
            CAST(until AS TEXT), {PLACE}, acts_as, '', '', COALESCE(uncertainty_m, 0), '',
            ''
        FROM subscriber_place{whose}
        UNION ALL SELECT -1, NULL, NULL, {mark},
            CAST((SELECT count(*) FROM subscriber) AS TEXT),
            CAST((SELECT count(*) FROM subscriber_place) AS TEXT), 0, '', '', '', 0, '', ''"""  # noqa: S608
    # the driver's transaction begins with SQLAlchemy's first statement
    conn.execute(text("SELECT 1"))
    driver: Any = conn.connection.driver_connection
    if not postgres:
        cursor = driver.execute(sql)
        while rows := cursor.fetchmany(_CHUNK):
            yield rows
        return

    async def opened() -> Any:
        return await driver.cursor(sql)

    remote: Any = await_only(opened())
    while rows := await_only(remote.fetch(_CHUNK)):
        yield rows
