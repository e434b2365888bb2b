"""Stopping and starting a channel by oneself, with its event: by one's own link, or signed in."""

from __future__ import annotations

import hashlib
from datetime import datetime

from broadcast.ledger import receipts
from broadcast.store.database import Connection
from subscribers import registry


def stop(conn: Connection, person: int, channel: str, now: datetime) -> bool:
    """Stop a channel for somebody by themselves, with its event; return whether it was not stopped
    before.
    """
    stopped = registry.stop(conn, [person], channel, "unsubscribe", now)
    return bool(stopped) and _keep(conn, "stop", person, channel, now)


def start(conn: Connection, person: int, channel: str, now: datetime) -> bool:
    """Lift somebody's own stop of a channel, with its event; return whether they are sent to on it
    now. Where they would get nothing all the same, their stop stays.
    """
    contact = registry.contacts(conn, [person], channel).get(person)
    if contact is None or registry.reason_not_to_send(contact._replace(stopped=False)):
        return False
    if registry.start(conn, [person], channel, "link", now):
        _keep(conn, "start", person, channel, now)
    return True


def _keep(conn: Connection, kind: str, person: int, channel: str, now: datetime) -> bool:
    said = "unsubscribe" if kind == "stop" else "start_again"
    digest = hashlib.sha256(f"{said}|{person}|{channel}|{now.isoformat()}".encode()).hexdigest()
    return receipts.store_response(
        conn, kind=kind, channel=channel, now=now, digest=digest, person_id=person
    )
