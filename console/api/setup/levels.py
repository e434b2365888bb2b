"""Threat levels over HTTP: their history, the past from a file, and a change as a draft."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from broadcast.levels.scales import Level, read_levels_csv
from broadcast.messages.versions import Version
from broadcast.store.database import Connection
from broadcast.wording.levels import ENDED
from console.api.acting import FILE, Asked, answer_once, take_file
from console.api.bodies import text_field
from console.api.setup.bodies import CSV, sends, sends_file
from console.server.context import Web, web_of
from console.shapes import message_json
from service import levels
from service.commands.unit_of_work import Act
from service.idempotency import Answered
from service.problem_documents import problem_json
from service.setup import past_levels

_OPTIONAL = ("scope", "status", "source", "visibility")


def router(_web: Web) -> APIRouter:
    """Return the routes of levels beside the present ones."""
    api = APIRouter(tags=["levels"])
    api.post("/threat-levels", status_code=201, openapi_extra=sends("LevelChange"))(change)
    api.get("/threat-levels/history")(changes)
    api.post(
        "/threat-levels/import",
        openapi_extra=sends_file(
            csv="date,scale,level,note\n2006-08-01,international,SEVERE,first published\n"
        ),
    )(bring_in)
    return api


async def change(request: Request) -> Response:
    """Draft the change of a level, in our headline and the author's reason; it holds, and is
    sent, when a second person has approved it.
    """
    return await answer_once(request, "draft", _drafted)


async def _drafted(asked: Asked) -> Answered[Version]:
    said = asked.fields("level", "why", *_OPTIONAL)
    fix = f"say one of {', '.join((*Level, ENDED))}"
    level = text_field(said, "level", missing="level_missing", fix=fix)
    why = text_field(said, "why", missing="why_missing", fix="say why: people read it")
    more: dict[str, Any] = {
        name: text_field(said, name, missing="field_type", fix="leave it out")
        for name in _OPTIONAL
        if name in said
    }
    wanted = levels.Change(level=level, why=why, **{"scope": "UK", **more})
    return Answered(
        act=await levels.change(asked.web.context, asked.actor, wanted),
        answer=lambda _conn, v: message_json(v),
        status=201,
    )


async def changes(request: Request, scope: str | None = None) -> Response:
    """Return every change on record that you may know, of all scopes or of one, oldest first,
    with its source, the reason that people read, and whose decision it was.
    """
    web = web_of(request)
    actor = await web.actor(request)
    return JSONResponse(await levels.changes(web.context, actor, scope=scope))


async def bring_in(request: Request) -> Response:
    """Fill in the past from a file of date, scale, level, note; sends nothing and sets no
    present level; for administrators without area.
    """
    return await take_file(request, _the_past, CSV)


async def _the_past(asked: Asked) -> Answered[Any]:
    now = asked.web.now()
    rows = await asked.web.context.apart(read_levels_csv, asked.file(), file=FILE, today=now.date())

    def answer(_conn: Connection, done: Any) -> dict[str, Any]:
        said, warnings = done
        return {**said, "warnings": [problem_json(p) for p in warnings]}

    return Answered(
        act=Act(lambda conn: past_levels.bring_in(conn, asked.actor, rows, name=FILE, now=now)),
        answer=answer,
    )
