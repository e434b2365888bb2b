"""The HTTP server: uvicorn with a protocol of ours, which refuses what is too long, too slow or too
much before anybody reads it.

uvicorn has time-outs for idle connections only, and its fast parser (httptools) takes headers of
any length. A connection that waits for its client (its head, its body, its next request) is
evicted, the longest waiting first, when there are too many: who comes with a whole request is never
kept out by those who do not finish theirs.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal

import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from console.server.limits import Limits

log = structlog.get_logger("web")

ACCEPTED_AT_ONCE = 32
"""Connections that one turn of the loop accepts: so many descriptors at most are taken before
the limit is looked at.
"""
BACKLOG = 1024

_REASONS = {
    408: (
        "Request Timeout",
        "request_slow",
        "the request did not arrive in its time",
        "send it whole, at once",
    ),
    431: (
        "Request Header Fields Too Large",
        "header_too_large",
        "the headers are too large",
        "send fewer and shorter ones",
    ),
    503: ("Service Unavailable", "busy", "too many connections wait here", "try again in a moment"),
}


def refusal(status: int) -> bytes:
    """Return a whole answer, as bytes, for who is refused before the application sees them."""
    phrase, code, detail, fix = _REASONS[status]
    problem = {"code": code, "field": "", "detail": detail, "fix": fix}
    body = json.dumps(
        {"type": "about:blank", "title": phrase, "status": status, **problem, "problems": [problem]}
    ).encode()
    lines = [
        f"HTTP/1.1 {status} {phrase}",
        "content-type: application/problem+json",
        f"content-length: {len(body)}",
        "cache-control: no-store",
    ]
    lines += ["retry-after: 2"] if status == 503 else []
    return "\r\n".join([*lines, "connection: close", "", ""]).encode() + body


class Doorkeeper:
    """Knows every open connection of one server, and which of them wait for their client, longest
    first.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.open: Counter[str] = Counter()
        self.waiting: dict[Door, None] = {}  # in the order in which they began to wait
        self.evicted = 0

    def admit(self, door: Door) -> bool:
        """Make room for a new connection; return False where nobody can be evicted for it."""
        while self.open.total() >= self.limits.connections:
            if not self._evict(self._busiest()):
                return False
        while self.open[door.address] >= self.limits.connections_per_address:
            if not self._evict(door.address):
                return False
        self.open[door.address] += 1
        return True

    def _busiest(self) -> str:
        held = Counter(door.address for door in self.waiting)
        return held.most_common(1)[0][0] if held else ""

    def _evict(self, address: str) -> bool:
        victim = next((door for door in self.waiting if door.address == address), None)
        if victim is None:
            return False
        self.evicted += 1
        victim.refuse(503)
        self.leave(victim)
        return True

    def leave(self, door: Door) -> None:
        """Forget a connection."""
        self.waiting.pop(door, None)
        if door.counted:
            door.counted = False
            self.open[door.address] -= 1
            if not self.open[door.address]:
                del self.open[door.address]


class Door(HttpToolsProtocol):
    """One connection. `phase`: head (a request's head is awaited), body, work (the application has
    all of it), idle.
    """

    def __init__(self, keeper: Doorkeeper, **more: Any) -> None:
        super().__init__(**more)
        self.keeper = keeper
        self.address = ""
        self.counted = False
        self.phase = "head"
        self._head_bytes = 0
        self._began = self._moved = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let it in, or answer 503."""
        super().connection_made(transport)
        self.address = self.client[0] if self.client else "local"
        self.counted = self.keeper.admit(self)
        if not self.counted:
            self.refuse(503)
            return
        self._wait("head")

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._stop_timer()
        self.keeper.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a head; everything else is uvicorn's."""
        if self._refused or self.transport.is_closing():
            return
        if self.phase == "idle":
            self._wait("head")
        self._moved = self.loop.time()
        if self.phase == "head":
            self._head_bytes += len(data)
            if (
                self._head_bytes > self.keeper.limits.header_bytes + len(data)
                or len(data) > 8 * self.keeper.limits.header_bytes
            ):
                self.refuse(431)
                return
        super().data_received(data)
        if self.phase == "head" and self._head_bytes > self.keeper.limits.header_bytes:
            self.refuse(431)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, unless its request has too many bytes of them already."""
        self._header_bytes += len(name) + len(value)
        if self._header_bytes <= self.keeper.limits.header_bytes:
            super().on_header(name, value)

    def on_message_begin(self) -> None:
        """Begin the next request of the connection."""
        super().on_message_begin()
        self._header_bytes = 0

    def on_headers_complete(self) -> None:
        """Hand the head on, unless it was too large."""
        if self._header_bytes + len(self.url) > self.keeper.limits.header_bytes:
            self.refuse(431)
            return
        self._wait("body")
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """From here on the application has all of it: the connection is never evicted while it
        works.
        """
        if self._refused:
            return
        self._stop_timer()
        self.keeper.waiting.pop(self, None)
        self.phase, self._head_bytes = "work", 0
        super().on_message_complete()
        if (
            self.cycle is not None and self.cycle.response_complete
        ):  # answered before its end was read
            self._wait("idle")

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        if (
            self.phase == "work"
            and not self.transport.is_closing()
            and (self.cycle is None or self.cycle.response_complete)
        ):
            self._wait("idle")

    def refuse(self, status: int) -> None:
        """Answer for the application where nothing was answered yet, and close."""
        self._refused = True
        self._stop_timer()
        if self.transport.is_closing():
            return
        answered = self.phase == "body" and self.cycle is not None and self.cycle.response_started
        if self.phase in ("head", "body") and not answered:
            self.transport.write(refusal(status))
        self.transport.close()
        # who does not read the answer is not waited for
        self.loop.call_later(1.0, self.transport.abort)

    def _wait(self, phase: str) -> None:
        if self._refused or not self.counted:
            return
        self.phase = phase
        self._began = self._moved = self.loop.time()
        self.keeper.waiting.pop(self, None)
        self.keeper.waiting[self] = None
        self._stop_timer()
        limits = self.keeper.limits
        if phase == "head":
            self._timer = self.loop.call_later(limits.header_seconds, self.refuse, 408)
        elif phase == "body":
            self._timer = self.loop.call_later(limits.body_idle_seconds, self._body_late)

    def _body_late(self) -> None:
        now, limits = self.loop.time(), self.keeper.limits
        if (
            now - self._began >= limits.body_seconds
            or now - self._moved >= limits.body_idle_seconds
        ):
            self.refuse(408)
            return
        until = min(self._moved + limits.body_idle_seconds, self._began + limits.body_seconds)
        self._timer = self.loop.call_later(max(0.05, until - now), self._body_late)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def make_server(
    app: Any,
    limits: Limits | None = None,
    *,
    graceful_seconds: int = 3,
    lifespan: Literal["on", "off"] = "on",
) -> uvicorn.Server:
    """Return a server for one application; it installs no signal handlers and trusts no forwarded
    header.
    """
    fitted = (limits or Limits()).fitted()
    keeper = Doorkeeper(fitted)

    def door(**more: Any) -> Door:
        return Door(keeper, **more)

    config = uvicorn.Config(
        app,
        http=door,  # type: ignore[arg-type]
        ws="none",
        log_config=None,
        access_log=False,
        lifespan=lifespan,
        server_header=False,
        proxy_headers=False,
        backlog=ACCEPTED_AT_ONCE,
        timeout_keep_alive=fitted.idle_seconds,
        timeout_graceful_shutdown=graceful_seconds,
    )
    return _Server(config)


class _Server(uvicorn.Server):
    """A server that leaves the signals to the process it runs in."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def run_server(server: uvicorn.Server, sock: socket.socket) -> None:
    """Serve until the server is told to exit. The kernel queues more connections than one turn of
    the loop accepts.
    """
    serving = asyncio.ensure_future(server.serve(sockets=[sock]))
    try:
        while not server.started and not serving.done():
            await asyncio.sleep(0.005)
        if not serving.done():
            sock.listen(BACKLOG)
        await serving
    finally:
        serving.cancel()
