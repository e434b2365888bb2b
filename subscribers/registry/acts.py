"""What happens to single people: they stop and start, an address bounces or comes first, they are
erased.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from broadcast.content.model import PERSONAL_CHANNELS
from subscribers.contact import erased as gone
from subscribers.contact import order, points
from subscribers.contact.points import Known
from subscribers.organisations import rows as organisations
from subscribers.people_file import other_places
from subscribers.places import rows as places
from subscribers.registry.mark import next_change, take_turn
from subscribers.registry.tables import STORED, consent, subscriber
from subscribers.registry.tables import stop as stop_table
from subscribers.same_person import joined

STOP_SOURCES: Final = ("sms_reply", "unsubscribe", "provider", "operator", "same_contact")
START_SOURCES: Final = ("sms_reply", "link", "operator")
ERASED: Final = "erased:"
"""What the external id of an erased person begins with; their number follows."""


def erase(conn: Connection, person: int, now: datetime) -> bool:
    """Erase somebody for good: name, contact points, place and choices; return whether they were
    there. Their number stays, so that ledger, audit and replay still add up, with their stops and
    on which basis they were sent to. Keyed marks keep them out of later files.

    Waits for an import that is under way, and imports wait for it: one that had read them before
    would write them anew.
    """
    take_turn(conn)
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
    organisations.forget(conn, person)
    nothing: dict[str, Any] = dict.fromkeys(STORED[1:], "") | dict.fromkeys(
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


def hide_together(conn: Connection, people: Iterable[int], now: datetime) -> list[int]:
    """Make messages to all these registrations of one person discreet, if one of them is: what one
    hides another must not tell. Return the registrations that were changed. Called before they are
    joined, so that rows are locked in the order in which an erasure locks them.
    """
    rows = conn.execute(
        select(subscriber.c.id, subscriber.c.discreet)
        .where(subscriber.c.id.in_(sorted(set(people))), subscriber.c.erased_at.is_(None))
        .order_by(subscriber.c.id)
        .with_for_update()
    ).all()
    open_ = [row.id for row in rows if row.discreet != "yes"]
    if not open_ or len(open_) == len(rows):
        return []
    conn.execute(
        update(subscriber)
        .where(subscriber.c.id.in_(open_))
        .values(discreet="yes", updated_at=now, change=next_change(conn))
    )
    return open_


def end_visits(conn: Connection, now: datetime, most: int) -> int:
    """Remove the visits that have ended, of `most` people at most; return of how many. A visit
    counts for no message from its end on, whether it was removed or not.
    """
    ids = places.ended(conn, now, most)
    if not ids:
        return 0
    rows = conn.execute(
        select(subscriber.c.id, subscriber.c.places)
        .where(subscriber.c.id.in_(ids))
        .order_by(subscriber.c.id)
        .with_for_update(skip_locked=True)  # whom an import holds waits for the next time
    ).all()
    change = next_change(conn)
    for row in rows:
        kept = [p for p in other_places.known(row.places) if p.until is None or p.until > now]
        conn.execute(
            update(subscriber)
            .where(subscriber.c.id == row.id)
            .values(places=other_places.text(kept), updated_at=now, change=change)
        )
    places.follow(conn, change)
    return len(rows)


def stop(
    conn: Connection, person_ids: Iterable[int], channel: str, source: str, now: datetime
) -> list[int]:
    """Stop a channel for these people; return whom it was not stopped for before. `source`:
    sms_reply, unsubscribe, provider, operator, same_contact (`stopped_there`).
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


def stopped_with(conn: Connection, person: int, channel: str) -> set[int]:
    """Return whom the press that stopped a channel for somebody, by a link or on their page,
    stopped; of whom the stop stands still, themselves among them. Empty where they did not stop it.
    """
    mine, other = stop_table.alias("mine"), stop_table.alias("other")
    query = (
        select(other.c.subscriber_id)
        .join(mine, (mine.c.channel == other.c.channel) & (mine.c.at == other.c.at))
        .where(
            mine.c.subscriber_id == person,
            mine.c.channel == channel,
            mine.c.source == "unsubscribe",
            other.c.source == "unsubscribe",
            mine.c.lifted_at.is_(None),
            other.c.lifted_at.is_(None),
        )
    )
    return set(conn.execute(query).scalars())


def bounced(
    conn: Connection, person: int, channel: str, claimed_at: datetime, code: str, now: datetime
) -> str | None:
    """Mark the contact point that a channel uses for somebody: the provider says that nobody is
    there. Return its kind; None where nothing was marked.

    `claimed_at`: when what came back was claimed. What is in use since then only is left alone, so
    the same evidence read twice marks nothing twice, nor what took the place of what it marked.
    """
    if not hold(conn, person):
        return None
    kind = order.bounce(conn, person, channel, claimed_at, code, now)
    if kind is not None:
        _reached(conn, person, now)
    return kind


def trust(conn: Connection, person: int, channel: str, now: datetime) -> bool:
    """Use the contact points of a channel again that had bounced; return whether any had."""
    done = hold(conn, person) and order.trust(conn, person, channel, now)
    if done:
        _reached(conn, person, now)
    return done


def reorder(
    conn: Connection, person: int, kind: str, place: int, now: datetime, *, remove: bool = False
) -> bool:
    """Make the address at position `place` the first of its kind to be used, or remove it; return
    whether the person has an address at that position.
    """
    if not hold(conn, person):
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
    """Make this address the first of its kind to be used, if the person has it."""
    for point in order.of_person(conn, person):
        if (point.kind, point.address) == (kind, address) and point.place > 0:
            reorder(conn, person, kind, point.place, now)


def hold(conn: Connection, person: int) -> bool:
    """Return whether a person is registered, and lock their row until this transaction ends, so
    that nobody else changes or erases them. Waits for an erasure that is under way.
    """
    mine = select(subscriber.c.id).where(
        subscriber.c.id == person, subscriber.c.erased_at.is_(None)
    )
    return conn.execute(mine.with_for_update()).first() is not None


def _reached(conn: Connection, person: int, now: datetime) -> None:
    """Store by which kinds of contact point a person is reached now, for the matching index."""
    conn.execute(
        update(subscriber)
        .where(subscriber.c.id == person)
        .values(
            reached_by=order.kinds_used(conn, person),
            updated_at=now,
            change=next_change(conn),
        )
    )


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
