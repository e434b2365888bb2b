"""What a version says and where it goes, as a page of the control room shows it: every text as it
will arrive, the map, the numbers.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import shapely
from markupsafe import Markup

from broadcast.messages.versions import Resolved, Version
from broadcast.operators import operators
from broadcast.places.geometry import circle_outline, from_wkb, union
from broadcast.wording.render import render
from console.pages import maps
from console.pages.cards import place_of, what_changed
from console.pages.phrases import ENGLISH, PHRASES
from console.room.frame import Room
from service.rendering import facts_of

CHANNELS = {"sms": "Text message", "voice": "Telephone call", "email": "E-mail", "web": "Web page"}


def texts(room: Room, v: Version, resolved: Resolved | None = None) -> list[dict[str, Any]]:
    """Return every text as it arrives, by language and channel, with the size of a text message."""
    settings = room.web.settings
    shown = v if resolved is None else replace(v, resolved=resolved)
    facts = facts_of(
        shown,
        sender_name=settings.sender_name,
        public_url=settings.public_url,
        sent=v.sent or room.web.now(),
        zone=settings.timezone,
    )
    found = []
    for language in v.content.languages:
        for channel in v.content.channels:
            made = render(v.content, facts, channel, language)
            found.append(
                {
                    "language": language,
                    "channel": CHANNELS[channel],
                    "subject": made.subject,
                    "body": made.body,
                    "size": f"{made.segments} parts, {made.encoding}" if channel == "sms" else "",
                }
            )
    return found


async def where(room: Room, v: Version, resolved: Resolved | None = None) -> dict[str, Any]:
    """Return the place in words and as a map."""
    tree, known = await room.web.context.tree(), resolved or v.resolved
    shown = replace(v, resolved=known)
    parts = [from_wkb(known.shape), *map(circle_outline, v.content.circles)]
    shape = union([p for p in parts if p is not None])
    name = place_of(shown, tree, ENGLISH)
    if shape is None or shapely.is_empty(shape):
        return {"name": name, "map": Markup("")}
    drawn = await asyncio.to_thread(
        maps.draw, shape, tree, title="Where it goes", description=name, name=f"map-{v.id}"
    )
    return {"name": name, "map": drawn}


def changes(existing: list[Version], v: Version) -> list[str]:
    """Return what differs from the version before it, in words; nothing for a first version."""
    before = next((p for p in existing if p.id == v.predecessor_id), None)
    if before is None:
        return []
    return [PHRASES[ENGLISH][name] for name in what_changed(before.content, v.content)]


async def names(room: Room, *ids: int | None) -> dict[int | None, str]:
    """Return who they are: the machine itself where nobody is."""
    wanted = {i for i in ids if i is not None}
    found = await room.web.db.read(operators.people, wanted)
    return {None: "nobody", **{person.id: person.name for person in found}}
