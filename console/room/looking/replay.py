"""Replay to watch: one message, moment by moment, from the recorded facts. Nothing here sends."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import Response

from broadcast.messages import small_counts, versions
from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.problems import Rejected, refuse
from broadcast.replay import comparison, past
from broadcast.replay.past import Look, Mark, Moment
from broadcast.wording.times import zone_name
from console.room import acting, naming
from console.room.figures import Figures
from console.room.frame import BASES, Room
from console.room.looking import by_place, pictures
from service.commands import reading
from service.sign_in import Signed

STEPS = 60
"""Moments between the first fact and the last, beside those of every act."""


def attach(api: APIRouter, room: Room, figures: Figures) -> None:
    """Add the routes, once for each entrance."""
    for base in BASES:
        _attach(api, room, figures, base)


def _attach(api: APIRouter, room: Room, figures: Figures, base: str) -> None:
    web = room.web

    async def page(
        request: Request, signed: Signed, compared: dict[str, Any] | None = None
    ) -> Response:
        operators.require(signed.operator, "read")
        existing = await acting.message_of(room, request, signed)
        v = asked_version(request, existing)
        tree, people = await web.context.tree(), await _sees_people(room, signed, v)
        places = await by_place.reached(room, figures, v, by_place.PLACES_REPLAYED)
        codes = list(places.shares)
        look = await by_place.looks(room, figures, v, codes)
        acts, moments = await recorded(room, v, look)
        frames = [_frame(room, m, v, codes, people=people) for m in moments]
        asked = request.query_params.get("moment", "")
        at = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 5 else len(frames)
        at = min(at, len(frames) - 1)
        path = f"{base}/messages/{v.message_id}"
        then = dict(zip(codes, frames[at]["places"], strict=True)) if frames else {}
        return room.page(
            "replay.html",
            signed,
            kind=BASES[base],
            title="Rebuild from the record",
            v=v,
            path=path,
            existing=existing,
            frames=_attribute(frames),
            rows=[
                (m, frame, ", ".join(naming.act(a.what) for a in acts if a.at == m.at))
                for m, frame in zip(moments, frames, strict=True)
            ],
            lines={line: naming.LINES[line] for line in (frames[0]["people"] if frames else ())},
            curve=pictures.curve(frames, [(naming.act(a.what), a.at.isoformat()) for a in acts]),
            zone=zone_name(web.now().astimezone(ZoneInfo(web.settings.timezone))),
            acts=acts,
            at=at,
            people=people,
            codes=" ".join(codes),
            then=[(code, tree[code].name, n) for code, n in then.items()],
            map=pictures.hatched(tree, {code: n / 100 for code, n in then.items()}),
            form=room.form(signed, f"{path}/replay"),
            compared=compared,
        )

    async def show(request: Request, signed: Signed) -> Response:
        return await page(request, signed)

    async def compare(request: Request, signed: Signed) -> Response:
        await room.read(request, signed)
        operators.require(signed.operator, "read")
        existing = await acting.message_of(room, request, signed)
        number = existing[-1].message_id
        await web.db.write(
            operators.log_admin,
            actor=signed.operator.name,
            action="replay",
            subject=str(number),
            now=web.now(),
        )
        found = await comparison.run(web.db, message_id=number)
        return await page(request, signed, found)

    room.add(api, "GET", f"{base}/messages/{{id}}/replay", show)
    room.add(api, "POST", f"{base}/messages/{{id}}/replay", compare)


async def recorded(
    room: Room, v: Version, look: Look | None = None
) -> tuple[list[Mark], list[Moment]]:
    """Return the acts on a version, and how it stood at each of them and at moments in between,
    with what `look` makes of each. Raises Rejected (409 not_published).
    """
    db = room.web.db
    ends = await db.read(past.span, v)
    if ends is None:
        raise refuse(
            "not_published",
            "nothing of this message was recorded yet",
            "approve it first",
            status=409,
        )
    acts = [m for m in await db.read(past.marks, v.message_id) if m.version_id == v.id]
    step = (ends[1] - ends[0]) / STEPS
    times = {ends[0] + step * n for n in range(1, STEPS + 1)} | {m.at for m in acts}
    found = await db.read(past.at, v.message_id, sorted(times), look)
    return acts, [m for every in found for m in every if m.version == v.number]


def _attribute(told: Any) -> Markup:
    """Return JSON for an attribute between single quotes: escaped, its own quotes would be half of
    the page.
    """
    text = json.dumps(told, separators=(",", ":"))
    for char, escaped in (("&", "&amp;"), ("'", "&#39;"), ("<", "&lt;")):
        text = text.replace(char, escaped)
    return Markup(text)  # noqa: S704 - escaped above


async def _sees_people(room: Room, signed: Signed, v: Version) -> bool:
    """Return whether this person may be told who is in doubt, by their numbers."""
    try:
        operators.require(signed.operator, "people")
        await reading.require_people(room.web.context, signed.operator, v)
    except Rejected:
        return False
    return True


def _frame(
    room: Room, m: Moment, v: Version, codes: Sequence[str], *, people: bool
) -> dict[str, Any]:
    """Return a moment with the percentage reached of each place, and who was in doubt."""
    seen = m.seen or by_place.Seen(percent=[0] * len(codes), doubts=[])
    n = m.counted.people["in_doubt"]
    more = f" and {n - len(seen.doubts):,} more" if n > len(seen.doubts) else ""
    doubts = f"person {', '.join(map(str, seen.doubts))}{more}" if seen.doubts else "nobody"
    shown = shown_frame(room, m, v) | {"places": list(seen.percent)}
    return shown | {"doubts": doubts} if people else shown


def asked_version(request: Request, existing: list[Version]) -> Version:
    """Return the version that is asked for; without a number the newest that went out."""
    number = request.query_params.get("version", "")
    wanted = next((v for v in existing if str(v.number) == number), None)
    return wanted or versions.newest_published(existing) or existing[-1]


def shown_frame(room: Room, m: Moment, v: Version) -> dict[str, Any]:
    """Return a moment as people may read it: its state in words, and no small number where a shape
    was drawn.
    """
    told = small_counts.account(m.to_json(), v.content)
    parts = ("at", "state", "addressed", "people")
    shown = {name: told[name] for name in parts} | {"clock": room.clock(m.at)}
    return shown | {"state": naming.word(m.state)}
