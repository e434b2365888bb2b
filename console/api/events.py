"""What moves, as it moves: server-sent events of state changes and counts (https://html.spec.whatwg.org/multipage/server-sent-events.html).

Nothing is followed by number: a stream compares the database with what it told last, so that nothing is ever missed (guarantee R7). Who
connects again is told everything anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import timedelta

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from broadcast import listing, operators
from broadcast.listing import Pulse
from broadcast.states import ENDED
from broadcast.store import TROUBLE
from console.context import Web

LOOK_SECONDS = 0.5
HEARTBEAT_SECONDS = 10.0
FOLLOWED = timedelta(minutes=10)
"""How long the counts of a version that ended are told: receipts come after the end."""


class Pulses:
    """The last look at the database, shared by every stream of this process."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._busy = asyncio.Lock()
        self._at = -LOOK_SECONDS
        self._seen: dict[int, Pulse] = {}
        self._roles: dict[int, str] = {}

    async def now(self) -> dict[int, Pulse]:
        """Return what is open, or ended in the last ten minutes, as of half a second ago at most."""
        async with self._busy:
            if time.monotonic() - self._at >= LOOK_SECONDS:
                self._roles = await self._web.db.read(operators.roles_now)
                self._seen = await self._web.db.read(listing.pulse, self._web.now() - FOLLOWED)
                self._at = time.monotonic()
            return self._seen

    def may_read(self, operator_id: int) -> bool:
        """Return whether the operator was enabled at the last look, and may read."""
        role = self._roles.get(operator_id)
        return role is not None and "read" in operators.PERMISSIONS[role]

    async def since(self, told: dict[int, Pulse]) -> dict[int, Pulse]:
        """Return the present pulses, and how those versions ended that were told of and are seen no more."""
        seen = await self.now()
        gone = [version_id for version_id, pulse in told.items() if version_id not in seen and pulse.state not in ENDED]
        return {**seen, **await self._web.db.read(listing.pulse_of, gone)} if gone else seen


def router(web: Web) -> APIRouter:
    """Return the route of the stream."""
    api = APIRouter(tags=["events"])
    pulses = Pulses(web)

    @api.get("/events", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}})
    async def events(request: Request) -> Response:
        """Stream `state` {message, version, kind, status, state, identifier} and `counts` {message, version, channels}: first all that is open, then every change."""
        actor = await web.actor(request)
        operators.require(actor, "read")
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(_stream(web, pulses, actor.id), media_type="text/event-stream", headers=headers)

    return api


async def _stream(web: Web, pulses: Pulses, operator_id: int) -> AsyncIterator[str]:
    yield "retry: 2000\n\n"
    told: dict[int, Pulse] = {}
    spoke = time.monotonic()
    while not web.closing.is_set():
        lines: list[str] = []
        with contextlib.suppress(*TROUBLE):  # a database that is away is asked again; the heartbeat goes on
            seen = await pulses.since(told)
            if not pulses.may_read(operator_id):
                return  # disabled since: nothing more is told, and whoever connects again is refused
            lines = [line for version_id, pulse in sorted(seen.items()) for line in changes(told.get(version_id), pulse)]
            told = seen
        if lines:
            yield "".join(lines)
            spoke = time.monotonic()
        elif time.monotonic() - spoke >= HEARTBEAT_SECONDS:
            yield ": still here\n\n"
            spoke = time.monotonic()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(web.closing.wait(), LOOK_SECONDS)


def changes(before: Pulse | None, now: Pulse) -> list[str]:
    """Return the events that tell what changed."""
    told = asdict(now)
    channels = told.pop("channels")
    del told["revision"]
    found = []
    if before is None or (before.state, before.identifier) != (now.state, now.identifier):
        found.append(event("state", told))
    if channels and (before is None or before.channels != now.channels):
        found.append(event("counts", {"message": now.message, "version": now.version, "channels": channels}))
    return found


def event(name: str, data: object) -> str:
    """Return one event as it stands in the stream."""
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"

