"""Threat levels over HTTP: their history, the past from a file, and a change as a draft."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from broadcast.levels.scales import read_levels_csv
from broadcast.operators import operators
from broadcast.problems import refuse
from broadcast.store.database import Connection
from console.api.bodies import check_media_type
from console.api.setup.bodies import CSV, may_set_up, sends_file
from console.server.context import Web
from service import levels
from service.commands.unit_of_work import Act
from service.idempotency import Answered, once
from service.problem_documents import problem_json
from service.setup import past_levels

_FILE = "the body"


def router(web: Web) -> APIRouter:
    """Return the routes of levels beside the present ones."""
    api = APIRouter(tags=["levels"])

    @api.get("/threat-levels/history")
    async def changes(request: Request, scope: str | None = None) -> Response:
        """Return every change on record that you may know, of all scopes or of one, oldest first,
        with its source, the reason that people read, and whose decision it was.
        """
        actor = await web.actor(request)
        return JSONResponse(await levels.changes(web.context, actor, scope=scope))

    @api.post(
        "/threat-levels/import",
        openapi_extra=sends_file(
            csv=(CSV, "date,scale,level,note\n2006-08-01,international,SEVERE,first published\n")
        ),
    )
    async def bring_in(request: Request) -> Response:
        """Fill in the past from a file of date, scale, level, note; sends nothing and sets no
        present level; for administrators without area.
        """
        actor = await web.actor(request)
        body = await request.body()
        check_media_type(request, body, CSV)

        async def make() -> Answered[Any]:
            operators.require(actor, "administer")
            await web.db.read(may_set_up, actor)
            if not body:
                raise refuse("file_empty", "the body is empty", "send the file as it is")
            now = web.now()
            rows = await web.context.apart(read_levels_csv, body, file=_FILE, today=now.date())

            def answer(_conn: Connection, done: Any) -> dict[str, Any]:
                said, warnings = done
                return {**said, "warnings": [problem_json(p) for p in warnings]}

            return Answered(
                act=Act(lambda conn: past_levels.bring_in(conn, actor, rows, name=_FILE, now=now)),
                answer=answer,
            )

        return await once(request, body, web.context, actor, make)

    return api
