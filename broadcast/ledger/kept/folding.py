"""Putting what became of people into what is kept: a few hundred slices in one transaction, those
of the newest version first.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pyroaring import BitMap
from sqlalchemy import Connection, and_, bindparam, delete, insert, select, update

from broadcast.ledger.claims import kept_marks
from broadcast.ledger.claims.tables import batch, outcome, slice_
from broadcast.ledger.kept import asked, bitmaps, reading
from broadcast.ledger.kept.reading import CLAIMED, TOTALS, Facts
from broadcast.ledger.kept.tables import kept_outcome, kept_pass
from broadcast.store.database import lock_name

SLICES = 512
"""So many at once: on SQLite nobody else writes meanwhile."""
LOCK = "kept"
"""Of all who write what is kept one does so at a time: they change the same bitmaps."""
_CLOSED = and_(slice_.c.kept_at.is_(None), slice_.c.state != "open")

Place = tuple[int, int, str]
"""(version id, generation, channel)"""


def waits(conn: Connection) -> bool:
    """Return whether a closed slice is not kept."""
    return conn.execute(select(slice_.c.attempt).where(_CLOSED).limit(1)).first() is not None


def fold(conn: Connection, now: datetime, limit: int = SLICES) -> int:
    """Add up to `limit` closed slices to the kept bitmaps; return how many.

    Slices whose outcomes somebody is changing at this moment are left for the next turn. The
    outcomes of a slice are read after it is locked: changes committed before are seen, and whoever
    changes it later finds it kept and marks it (`kept_marks.outcomes_change`).
    """
    lock_name(conn, LOCK)
    slices = _slices(conn, limit)
    if not slices:
        return 0
    for version_id in {row.version_id for row in slices}:
        asked.begin(
            conn,
            version_id,
            asked.of_batches(conn, version_id, asked.not_begun(conn, version_id)),
        )
    people: dict[Place, bytearray] = {}
    for row in slices:
        people.setdefault(_place(row), bytearray()).extend(row.piece)
    facts: dict[Place, Facts] = {place: {} for place in people}
    for version_id in {row.version_id for row in slices}:
        mine = [row.attempt for row in slices if row.version_id == version_id]
        for (number, channel), key, ids in reading.of_rows(conn, outcome.c.attempt.in_(mine)):
            facts.setdefault((version_id, number, channel), {})[key] = ids
    for place, here in facts.items():
        ids = bitmaps.of_members(bytes(people.get(place, b"")))
        _put(conn, place, ids, {**here, (CLAIMED, ""): ids})
    _count(conn, [row for row in slices if not row.counted])
    kept_marks.are_kept(conn, [row.attempt for row in slices], now)
    return len(slices)


def forget(conn: Connection, version_id: int) -> None:
    """Throw away what is kept of a version: it is read from its rows until it is made anew."""
    lock_name(conn, LOCK)
    kept_marks.nothing_is_kept(conn, version_id)
    conn.execute(delete(kept_outcome).where(kept_outcome.c.version_id == version_id))
    conn.execute(delete(kept_pass).where(kept_pass.c.version_id == version_id))


def _slices(conn: Connection, limit: int) -> list[Any]:
    s = slice_.c
    columns = (s.attempt, s.version_id, s.generation, s.channel, s.lo, s.hi, s.counted)
    query = (
        select(*columns, *(s[name] for name in TOTALS[1:]), reading.members_of_slice())
        .join(batch, batch.c.id == s.batch_id)
        .where(_CLOSED)
        .order_by(s.version_id.desc())
        .limit(limit)
        .with_for_update(of=slice_, skip_locked=True)
    )
    return list(conn.execute(query))


def _place(row: Any) -> Place:
    return row.version_id, row.generation, row.channel


def _put(conn: Connection, place: Place, people: BitMap, facts: Facts) -> None:
    """Let these people stand where their outcomes say, and nowhere else."""
    k = kept_outcome.c
    here = and_(*(k[name] == value for name, value in zip(_PLACE, place, strict=True)))
    touched = bitmaps.parts_of(people).union(*(bitmaps.parts_of(ids) for ids in facts.values()))
    stored = {
        (row.state, row.code, row.part): BitMap.deserialize(row.members)
        for row in conn.execute(
            select(k.state, k.code, k.part, k.members).where(here, k.part.in_(touched))
        )
    }
    new: dict[tuple[str, str, int], BitMap] = {
        key: ids if key[0] == CLAIMED else ids - people for key, ids in stored.items()
    }
    for (state, code), ids in facts.items():
        for part, some in bitmaps.cut(ids):
            new[state, code, part] = new.get((state, code, part), BitMap()) | some
    gone = [key for key, ids in new.items() if not ids and key in stored]
    added = {key: ids for key, ids in new.items() if ids and key not in stored}
    changed = {key: ids for key, ids in new.items() if ids and stored.get(key, ids) != ids}
    if gone:
        _each(conn, delete(kept_outcome), place, ((key, {}) for key in gone))
    if changed:
        _each(
            conn,
            update(kept_outcome).values(members=bindparam("new_members")),
            place,
            ((key, {"new_members": ids.serialize()}) for key, ids in changed.items()),
        )
    if added:
        of_place = dict(zip(_PLACE, place, strict=True))
        rows = [
            {**of_place, **_named(key), "members": ids.serialize()} for key, ids in added.items()
        ]
        conn.execute(insert(kept_outcome), rows)


_PLACE = ("version_id", "generation", "channel")
_KEY = ("state", "code", "part")


def _named(key: tuple[str, str, int]) -> dict[str, Any]:
    return dict(zip(_KEY, key, strict=True))


def _each(
    conn: Connection,
    statement: Any,
    place: Place,
    rows: Iterable[tuple[tuple[str, str, int], dict[str, Any]]],
) -> None:
    """Execute a statement for each of these rows of what is kept."""
    k = kept_outcome.c
    which = [k[name] == bindparam(f"of_{name}") for name in (*_PLACE, *_KEY)]
    conn.execute(
        statement.where(*which),
        [
            {
                **{f"of_{n}": v for n, v in zip((*_PLACE, *_KEY), (*place, *key), strict=True)},
                **more,
            }
            for key, more in rows
        ],
    )


def _count(conn: Connection, slices: list[Any]) -> None:
    """Add the totals of slices that are new in what is kept to those of their passes."""
    sums: dict[Place, dict[str, int]] = {}
    for row in slices:
        mine = sums.setdefault(_place(row), dict.fromkeys(TOTALS, 0))
        mine["claimed"] += row.hi - row.lo
        for name in TOTALS[1:]:
            mine[name] += getattr(row, name)
    k = kept_pass.c
    for place, more in sums.items():
        conn.execute(
            update(kept_pass)
            .where(*(k[name] == value for name, value in zip(_PLACE, place, strict=True)))
            .values({name: k[name] + n for name, n in more.items()})
        )
