"""How people are reached at this moment, and who shares a contact point or rests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from pyroaring import BitMap
from sqlalchemy import Connection, text

from subscribers import quiet_hours
from subscribers.contact import kinds, points
from subscribers.contact.keys import opener

_FEW = 20_000


class Contact(NamedTuple):
    """How one person is reached on one channel at this moment. `address` None = not at all."""

    address: str | None
    stopped: bool
    erased: bool
    consented: bool
    discreet: bool = False
    """They, or somebody who is reached there too, asked to be sent to discreetly."""


def contacts(conn: Connection, ids: Iterable[int], channel: str) -> dict[int, Contact]:
    """Return how these people are reached on a channel right now; whoever does not exist is
    missing. One statement, for the claim; a second where anybody is sent to discreetly.
    """
    ids = list(ids)
    opened = opener(conn)
    reached = kinds.of_channel(channel)
    one_of, bound = points.some(conn, ids)
    these = ", ".join(f"'{kind}'" for kind in reached)
    sql = f"""SELECT s.id, s.stopped, s.consented, s.erased_at IS NOT NULL,
            p.kind, p.sealed, p.key_id, s.discreet = 'yes',
            (SELECT 1 FROM subscriber d WHERE d.discreet = 'yes' LIMIT 1)
        FROM subscriber s LEFT JOIN contact_point p ON p.subscriber_id = s.id
            AND p.place_in_order = 0 AND p.bounced_at IS NULL AND p.kind IN ({these})
        WHERE s.id {one_of}"""  # noqa: S608 - constants
    found: dict[int, Contact] = {}
    ranks: dict[int, int] = {}
    shared: set[int] | None = None
    rows = conn.execute(text(sql), {"ids": bound}).all()
    for person, stopped, consented, erased, kind, sealed, key_id, own, anybody in rows:
        rank = len(reached) if kind is None else reached.index(kind)
        if person in ranks and ranks[person] <= rank:
            continue
        ranks[person] = rank
        if anybody and shared is None:
            shared = _shared_discreetly(conn, ids)
        found[person] = Contact(
            None if kind is None else opened(person, kind, sealed, key_id),
            channel in stopped.split(";"),
            bool(erased),
            channel in consented.split(";"),
            bool(own) or (shared is not None and person in shared),
        )
    return found


def _shared_discreetly(conn: Connection, ids: Iterable[int]) -> set[int]:
    """Return who of these people has a contact point that somebody has who is sent to discreetly:
    whoever shares an address or a telephone decides for all of it.
    """
    column = points.mark_column(conn)
    if not column:
        return set()
    one_of, bound = points.some(conn, ids)
    sql = f"""SELECT p.subscriber_id FROM contact_point p
            JOIN contact_point q ON q.{column} = p.{column}
            JOIN subscriber t ON t.id = q.subscriber_id AND t.discreet = 'yes'
        WHERE p.subscriber_id {one_of} AND p.place_in_order = 0"""  # noqa: S608 - a column of ours
    return set(conn.execute(text(sql), {"ids": bound}).scalars())


def is_discreet(conn: Connection, person: int, channel: str) -> bool:
    """Return whether somebody is sent to discreetly on a channel."""
    found = contacts(conn, [person], channel).get(person)
    return found is not None and found.discreet


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


def anybody_wants(conn: Connection, channel: str, address: str) -> bool:
    """Return whether anybody who is reached at this address on a channel is sent to there."""
    here = persons_with_address(conn, channel, address)
    found = contacts(conn, here, channel).values()
    wanting = (each.address for each in found if not reason_not_to_send(each))
    return any(text is not None and text.lower() == address.lower() for text in wanting)


def addresses_to_use(
    conn: Connection,
    people: Sequence[int],
    channel: str,
    addresses: dict[int, str],
    *,
    any_contact: bool,
    discreet: set[int] | None = None,
) -> dict[int, str]:
    """Return whom not to send to on a channel, and why, as it stands in this transaction; write the
    addresses of the others into `addresses`.

    `any_contact`: there is danger to life and the chosen channel is in doubt, so an address counts
    although its owner did not choose this channel. `discreet` gets who of them is sent to
    discreetly.
    """
    found = contacts(conn, people, channel)
    if discreet is not None:
        discreet.update(person for person, contact in found.items() if contact.discreet)
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
