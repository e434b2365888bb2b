"""The registry: people, their consent and what they stopped, as rows. Every write leaves a mark
that the matching index follows (rule R7).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any, Final, NamedTuple

from pyroaring import BitMap
from sqlalchemy import Connection, TextClause, bindparam, case, func, insert, select, text, update
from sqlalchemy.util import await_only

from broadcast.content.model import PERSONAL_CHANNELS
from broadcast.groups import registered
from broadcast.places.areas import AreaTree
from broadcast.places.postcodes import look_up
from broadcast.problems import refuse
from broadcast.store.database import UtcDateTime, count_up, lock_name
from subscribers import by_area, by_postcode, quiet_hours
from subscribers.by_area import BY_AREA
from subscribers.contact import erased as gone
from subscribers.contact import kinds, order, points
from subscribers.contact.keys import opener
from subscribers.contact.points import Known
from subscribers.people_file import writing
from subscribers.people_file.record import COLUMNS, SubscriberRecord
from subscribers.places import rows as places
from subscribers.same_person import joined
from subscribers.tables import consent, subscriber
from subscribers.tables import stop as stop_table

STOP_SOURCES: Final = ("sms_reply", "unsubscribe", "provider", "operator")
CONSENT_SOURCES: Final = ("file", "operator", "page", "text")
START_SOURCES: Final = ("sms_reply", "link", "operator")
ERASED: Final = "erased:"
"""What the external id of an erased person begins with; their number follows."""
SEALED: Final = ("name", *kinds.NAMES)
"""Columns of the subscribers CSV that are kept sealed (`subscribers/contact`)."""
_OPEN = tuple(c for c in COLUMNS if c not in SEALED)
_TAKEN = tuple(c for c in SubscriberRecord._fields if c not in SEALED)
_STORED: Final = (*_TAKEN, "reached_by")
_PAGE = 10_000
_FEW = 20_000
_PLACE: Final = ("lat", "lon")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportCounts:
    """What became of the records: `erased` were left out because the person has been erased."""

    new: int
    updated: int
    unchanged: int
    erased: int


class Contact(NamedTuple):
    """How one person is reached on one channel at this moment. `address` None = not at all."""

    address: str | None
    stopped: bool
    erased: bool
    consented: bool


def next_change(conn: Connection) -> int:
    """Return the mark for what this transaction writes: on PostgreSQL its own id, on SQLite the
    next of a counter (rule R7).
    """
    if conn.dialect.name == "postgresql":
        return int(conn.execute(text("SELECT pg_current_xact_id()::text::bigint")).scalar_one())
    return count_up(conn, "registry_change")


def import_records(
    conn: Connection,
    records: Sequence[SubscriberRecord],
    basis: str,
    now: datetime,
    *,
    source: str = "file",
    wording: str = "",
    by_themselves: bool = False,
) -> ImportCounts:
    """Insert or update people by external id, with their consent to exactly these channels and
    topics on this legal basis.

    One transaction, all or nothing. Ids follow the order of the records and are never used again.
    What a person stopped stays stopped; an erased person is left out, unless people register
    `by_themselves`. Consent that differs from the record's is withdrawn and given anew, with where
    it was given (`source`: file, operator, page, text) and under which version of the words, as far
    as that is known. A community or sector that they name and nobody registered yet is registered
    as it is written there. Officers and partners are stored with the smallest
    imported area that holds them, without coordinates. Raises Rejected basis_missing.
    """
    if not basis.strip():
        raise refuse(
            "basis_missing",
            "no legal basis is named",
            'say on what basis these people are sent to, such as --basis "consent, form of 3 May"',
            field="basis",
        )
    postgres = conn.dialect.name == "postgresql"
    lock_name(conn, "subscriber import")
    change = next_change(conn)
    records = by_postcode.placed(conn, records)
    if any(r.kind in BY_AREA and r.lat is not None for r in records):
        records = by_area.settled(records, AreaTree.load(conn))
    registered.register_missing(conn, groups_of(records), now)
    told = [known_of(record) for record in records]
    _bring(conn, records, told, postgres)
    if source not in CONSENT_SOURCES:
        raise ValueError(f"no such source of a consent: {source}")
    values = {"now": now, "change": change, "basis": basis.strip()}
    values |= {"source": source, "wording": wording}
    before, rows_erased = _there_already(conn)
    erased = len(rows_erased)
    there = {no for no, _ in before}
    came = [no for no in range(len(records)) if no not in there]
    named = [(records[no].external_id, told[no]) for no in came]
    if by_themselves:
        for external_id, known in named:
            gone.welcome(conn, external_id, known)
    elif back := [came[n] for n in gone.among(conn, named)]:
        # those among them whose row says so were counted already
        left = text("DELETE FROM incoming WHERE no = :no")
        conn.execute(left, [{"no": no} for no in back])
        erased = len(set(back) | set(rows_erased))
    others = points.differing(conn, [(person, told[no]) for no, person in before])
    moved = [before[n] for n in others]
    if moved:
        conn.execute(
            text("UPDATE incoming SET moved = 1 WHERE no = :no"), [{"no": no} for no, _ in moved]
        )
    _leave_out_bounced(conn, before, told)
    new_rows = f"""INSERT INTO subscriber ({", ".join(_STORED)}, stopped, consented,
            created_at, updated_at, change)
        SELECT {", ".join("i." + c for c in _STORED)}, '', i.channels, :now, :now, :change
        FROM incoming i
        WHERE NOT EXISTS (SELECT 1 FROM subscriber s WHERE s.external_id = i.external_id)
        ORDER BY i.no"""  # noqa: S608 - our own column names
    compared = [(f"subscriber.{c}", f"i.{c}") for c in _STORED[1:]] + [
        ("subscriber.consented", "i.channels")
    ]
    differs = _differ(compared, postgres)
    setting = ", ".join(f"{c} = i.{c}" for c in _STORED[1:])
    changed_rows = f"""UPDATE subscriber SET {setting}, consented = i.channels, updated_at = :now,
            change = :change FROM incoming i
        WHERE i.external_id = subscriber.external_id AND subscriber.erased_at IS NULL
            AND (i.moved = 1 OR {differs})"""  # noqa: S608 - our own column names
    updated = conn.execute(_timed(changed_rows), values).rowcount
    new = conn.execute(_timed(new_rows), values).rowcount
    points.change(conn, [(person, told[no]) for no, person in moved], points.BASIS, now)
    if new:
        points.add(
            conn,
            ((person, told[no]) for no, person in _there_already(conn)[0] if no not in there),
            points.BASIS,
            now,
        )
    other = _differ(
        [
            ("consent.channels", "i.channels"),
            ("consent.topics", "i.topics"),
            ("consent.basis", ":basis"),
            *([("consent.wording", ":wording")] if wording else []),
        ],
        postgres,
    )
    withdrawn = f"""UPDATE consent SET withdrawn_at = :now
        FROM subscriber s JOIN incoming i ON i.external_id = s.external_id
        WHERE consent.subscriber_id = s.id AND consent.withdrawn_at IS NULL
            AND s.erased_at IS NULL AND {other}"""  # noqa: S608 - our own column names
    given = """INSERT INTO consent
            (subscriber_id, channels, topics, basis, source, wording, at)
        SELECT s.id, i.channels, i.topics, :basis, :source, :wording, :now
        FROM incoming i JOIN subscriber s ON s.external_id = i.external_id
        WHERE s.erased_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM consent c WHERE c.subscriber_id = s.id AND c.withdrawn_at IS NULL)
        ORDER BY s.id"""
    if updated or before:
        conn.execute(_timed(withdrawn), values)
    conn.execute(_timed(given), values)
    conn.execute(text("DROP TABLE incoming"))
    places.follow(conn, change)
    return ImportCounts(
        new=new, updated=updated, unchanged=len(records) - new - updated - erased, erased=erased
    )


def known_of(record: SubscriberRecord) -> Known:
    """Return what a record says of how somebody is called and reached."""
    given = {kind: address for kind in kinds.NAMES if (address := getattr(record, kind))}
    return Known(name=record.name, addresses=given)


def _leave_out_bounced(
    conn: Connection, before: Sequence[tuple[int, int]], told: Sequence[Known]
) -> None:
    """Keep in `incoming` that addresses which bounced, and which the records still name, reach
    nobody.
    """
    dead = order.bounced(conn, (person for _, person in before)) if before else {}
    for no, person in before:
        still = {
            kind
            for kind, address in dead.get(person, {}).items()
            if told[no].addresses.get(kind) == address
        }
        if still:
            rest = {k: a for k, a in told[no].addresses.items() if k not in still}
            conn.execute(
                text("UPDATE incoming SET reached_by = :kinds WHERE no = :no"),
                {"no": no, "kinds": points.reached_by(Known(addresses=rest))},
            )


def _there_already(conn: Connection) -> tuple[list[tuple[int, int]], list[int]]:
    """Return (number of the row, id) of everybody incoming who is registered and not erased, and
    the numbers of those who are erased.
    """
    rows = conn.execute(
        text(
            "SELECT i.no, s.id, s.erased_at IS NOT NULL FROM incoming i"
            " JOIN subscriber s ON s.external_id = i.external_id ORDER BY i.no"
        )
    ).all()
    there = [(no, person) for no, person, erased in rows if not erased]
    return there, [no for no, _, erased in rows if erased]


def groups_of(records: Sequence[SubscriberRecord]) -> list[registered.Group]:
    """Return the communities and sectors that these people name, each once."""
    return registered.in_people({r.sectors for r in records}, {r.communities for r in records})


def settle(conn: Connection, now: datetime) -> int:
    """Put areas in the place of coordinates of officers and partners, where an imported area holds
    them by now; return of how many.

    For people who were registered before their area was imported, or by an older version of this
    software.
    """
    waiting = select(subscriber.c.id, subscriber.c.lat, subscriber.c.lon, subscriber.c.area)
    lying = (
        subscriber.c.kind.in_(BY_AREA)
        & subscriber.c.lat.is_not(None)
        & subscriber.c.lon.is_not(None)
    )
    rows = conn.execute(waiting.where(lying).order_by(subscriber.c.id).with_for_update()).all()
    if not rows:
        return 0
    codes = by_area.codes_of(AreaTree.load(conn), [(row.lat, row.lon, row.area) for row in rows])
    placed = [
        {"who": row.id, "code": code}
        for row, code in zip(rows, codes, strict=True)
        if code is not None
    ]
    if placed:
        values: dict[str, Any] = {
            "lat": None,
            "lon": None,
            "area": bindparam("code"),
            "updated_at": now,
            "change": next_change(conn),
        }
        conn.execute(
            update(subscriber).where(subscriber.c.id == bindparam("who")).values(**values), placed
        )
    return len(placed)


def place_others_by_postcode(conn: Connection, after: int) -> tuple[int, int | None]:
    """Do what `place_by_postcode` does for the other places of people."""
    return places.renew(conn, after, _PAGE, next_change(conn))


def known_by_area(conn: Connection, codes: Iterable[str]) -> dict[str, int]:
    """Return of how many people one of these areas is all that is known, by its code."""
    rows = conn.execute(
        select(subscriber.c.area, func.count())
        .where(subscriber.c.area.is_not(None), subscriber.c.erased_at.is_(None))
        .where(subscriber.c.lat.is_(None))
        .group_by(subscriber.c.area)
    )
    wanted = set(codes)
    return {area: count for area, count in rows if area in wanted}


def place_by_postcode(conn: Connection, now: datetime, after: int) -> tuple[int, int | None]:
    """Give the next people after this id who gave a postcode and no place the place that it has by
    now; return of how many, and the id to go on after, None at the end.

    For people who were registered before the look-up was imported, or renewed.
    """
    held = ("kind", "postcode", "lat", "lon", "area", "uncertainty_m")
    some = conn.execute(
        select(subscriber.c.id, *(subscriber.c[c] for c in held))
        .where(subscriber.c.id > after, subscriber.c.postcode != "")
        .where(subscriber.c.erased_at.is_(None))
        .where(subscriber.c.lat.is_(None) | subscriber.c.uncertainty_m.is_not(None))
        .order_by(subscriber.c.id)
        .limit(_PAGE)
        .with_for_update()
    ).all()
    places = look_up.places(conn, {row.postcode for row in some})
    found = [row for row in some if row.postcode in places]  # the others keep what they have
    by_code = [row for row in found if row.kind in BY_AREA]
    points = [(places[r.postcode].lat, places[r.postcode].lon, r.area) for r in by_code]
    codes = by_area.codes_of(AreaTree.load(conn), points) if points else []
    wanted: dict[int, tuple[float | None, float | None, str | None, int | None]] = {
        row.id: (None, None, area, None) for row, area in zip(by_code, codes, strict=True)
    }
    for row in found:
        at = places[row.postcode]
        wanted.setdefault(row.id, (at.lat, at.lon, row.area, at.uncertainty_m))
    moved = [
        dict(zip(("y", "x", "code", "metres"), wanted[row.id], strict=True), who=row.id)
        for row in found
        if (row.lat, row.lon, row.area, row.uncertainty_m) != wanted[row.id]
    ]
    if moved:
        values: dict[str, Any] = {
            "lat": bindparam("y"),
            "lon": bindparam("x"),
            "area": bindparam("code"),
            "uncertainty_m": bindparam("metres"),
            "updated_at": now,
            "change": next_change(conn),
        }
        conn.execute(
            update(subscriber).where(subscriber.c.id == bindparam("who")).values(**values), moved
        )
    return len(moved), some[-1].id if len(some) == _PAGE else None


def contacts(conn: Connection, ids: Iterable[int], channel: str) -> dict[int, Contact]:
    """Return how these people are reached on a channel right now; whoever does not exist is
    missing. One statement, for the claim.
    """
    opened = opener(conn)
    reached = kinds.of_channel(channel)
    one_of, bound = points.some(conn, ids)
    these = ", ".join(f"'{kind}'" for kind in reached)
    sql = f"""SELECT s.id, s.stopped, s.consented, s.erased_at IS NOT NULL,
            p.kind, p.sealed, p.key_id
        FROM subscriber s LEFT JOIN contact_point p ON p.subscriber_id = s.id
            AND p.place_in_order = 0 AND p.bounced_at IS NULL AND p.kind IN ({these})
        WHERE s.id {one_of}"""  # noqa: S608 - constants
    found: dict[int, Contact] = {}
    ranks: dict[int, int] = {}
    for person, stopped, consented, erased, kind, sealed, key_id in conn.execute(
        text(sql), {"ids": bound}
    ):
        rank = len(reached) if kind is None else reached.index(kind)
        if person in ranks and ranks[person] <= rank:
            continue
        ranks[person] = rank
        found[person] = Contact(
            None if kind is None else opened(person, kind, sealed, key_id),
            channel in stopped.split(";"),
            bool(erased),
            channel in consented.split(";"),
        )
    return found


def reason_not_to_send(contact: Contact | None) -> str | None:
    """Return why nothing is sent to this person on this channel, or None: the suppressions
    that can arise after the freeze.
    """
    if contact is None or contact.erased:
        return "erased"
    if contact.stopped:
        return "stopped"
    if not contact.consented:
        return "no_consent"
    return None if contact.address else "no_channel"


def shared_contacts(conn: Connection, channel: str, ids: BitMap) -> list[BitMap]:
    """Return the groups of two or more among `ids` who have the same contact point on a channel.

    Of few people only their rows are read; of many all rows, which is quicker then.
    """
    among = ids if len(ids) <= _FEW else None
    groups = (BitMap(group) & ids for group in points.sharing(conn, channel, among=among))
    return [group for group in groups if len(group) > 1]


def sharing(conn: Connection, channel: str, ids: BitMap) -> list[BitMap]:
    """Return the groups of two or more people who are reached at one contact point on a channel,
    where one of `ids` is among them.
    """
    return [BitMap(group) for group in points.sharing(conn, channel, reached_with=ids)]


def quiet_until(conn: Connection, ids: BitMap, at: datetime) -> dict[datetime, BitMap]:
    """Return who of these people is in their quiet hours at a moment, by when those end."""
    postgres = conn.dialect.name == "postgresql"
    some = "= ANY(:ids)" if postgres else "IN (SELECT value FROM json_each(:ids))"
    sql = f"SELECT id, quiet_hours FROM subscriber WHERE quiet_hours <> '' AND id {some}"  # noqa: S608 - constants
    found: dict[datetime, BitMap] = {}
    for row in conn.execute(
        text(sql), {"ids": list(ids) if postgres else json.dumps(list(ids))}
    ).all():
        hours = quiet_hours.known(row.quiet_hours)
        if hours is not None and (until := hours.until(at)) is not None:
            found.setdefault(until, BitMap()).add(row.id)
    return found


def persons_with_address(conn: Connection, channel: str, address: str) -> list[int]:
    """Return the ids of everybody, not erased, who is reached at this address on a channel, the
    lowest first.
    """
    return points.persons_at(conn, channel, address)


def erase(conn: Connection, person: int, now: datetime) -> bool:
    """Erase somebody for good: name, contact points, place and choices; return whether they were
    there. Their number stays, so that ledger, audit and replay still add up, with their stops and
    on which basis they were sent to. Keyed marks keep them out of later files.
    """
    row = conn.execute(
        select(subscriber.c.external_id, subscriber.c.erased_at)
        .where(subscriber.c.id == person)
        .with_for_update()
    ).first()
    if row is None or row.erased_at is not None:
        return False
    known = points.known(conn, [person]).get(person, points.NOTHING)
    gone.remember(conn, person, row.external_id, known, now)
    for other in order.of_person(conn, person):
        if other.place > 0:
            gone.remember(
                conn, person, row.external_id, Known(addresses={other.kind: other.address}), now
            )
    points.forget(conn, [person])
    joined.forget(conn, person)
    nothing: dict[str, Any] = dict.fromkeys(_STORED[1:], "") | dict.fromkeys(
        ("lat", "lon", "area", "uncertainty_m")
    )
    nothing |= {"kind": "resident", "language": "en", "external_id": f"{ERASED}{person}"}
    change = next_change(conn)
    conn.execute(
        update(subscriber)
        .where(subscriber.c.id == person)
        .values(**nothing, consented="", erased_at=now, updated_at=now, change=change)
    )
    places.follow(conn, change)
    conn.execute(
        update(consent)
        .where(consent.c.subscriber_id == person, consent.c.withdrawn_at.is_(None))
        .values(withdrawn_at=now)
    )
    return True


def stop(
    conn: Connection, person_ids: Iterable[int], channel: str, source: str, now: datetime
) -> list[int]:
    """Stop a channel for these people; return whom it was not stopped for before. `source`:
    sms_reply, unsubscribe, provider, operator.
    """
    if channel not in PERSONAL_CHANNELS or source not in STOP_SOURCES:
        raise ValueError(f"no such channel or source of a stop: {channel}, {source}")
    stopped = _restop(conn, person_ids, now, lambda held: held | {channel})
    if stopped:
        conn.execute(
            insert(stop_table),
            [
                {"subscriber_id": person, "channel": channel, "source": source, "at": now}
                for person in stopped
            ],
        )
    return stopped


def start(
    conn: Connection, person_ids: Iterable[int], channel: str, source: str, now: datetime
) -> list[int]:
    """Lift a person's own stop of a channel; return whom it was lifted for. `source`: sms_reply,
    link, operator. An address that bounced stays out of use (`trust`).
    """
    if channel not in PERSONAL_CHANNELS or source not in START_SOURCES:
        raise ValueError(f"no such channel or source of a start: {channel}, {source}")
    started = _restop(conn, person_ids, now, lambda held: held - {channel})
    if started:
        lifted = update(stop_table).where(
            stop_table.c.subscriber_id.in_(started),
            stop_table.c.channel == channel,
            stop_table.c.lifted_at.is_(None),
        )
        conn.execute(lifted.values(lifted_at=now, lifted_by=source))
    return started


def bounced(
    conn: Connection, person: int, channel: str, claimed_at: datetime, code: str, now: datetime
) -> str | None:
    """Mark the contact point that a channel uses for somebody: the provider says that nobody is
    there. Return its kind; None where nothing was marked.

    `claimed_at`: when what came back was claimed. What is in use since then only is left alone, so
    the same evidence read twice marks nothing twice, nor what took the place of what it marked.
    """
    if not _lock(conn, person):
        return None
    kind = order.bounce(conn, person, channel, claimed_at, code, now)
    if kind is not None:
        _reached(conn, person, now)
    return kind


def trust(conn: Connection, person: int, channel: str, now: datetime) -> bool:
    """Use the contact points of a channel again, though they bounced; return whether any had."""
    done = _lock(conn, person) and order.trust(conn, person, channel, now)
    if done:
        _reached(conn, person, now)
    return done


def reorder(
    conn: Connection, person: int, kind: str, place: int, now: datetime, *, remove: bool = False
) -> bool:
    """Use another of somebody's addresses of a kind first, or take it away; return whether there is
    one at that place.
    """
    if not _lock(conn, person):
        return False
    done = (
        order.remove(conn, person, kind, place)
        if remove
        else order.put_first(conn, person, kind, place, now)
    )
    if done:
        _reached(conn, person, now)
    return done


def use_first(conn: Connection, person: int, kind: str, address: str, now: datetime) -> None:
    """Use this address first, where it is among somebody's others of that kind."""
    for point in order.of_person(conn, person):
        if (point.kind, point.address) == (kind, address) and point.place > 0:
            reorder(conn, person, kind, point.place, now)


def _lock(conn: Connection, person: int) -> bool:
    """Return whether somebody is registered, and keep others from changing them meanwhile."""
    mine = select(subscriber.c.id).where(
        subscriber.c.id == person, subscriber.c.erased_at.is_(None)
    )
    return conn.execute(mine.with_for_update()).first() is not None


def _reached(conn: Connection, person: int, now: datetime) -> None:
    """Tell the matching index by which kinds of contact point somebody is reached now."""
    conn.execute(
        update(subscriber)
        .where(subscriber.c.id == person)
        .values(
            reached_by=order.kinds_used(conn, person),
            updated_at=now,
            change=next_change(conn),
        )
    )


def show(conn: Connection, person: int | str) -> dict[str, Any] | None:
    """Return everything known of one person, by id or, given text that is no number, by external
    id; None if there is nobody.
    """
    number = (
        person
        if isinstance(person, int)
        else int(person)
        if person.isascii() and person.isdigit() and len(person) < 10
        else None
    )
    row = (
        conn.execute(select(subscriber).where(subscriber.c.id == number)).first()
        if number is not None
        else None
    )
    if row is None:
        row = conn.execute(
            select(subscriber).where(subscriber.c.external_id == str(person))
        ).first()
    if row is None:
        return None
    known = points.known(conn, [row.id]).get(row.id, points.NOTHING)
    found: dict[str, Any] = {"id": row.id, **_whole(row, known, SubscriberRecord._fields)}
    for column in (
        "sectors",
        "communities",
        "topics",
        "channels",
        "by_topic",
        "places",
        "other_languages",
        "stopped",
        "consented",
    ):
        found[column] = [part for part in getattr(row, column).split(";") if part]
    found |= {
        c: None if (at := getattr(row, c)) is None else at.isoformat()
        for c in ("created_at", "updated_at", "erased_at")
    }
    found["same_person"] = [each for each in joined.joined_with(conn, row.id) if each != row.id]
    found["contact_points"] = order.told(conn, row.id)
    found["consents"] = [
        {
            "channels": c.channels.split(";") if c.channels else [],
            "topics": c.topics.split(";") if c.topics else [],
            "basis": c.basis,
            "source": c.source or None,
            "wording": c.wording or None,
            "at": c.at.isoformat(),
            "withdrawn_at": _iso(c.withdrawn_at),
        }
        for c in conn.execute(
            select(consent).where(consent.c.subscriber_id == row.id).order_by(consent.c.id)
        )
    ]
    found["stops"] = [
        {
            "channel": s.channel,
            "source": s.source,
            "at": s.at.isoformat(),
            "lifted_at": _iso(s.lifted_at),
            "lifted_by": s.lifted_by,
        }
        for s in conn.execute(
            select(stop_table).where(stop_table.c.subscriber_id == row.id).order_by(stop_table.c.id)
        )
    ]
    return found


def export(conn: Connection) -> Iterator[list[str]]:
    """Yield everybody not erased as the cells of the subscribers CSV, by id.

    A cell that a spreadsheet would run gets an apostrophe in front, which the import takes off
    again; numbers in E.164 and coordinates stay plain.
    """
    after = 0
    query = (
        select(subscriber.c.id, *_columns())
        .where(subscriber.c.erased_at.is_(None))
        .order_by(subscriber.c.id)
        .limit(_PAGE)
    )
    while rows := conn.execute(query.where(subscriber.c.id > after)).all():
        after = rows[-1].id
        known = points.known(conn, [row.id for row in rows])
        for row in rows:
            whole = _whole(row, known.get(row.id, points.NOTHING))
            yield [writing.cell(column, value) for column, value in whole.items()]


def id_of(conn: Connection, external_id: str) -> int | None:
    """Return the number of who has this external id, or None."""
    return conn.execute(
        select(subscriber.c.id).where(subscriber.c.external_id == external_id)
    ).scalar_one_or_none()


def language_of(conn: Connection, person: int) -> str:
    """Return the tag of the language that somebody is registered with; "" where nobody is."""
    found = conn.execute(
        select(subscriber.c.language).where(
            subscriber.c.id == person, subscriber.c.erased_at.is_(None)
        )
    ).scalar_one_or_none()
    return str(found or "")


def languages_of(conn: Connection, ids: BitMap) -> dict[str, int]:
    """Return how many of these people are registered with which language."""
    postgres = conn.dialect.name == "postgresql"
    some = "= ANY(:ids)" if postgres else "IN (SELECT value FROM json_each(:ids))"
    sql = f"SELECT language, count(*) FROM subscriber WHERE id {some} GROUP BY language"  # noqa: S608 - constants
    found = conn.execute(text(sql), {"ids": list(ids) if postgres else json.dumps(list(ids))})
    return {str(language): int(people) for language, people in found}


def cells_of(conn: Connection, person: int) -> dict[str, str]:
    """Return one person as the cells of the subscribers CSV, by column: what the import takes."""
    row = conn.execute(select(*_columns()).where(subscriber.c.id == person)).one()
    known = points.known(conn, [person]).get(person, points.NOTHING)
    return {column: writing.cell(column, value) for column, value in _whole(row, known).items()}


def _columns() -> list[Any]:
    """Return the columns of the file that are not sealed. A place that a postcode stands for is not
    the person's own, and is left out: whoever reads the file finds it anew.
    """
    own = subscriber.c.uncertainty_m.is_(None)
    return [
        case((own, subscriber.c[c])).label(c) if c in _PLACE else subscriber.c[c] for c in _OPEN
    ]


def export_csv(conn: Connection) -> Iterator[str]:
    """Yield the subscribers CSV in pieces; what it says is what `read_subscribers` takes."""
    return writing.lines(export(conn))


def _whole(row: Any, known: Known, columns: Sequence[str] = COLUMNS) -> dict[str, Any]:
    """Return one person by the columns of the subscribers CSV, in their order."""
    sealed = {"name": known.name, **{kind: known.addresses.get(kind) for kind in kinds.NAMES}}
    return {c: sealed[c] if c in sealed else getattr(row, c) for c in columns}


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _restop(conn: Connection, person_ids: Iterable[int], now: datetime, change: Any) -> list[int]:
    ids = sorted(set(person_ids))
    if not ids:
        return []
    rows = conn.execute(
        select(subscriber.c.id, subscriber.c.stopped, subscriber.c.channels)
        .where(subscriber.c.id.in_(ids))
        .order_by(subscriber.c.id)
        .with_for_update()
    ).all()
    done = []
    mark: int | None = None
    stopped: dict[int, tuple[frozenset[str], frozenset[str]]] = {}
    for row in rows:
        held = {part for part in row.stopped.split(";") if part}
        wanted = change(held)
        if wanted != held:
            mark = next_change(conn) if mark is None else mark
            conn.execute(
                update(subscriber)
                .where(subscriber.c.id == row.id)
                .values(
                    stopped=";".join(c for c in PERSONAL_CHANNELS if c in wanted),
                    updated_at=now,
                    change=mark,
                )
            )
            done.append(row.id)
            stopped[row.id] = frozenset(row.channels.split(";")), frozenset(wanted)
    order.note_opt_outs(conn, stopped, now)
    return done


def _bring(
    conn: Connection, records: Sequence[SubscriberRecord], told: Sequence[Known], postgres: bool
) -> None:
    """Put the records into the temporary table `incoming`, by the quickest way the driver has;
    names and addresses, which would lie there in clear, stay out of it.
    """
    types = {"lat": "DOUBLE PRECISION", "lon": "DOUBLE PRECISION", "uncertainty_m": "INTEGER"}
    columns = ", ".join(f"{c} {types.get(c, 'TEXT')}" for c in _STORED[1:])
    end = " ON COMMIT DROP" if postgres else ""
    conn.execute(
        text(
            "CREATE TEMPORARY TABLE incoming (no INTEGER PRIMARY KEY, external_id TEXT NOT NULL"
            f" UNIQUE, {columns}, moved INTEGER NOT NULL DEFAULT 0){end}"
        )
    )
    driver: Any = conn.connection.driver_connection
    kept = itemgetter(*(SubscriberRecord._fields.index(c) for c in _TAKEN))
    numbered = (
        (no, *kept(record), points.reached_by(known))
        for no, (record, known) in enumerate(zip(records, told, strict=True))
    )
    if postgres:
        await_only(
            driver.copy_records_to_table("incoming", records=numbered, columns=("no", *_STORED))
        )
        conn.execute(text("ANALYZE incoming"))
    else:
        marks = ", ".join("?" * (len(_STORED) + 1))
        driver.executemany(
            f"INSERT INTO incoming (no, {', '.join(_STORED)}) VALUES ({marks})",  # noqa: S608
            numbered,
        )


def _differ(pairs: Sequence[tuple[str, str]], postgres: bool) -> str:
    if postgres:
        return (
            f"({', '.join(a for a, _ in pairs)}) IS DISTINCT FROM"
            f" ({', '.join(b for _, b in pairs)})"
        )
    return f"NOT ({' AND '.join(f'{a} IS {b}' for a, b in pairs)})"


def _timed(sql: str) -> TextClause:
    clause = text(sql)
    return clause.bindparams(bindparam("now", type_=UtcDateTime()))


def addresses_to_use(
    conn: Connection,
    people: Sequence[int],
    channel: str,
    addresses: dict[int, str],
    *,
    any_contact: bool,
) -> dict[int, str]:
    """Return whom not to send to on a channel, and why, as it stands in this transaction; write the
    addresses of the others into `addresses`.

    `any_contact`: there is danger to life and the chosen channel is in doubt, so an address counts
    although its owner did not choose this channel.
    """
    found = contacts(conn, people, channel)
    skipped: dict[int, str] = {}
    for person in people:
        contact = found.get(person)
        reason = reason_not_to_send(contact)
        if reason == "no_consent" and any_contact and contact is not None and contact.address:
            reason = None
        if reason is not None:
            skipped[person] = reason
        elif contact is not None and contact.address is not None:
            addresses[person] = contact.address
    return skipped
