"""A file of people may lack columns: then the stored values of the people in it stay."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection, func, select

from broadcast.messages import small_counts
from broadcast.problems import Problem, Rejected
from broadcast.store.database import give_way
from subscribers.contact import points
from subscribers.people_file import by_topic
from subscribers.people_file.people import People, Piece
from subscribers.people_file.record import COLUMNS, PLACE, SubscriberRecord, Untold, usual_channels
from subscribers.people_file.rows import another_channel, one_area
from subscribers.registry.by_area import BY_AREA
from subscribers.registry.showing import external_ids
from subscribers.registry.tables import OPEN, SEALED, subscriber

CHOICES: Final = (
    "language",
    "topics",
    "channels",
    "minimum_severity",
    "quiet_hours",
    "by_topic",
    "places",
    "other_languages",
    "discreet",
    "most_a_week",
    "providers_off",
    *sorted(PLACE),
)
"""Columns that people choose by themselves when they register or are signed in."""
_AT_ONCE = 2_000


def completed(conn: Connection, piece: Piece) -> Sequence[SubscriberRecord]:
    """Fill the columns that the file lacks with the stored values; new people keep the defaults.
    The caller holds the lock of the import.

    Two stored values are not kept. One is the old place, where the file gives a new one in any
    column of `PLACE`: else the old point would still decide. The other is what contradicts the
    file: a single topic's channels that the person no longer has, other places of an officer or a
    partner. Raises Rejected where the file itself contradicts what is stored.
    """
    if not piece.untold.columns:
        return piece.records
    found: list[SubscriberRecord] = []
    problems: list[Problem] = []
    for record, held in _there(conn, piece):
        try:
            found.append(_together(_with(record, held, piece.untold), piece.untold.columns))
        except Rejected as exc:
            problems += [replace(p, where=record.external_id) for p in exc.problems]
    if problems:
        raise Rejected(problems)
    return found


def warnings(conn: Connection, people: People, name: str) -> list[Problem]:
    """Return the warnings to show before the file `name` is imported: which columns it lacks and
    how many people keep their stored values there, and how many people no channel would reach.
    """
    if not people.lacks:
        return []
    stay = mute = 0
    for piece in people:
        for record, held in _there(conn, piece):
            stay += held is not None
            mute += held is not None and not _is_reached(_with(record, held, piece.untold))
    said = []
    if stay:
        said.append(_columns_absent(people.lacks, stay, len(people) - stay, name))
    if mute:
        said.append(
            Problem(
                code="channel_without_address",
                detail=f"{small_counts.people(mute)} without an address for any channel chosen",
                fix="give one, or the column channels",
                where=name,
            )
        )
    return said


def _columns_absent(lacks: Collection[str], stay: int, new: int, name: str) -> Problem:
    columns = ", ".join(c for c in COLUMNS if c in lacks)
    return Problem(
        code="columns_absent",
        detail=f"the file has no column {columns}: what {small_counts.people(stay)} already"
        f" {'has' if stay == 1 else 'have'} there stays"
        + (f", new people ({new}) get the defaults" if new else ""),
        fix="to clear what is there, give the column with empty cells",
        where=name,
    )


def choices_changed(conn: Connection, people: People, chose: Collection[int]) -> int:
    """Count the people whose own choices these records would change; `chose` are the ids of those
    who made their choices themselves.
    """
    names = set(external_ids(conn, sorted(chose)).values())
    changed = 0
    for piece in people if names else ():
        some = piece._replace(records=[r for r in piece.records if r.external_id in names])
        for record, held in _there(conn, some):
            if held is not None:
                new = _with(record, held, piece.untold)._asdict()
                if not new["discreet"]:  # an empty cell leaves it
                    new["discreet"] = held["discreet"]
                changed += any(new[c] != held[c] for c in CHOICES)
    return changed


def _there(
    conn: Connection, piece: Piece
) -> Iterator[tuple[SubscriberRecord, dict[str, Any] | None]]:
    """Yield each record with the stored columns of its person, and None for a new person. Sealed
    columns are opened only where the file lacks one of them. A point that was derived from a
    postcode is left out.
    """
    lacks = not piece.untold.columns.isdisjoint(SEALED)
    for start in range(0, len(piece.records), _AT_ONCE):
        give_way(conn)
        records = piece.records[start : start + _AT_ONCE]
        ids = [r.external_id for r in records]
        if conn.dialect.name == "postgresql":
            these = subscriber.c.external_id == func.any(ids)
        else:
            every = func.json_each(json.dumps(ids)).table_valued("value")
            these = subscriber.c.external_id.in_(select(every.c.value))
        rows = conn.execute(
            select(
                subscriber.c.id, subscriber.c.uncertainty_m, *(subscriber.c[c] for c in OPEN)
            ).where(these, subscriber.c.erased_at.is_(None))
        ).mappings()
        held = {row["external_id"]: dict(row) for row in rows}
        known = points.known(conn, [row["id"] for row in held.values()]) if lacks else {}
        for row in held.values():
            if row.pop("uncertainty_m") is not None:
                row["lat"] = row["lon"] = None
            here = known.get(row["id"], points.NOTHING)
            row |= {"name": here.name, **{c: here.addresses.get(c) for c in SEALED[1:]}}
        yield from ((record, held.get(record.external_id)) for record in records)


def _with(
    record: SubscriberRecord, held: Mapping[str, Any] | None, untold: Untold
) -> SubscriberRecord:
    """Return a record whose missing columns are filled from `held`, the stored ones."""
    if held is None:
        return record
    given = record._asdict()
    lacks = set(untold.columns)
    if any(given[c] != held[c] for c in PLACE - lacks):
        lacks -= PLACE  # they moved
    record = record._replace(**{c: held[c] for c in lacks})
    is_open = record.external_id in untold.channels_of
    if not record.channels or (is_open and "channels" not in lacks):
        record = record._replace(channels=usual_channels(record.mobile, record.email))
    return record


def _together(record: SubscriberRecord, lacks: Collection[str]) -> SubscriberRecord:
    """Return a record without the stored choices that contradict it. Raises Rejected where the
    choices that contradict each other are the file's.
    """
    single = by_topic.within(record.by_topic, record.channels) if record.by_topic else ""
    if single != record.by_topic:
        if "by_topic" not in lacks:
            raise another_channel()
        record = record._replace(by_topic=single)
    if record.places and record.kind in BY_AREA:
        if "places" not in lacks:
            raise one_area()
        record = record._replace(places="")
    return record


def _is_reached(record: SubscriberRecord) -> bool:
    ways = {"sms": record.mobile, "email": record.email, "voice": record.phone or record.mobile}
    return any(ways.get(channel) for channel in record.channels.split(";"))
