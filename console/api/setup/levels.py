"""Threat levels over HTTP: their history, the past from a file, and a change as a draft."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from broadcast.levels.scales import Level, read_levels_csv
from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.problems import refuse
from broadcast.store.database import Connection
from broadcast.wording.levels import ENDED
from console.api.bodies import check_media_type, read_act, text_field
from console.api.setup.bodies import CSV, may_set_up, sends, sends_file
from console.server.context import Web
from console.shapes import message_json
from service import levels
from service.commands.unit_of_work import Act
from service.idempotency import Answered, once
from service.problem_documents import problem_json
from service.setup import past_levels

_FILE = "the body"
_FIELDS = ("level", "scope", "why", "status", "source", "visibility")


def router(web: Web) -> APIRouter:
    """Return the routes of levels beside the present ones."""
    api = APIRouter(tags=["levels"])

    @api.post("/threat-levels", status_code=201, openapi_extra=sends("LevelChange"))
    async def change(request: Request) -> Response:
        """Draft the change of a level, in our headline and the author's reason; it holds, and is
        sent, when a second person has approved it.
        """
        actor = await web.actor(request)
        body = await request.body()

        async def make() -> Answered[Version]:
            operators.require(actor, "draft")
            fix = f"say one of {', '.join((*Level, ENDED))}"
            said = read_act(request, body, _FIELDS)
            level = text_field(said, "level", missing="level_missing", fix=fix)
            why = text_field(said, "why", missing="why_missing", fix="say why: people read it")
            more: dict[str, Any] = {
                name: text_field(said, name, missing="field_type", fix="leave it out")
                for name in ("scope", "status", "source", "visibility")
                if name in said
            }
            wanted = levels.Change(level=level, why=why, **{"scope": "UK", **more})
            return Answered(
                act=await levels.change(web.context, actor, wanted),
                answer=lambda _conn, v: message_json(v),
                status=201,
            )

        return await once(request, body, web.context, actor, make)

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
            csv="date,scale,level,note\n2006-08-01,international,SEVERE,first published\n"
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
