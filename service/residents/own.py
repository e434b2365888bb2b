"""What somebody who signed in sees and changes of themselves. Saved at once: the next message
follows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from broadcast.content.model import PERSONAL_CHANNELS
from broadcast.groups import registered
from broadcast.levels.names import folded
from broadcast.places.areas import AreaTree
from broadcast.problems import refuse
from broadcast.sessions import store
from broadcast.sessions.store import Session
from broadcast.store.database import Connection
from broadcast.wording.languages import PACKS
from service.residents import opt_outs, several
from service.residents.registering import (
    ACTOR,
    CHANGED,
    KIND,
    PAGE,
    POSTCODE,
    WORDING,
    check_place,
    check_topics,
    check_visit,
)
from service.residents.texts import SAMPLE
from service.setup import people
from service.setup.people import World
from subscribers.contact import order
from subscribers.contact.kinds import of_channel
from subscribers.contact.order import Point
from subscribers.people_file import by_topic, other_places
from subscribers.people_file.other_places import OtherPlace
from subscribers.registration import addresses, pending
from subscribers.registration.budgets import Limits
from subscribers.registry import acts, mark, reached, showing


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One way on which somebody is reached: the address masked, and whether they stopped it.
    `bounced_at`: since when it takes no messages, as the provider says.
    """

    channel: str
    address: str
    chosen: bool
    stopped: bool
    bounced_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """Another address of a kind, masked, which stands in for the first; `place` in their order."""

    kind: str
    place: int
    address: str
    bounced_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """Who is signed in, and everything that is known of them."""

    session: Session
    person: int
    known: Mapping[str, Any]
    points: Sequence[Point] = ()

    @property
    def is_discreet(self) -> bool:
        """Whether sender and first words of what they get give nothing away."""
        return bool(self.known["discreet"] == "yes")

    def contacts(self) -> list[Contact]:
        """Return the ways on which they are reached, in their order; then those not chosen."""
        order = [c for c in self.known["channels"] if c in PERSONAL_CHANNELS]
        order += [c for c in PERSONAL_CHANNELS if c not in order]
        return [
            Contact(
                channel=channel,
                address=addresses.masked(channel, point.address),
                chosen=channel in self.known["channels"],
                stopped=channel in self.known["stopped"],
                bounced_at=point.bounced_at,
            )
            for channel in order
            if (point := self._used(channel))
        ]

    def others(self) -> list[Other]:
        """Return the addresses that stand in for the first of their kind."""
        return [
            Other(
                kind=p.kind,
                place=p.place,
                address=_masked(p),
                bounced_at=p.bounced_at,
            )
            for p in self.points
            if p.place > 0
        ]

    def _used(self, channel: str) -> Point | None:
        """Return what a channel reaches, or would if it had not bounced."""
        kinds = of_channel(channel)
        firsts = [p for kind in kinds for p in self.points if (p.kind, p.place) == (kind, 0)]
        return next((p for p in firsts if p.bounced_at is None), next(iter(firsts), None))


def _masked(point: Point) -> str:
    return addresses.masked("email" if point.kind == "email" else "sms", point.address)


def who(conn: Connection, secret: str, now: datetime) -> Own | None:
    """Return the person whose session has this secret; None where there is no such session, or it
    has ended.
    """
    session = store.find(conn, KIND, secret, now)
    known = showing.show(conn, session.holder_id) if session is not None else None
    if session is None or known is None or known["erased_at"] is not None:
        return None
    points = order.of_person(conn, session.holder_id)
    return Own(session=session, person=session.holder_id, known=known, points=points)


def change(
    conn: Connection, person: int, fields: Mapping[str, Any], *, world: World, now: datetime
) -> None:
    """Change what somebody chose: area, topics, channels, minimum_severity, language, quiet_hours,
    other_languages, by_topic (an `OfTopic` for each topic), places (all others, an `OtherPlace`
    each), most_a_week ("" or a number), providers_off (of whom nothing routine), discreet (yes or
    no, for every registration that they joined with this one: what one of them hides another must
    not tell).

    A channel must be one on which they are reached; one that they choose no more is taken out of
    what they chose for single topics, too. Raises Rejected: every fault of the fields.
    """
    fields = dict(fields)
    if "area" in fields:
        # a point of before would go on deciding: what is shown is the place, and nothing else
        fields |= check_place(conn, world.tree, fields["area"])
        fields |= {"lat": None, "lon": None}
    if "topics" in fields:
        fields["topics"] = check_topics(fields["topics"])
    if "places" in fields:
        fields["places"] = _places(conn, world, fields["places"], now)
    if "language" in fields and fields["language"] not in PACKS:
        raise refuse(
            "language_unknown", "messages have no such language", "choose one", field="language"
        )
    if any(tag not in PACKS for tag in fields.get("other_languages", ())):
        raise refuse(
            "language_unknown",
            "messages have no such language",
            "choose of the list",
            field="other_languages",
        )
    if "channels" in fields:
        fields["channels"] = _reached(conn, person, fields["channels"])
    if "by_topic" in fields:
        fields["by_topic"] = by_topic.written(fields["by_topic"])
    elif "channels" in fields:
        single = showing.cells_of(conn, person)["by_topic"]
        fields["by_topic"] = by_topic.within(single, fields["channels"])
    basis = CHANGED if {"topics", "channels"} & set(fields) else ""
    agreed = WORDING if basis else ""  # what they agreed to before stays as it was
    people.edit(
        conn,
        ACTOR,
        person,
        fields,
        basis=basis,
        world=world,
        now=now,
        source=PAGE,
        wording=agreed,
    )
    if "discreet" in fields:
        one = {"discreet": fields["discreet"]}
        for other in several.everywhere(conn, person):
            if other != person:
                people.edit(conn, ACTOR, other, one, world=world, now=now, source=PAGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """An information provider as somebody chooses it: its name in their language, and whether they
    hear routine messages of it.
    """

    key: str
    name: str
    wanted: bool


def providers(conn: Connection, known: Mapping[str, Any], language: str) -> list[Provider]:
    """Return every registered information provider, by name."""
    off = {folded(each) for each in known["providers_off"]}
    return [
        Provider(key=key, name=name, wanted=key not in off)
        for key, name in registered.load(conn).providers(language)
    ]


def _places(conn: Connection, world: World, places: Sequence[OtherPlace], now: datetime) -> str:
    for each in places:
        if each.lat is None:
            where = f"{POSTCODE}{each.postcode}" if each.postcode else each.area
            check_place(conn, world.tree, where)
        if each.until is not None:
            check_visit(each.until, now)
    return other_places.text(places)


def other_place(kind: str, chosen: str, until: datetime | None) -> OtherPlace:
    """Return another place, as a search gives it: the code of an area, or "postcode:" and one.
    Raises Rejected (place_kind_unknown, place_missing, visit_until).
    """
    if kind not in other_places.KINDS:
        raise refuse(
            "place_kind_unknown", "there is no such kind of place", "choose one", field="kind"
        )
    return other_places.at(kind, chosen.removeprefix(POSTCODE), until)


def places_of(known: Mapping[str, Any], now: datetime) -> list[OtherPlace]:
    """Return one's other places; visits that have ended are none."""
    places = other_places.known(";".join(known["places"]))
    return [each for each in places if each.until is None or each.until > now]


def place_named(place: OtherPlace, tree: AreaTree) -> str:
    """Return what a place is called."""
    if place.area:
        return tree[place.area].name if place.area in tree else place.area
    return place.postcode or f"{place.lat}, {place.lon}"


def _reached(conn: Connection, person: int, channels: Sequence[str]) -> str:
    found = [reached.contacts(conn, [person], _channel(c)).get(person) for c in channels]
    if not channels or not all(contact is not None and contact.address for contact in found):
        raise refuse(
            "channel_unknown",
            "no way is chosen, or one on which you have no confirmed contact",
            "choose one, or stop all messages",
            field="channels",
        )
    return ";".join(dict.fromkeys(channels))


def stop(conn: Connection, own: Own, channel: str, now: datetime) -> list[str]:
    """Stop one channel, or all of them ("all"), at once; return what was stopped.

    Who shares the contact is stopped too: whoever holds it wants no more there, as by a STOP by
    text. "all" stops the registrations that they joined with this one as well. Raises Rejected (422
    channel_unknown).
    """
    stopped = []
    for each in PERSONAL_CHANNELS if channel == "all" else (_channel(channel),):
        mine = several.everywhere(conn, own.person) if channel == "all" else [own.person]
        if opt_outs.stop_there(conn, mine, each, now):
            stopped.append(each)
    return stopped


def start(conn: Connection, own: Own, channel: str, now: datetime) -> list[str]:
    """Start one channel, or all of them ("all"), again; return on which they are sent to now. "all"
    starts the registrations that they joined with this one as well; one that is named is used again
    though it bounced.
    """
    if channel != "all":
        acts.trust(conn, own.person, _channel(channel), now)
        return [channel] if opt_outs.start(conn, own.person, _channel(channel), now) else []
    mine = several.everywhere(conn, own.person)
    return [
        each
        for each in PERSONAL_CHANNELS
        if [person for person in mine if opt_outs.start(conn, person, each, now)]
    ]


def reorder(
    conn: Connection, own: Own, kind: str, place: int, address: str, now: datetime, *, remove: bool
) -> None:
    """Use one of one's other addresses first, or take it away. `address` as it was shown, masked:
    what changed meanwhile is left alone. Raises Rejected (422 contact_unknown).
    """
    shown = [o for o in own.others() if (o.kind, o.place, o.address) == (kind, place, address)]
    if not shown or not acts.reorder(conn, own.person, kind, place, now, remove=remove):
        raise refuse(
            "contact_unknown", "there is no such address", "look at the list again", field="address"
        )


def ask_sample(
    conn: Connection,
    own: Own,
    channel: str,
    *,
    network: str,
    limits: Limits,
    now: datetime,
) -> None:
    """Have a sample sent to one of one's own contacts, within the budgets of codes.

    Raises Rejected: 422 channel_unknown; 429 too_many_codes, codes_spent.
    """
    contact = reached.contacts(conn, [own.person], _channel(channel)).get(own.person)
    if contact is None or not contact.address or contact.stopped:
        raise refuse(
            "channel_unknown", "you are not reached that way", "choose another", field="channel"
        )
    # nobody holds its secret, so nothing can be typed in
    secret = pending.begin(
        conn,
        purpose=SAMPLE,
        language=own.known["language"],
        network=network,
        limits=limits,
        now=now,
    )
    address = addresses.read(channel, contact.address, trial=True)
    pending.ask_code(conn, secret, address=address, limits=limits, now=now)


def sessions(conn: Connection, person: int, now: datetime) -> list[Session]:
    """Return the sessions of somebody, the newest first."""
    return store.of_holder(conn, KIND, person, now)


def end_all(conn: Connection, person: int, now: datetime) -> int:
    """End every session of somebody, on every device; return how many stood."""
    return sum(store.end(conn, each.id, now) for each in store.of_holder(conn, KIND, person, now))


def sign_out(conn: Connection, own: Own, now: datetime) -> None:
    """End this session."""
    store.end(conn, own.session.id, now)


def delete(conn: Connection, own: Own, *, world: World, now: datetime) -> None:
    """Erase oneself for good. Who shares a contact is stopped there first: whoever holds it wants
    nothing more. Whoever calls has the database's files cleared afterwards (`Database.scrub`).
    """
    mark.take_turn(conn)  # before the rows that stopping locks
    stop(conn, own, "all", now)
    people.erase(conn, ACTOR, own.person, "their own wish, on the page", world=world, now=now)


def _channel(name: str) -> str:
    if name not in PERSONAL_CHANNELS:
        raise refuse(
            "channel_unknown", "there is no such way", "choose one of the list", field="channel"
        )
    return name
