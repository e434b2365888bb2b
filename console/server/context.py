"""What the pages and the API of one web process are made of; built once by console.server.web,
handed to every route.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from fastapi import Request

from broadcast.operators.operators import Operator
from broadcast.problems import Problem, Rejected, refuse
from broadcast.store.database import Database
from broadcast.waiting import until_set
from config.settings import Settings
from console.server.limits import Limits
from service.answers.keeping import Sealer
from service.commands.context import Context
from service.rendering import StoredRenderings

log = structlog.get_logger("web")


HURRY_SECONDS = 0.2
"""Between two moments at which all streams are hurried: who acts often costs the others little."""


class Streams:
    """The event streams of this process by person, and what they wait for between two looks.

    `acts` counts the moments at which something was done here.
    """

    def __init__(self) -> None:
        self.acts = 0
        self._open: Counter[int] = Counter()
        self._done = asyncio.Event()
        self._told = -HURRY_SECONDS
        self._due: asyncio.TimerHandle | None = None

    def check(self, person: int) -> None:
        """Raise Rejected (429 too_many_streams) where an operator has as many as one may: all
        people of a control room share what a process can serve.
        """
        most = Limits().streams_of_one
        if self._open[person] >= most:
            raise refuse(
                "too_many_streams",
                f"you have {most} event streams open, as many as one may",
                "close some: one stream serves all that a browser or a program shows",
                status=429,
            )

    @contextlib.contextmanager
    def one_of(self, person: int) -> Iterator[None]:
        """Count one more stream of an operator until the block ends. Raises as `check` does."""
        self.check(person)
        self._open[person] += 1
        try:
            yield
        finally:
            self._open[person] -= 1

    def hurry(self) -> None:
        """Let every stream look at once: something was done in this process."""
        if self._due is None:
            loop = asyncio.get_running_loop()
            wait = self._told + HURRY_SECONDS - loop.time()
            self._due = loop.call_later(max(0.0, wait), self.tell)

    def tell(self) -> None:
        """Wake every stream, whenever it was done last."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        self.acts += 1
        self._told = asyncio.get_running_loop().time()
        self._done.set()
        self._done = asyncio.Event()

    async def next_look(self, seconds: float, acts: int) -> None:
        """Wait so many seconds at most, and no longer than until something is done here beyond
        these `acts`, which a stream read before it looked.
        """
        if self.acts == acts:
            await until_set(self._done, seconds)


@dataclass(frozen=True, kw_only=True)
class Web:
    """The joined parts. `accounts` is account → token of who may call the webhooks; `simulated` are
    those that are the simulator's.

    `wake(topic)` hurries the engine of this process, if it has one.

    `sealing` is held while everybody is written or sealed into a file: one at a time.

    `ready()` is when a loop of this process last turned without trouble (None: never). `closing` is
    set when the process stops: streams end (`close`).
    """

    context: Context
    db: Database
    settings: Settings
    accounts: Mapping[str, str] = field(repr=False)
    wake: Callable[[str], None] | None
    ready: Callable[[], datetime | None]
    renderings: StoredRenderings
    key: bytes = field(repr=False)
    closing: asyncio.Event
    sealer: Sealer
    streams: Streams = field(default_factory=Streams)
    sealing: asyncio.Lock = field(default_factory=asyncio.Lock)
    simulated: frozenset[str] = frozenset()

    def close(self) -> None:
        """End every event stream: the process stops."""
        self.closing.set()
        self.streams.tell()

    def now(self) -> datetime:
        """Return the present moment, aware UTC."""
        return self.context.now()

    async def actor(self, request: Request) -> Operator:
        """Return whose bearer token the request carries (RFC 6750 section 2.1); raises Rejected
        (401 token_missing, token_invalid).
        """
        given = request.headers.getlist("authorization")
        scheme, _, token = (given[0] if given else "").strip().partition(" ")
        if len(given) != 1 or scheme.lower() != "bearer" or not token.strip():
            detail = (
                "there is no bearer token"
                if len(given) < 2
                else "there are several Authorization headers"
            )
            raise Rejected(
                Problem(
                    code="token_missing",
                    detail=detail,
                    fix="send the header Authorization: Bearer TOKEN",
                    field="Authorization",
                    status=401,
                )
            )
        try:
            return await self.context.actor(token.strip())
        except Rejected as rejected:
            log_refused_entry("token", rejected)
            raise Rejected(
                Problem(
                    code=p.code, detail=p.detail, fix=p.fix, field="Authorization", status=p.status
                )
                for p in rejected.problems
            ) from None


def log_refused_entry(way: str, rejected: Rejected) -> None:
    """Log that somebody was not let in; `way` is token, sign-in or invitation. What they showed is
    not in the line.
    """
    for problem in rejected.problems:
        log.warning("web.entry_refused", way=way, code=problem.code)


def web_of(request: Request) -> Web:
    """Return the joined parts of the process that answers this request."""
    web: Web = request.app.state.web
    return web
