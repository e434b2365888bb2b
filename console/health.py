"""/healthz and /readyz: whether this process turns, and whether it can do its work."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from broadcast.problems import Rejected
from broadcast.store import TROUBLE
from console import migrate
from console.context import Web

SILENT_AFTER = timedelta(seconds=15)
"""A loop turns at least every two seconds; longer than this without one turn that went well is trouble."""
DATABASE_SECONDS = 2.0


def router(web: Web) -> APIRouter:
    """Return the routes of health."""
    api = APIRouter(tags=["machine"])

    @api.get("/healthz")
    async def healthz(_request: Request) -> Response:
        """Say that the event loop turns: where it does not, there is no answer, and the process is to be restarted."""
        return JSONResponse({"ok": True})

    @api.get("/readyz")
    async def readyz(_request: Request) -> Response:
        """Say whether the database answers with the right schema and the engine's loops turn; 503 with what is wrong."""
        reasons = [*await _database(web), *_engine(web)]
        return JSONResponse({"ok": not reasons, "reasons": reasons}, 503 if reasons else 200)

    return api


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
