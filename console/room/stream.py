"""What moves on a page, as it moves: the whole part of the page, first as it stands, then whenever
it has changed, and a beat in between (server-sent events).

A stream writes nothing and does not keep its reader signed in; it ends with the session.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from broadcast.messages import versions
from broadcast.operators import operators
from broadcast.problems import Rejected
from broadcast.store.database import TROUBLE
from console.room import acting, home
from console.room.figures import Figures
from console.room.frame import BASES, Room, SignInNeeded
from service.sign_in import Signed

LOOK_SECONDS = 0.5
BEAT_SECONDS = 2.0

Part = Callable[[Request, Signed], Awaitable[str]]


def attach(api: APIRouter, room: Room, figures: Figures) -> None:
    """Add the routes."""

    async def message(request: Request, signed: Signed) -> str:
        existing = await acting.message_of(room, request, signed)
        published = versions.newest_published(existing)
        if published is None:
            return ""
        told = await figures.told(published)
        log = request.url.path.removesuffix("events") + "log"
        return room.part("figures.html", published=published, figures=told, log=log)

    for base in BASES:
        add(api, room, f"{base}/messages/{{id}}/events", message)

    async def first_page(_request: Request, signed: Signed) -> str:
        operators.require(signed.operator, "read")
        return room.part("home.part.html", **await home.gather(room, figures, signed))

    add(api, room, "/room/events", first_page)


def add(api: APIRouter, room: Room, path: str, part: Part) -> None:
    """Add the stream of one part of a page. Who is signed out gets 204, and asks no more."""

    async def endpoint(request: Request) -> Response:
        try:
            await part(request, await room.proved(request))
        except (SignInNeeded, Rejected):
            return Response(status_code=204)
        return StreamingResponse(
            _stream(room, request, part),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    api.add_api_route(path, endpoint, methods=["GET"], include_in_schema=False)


async def _stream(room: Room, request: Request, part: Part) -> AsyncIterator[str]:
    yield "retry: 1000\n\n"
    told, spoke, closing = "", 0.0, room.web.closing
    while not closing.is_set():
        with contextlib.suppress(*TROUBLE):
            try:
                now = await part(request, await room.proved(request))
            except (SignInNeeded, Rejected):
                yield "event: over\ndata: \n\n"
                return
            bare = _without_time(now)
            if bare != told:
                told, spoke = bare, time.monotonic()
                yield f"event: part\ndata: {json.dumps(now)}\n\n"
        if time.monotonic() - spoke >= BEAT_SECONDS:
            spoke = time.monotonic()
            yield "event: beat\ndata: \n\n"
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(closing.wait(), LOOK_SECONDS)


def _without_time(part: str) -> str:
    """Return a part without the moment that it names, which alone is no change."""
    before, _, rest = part.partition("as of ")
    return before + rest.partition("</span>")[2]
