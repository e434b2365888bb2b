"""Whom the earlier versions of a message reached, or are being sent to right now (rule R10)."""

from __future__ import annotations

from collections.abc import Iterable

from pyroaring import BitMap
from sqlalchemy import ColumnElement, Connection, func, select

from broadcast.ledger.claims.slices import open_members
from broadcast.ledger.claims.tables import batch, outcome, slice_
from broadcast.ledger.evidence import MAY_HAVE_REACHED
from broadcast.ledger.planning.plan import Part
from broadcast.messages.tables import version
from broadcast.messages.versions import Version


def reached_by_predecessors(conn: Connection, v: Version) -> dict[str, BitMap]:
    """Return per channel everybody who got, or may have got, any earlier version of the chain
    (rule R10).

    Everybody of any slice ever claimed, minus those surely refused. A slice that is still open
    counts: it may be taken.
    """
    reached: dict[str, BitMap] = {}
    predecessor_id = v.predecessor_id
    while predecessor_id is not None:
        for channel in (
            conn.execute(
                select(batch.c.channel).where(batch.c.version_id == predecessor_id).distinct()
            )
            .scalars()
            .all()
        ):
            # Failed after a provider took it: it may still have arrived somewhere. Failed without
            # one: surely not taken.
            for group in (
                outcome.c.state.in_(MAY_HAVE_REACHED),
                (outcome.c.state == "failed") & (outcome.c.provider_id != ""),
            ):
                found = _people_of(
                    conn,
                    outcome.c.version_id == predecessor_id,
                    outcome.c.channel == channel,
                    group,
                )
                reached[channel] = reached.get(channel, BitMap()) | found
        for channel, ids in open_members(conn, predecessor_id).items():
            reached[channel] = reached.get(channel, BitMap()) | ids
        predecessor_id = conn.execute(
            select(version.c.predecessor_id).where(version.c.id == predecessor_id)
        ).scalar_one()
    return {channel: ids for channel, ids in reached.items() if ids}


def _people_of(conn: Connection, *where: ColumnElement[bool]) -> BitMap:
    """Return the people of these outcomes. One value comes back, not a row for each: there may be a
    million.
    """
    person = outcome.c.person_id
    if conn.dialect.name == "postgresql":
        return BitMap(conn.execute(select(func.array_agg(person)).where(*where)).scalar_one() or ())
    joined: str | None = conn.execute(select(func.group_concat(person)).where(*where)).scalar_one()
    return BitMap(map(int, joined.split(","))) if joined else BitMap()


def held_back(conn: Connection, v: Version, parts: list[Part]) -> Iterable[Part]:
    """Split off the people whom an earlier version is being sent to at this moment: they wait until
    that attempt must be over (rule R10).
    """
    busy, until = BitMap(), None
    predecessor_id = v.predecessor_id
    while predecessor_id is not None:
        for ids in open_members(conn, predecessor_id).values():
            busy |= ids
        last = conn.execute(
            select(func.max(slice_.c.deadline)).where(
                slice_.c.version_id == predecessor_id, slice_.c.state == "open"
            )
        ).scalar_one()
        until = max(filter(None, (until, last)), default=None)
        predecessor_id = conn.execute(
            select(version.c.predecessor_id).where(version.c.id == predecessor_id)
        ).scalar_one()
    for part in parts:
        if part.ids - busy:
            yield Part(part.channel, part.language, part.ids - busy, part.not_before)
        if part.ids & busy:
            later = max(filter(None, (part.not_before, until)), default=None)
            yield Part(part.channel, part.language, part.ids & busy, later)
