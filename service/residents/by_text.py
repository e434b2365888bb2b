"""Registering by a text: JOIN, or YMUNO in Welsh, and a postcode or the name of a place.

The text itself proves the number, for the provider signs what it tells of, so no code is sent. The
Welsh AWAITS A NATIVE SPEAKER'S CHECK; English is the original.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from broadcast.places.postcodes import look_up
from broadcast.problems import Rejected
from broadcast.store.database import Connection, lock_name
from broadcast.wording.pack import fill
from service.residents import registering, sending
from service.setup.people import World
from subscribers.contact import points
from subscribers.people_file.choices import TOPICS
from subscribers.registration import addresses, budgets, pending

WORDS: Final[Mapping[str, str]] = MappingProxyType({"join": "en", "ymuno": "cy"})
"""The words that ask for it, and the language of each."""
_ANSWERS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "en": {
            "known": "{sender}: you are registered already.",
            "choices": "Your choices: {url}.",
            "start_stop": "START if you stopped texts, STOP to end them.",
            "which": "{sender}: we do not know that place. Text JOIN and your postcode{page}.",
            "where": ("{sender}: text JOIN and your postcode, such as JOIN SW1A 2AA{page}."),
            "page": ", or register at {url}",
            "done": (
                "{sender}: you get messages about {place} by text from now on. Texts that you send"
                " may cost you. STOP ends them."
            ),
            "more": "Choose more: {url}.",
            "danger": "In an emergency call 999.",
        },
        "cy": {
            "known": "{sender}: rydych wedi cofrestru eisoes.",
            "choices": "Eich dewisiadau: {url}.",
            "start_stop": "START os ydych wedi atal negeseuon testun, STOP i'w hatal.",
            "which": (
                "{sender}: nid ydym yn adnabod y lle hwnnw. Tecstiwch YMUNO a'ch cod post{page}."
            ),
            "where": (
                "{sender}: tecstiwch YMUNO a'ch cod post, er enghraifft YMUNO SW1A 2AA{page}."
            ),
            "page": ", neu cofrestrwch yn {url}",
            "done": (
                "{sender}: byddwch yn cael negeseuon testun am {place} o hyn ymlaen. Gall negeseuon"
                " a anfonwch gostio i chi. Mae STOP yn eu hatal."
            ),
            "more": "Dewiswch ragor: {url}.",
            "danger": "Mewn argyfwng ffoniwch 999.",
        },
    }
)
BASIS: Final = f"consent, by a text JOIN from the number itself (wording {registering.WORDING})"
TOPICS_BY_TEXT: Final = ";".join(topic for topic in TOPICS if topic != "exercise")
"""What somebody hears about who named no topics: everything but exercises."""
_LONGEST: Final = 100


def wanted(body: str) -> tuple[str, str] | None:
    """Return the place that a text names after JOIN, "" for none, and the language of that word;
    None where it is no such text.
    """
    first, _, rest = body.strip()[: 2 * _LONGEST].partition(" ")
    language = WORDS.get(first.casefold().strip(".,:;!"))
    if language is None:
        return None
    return " ".join(rest.split())[:_LONGEST].strip(".,:;! "), language


def is_here(channels_on: Callable[[str], frozenset[str]], *, simulated: bool) -> bool:
    """Return whether a text registers somebody here: the simulator's do in a trial alone, and real
    ones where messages are real.
    """
    status, channels = sending.channel_names_of(channels_on)
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
    language: str = "en",
) -> str:
    """Register who texted, once, as somebody of this language; return the answer, "" where none is
    sent: it names us, and who asked to be sent to discreetly is not named to whoever holds the
    telephone.

    An answer costs money, so it is in the budgets of codes; one that registers somebody is honest,
    and gives back what it took of its neighbours.
    """
    try:
        address = addresses.read("sms", number, trial=world.trial_numbers)
    except Rejected:
        return ""
    network = pending.network_mark(conn, f"text {address.prefix}")
    code = pending.counted(conn, address, network, language)
    budgets.take(conn, code, limits, now)
    # counts first, then the contact: in the order of who types a code in
    lock_name(conn, f"contact {code.address}")

    def said(*names: str, at: str = "", **more: str) -> str:
        """Return these sentences; with an address only where we have one."""
        url = f"{public_url}{at}" if public_url else ""
        page = fill(_ANSWERS[language]["page"], url=url) if url else ""
        return " ".join(
            fill(phrase, sender=sender, url=url, page=page, **more)
            for phrase in (_ANSWERS[language][name] for name in names)
            if url or "{url}" not in phrase
        )

    if points.who_proved(conn, "sms", address.text):
        budgets.typed_in(conn, code.prefix, code.network, now)
        if points.discreet_at(conn, address.text, "sms"):
            return ""
        return said("known", "choices", "start_stop", at="/sign-in")
    fields, name = _place(conn, world, place)
    if not fields:
        return said("which" if place else "where", at="/join")
    person = registering.register(
        conn,
        channel="sms",
        address=address.text,
        fields={**fields, "language": language, "topics": TOPICS_BY_TEXT},
        basis=BASIS,
        source="text",
        world=world,
        now=now,
    )
    points.prove(conn, person, "sms", address.text, "text", now)
    budgets.typed_in(conn, code.prefix, code.network, now)
    return said("done", "more", "danger", at="/sign-in", place=name)


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
