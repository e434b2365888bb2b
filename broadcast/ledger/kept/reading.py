"""What is kept of a version, and what changed since, laid over each other: at every moment what its
rows say.

Whoever reads must see one snapshot, as that of `Database.read` does: an outcome is written in one
transaction with the mark that its slice is not kept, and a slice is kept in one transaction with
the bitmaps that it goes into.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pyroaring import BitMap
from sqlalchemy import (
    ColumnElement,
    Connection,
    LargeBinary,
    String,
    and_,
    cast,
    func,
    select,
)

from broadcast.ledger.claims.tables import batch, outcome, slice_
from broadcast.ledger.evidence import RANK
from broadcast.ledger.kept import asked, bitmaps
from broadcast.ledger.kept.tables import kept_outcome, kept_pass

CLAIMED = "claimed"
"""Stands beside the states: everybody of the slices that are counted."""
TOTALS = ("claimed", "accepted", "failed", "in_doubt", "skipped", "waiting")

Place = tuple[int, str]
"""(generation, channel): a pass."""

Facts = dict[tuple[str, str], BitMap]
"""(state, code of a skip) → people: what became of them in one pass."""


@dataclass(slots=True)
class Pass:
    """One pass on one channel: `facts` are the outcomes so far, `waiting` the people not claimed
    yet, `claimed` the people of open slices.
    """

    facts: Facts = field(default_factory=dict)
    waiting: BitMap = field(default_factory=BitMap)
    claimed: BitMap = field(default_factory=BitMap)


Passes = dict[str, dict[int, Pass]]
"""Channel → generation → pass."""


def passes(conn: Connection, version_id: int) -> Passes:
    """Return every pass over a version."""
    found: Passes = {}
    everybody = _asked(conn, version_id)
    facts = _facts(conn, version_id)
    under_way = _open(conn, version_id)
    nobody = BitMap()
    for (number, channel), ids in everybody.items():
        mine = facts.get((number, channel), {})
        found.setdefault(channel, {})[number] = Pass(
            facts={key: people for key, people in mine.items() if people and key[0] != CLAIMED},
            waiting=ids - mine.get((CLAIMED, ""), nobody),
            claimed=under_way.get((number, channel), nobody),
        )
    return found


def in_state(conn: Connection, version_id: int, state: str) -> int:
    """Return how many outcomes of a version are in a state."""
    facts = _facts(conn, version_id, (state,))
    return sum(len(people) for mine in facts.values() for people in mine.values())


def people_in(conn: Connection, version_id: int, states: Collection[str]) -> BitMap:
    """Return everybody of whom an outcome is in one of these states."""
    facts = _facts(conn, version_id, states)
    return BitMap().union(*(people for mine in facts.values() for people in mine.values()))


def progress(conn: Connection, version_id: int) -> dict[str, dict[str, int]]:
    """Return channel → {size, claimed, accepted, failed, in_doubt, skipped, waiting}: sums over
    slices, as they were closed (R18).
    """
    found: dict[str, dict[str, int]] = {}

    def add(names: tuple[str, ...], channel: str, *more: int | None) -> None:
        sums = found.setdefault(channel, dict.fromkeys(("size", *TOTALS), 0))
        for name, n in zip(names, more, strict=True):
            sums[name] += int(n or 0)

    k, s = kept_pass.c, slice_.c
    sums = [func.sum(k[name]) for name in ("size", *TOTALS)]
    kept = select(k.channel, *sums).where(k.version_id == version_id).group_by(k.channel)
    for row in conn.execute(kept):
        add(("size", *TOTALS), *row)
    missing = asked.not_begun(conn, version_id)
    if missing:
        of_version = and_(batch.c.version_id == version_id, batch.c.generation.in_(missing))
        sizes = select(batch.c.channel, func.sum(batch.c.size)).where(of_version)
        for row in conn.execute(sizes.group_by(batch.c.channel)):
            add(("size",), *row)
    totals = [func.sum(s[name]) for name in TOTALS[1:]]
    fresh = select(s.channel, func.sum(s.hi - s.lo), *totals).where(
        s.version_id == version_id, s.kept_at.is_(None), ~s.counted
    )
    for row in conn.execute(fresh.group_by(s.channel)):
        add(TOTALS, *row)
    return found


def _asked(conn: Connection, version_id: int) -> dict[Place, BitMap]:
    query = select(kept_pass.c.generation, kept_pass.c.channel, kept_pass.c.asked).where(
        kept_pass.c.version_id == version_id
    )
    found = {
        (row.generation, row.channel): BitMap.deserialize(row.asked)
        for row in conn.execute(query.order_by(kept_pass.c.generation))
    }
    return {
        **found,
        **asked.of_batches(conn, version_id, asked.not_begun(conn, version_id)),
    }


def _facts(conn: Connection, version_id: int, states: Collection[str] = ()) -> dict[Place, Facts]:
    """Return (generation, channel) → what became of whom, and under CLAIMED who was claimed."""
    found: dict[tuple[int, str], Facts] = {}
    k = kept_outcome.c
    query = select(k.generation, k.channel, k.state, k.code, k.members).where(
        k.version_id == version_id
    )
    if states:
        query = query.where(k.state.in_(states))
    for row in conn.execute(query):
        mine = found.setdefault((row.generation, row.channel), {})
        ids = BitMap.deserialize(row.members)
        here = mine.get((row.state, row.code))
        mine[row.state, row.code] = ids if here is None else here | ids
    fresh = changed(conn, version_id)
    for place, ids in fresh.items():
        mine = found.setdefault(place, {})
        for key in mine:
            mine[key] = mine[key] - ids
        if not states:
            mine[CLAIMED, ""] = mine.get((CLAIMED, ""), BitMap()) | ids
    if fresh:
        for place, key, ids in of_rows(conn, _of_changed(version_id)):
            if not states or key[0] in states:
                mine = found.setdefault(place, {})
                mine[key] = mine.get(key, BitMap()) | ids
    return found


def changed(conn: Connection, version_id: int) -> dict[Place, BitMap]:
    """Return (generation, channel) → the people of slices of which nothing is kept, or no more."""
    return _people(conn, and_(slice_.c.version_id == version_id, slice_.c.kept_at.is_(None)))


def _open(conn: Connection, version_id: int) -> dict[Place, BitMap]:
    mine = and_(slice_.c.version_id == version_id, slice_.c.kept_at.is_(None))
    return _people(conn, and_(mine, slice_.c.state == "open"))


def members_of_slice() -> Any:
    """Return the SQL expression of the piece of its batch's members that a slice is."""
    lo, hi = slice_.c.lo, slice_.c.hi
    return func.substr(batch.c.members, 4 * lo + 1, 4 * (hi - lo), type_=LargeBinary).label("piece")


def _people(conn: Connection, where: Any) -> dict[Place, BitMap]:
    found: dict[tuple[int, str], bytearray] = {}
    query = select(slice_.c.generation, slice_.c.channel, members_of_slice())
    for row in conn.execute(query.join(batch, batch.c.id == slice_.c.batch_id).where(where)):
        found.setdefault((row.generation, row.channel), bytearray()).extend(row.piece)
    return {place: bitmaps.of_members(bytes(data)) for place, data in found.items()}


def _of_changed(version_id: int) -> Any:
    attempts = select(slice_.c.attempt).where(
        slice_.c.version_id == version_id, slice_.c.kept_at.is_(None)
    )
    return outcome.c.attempt.in_(attempts)


def of_rows(
    conn: Connection, where: ColumnElement[bool]
) -> Iterator[tuple[Place, tuple[str, str], BitMap]]:
    """Yield the pass, the state (with the code of a skip) and the people of the outcomes of these
    slices, as their rows stand. One row comes back for a slice, its people joined by state.
    """
    o = outcome.c
    joined = (
        func.array_agg
        if conn.dialect.name == "postgresql"
        else lambda column: func.group_concat(column, "\n")
    )
    skipped = cast(o.person_id, String) + " " + o.code
    columns = [
        func.min(o.generation),
        func.min(o.channel),
        joined(skipped).filter(o.state == "skipped"),
        *(joined(o.person_id).filter(o.state == state) for state in _STATES),
    ]
    found: dict[tuple[Place, tuple[str, str]], array[int]] = {}
    for number, channel, skips, *by_state in conn.execute(
        select(*columns).where(where).group_by(o.attempt)
    ):
        for state, people in zip(_STATES, by_state, strict=True):
            if people:
                ids = found.setdefault(((number, channel), (state, "")), array("I"))
                ids.extend(map(int, _listed(people)))
        for person, code in (each.split(" ", 1) for each in _listed(skips or ())):
            key = ("skipped", code)
            found.setdefault(((number, channel), key), array("I")).append(int(person))
    for (place, key), ids in found.items():
        yield place, key, BitMap(ids)


def _listed(joined: Any) -> Iterable[Any]:
    return joined.split("\n") if isinstance(joined, str) else joined


_STATES = tuple(state for state in RANK if state != "skipped")
