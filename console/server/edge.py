"""The outermost layer of the web process: how much is read, what every answer carries, what is
counted, and that no fault shows its trace.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import time
from collections.abc import Callable

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from broadcast import failures
from broadcast.problems import Problem, Rejected
from broadcast.store.database import TROUBLE
from console.server import problem_json
from console.server.capacity import Capacity
from console.server.limits import MIB, share_of

log = structlog.get_logger("web")

_DRAIN_LIMIT = (
    64 * MIB
    # so much of a body too large is read and thrown away: who is still sending would not see the
    # answer
)
_DRAIN_SECONDS = 10.0
_REQUEST_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")

SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (
        b"content-security-policy",
        (
            b"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self';"
            b" base-uri 'none'; frame-ancestors 'none'"
        ),
    ),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""Pages are plain: no script, nothing from outside, in nobody's frame."""

STAY_ENCRYPTED = (b"strict-transport-security", b"max-age=31536000")
"""For a year a browser comes back over TLS alone (RFC 6797); said where ours is https."""

Observe = Callable[[str, str, int, float], None]
"""Method, route template, status, seconds."""


class _TooLargeError(Exception):
    pass


class _Body:
    """A request's body, read as a whole before a place is taken for it: who is slow with it holds a
    connection, and nothing else.
    """

    def __init__(self, receive: Receive, capacity: Capacity, share: str, limit: int) -> None:
        self._receive, self._capacity, self._share, self._limit = receive, capacity, share, limit
        self._parts: list[Message] = []
        self._whole = False
        self.counted = 0

    async def read(self) -> None:
        """Read it; raises ClientDisconnect, _TooLargeError, or Rejected (503) where all bodies
        together are too many.
        """
        while True:
            message = await self._receive()
            if message["type"] != "http.request":
                raise ClientDisconnect
            size = len(message.get("body", b""))
            self.counted += size
            self._capacity.read(self._share, size)
            self._whole = not message.get("more_body")
            if self.counted > self._limit:
                raise _TooLargeError
            self._parts.append(message)
            if self._whole:
                return

    async def drain(self) -> None:
        """Read on after a body was refused as too large, and keep nothing: who is still sending
        then reads the answer. What is read counts like every body; it ends at a size, after a time,
        and where all bodies together are too many.
        """
        self._parts.clear()
        with contextlib.suppress(TimeoutError, Rejected):
            async with asyncio.timeout(_DRAIN_SECONDS):
                while self.counted <= _DRAIN_LIMIT and not self._whole:
                    message = await self._receive()
                    self._whole = not message.get("more_body")
                    size = len(message.get("body", b""))
                    self.counted += size
                    self._capacity.read(self._share, size)

    async def give(self) -> Message:
        """Give the application what was read, then whatever comes."""
        return self._parts.pop(0) if self._parts else await self._receive()


class Edge:
    """ASGI middleware. `limit_of(path)` gives the bytes of a body that are read there; `endless`
    are the paths of streams; `tls` says that people reach us over TLS.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        limit_of: Callable[[str], int],
        observe: Observe,
        capacity: Capacity,
        sender_name: str = "",
        endless: frozenset[str] = frozenset(),
        tls: bool = False,
    ) -> None:
        self._app, self._limit_of, self._observe, self._endless = app, limit_of, observe, endless
        self._capacity, self._sender_name = capacity, sender_name
        self._headers = (*SECURITY_HEADERS, STAY_ENCRYPTED) if tls else SECURITY_HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        stream = scope["path"] in self._endless
        if scope["method"] == "HEAD" and not stream:
            scope = {
                **scope,
                "method": "GET",
                # the server leaves the body out, so that whatever has a GET has a HEAD (RFC 9110
                # section 9.1)
            }
        request_id = _request_id(scope)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        began, answered = time.monotonic(), 0
        limit = self._limit_of(scope["path"])
        entered, share = False, share_of(scope["path"])
        body = _Body(receive, self._capacity, share, limit)
        secret = scope["path"].startswith(("/api/", "/u/", "/hooks/", "/room", "/exercise"))

        async def dressed(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = message["status"]
                present = {name.lower() for name, _ in message["headers"]}
                wanted = [*self._headers, *([(b"cache-control", b"no-store")] if secret else [])]
                message["headers"] = [
                    *message["headers"],
                    *((name, value) for name, value in wanted if name not in present),
                    (b"x-request-id", request_id.encode()),
                ]
            async with asyncio.timeout(
                self._capacity.limits.write_seconds
            ):  # who does not read is not waited for
                await send(message)

        try:
            self._capacity.ask(scope)
            if _declared(scope) > limit:
                raise _TooLargeError
            if scope["method"] not in ("GET", "HEAD"):
                await body.read()
            self._capacity.enter(share, stream=stream)
            entered = True
            async with self._capacity.turn(share):
                await self._app(scope, body.give, dressed)
        except _TooLargeError:
            await body.drain()
            await self._refuse(
                scope,
                dressed,
                answered,
                Rejected(
                    Problem(
                        code="body_too_large",
                        detail=f"at most {limit:,} bytes are read here",
                        fix="send less",
                        status=413,
                    )
                ),
            )
        except Rejected as rejected:
            await self._refuse(scope, dressed, answered, rejected)
        except ClientDisconnect:
            # before its body was whole: there is nobody to answer
            log.info("web.client_left", route=problem_json.route_of(scope))
        except TROUBLE as error:
            log.warning(
                "web.database_trouble",
                route=problem_json.route_of(scope),
                error=type(error).__name__,
            )
            await self._refuse(scope, dressed, answered, problem_json.no_database())
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
            _log_bug(scope, error)
            await self._refuse(scope, dressed, answered, problem_json.of_bug())
        finally:
            self._capacity.body_bytes[share] -= body.counted
            if entered:
                self._capacity.leave(share, stream=stream)
            route, seconds = problem_json.route_of(scope), time.monotonic() - began
            self._observe(scope["method"], route, answered, seconds)
            log.debug(
                "web.answered",
                method=scope["method"],
                route=route,
                status=answered,
                seconds=round(seconds, 4),
            )

    async def _refuse(self, scope: Scope, send: Send, answered: int, rejected: Rejected) -> None:
        if answered:
            # half an answer is out: the server cuts the connection, and the client sees that it is
            # no whole one
            return
        answer = problem_json.answer(scope, rejected, self._sender_name)
        if rejected.status in (413, 429, 503):
            answer.headers["Connection"] = "close"

        async def nothing() -> Message:
            return {"type": "http.disconnect"}

        await answer(scope, nothing, send)


def _log_bug(scope: Scope, error: Exception) -> None:
    log.error(
        "web.failed",
        method=scope["method"],
        route=problem_json.route_of(scope),
        **failures.told(error),
    )


def _request_id(scope: Scope) -> str:
    """Return the id of a request: the one that came with it, where it may stand in a log, or a new
    one.
    """
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return str(value.decode("ascii"))
    return secrets.token_hex(8)


def _declared(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:18])
    return 0
