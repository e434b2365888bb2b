"""What moves, as it moves: server-sent events of state changes and counts
(https://html.spec.whatwg.org/multipage/server-sent-events.html).

Nothing is followed by number: a stream compares the database with what it told last, so that
nothing is ever missed (rule R7). Who connects again is told everything anew.
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

from broadcast.messages import listing, readers, versions
from broadcast.messages.listing import Pulse
from broadcast.messages.states import ENDED
from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.store.database import TROUBLE
from console.server.context import Web
from service.commands import reading

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
        self._acts = 0
        self._seen: dict[int, Pulse] = {}
        self._operators: dict[int, Operator] = {}

    async def now(self) -> dict[int, Pulse]:
        """Return what is open, or ended in the last ten minutes, as of half a second ago at
        most.
        """
        async with self._busy:
            acts = self._web.streams.acts
            if acts != self._acts or time.monotonic() - self._at >= LOOK_SECONDS:
                self._operators = await self._web.db.read(operators.active)
                self._seen = await self._web.db.read(listing.pulse, self._web.now() - FOLLOWED)
                self._at, self._acts = time.monotonic(), acts
            return self._seen

    def reader(self, operator_id: int) -> Operator | None:
        """Return the operator as of the last look; None if they were disabled by then, or may not
        read.
        """
        found = self._operators.get(operator_id)
        return found if found is not None and "read" in operators.PERMISSIONS[found.role] else None

    async def since(self, told: dict[int, Pulse]) -> dict[int, Pulse]:
        """Return the present pulses, and how those versions ended that were told of and are seen no
        more.
        """
        seen = await self.now()
        gone = [
            version_id
            for version_id, pulse in told.items()
            if version_id not in seen and pulse.state not in ENDED
        ]
        return {**seen, **await self._web.db.read(listing.pulse_of, gone)} if gone else seen


class Readable:
    """What one stream may tell its reader; a message is judged anew when it, its reader's area or
    the areas changed.
    """

    def __init__(self, web: Web) -> None:
        self._web = web
        self._judged: dict[int, tuple[object, bool]] = {}

    async def of(self, reader: Operator, seen: dict[int, Pulse]) -> dict[int, Pulse]:
        """Return the pulses of the messages that the operator may know of."""
        if readers.reads_all(reader):
            return seen
        tree = await self._web.context.tree()
        marks: dict[int, list[tuple[int, int]]] = {}
        for version_id, pulse in sorted(seen.items()):
            marks.setdefault(pulse.message, []).append((version_id, pulse.revision))
        judged: dict[int, tuple[object, bool]] = {}
        for message, versions_seen in marks.items():
            mark = (reader.area, tree.revision, versions_seen)
            before = self._judged.get(message)
            if before is None or before[0] != mark:
                existing = await self._web.db.read(versions.of_message, message)
                before = (mark, await reading.may_read(self._web.context, reader, existing))
            judged[message] = before
        self._judged = judged
        return {version_id: pulse for version_id, pulse in seen.items() if judged[pulse.message][1]}


def router(web: Web) -> APIRouter:
    """Return the route of the stream."""
    api = APIRouter(tags=["events"])
    pulses = Pulses(web)

    @api.get(
        "/events",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}}},
    )
    async def events(request: Request) -> Response:
        """Stream `state` {message, version, kind, status, state, identifier} and `counts` {message,
        version, channels}: first all that is open, then every change.
        """
        actor = await web.actor(request)
        operators.require(actor, "read")
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        web.streams.check(actor.id)
        return StreamingResponse(
            _counted(web, pulses, actor.id), media_type="text/event-stream", headers=headers
        )

    return api


async def _counted(web: Web, pulses: Pulses, operator_id: int) -> AsyncIterator[str]:
    with web.streams.one_of(operator_id):
        async for told in _stream(web, pulses, operator_id):
            yield told


async def _stream(web: Web, pulses: Pulses, operator_id: int) -> AsyncIterator[str]:
    yield "retry: 2000\n\n"
    told: dict[int, Pulse] = {}
    mine = Readable(web)
    spoke = time.monotonic()
    while not web.closing.is_set():
        lines: list[str] = []
        acts = web.streams.acts
        with contextlib.suppress(
            *TROUBLE
        ):  # a database that is away is asked again; the heartbeat goes on
            seen = await pulses.since(told)
            reader = pulses.reader(operator_id)
            if reader is None:
                # disabled since: nothing more is told, and whoever connects again is refused
                return
            seen = await mine.of(reader, seen)
            lines = [
                line
                for version_id, pulse in sorted(seen.items())
                for line in changes(told.get(version_id), pulse)
            ]
            told = seen
        if lines:
            yield "".join(lines)
            spoke = time.monotonic()
        elif time.monotonic() - spoke >= HEARTBEAT_SECONDS:
            yield ": still here\n\n"
            spoke = time.monotonic()
        await web.streams.next_look(LOOK_SECONDS, acts)


def changes(before: Pulse | None, now: Pulse) -> list[str]:
    """Return the events that tell what changed."""
    told = asdict(now)
    channels = told.pop("channels")
    del told["revision"]
    found = []
    if before is None or (before.state, before.identifier) != (now.state, now.identifier):
        found.append(event("state", told))
    if channels and (before is None or before.channels != now.channels):
        found.append(
            event("counts", {"message": now.message, "version": now.version, "channels": channels})
        )
    return found


def event(name: str, data: object) -> str:
    """Return one event as it stands in the stream."""
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
