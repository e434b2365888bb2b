"""An address at which a provider says that nobody is: it is marked, and its person is told another
way.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog
from pyroaring import BitMap

from broadcast.store.database import Connection
from service.residents.texts import BOUNCED
from subscribers.contact import kinds, order
from subscribers.registration import addresses, pending
from subscribers.registration.budgets import Limits
from subscribers.registry import acts, reached, showing

log = structlog.get_logger("bounces")

GIVE_UP: Final = timedelta(days=3)
"""After so long nobody is told any more; their own page says it all the same."""
_AT_ONCE: Final = 200


def mark(
    conn: Connection,
    channel: str,
    failed: Sequence[tuple[int, str, datetime]],
    now: datetime,
) -> int:
    """Mark the contact points of these people: (person, code, when what failed was claimed). Return
    how many were marked.
    """
    marked = 0
    for person, code, claimed_at in failed:
        kind = acts.bounced(conn, person, channel, claimed_at, code, now)
        if kind is not None:
            marked += 1
            log.warning("contact.bounced", person=person, kind=kind, channel=channel, code=code)
    return marked


def to_tell(conn: Connection, now: datetime) -> list[tuple[int, str, datetime]]:
    """Return (person, kind, since when) of people whose address bounced and who have not been told
    yet: some of them, the newest first. People in their quiet hours are left out until these end.
    """
    waiting = order.to_tell(conn, _AT_ONCE)
    people = BitMap([person for person, _, _ in waiting])
    quiet = BitMap().union(*reached.quiet_until(conn, people, now).values()) if people else people
    return [each for each in waiting if each[0] not in quiet or _is_late(each[2], now)]


def tell(
    conn: Connection,
    person: int,
    kind: str,
    bounced_at: datetime,
    *,
    on: frozenset[str],
    limits: Limits,
    now: datetime,
) -> bool:
    """Have somebody told by what still reaches them, once; return whether they are. Raises Rejected
    where the budgets of codes refuse it: then they are still to be told.
    """
    if not order.settle_telling(conn, person, kind, now):
        return False
    way = None if _is_late(bounced_at, now) else _other_way(conn, person, on)
    if way is not None:
        _ask(conn, person, kind, way, limits=limits, now=now)
    return way is not None


def _is_late(bounced_at: datetime, now: datetime) -> bool:
    return bounced_at < now - GIVE_UP


def _other_way(conn: Connection, person: int, on: frozenset[str]) -> tuple[str, str] | None:
    """Return (channel, address) of what still reaches somebody, by their own order."""
    known = showing.show(conn, person)
    for channel in known["channels"] if known is not None and not known["erased_at"] else ():
        contact = reached.contacts(conn, [person], channel).get(person)
        if channel in on and contact is not None and not reached.reason_not_to_send(contact):
            assert contact.address is not None
            return channel, contact.address
    return None


def _ask(
    conn: Connection,
    person: int,
    kind: str,
    way: tuple[str, str],
    *,
    limits: Limits,
    now: datetime,
) -> None:
    """Have it sent, within the budgets of codes. Nobody holds the secret of it, so nothing can be
    typed in.
    """
    channel, address = way
    secret = pending.begin(
        conn,
        purpose=BOUNCED + next(iter(kinds.BY_NAME[kind].channels)),
        language=showing.language_of(conn, person),
        network=f"bounced {person}",
        limits=limits,
        now=now,
    )
    asked = addresses.read(channel, address, trial=True)
    pending.ask_code(conn, secret, address=asked, limits=limits, now=now)
