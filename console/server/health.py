"""/healthz and /readyz: whether this process turns, and whether it can do its work."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from broadcast.operators import audit
from broadcast.problems import Rejected
from broadcast.store.database import TROUBLE
from console.processes import migrate
from console.server.context import Web

SILENT_AFTER = timedelta(seconds=15)
"""A loop turns at least every two seconds; longer than this without one turn that went well is
trouble.
"""
DATABASE_SECONDS = 2.0
HEAD_EVERY_SECONDS = 1.0
HEAD_WAIT_SECONDS = 0.5


def router(web: Web) -> APIRouter:
    """Return the routes of health."""
    api = APIRouter(tags=["machine"])

    published = PublishedHead(web)

    @api.get("/healthz")
    async def healthz(_request: Request) -> Response:
        """Say that the event loop turns: where it does not, there is no answer, and the process is
        to be restarted.

        `audit` is the head of the audit chain {number, hash}, to be kept elsewhere; as last seen
        where the database does not answer.
        """
        return JSONResponse({"ok": True, "audit": await published.now()})

    @api.get("/readyz")
    async def readyz(_request: Request) -> Response:
        """Say whether the database answers with the right schema and the engine's loops turn; 503
        with what is wrong.
        """
        reasons = [*await _database(web), *_engine(web)]
        return JSONResponse({"ok": not reasons, "reasons": reasons}, 503 if reasons else 200)

    return api


class PublishedHead:
    """The head of the audit chain, looked up once a second at most, and never waited for longer
    than a moment.
    """

    def __init__(self, web: Web) -> None:
        self._web = web
        self._seen: dict[str, Any] | None = None
        self._looked = -math.inf

    async def now(self) -> dict[str, Any] | None:
        """Return {number, hash}; what was seen last where the database is away, None where nothing
        was.
        """
        now = asyncio.get_running_loop().time()
        if now - self._looked >= HEAD_EVERY_SECONDS:
            self._looked = now
            with suppress(*TROUBLE):
                async with asyncio.timeout(HEAD_WAIT_SECONDS):
                    head = await self._web.db.read(audit.head)
                self._seen = {"number": head.number, "hash": head.hash} if head else None
        return self._seen


async def _database(web: Web) -> list[str]:
    try:
        async with asyncio.timeout(DATABASE_SECONDS):
            await migrate.check(web.db)
    except Rejected as rejected:
        return [p.line() for p in rejected.problems]
    except TROUBLE as error:
        return [f"database_unavailable: the database does not answer ({type(error).__name__})"]
    return []


def _engine(web: Web) -> list[str]:
    turned = web.ready()
    if turned is None:
        return ["engine_not_started: no loop has turned yet"]
    if web.now() - turned > SILENT_AFTER:
        return [f"engine_stuck: no loop has turned well since {turned.isoformat()}"]
    return []
