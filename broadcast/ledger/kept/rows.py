"""The same from the rows alone, batch by batch and outcome by outcome: what is kept is held against
it. It takes seconds for a million people.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from pyroaring import BitMap
from sqlalchemy import Connection, func, select

from broadcast.ledger.claims.tables import batch, outcome, slice_
from broadcast.ledger.kept import bitmaps
from broadcast.ledger.kept.reading import TOTALS, Pass, Passes

_AT_ONCE = 5000  # rows


def passes(conn: Connection, version_id: int) -> Passes:
    """Return every pass over a version."""
    found: Passes = {}
    for number, channel, waiting, claimed in _batches(conn, version_id):
        here = found.setdefault(channel, {}).setdefault(number, Pass())
        here.waiting |= waiting
        here.claimed |= claimed
    o = outcome.c
    query = select(o.generation, o.channel, o.state, o.code, o.person_id).where(
        o.version_id == version_id
    )
    people: dict[tuple[int, str, str, str], array[int]] = {}
    for number, channel, state, code, person in conn.execute(
        query.execution_options(yield_per=_AT_ONCE)
    ):
        key = (number, channel, state, code if state == "skipped" else "")
        people.setdefault(key, array("I")).append(person)
    for (number, channel, state, code), ids in people.items():
        here = found.setdefault(channel, {}).setdefault(number, Pass())
        here.facts[state, code] = BitMap(ids)
    return found


def _batches(conn: Connection, version_id: int) -> Iterable[tuple[int, str, BitMap, BitMap]]:
    """Yield generation, channel, who is not claimed yet and who is of an open slice, by batch."""
    open_: dict[int, list[tuple[int, int]]] = {}
    slices = select(slice_.c.batch_id, slice_.c.lo, slice_.c.hi).where(
        slice_.c.version_id == version_id, slice_.c.state == "open"
    )
    for batch_id, lo, hi in conn.execute(slices):
        open_.setdefault(batch_id, []).append((lo, hi))
    b = batch.c
    query = select(b.id, b.generation, b.channel, b.members, b.next).where(
        b.version_id == version_id
    )
    for row in conn.execute(query.execution_options(yield_per=200)):
        claimed = BitMap()
        for lo, hi in open_.get(row.id, ()):
            claimed |= bitmaps.of_members(row.members[4 * lo : 4 * hi])
        yield row.generation, row.channel, bitmaps.of_members(row.members[4 * row.next :]), claimed


def progress(conn: Connection, version_id: int) -> dict[str, dict[str, int]]:
    """Return channel → {size, claimed, accepted, failed, in_doubt, skipped, waiting}."""
    found: dict[str, dict[str, int]] = {}
    for channel, size, claimed in conn.execute(
        select(batch.c.channel, func.sum(batch.c.size), func.sum(batch.c.next))
        .where(batch.c.version_id == version_id)
        .group_by(batch.c.channel)
    ):
        found[channel] = {**dict.fromkeys(TOTALS, 0), "size": int(size), "claimed": int(claimed)}
    names = TOTALS[1:]
    for channel, *sums in conn.execute(
        select(slice_.c.channel, *(func.sum(slice_.c[n]) for n in names))
        .where(slice_.c.version_id == version_id)
        .group_by(slice_.c.channel)
    ):
        found.setdefault(channel, {"size": 0, "claimed": 0}).update(
            {n: int(total or 0) for n, total in zip(names, sums, strict=True)}
        )
    return found
