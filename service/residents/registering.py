"""Registering and signing in: what each page and each call of the API does, in its transaction."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from broadcast.files.nearest import shown
from broadcast.levels.names import folded
from broadcast.places.areas import Area, AreaTree
from broadcast.places.postcodes import look_up
from broadcast.places.postcodes.look_up import PostcodePlace
from broadcast.problems import Problem, Rejected, refuse
from broadcast.sessions import store
from broadcast.store.database import Connection, lock_name
from service.residents import opt_outs, several
from service.setup import people
from service.setup.people import World
from subscribers.contact import order, points
from subscribers.people_file import other_places
from subscribers.people_file.choices import TOPICS
from subscribers.registration import addresses, pending
from subscribers.registration.addresses import Address
from subscribers.registry import acts, mark, showing

KIND: Final = "resident"
"""Of sessions."""
LASTS: Final = timedelta(days=30)
IDLE: Final = timedelta(days=7)
PAGE: Final = "page"
WORDING: Final = "2"
"""The version of the words that people agree to; another one is another number."""
BASIS: Final = f"consent, given on the registration page (wording {WORDING})"
"""The legal basis under which who registers by themselves is kept, with the wording's version."""
CHANGED: Final = f"consent, changed on the page of one's own choices (wording {WORDING})"
"""The legal basis of channels and topics that somebody changed by themselves."""
COLUMN: Final = {"sms": "mobile", "voice": "phone", "email": "email"}
"""Where a contact stands among the fields of a person."""
ACTOR: Final = people.BY_THEMSELVES
POSTCODE: Final = "postcode:"
MOST_PLACES: Final = 20
LONGEST_SEARCH: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A place to choose. `value` is the code of an area, or "postcode:" and one."""

    value: str
    name: str
    within: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What an entered code led to. `outcome`: registered, signed_in, added, wrong, too_often,
    expired; of another registration of one's own: joined, nobody_else, several.
    """

    outcome: str
    person: int = 0
    session: str = ""
    left: int = 0


def search(tree: AreaTree, asked: str, place: PostcodePlace | None = None) -> list[Choice]:
    """Return the areas whose name or code holds what was asked, those that begin with it first.
    `place`: what was asked is a postcode, which is offered, and the areas round it.
    """
    if place is not None:
        found = list(tree.locate(place.lat, place.lon))
        within = ", ".join(area.name for area in found)
        mine = Choice(value=f"{POSTCODE}{place.postcode}", name=place.postcode, within=within)
        return [mine, *(_choice(tree, area) for area in found)]
    wanted = folded(asked[:LONGEST_SEARCH])
    if not wanted:
        return []
    areas = [
        area for area in tree.all() if wanted in folded(area.name) or wanted == folded(area.code)
    ]
    areas.sort(key=lambda a: (not folded(a.name).startswith(wanted), len(a.name), a.name, a.code))
    return [_choice(tree, area) for area in areas[:MOST_PLACES]]


def _choice(tree: AreaTree, area: Area) -> Choice:
    above = tree.ancestors(area.code)
    within = ", ".join(each.name for each in above if each.code != area.code)
    return Choice(value=area.code, name=area.name, within=within)


def check_place(conn: Connection, tree: AreaTree, given: str) -> dict[str, str]:
    """Return the fields of a chosen place: its area, or the postcode after "postcode:". Raises
    Rejected (422 area_unknown, postcode_unknown).
    """
    if not given.startswith(POSTCODE):
        return {"area": check_area(tree, given), "postcode": ""}
    place = look_up.place_of(conn, given.removeprefix(POSTCODE)[:LONGEST_SEARCH])
    if place is None:
        raise refuse(
            "postcode_unknown",
            "nobody here knows where this postcode is",
            "choose a place by its name",
            field="area",
        )
    return {"area": "", "postcode": place.postcode}


def visit_end(day: str, zone: str, now: datetime) -> datetime:
    """Return the end of the last day of a visit, in a time zone. Raises Rejected (422 visit_until,
    visit_over).
    """
    try:
        last = datetime.strptime(day, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError as exc:
        raise refuse(
            "visit_until", "a visit has an end", "write the last day", field="until"
        ) from exc
    return check_visit(datetime.combine(last, time(23, 59), ZoneInfo(zone)).astimezone(UTC), now)


def check_visit(until: datetime, now: datetime) -> datetime:
    """Return when a visit ends. Raises Rejected (422 visit_over) where it has ended already."""
    if until <= now:
        raise refuse(
            "visit_over", "the visit has ended already", "write a later day", field="until"
        )
    return until


def check_area(tree: AreaTree, code: str) -> str:
    """Return the code of an imported area. Raises Rejected (422 area_unknown)."""
    if code not in tree:
        raise refuse(
            "area_unknown", "no place is chosen", "search for a place and choose it", field="area"
        )
    return code


def check_topics(chosen: Sequence[str]) -> str:
    """Return topics as they are stored. Raises Rejected (422 topic_missing, topic_unknown)."""
    for topic in chosen:
        if topic not in TOPICS:
            detail = f"there is no topic {shown(topic)}"
            raise refuse("topic_unknown", detail, "choose from the list", field="topics")
    if not chosen:
        raise refuse(
            "topic_missing", "nothing is chosen", "choose one topic or more", field="topics"
        )
    return ";".join(topic for topic in TOPICS if topic in chosen)


def check_channel(channel: str, offered: frozenset[str]) -> str:
    """Return a channel that is offered here. Raises Rejected (422 channel_unknown)."""
    if channel not in offered or channel not in addresses.CHANNELS:
        raise refuse(
            "channel_unknown", "no way is chosen", "choose one of the list", field="channel"
        )
    return channel


def check_consent(agreed: bool) -> None:
    """Raise Rejected (422 consent_missing) where somebody did not say that they want messages."""
    if not agreed:
        raise refuse(
            "consent_missing",
            "you have not said that you want messages",
            "tick the box, or leave this page: nothing is kept",
            field="agree",
        )


def network_of(address: str) -> str:
    """Return the network that somebody asks from, IPv4 /24 or IPv6 /48, for a mark to be made of
    it.
    """
    try:
        found = ipaddress.ip_address(address)
        mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
        found = mapped or found
        bits = 24 if isinstance(found, ipaddress.IPv4Address) else 48
        return str(ipaddress.ip_network((found, bits), strict=False))
    except ValueError:
        return address[:64]


def enter(
    conn: Connection,
    secret: str,
    typed: str,
    *,
    world: World,
    now: datetime,
    me: int | None = None,
) -> Joined:
    """Try a code and, where it is right, register who typed it, or sign them in where their contact
    was confirmed before. `me` is who is signed in: a contact to be added is added to them. Commit
    what it returns, whatever it is.
    """
    entered = pending.enter(conn, secret, typed, now)
    if entered.outcome != "right" or entered.pending is None:
        return Joined(outcome=entered.outcome, left=entered.left)
    joined = _entered(conn, entered.pending, world=world, now=now, me=me)
    pending.came_to(conn, entered.pending.id, joined.outcome)
    return joined


def _entered(
    conn: Connection, form: pending.Pending, *, world: World, now: datetime, me: int | None
) -> Joined:
    text = form.address
    # two browsers that prove one contact at a time make one person
    lock_name(conn, f"contact {pending.address_mark(conn, form.channel, text)}")
    if form.purpose == "add":
        return _add(conn, me, form.channel, text, world=world, now=now)
    if form.purpose == several.PURPOSE:
        if me is None:
            return Joined(outcome="expired")  # signed out while the code came
        return Joined(outcome=several.join(conn, me, form.channel, text, now), person=me)
    # who is being erased at this moment is waited for, and proved nothing then
    known = [who for who in points.who_proved(conn, form.channel, text) if acts.hold(conn, who)]
    if not known and form.purpose == "sign_in":
        return Joined(outcome="expired")  # they left, or moved the contact, while the code came
    person = known[0] if known else _register(conn, form, text, world, now)
    points.prove(conn, person, form.channel, text, "code", now)
    acts.trust(conn, person, form.channel, now)  # the code came there
    return Joined(
        outcome="signed_in" if known else "registered",
        person=person,
        session=begin_session(conn, person, form.channel, now),
    )


def _add(
    conn: Connection,
    me: int | None,
    channel: str,
    text: str,
    *,
    world: World,
    now: datetime,
) -> Joined:
    if me is None:
        return Joined(outcome="expired")  # signed out while the code came
    mark.take_turn(conn)  # before the rows that making room locks
    known = showing.show(conn, me)
    assert known is not None
    channels = ";".join(dict.fromkeys([*known["channels"], channel]))
    fields = {COLUMN[channel]: text, "channels": channels}
    # what was used so far stands in for it, should nobody be there one day
    order.make_room(conn, me, COLUMN[channel], text)
    people.edit(
        conn,
        ACTOR,
        me,
        fields,
        basis=CHANGED,
        world=world,
        now=now,
        source=PAGE,
        wording=WORDING,
    )
    points.prove(conn, me, channel, text, "code", now)
    opt_outs.start(conn, me, channel, now)  # who stopped everything, and adds a way, wants it
    return Joined(outcome="added", person=me)


def begin_session(conn: Connection, person: int, proof: str, now: datetime) -> str:
    """Begin a session of who proved a contact; return its secret."""
    return store.begin(conn, kind=KIND, holder_id=person, proof=proof, now=now, lasts=LASTS)


def _register(
    conn: Connection, form: pending.Pending, text: str, world: World, now: datetime
) -> int:
    fields = {"language": form.language, "topics": form.topics}
    fields |= {"postcode": form.postcode, "area": form.area}
    fields |= {"discreet": "yes"} if form.discreet else {}
    if form.visit_until:
        # it is where they are for a while, and their own place is not known
        until = other_places.time(form.visit_until)
        there = other_places.at("visiting", form.postcode or form.area, until)
        fields |= {"postcode": "", "area": "", "places": other_places.text([there])}
    return register(
        conn,
        channel=form.channel,
        address=text,
        fields=fields,
        basis=BASIS,
        source=PAGE,
        world=world,
        now=now,
    )


def register(
    conn: Connection,
    *,
    channel: str,
    address: str,
    fields: Mapping[str, Any],
    basis: str,
    source: str,
    world: World,
    now: datetime,
) -> int:
    """Register somebody whose contact is proven; return their number. `source`: where they agreed,
    page or text.
    """
    whole = {
        "external_id": f"web-{secrets.token_hex(8)}",
        "kind": "resident",
        COLUMN[channel]: address,
        "channels": channel,
        **fields,
    }
    made, _ = people.add(
        conn,
        ACTOR,
        whole,
        basis=basis,
        world=world,
        now=now,
        source=source,
        wording=WORDING,
        by_themselves=True,
    )
    return int(made["id"])


def refused(joined: Joined) -> Rejected:
    """Return (to be raised) why a code was not taken."""
    what = {
        "wrong": ("code_wrong", "this is not the code", "look again and type all six digits", 422),
        "too_often": (
            "code_tried_too_often",
            "wrong codes were typed five times",
            "have a new one sent",
            429,
        ),
        "expired": (
            "code_expired",
            "this code was used, or is older than ten minutes",
            "have a new one sent",
            410,
        ),
    }[joined.outcome]
    code, detail, fix, status = what
    return Rejected(Problem(code=code, detail=detail, fix=fix, field="code", status=status))


def new_address(channel: str, given: str, *, trial: bool) -> Address:
    """Return the address that somebody gives for a channel. Raises Rejected."""
    return addresses.read(channel, given, trial=trial)


def sign_in_address(given: str, offered: frozenset[str], *, trial: bool) -> Address:
    """Return the address at which somebody signs in: a mailbox, a mobile by text, another number by
    a call. Raises Rejected.
    """
    if "@" in given:
        return addresses.read(check_channel("email", offered), given, trial=trial)
    try:
        return addresses.read(check_channel("sms", offered), given, trial=trial)
    except Rejected as rejected:
        if rejected.problems[0].code not in ("landline", "channel_unknown"):
            raise
    return addresses.read(check_channel("voice", offered), given, trial=trial)
