"""Stopping and starting a channel by oneself, with its event: by one's own link, or signed in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

from broadcast.ledger import receipts
from broadcast.store.database import Connection
from subscribers.registry import acts, reached
from subscribers.unsubscribe import Link

_SAID = {"stop": "unsubscribe", "start": "start_again"}  # words of the digests; never changed


def stop(conn: Connection, person: int, channel: str, now: datetime) -> bool:
    """Stop a channel for somebody by themselves, with its event; return whether it was not stopped
    before.
    """
    stopped = acts.stop(conn, [person], channel, "unsubscribe", now)
    return bool(stopped) and _keep(conn, "stop", person, channel, now)


def stop_there(conn: Connection, people: Iterable[int], channel: str, now: datetime) -> list[int]:
    """Stop a channel for these people by themselves, and for everybody who shares a contact of
    theirs: whoever holds it wants no more there, as by a STOP by text. Return whom it was not
    stopped for before.
    """
    return [each for each in _there(conn, people, channel) if stop(conn, each, channel, now)]


def start_there(conn: Connection, person: int, channel: str, now: datetime) -> bool:
    """Lift somebody's own stop of a channel, and those of others at their contact which the same
    press made; return whether they are sent to on it now.
    """
    with_it = acts.stopped_with(conn, person, channel) & set(_there(conn, [person], channel))
    started = start(conn, person, channel, now)
    for each in sorted(with_it - {person}) if started else ():
        start(conn, each, channel, now)
    return started


def _there(conn: Connection, people: Iterable[int], channel: str) -> list[int]:
    """Return these people, and who else is reached at their contacts on a channel."""
    here = set(people)
    for contact in reached.contacts(conn, sorted(here), channel).values():
        if contact.address:
            here |= set(reached.persons_with_address(conn, channel, contact.address))
    return sorted(here)


def start(conn: Connection, person: int, channel: str, now: datetime) -> bool:
    """Lift somebody's own stop of a channel, with its event; return whether they are sent to on it
    now. Where they would get nothing all the same, their stop stays.
    """
    contact = reached.contacts(conn, [person], channel).get(person)
    if contact is None or reached.reason_not_to_send(contact._replace(stopped=False)):
        return False
    if acts.start(conn, [person], channel, "link", now):
        _keep(conn, "start", person, channel, now)
    return True


def is_stopped(conn: Connection, link: Link) -> bool:
    """Return whether the person of a link has stopped its channel."""
    contact = reached.contacts(conn, [link.person], link.channel).get(link.person)
    return contact is not None and contact.stopped and not contact.erased


def stop_by_link(conn: Connection, link: Link, now: datetime) -> bool:
    """Do what the button of a link says, as `stop_there`. A link of a test or an exercise stops
    nobody: that it was used is kept, once.
    """
    if link.simulated:
        return _keep_simulated(conn, "stop", link, now)
    return bool(stop_there(conn, [link.person], link.channel, now))


def start_by_link(conn: Connection, link: Link, now: datetime) -> bool:
    """Do what the button of a link says, as `start_there`. A link of a test or an exercise starts
    nobody: that it was used is kept, once.
    """
    if link.simulated:
        return _keep_simulated(conn, "start", link, now)
    return start_there(conn, link.person, link.channel, now)


def _keep(conn: Connection, kind: str, person: int, channel: str, now: datetime) -> bool:
    digest = hashlib.sha256(
        f"{_SAID[kind]}|{person}|{channel}|{now.isoformat()}".encode()
    ).hexdigest()
    return receipts.store_response(
        conn, kind=kind, channel=channel, now=now, digest=digest, person_id=person
    )


def _keep_simulated(conn: Connection, kind: str, link: Link, now: datetime) -> bool:
    digest = hashlib.sha256(
        f"{_SAID[kind]}|simulated|{link.person}|{link.channel}".encode()
    ).hexdigest()
    return receipts.store_response(
        conn,
        kind=f"simulated_{kind}",
        channel=link.channel,
        now=now,
        digest=digest,
        person_id=link.person,
        simulated=True,
    )
