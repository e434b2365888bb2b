"""Registering by a text: JOIN and a postcode, or the name of a place.

The text itself proves the number, for the provider signs what it tells of, so no code is sent.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from broadcast.places.postcodes import look_up
from broadcast.problems import Rejected
from broadcast.store.database import Connection, lock_name
from service.residents import registering, sending
from service.setup.people import World
from subscribers.contact import points
from subscribers.people_file.choices import TOPICS
from subscribers.registration import addresses, budgets, pending

WORDS: Final = ("join", "ymuno")
BASIS: Final = f"consent, by a text JOIN from the number itself (wording {registering.WORDING})"
TOPICS_BY_TEXT: Final = ";".join(topic for topic in TOPICS if topic != "exercise")
"""What somebody hears about who named no topics: everything but exercises."""
_LONGEST: Final = 100


def wanted(body: str) -> str | None:
    """Return the place that a text names after JOIN, "" for none; None where it is no such text."""
    first, _, rest = body.strip()[: 2 * _LONGEST].partition(" ")
    if first.casefold().strip(".,:;!") not in WORDS:
        return None
    return " ".join(rest.split())[:_LONGEST].strip(".,:;! ")


def is_here(channels_on: Callable[[str], frozenset[str]], *, simulated: bool) -> bool:
    """Return whether a text registers somebody here: the simulator's do in a trial alone, and real
    ones where messages are real.
    """
    status, channels = sending.registering_on(channels_on)
    return "sms" in channels and simulated == (status != "Actual")


def join(
    conn: Connection,
    number: str,
    place: str,
    *,
    world: World,
    limits: budgets.Limits,
    sender: str,
    public_url: str,
    now: datetime,
) -> str:
    """Register who texted, once; return the answer, "" where none is sent.

    An answer costs money, so it is in the budgets of codes; one that registers somebody is honest,
    and gives back what it took of its neighbours.
    """
    try:
        address = addresses.read("sms", number, trial=world.trial_numbers)
    except Rejected:
        return ""
    page = f" at {public_url}/join" if public_url else ""
    network = pending.network_mark(conn, f"text {address.prefix}")
    code = pending.counted(conn, address, network, "en")
    budgets.take(conn, code, limits, now)
    # counts first, then the contact: in the order of who types a code in
    lock_name(conn, f"contact {code.address}")
    if points.who_proved(conn, "sms", address.text):
        budgets.typed_in(conn, code.prefix, code.network, now)
        change = f" Your choices: {public_url}/sign-in." if public_url else ""
        return (
            f"{sender}: you are registered already.{change} START if you stopped texts, STOP to end"
            " them."
        )
    fields, name = _place(conn, world, place)
    if not fields:
        return (
            f"{sender}: we do not know that place. Text JOIN and your postcode, or register{page}."
            if place
            else f"{sender}: text JOIN and your postcode, such as JOIN SW1A 2AA, or register{page}."
        )
    person = registering.register(
        conn,
        channel="sms",
        address=address.text,
        fields={**fields, "language": "en", "topics": TOPICS_BY_TEXT},
        basis=BASIS,
        source="text",
        world=world,
        now=now,
    )
    points.prove(conn, person, "sms", address.text, "text", now)
    budgets.typed_in(conn, code.prefix, code.network, now)
    change = f" Choose more: {public_url}/sign-in." if public_url else ""
    return (
        f"{sender}: you get messages about {name} by text from now on. Texts that you send may cost"
        f" you. STOP ends them.{change} In an emergency call 999."
    )


def _place(conn: Connection, world: World, asked: str) -> tuple[dict[str, str], str]:
    """Return the fields of the one place that is meant, and its name; none where it is none, or
    could be several.
    """
    place = look_up.place_of(conn, asked) if asked else None
    if place is not None:
        return {"postcode": place.postcode}, place.postcode
    found = registering.search(world.tree, asked)
    named = [c for c in found if c.name.casefold() == asked.casefold()]
    only = named if len(named) == 1 else found
    if len(only) != 1:
        return {}, ""
    return {"area": only[0].value}, only[0].name
