"""What the matching index reads of the registry: one statement, so that rows, mark and counts are
of one moment.

A row has few columns, because each value costs time in the database, in the driver and here: what
somebody chose is one text, and the names of groups are another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text
from sqlalchemy.util import await_only

from subscribers.registry.by_area import BY_AREA

PERSON, PLACE, HEAD = 0, 1, 2
"""What a row is: somebody, another place of somebody, or what was read: the new mark and how many
rows there are.
"""
_KINDS: Final = 3
"""Spread and what a row is come as one number: the spread times so many, and what it is."""
SEPARATOR: Final = "\x1f"
"""Stands between what one text holds: no name has a control character."""
_ROWS_AT_ONCE: Final = 1_000
_BYTES_AT_ONCE: Final = 1_000_000
_LOAD_SECONDS: Final = 600.0
"""For reading everybody: ten million take 20 s. What changed has the time of every statement."""
_CHOICES: Final = (
    "kind",
    "minimum_severity",
    "channels",
    "stopped",
    "consented",
    "topics",
    "reached_by",
    "discreet",
    "most_a_week",
    "CASE WHEN erased_at IS NULL THEN '' ELSE '1' END",
    "CASE other_languages WHEN '' THEN language ELSE language || ';' || other_languages END",
    "quiet_hours",
    "by_topic",
)
CHOICES: Final = len(_CHOICES)
"""How many values the text of somebody's choices joins."""
_NAMES: Final = ("sectors", "communities", "providers_off")
_COLUMNS: Final = 7
_ESCAPED: Final = re.compile(r"\\(.)")
_MEANT: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows, by column. `lat` and `lon` are NaN where no place is known; `area` "" for none;
    `spread` in metres.

    `choices` holds, joined by SEPARATOR, what `_CHOICES` names; of a place the number of its person
    and until when it is visited; of the head how many people and other places there are. `names`
    holds sectors, communities and providers; of a place what somebody acts as there. The mark of
    the head is its area.
    """

    ids: NDArray[np.int64]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    spread: NDArray[np.int64]
    what: NDArray[np.int64]
    area: Sequence[str]
    choices: Sequence[str]
    names: Sequence[str]

    def those(self, what: int) -> Rows:
        """Return the rows that are this."""
        at = np.flatnonzero(self.what == what)
        if len(at) == len(self.ids):
            return self
        picked = at.tolist()
        return Rows(
            ids=self.ids[at],
            lat=self.lat[at],
            lon=self.lon[at],
            spread=self.spread[at],
            what=self.what[at],
            area=[self.area[n] for n in picked],
            choices=[self.choices[n] for n in picked],
            names=[self.names[n] for n in picked],
        )


def read_rows(
    conn: Connection,
    after: str,
    take: Callable[[Rows], None],
    only: Sequence[int] | None = None,
) -> None:
    """Hand the changed rows to `take`, some at a time, and among them one that is the head. `only`:
    the rows of these ids alone.
    """
    postgres = conn.dialect.name == "postgresql"
    sql = _statement(after, only, postgres=postgres)
    # the driver's transaction begins with SQLAlchemy's first statement
    conn.execute(text("SELECT 1"))
    driver: Any = conn.connection.driver_connection
    if postgres:
        try:
            await_only(_copied(driver, sql, take, None if after or only else _LOAD_SECONDS))
        except BaseException:
            # The driver cannot leave a COPY: its next call, the rollback, would raise an error of
            # its own in the place of this one, also where this one is the order to stop.
            driver.terminate()
            conn.invalidate()
            raise
        return
    cursor = driver.execute(sql)
    while rows := cursor.fetchmany(_ROWS_AT_ONCE):
        ids, lat, lon, spread_and_what, area, choices, names = zip(*rows, strict=True)
        both = np.array(spread_and_what, dtype=np.int64)
        take(
            Rows(
                ids=np.array(ids, dtype=np.int64),
                lat=np.array(lat, dtype=np.float64),  # None is NaN
                lon=np.array(lon, dtype=np.float64),
                spread=both // _KINDS,
                what=both % _KINDS,
                area=area,
                choices=choices,
                names=names,
            )
        )


def _statement(after: str, only: Sequence[int] | None, *, postgres: bool) -> str:
    def joined(*columns: str) -> str:
        if postgres:
            return f" || '{SEPARATOR}' || ".join(columns)
        # in one call: each || would copy all that was joined before
        return f"printf('{SEPARATOR.join(['%s'] * len(columns))}', {', '.join(columns)})"

    def counted(table: str) -> str:
        return f"CAST((SELECT count(*) FROM {table}) AS TEXT)"  # noqa: S608

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
    by_area = "CASE WHEN kind IN ('" + "', '".join(BY_AREA) + "') THEN NULL ELSE"
    # S608: nothing in it comes from outside but numbers.
    return f"""SELECT id, {by_area} lat END, {by_area} lon END,
            COALESCE(uncertainty_m, 0) * {_KINDS} + {PERSON}, COALESCE(area, ''),
            {joined(*_CHOICES)}, {joined(*_NAMES)}
        FROM subscriber{since}
        UNION ALL SELECT id, lat, lon, COALESCE(uncertainty_m, 0) * {_KINDS} + {PLACE},
            COALESCE(area, ''),
            {joined("CAST(subscriber_id AS TEXT)", "CAST(until AS TEXT)")}, acts_as
        FROM subscriber_place{whose}
        UNION ALL SELECT -1, NULL, NULL, {HEAD}, {mark},
            {joined(counted("subscriber"), counted("subscriber_place"))}, ''"""  # noqa: S608


async def _copied(
    driver: Any, sql: str, take: Callable[[Rows], None], seconds: float | None
) -> None:
    """Read by COPY: as rows of the driver they take three times as long."""
    held = bytearray()

    async def add(data: bytes) -> None:
        held.extend(data)
        if len(held) > _BYTES_AT_ONCE:
            whole = held.rfind(b"\n") + 1  # of a row perhaps the beginning has come
            take(_of_text(held[:whole].decode()))
            del held[:whole]

    await driver.copy_from_query(sql, output=add, null="NaN", timeout=seconds)
    if held:
        take(_of_text(held.decode()))


def _of_text(lines: str) -> Rows:
    """Return the rows of COPY's text format: columns end with a tab, rows with a line feed."""
    cells = lines.replace("\n", "\t").split("\t")
    cells.pop()  # behind the last row
    columns = [cells[n::_COLUMNS] for n in range(_COLUMNS)]
    count = len(columns[0])
    if "\\" in lines:
        columns = [[_ESCAPED.sub(_meant, cell) for cell in column] for column in columns]
    ids, lat, lon, spread_and_what, area, choices, names = columns

    def whole(column: Sequence[str]) -> NDArray[np.int64]:
        return np.fromstring(" ".join(column), dtype=np.int64, sep=" ")

    def degrees(column: Sequence[str]) -> NDArray[np.float64]:
        return np.fromiter(map(float, column), dtype=np.float64, count=count)

    place, both = (degrees(lat), degrees(lon)), whole(spread_and_what)
    return Rows(whole(ids), *place, both // _KINDS, both % _KINDS, area, choices, names)


def _meant(found: re.Match[str]) -> str:
    return _MEANT.get(found[1], found[1])
