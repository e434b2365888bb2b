"""What a version says and where it goes, as a page of the control room shows it: every text as it
will arrive, the map, the numbers.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import shapely
from markupsafe import Markup

from broadcast.content.model import Content, provided_by
from broadcast.content.segments import count
from broadcast.content.text_rules import plainer
from broadcast.ledger import delivery_report
from broadcast.messages import small_counts, versions
from broadcast.messages.versions import Resolved, Version
from broadcast.operators import operators
from broadcast.places.geometry import circle_outline, from_wkb, union
from broadcast.wording.languages import pack_for
from broadcast.wording.rendered import Rendered
from broadcast.wording.speech import spoken_pack
from console.pages import maps
from console.pages.cards import place_of
from console.pages.phrases import ENGLISH
from console.room import naming
from console.room.frame import Room
from service.commands import advising
from service.rendering import as_it_arrives


def texts(
    room: Room, v: Version, resolved: Resolved | None = None, *, repeat: bool = False
) -> list[dict[str, Any]]:
    """Return every text as it arrives, by language and in it by channel, with the size of a text
    message and the keys that a call asks for; of what is not published yet, as if it were published
    now. `tag` is the language of the words: one that no voice reads gives way in a call.
    `repeat`: as it arrives where it is sent again, which no page is.
    """
    shown, settings = v if resolved is None else replace(v, resolved=resolved), room.web.settings
    found: dict[str, list[dict[str, Any]]] = {}
    for language, channel, made in as_it_arrives(shown, settings, room.web.now(), repeat=repeat):
        if repeat and channel == "web":
            continue
        asks = channel == "voice" and settings.public_url
        found.setdefault(language, []).append(
            {
                "by": channel,
                "channel": naming.CHANNELS[channel],
                "tag": made.language,
                "subject": made.subject,
                "body": made.body,
                "size": _size(made) if channel == "sms" else "",
                "keys": _keys(made.language) if asks else None,
            }
        )
    return [{"tag": language, "texts": mine} for language, mine in found.items()]


def _keys(language: str) -> dict[str, str]:
    """Return what a call asks for once its text was read, and in which language."""
    pack = spoken_pack(pack_for(language))
    return {"tag": pack.tag, "says": f"{pack.press_1} {pack.press_2}"}


def costly(room: Room, v: Version, resolved: Resolved) -> list[dict[str, Any]]:
    """Return, by language, which characters of the text message make it dearer, its parts, and
    whether plain characters can say the same. Of
    a language that is written in such letters nothing is said: nobody can replace them.
    """
    found = []
    for each in texts(room, v, resolved):
        for text in each["texts"]:
            made = count(text["body"])
            few = 2 * len(made.costly) < sum(char.isalpha() for char in text["body"])
            if text["channel"] == naming.CHANNELS["sms"] and made.costly and few:
                chars = Counter(char for char, _ in made.costly)
                words = v.content.languages[each["tag"]]
                said = words.sms or f"{words.headline}{words.instruction}"
                found.append(
                    {
                        "language": each["tag"],
                        "parts": naming.parts(made.segments),
                        "chars": chars.most_common(12),
                        "mendable": any(char in said and plainer(char) != char for char in chars),
                    }
                )
    return found


def _size(made: Rendered) -> str:
    plain = "" if made.encoding == "GSM-7" else ", with letters that make it dearer"
    return f"{naming.parts(made.segments)}{plain}"


async def where(room: Room, v: Version, resolved: Resolved | None = None) -> dict[str, Any]:
    """Return the place in words and as a map, whom of the people there it is for, and which
    information provider it is from, where it names one.
    """
    tree, known = await room.web.context.tree(), resolved or v.resolved
    shown = replace(v, resolved=known)
    parts = [from_wkb(known.shape), *map(circle_outline, v.content.circles)]
    shape = union([p for p in parts if p is not None])
    name = place_of(shown, tree, ENGLISH)
    whom = naming.only_for(v.content.audience, known.named)
    provider = known.named(provided_by(v.content)) if v.content.provider else ""
    said = {"name": name, "map": Markup(""), "whom": whom, "provider": provider}
    if shape is None or shapely.is_empty(shape):
        return said
    drawn = await asyncio.to_thread(
        maps.draw, shape, tree, title="Where it goes", description=name, name=f"map-{v.id}"
    )
    return {**said, "map": drawn}


async def reached(room: Room, v: Version) -> str:
    """Return how many people got a version or may have got it, "31 people"; "people" where nobody
    did, or where it may not be told.
    """
    people = (await room.web.db.read(delivery_report.account, v)).shown()["people"]
    got = [people[line] for line in advising.GOT]
    known = [n for n in got if isinstance(n, int)]
    return small_counts.people(sum(known)) if any(known) and len(known) == len(got) else "people"


async def scope(room: Room, v: Version) -> str:
    """Return what people call the country, the place or the group that a level is for; "" of a
    message without one.
    """
    code = v.content.scope or ""
    if ":" in code:
        return v.resolved.named(code)
    return naming.scope(code, await room.web.context.tree())


def differences(room: Room, existing: list[Version], v: Version) -> list[dict[str, str]]:
    """Return each field that differs from the version before it: what, before, now, language."""
    older = next((p for p in existing if p.id == v.predecessor_id), None)
    return [] if older is None else compared(room, older, v)


async def changed_since(room: Room, v: Version, read: str) -> list[dict[str, str]]:
    """Return in which fields a version differs from what was submitted of it under the hash `read`,
    as `compared` does. Both name places as they are called now: a draft has no names of its own.
    """
    was = await room.web.db.read(versions.submitted_as, v.id, read)
    if was is None:
        return []
    tree = await room.web.context.tree()
    codes = {*was.areas, *v.content.areas, was.scope or "", v.content.scope or ""}
    named = tuple((code, tree[code].name) for code in sorted(codes) if code in tree)
    known = Resolved(names=named, groups=v.resolved.groups)
    older = replace(v, content=was, resolved=known)
    return compared(room, older, replace(v, resolved=known))


def compared(room: Room, older: Version, v: Version) -> list[dict[str, str]]:
    """Return each field in which two contents differ: what, before, now, language."""
    before, now = older.content, v.content
    found: list[dict[str, str]] = []

    def say(what: str, was: str, becomes: str, lang: str = ENGLISH) -> None:
        if was != becomes:
            found.append({"what": what, "before": was, "now": becomes, "lang": lang})

    for tag in dict.fromkeys([*before.languages, *now.languages]):
        was, becomes = before.languages.get(tag), now.languages.get(tag)
        for name, label in FIELDS.items():
            old, new = (getattr(t, name) or "" if t else "" for t in (was, becomes))
            say(f"{label} in {naming.language(tag)}", old, new, tag)

    def places(of: Version) -> str:
        names = [of.resolved.named(code) for code in of.content.areas]
        shapes = len(of.content.polygons) + len(of.content.circles)
        return "\n".join([*names, *([f"{shapes} drawn"] if shapes else [])])

    say("Where", places(older), places(v))
    if places(older) == places(v) and (before.polygons, before.circles) != (
        now.polygons,
        now.circles,
    ):
        say("Where", "the shapes as drawn before", "other corners or points")
    say(
        "Only for",
        naming.only_for(before.audience, older.resolved.named),
        naming.only_for(now.audience, v.resolved.named),
    )
    for label, was_value, now_value in (
        ("Until", before.expires, now.expires),
        ("How bad", before.severity, now.severity),
        ("How soon", before.urgency, now.urgency),
        ("How sure", before.certainty, now.certainty),
        ("Kind", before.kind, now.kind),
        ("Status", before.status, now.status),
        ("Name of the exercise", before.exercise, now.exercise),
        ("Sent as", _provider(older), _provider(v)),
        ("Level", before.level, now.level),
        ("Level of", _scope(older), _scope(v)),
        ("Who is perhaps inside", _perhaps(before), _perhaps(now)),
        ("What was wrong", before.note, now.note),
        ("Source", before.source, now.source),
        ("Warning of others it is made from", before.incidents, now.incidents),
        ("Channels", before.channels, now.channels),
        ("Hotlines", before.hotlines, now.hotlines),
        ("Who may read it", before.visibility, now.visibility),
    ):
        say(label, _said(room, was_value), _said(room, now_value))
    return found


def _provider(v: Version) -> str:
    return v.resolved.named(provided_by(v.content)) if v.content.provider else ""


def _scope(v: Version) -> str:
    return v.resolved.named(v.content.scope) if v.content.scope else ""


def _perhaps(content: Content) -> str:
    return "told too" if content.include_perhaps else "not told"


FIELDS = {
    "headline": "Headline",
    "description": "What happened",
    "instruction": "What to do",
    "sms": "Text message",
    "voice": "Spoken words",
}


def expiry(room: Room, v: Version) -> str:
    """Return until when a version holds, in words."""
    at = v.expires_at or v.content.expires
    return _said(room, at) or "until it is ended"


def _said(room: Room, value: Any) -> str:
    if isinstance(value, datetime):
        return room.time(value)
    if isinstance(value, timedelta):
        minutes = int(value.total_seconds() // 60)
        hours = f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
        return f"{hours} from the approval"
    if isinstance(value, tuple | list):
        return ", ".join(naming.word(each) for each in value)
    return naming.word(value) if value is not None else ""


async def names(room: Room, *ids: int | None) -> dict[int | None, str]:
    """Return who they are: the machine itself where nobody is."""
    wanted = {i for i in ids if i is not None}
    found = await room.web.db.read(operators.people, wanted)
    return {None: "nobody", **{person.id: person.name for person in found}}


async def actors(room: Room, said: Collection[str]) -> dict[str, str]:
    """Return the names of operators who are called by their numbers, as "operator 5"."""
    found = {actor: actor.removeprefix("operator ") for actor in said}
    ids = {actor: int(n) for actor, n in found.items() if n.isascii() and n.isdigit()}
    known = await names(room, *ids.values())
    return {actor: known[n] for actor, n in ids.items() if n in known}
