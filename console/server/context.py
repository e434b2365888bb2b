"""What the pages and the API of one web process are made of; built once by console.server.web,
handed to every route.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from fastapi import Request

from broadcast.operators.operators import Operator
from broadcast.problems import Problem, Rejected
from broadcast.store.database import Database
from config.settings import Settings
from service.answers.keeping import Sealer
from service.commands.context import Context
from service.rendering import StoredRenderings

log = structlog.get_logger("web")


@dataclass(frozen=True, kw_only=True)
class Web:
    """The joined parts. `accounts` is account → token of who may call the webhooks; `simulated` are
    those that are the simulator's.

    `wake(topic)` hurries the engine of this process, if it has one.

    `ready()` is when a loop of this process last turned without trouble (None: never). `closing` is
    set when the process stops: streams end.
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
    simulated: frozenset[str] = frozenset()

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
