"""What moves on pages, as it moves: whole parts of pages, first as they stand, then whenever they
have changed, and a beat in between (server-sent events). One stream serves every tab of a browser.

A stream writes nothing and does not keep its reader signed in; it ends with the session.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from broadcast.operators import operators
from broadcast.problems import Rejected
from broadcast.store.database import TROUBLE
from console.room import acting, home
from console.room.figures import Figures
from console.room.frame import BASES, Room, SignInNeeded
from console.room.looking.course import Courses
from service.sign_in import Signed

LOOK_SECONDS = 0.5
BEAT_SECONDS = 2.0
PARTS_MOST = 24
"""So many different pages are told of in one stream; room.js asks for no more."""
OVER = "event: over\ndata: \n\n"
MANY = "event: over\ndata: many\n\n"

Part = Callable[[str, Signed], Awaitable[str]]
"""Makes the part of the page with this path; raises Rejected where it has none for its reader."""


def attach(api: APIRouter, room: Room, figures: Figures, courses: Courses) -> None:
    """Add the route. Who is signed out, or is somebody else by now, is told that it is over, which
    a browser understands; it would ask for ever again where it is refused.
    """
    alike = home.AlikeKept(room)

    async def part(path: str, signed: Signed) -> str:
        if path == "/room":
            operators.require(signed.operator, "read")
            told = await home.gather(room, figures, signed, await alike.now())
            return room.part("home.part.html", **told)
        base, _, number = path.partition("/messages/")
        existing = await acting.message_at(room, signed, base if base in BASES else "", number)
        told = await courses.moving(signed, existing, path)
        return room.part("figures.html", **told) if told else ""

    async def events(request: Request) -> Response:
        asked = request.query_params
        paths = list(dict.fromkeys(asked.getlist("of")))[:PARTS_MOST]
        try:
            signed = await room.proved(request)
            wanted = paths and asked.get("who") == room.mark(signed)
            told = _counted(room, request, signed, paths, part) if wanted else _over()
        except SignInNeeded:
            told = _over()
        return StreamingResponse(
            told,
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    api.add_api_route("/room/events", events, methods=["GET"], include_in_schema=False)


async def _over() -> AsyncIterator[str]:
    yield OVER


async def _counted(
    room: Room, request: Request, signed: Signed, paths: list[str], part: Part
) -> AsyncIterator[str]:
    try:
        room.web.streams.check(signed.operator.id)
    except Rejected:  # one person may not have all streams; the page says so and asks no more
        yield MANY
        return
    with room.web.streams.one_of(signed.operator.id):
        async for told in _stream(room, request, paths, part):
            yield told


async def _stream(room: Room, request: Request, paths: list[str], part: Part) -> AsyncIterator[str]:
    yield "retry: 1000\n\n"
    told: dict[str, str | None] = dict.fromkeys(paths)
    spoke, closing = time.monotonic(), room.web.closing
    while told and not closing.is_set():
        acts = room.web.streams.acts
        # where the database is away nothing is told, no beat either: the figures are no longer
        # those of now, and a page says so when it hears nothing
        with contextlib.suppress(*TROUBLE):
            try:
                signed = await room.proved(request)
            except SignInNeeded:
                break
            for path in list(told):
                try:
                    now = await part(path, signed)
                except Rejected:  # its reader may know of it no more
                    del told[path]
                    yield _part(path, None)
                    continue
                bare = _without_time(now)
                if bare != told[path]:
                    told[path], spoke = bare, time.monotonic()
                    yield _part(path, now)
            if time.monotonic() - spoke >= BEAT_SECONDS:
                spoke = time.monotonic()
                yield "event: beat\ndata: \n\n"
        await room.web.streams.next_look(LOOK_SECONDS, acts)
    if not closing.is_set():
        yield OVER


def _part(path: str, html: str | None) -> str:
    return f"event: part\ndata: {json.dumps({'of': path, 'html': html})}\n\n"


def _without_time(part: str) -> str:
    """Return a part without the moment that it names, which alone is no change."""
    before, _, rest = part.partition("as of ")
    return before + rest.partition("</span>")[2]
