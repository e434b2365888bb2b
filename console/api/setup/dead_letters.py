"""Dead letters over HTTP: what was put aside, handed over again or closed."""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from broadcast.events import dead_letters
from broadcast.events.dead_letters import DeadLetter
from broadcast.operators import operators
from broadcast.problems import refuse
from console.api.acting import Asked, answer_once
from console.api.bodies import text_field
from console.api.setup.bodies import sends
from console.server.context import Web, web_of
from service.commands.unit_of_work import Act
from service.idempotency import Answered
from service.setup import upkeep


def router(_web: Web) -> APIRouter:
    """Return the routes of dead letters; to act on one is for administrators without area."""
    api = APIRouter(tags=["dead letters"])
    api.get("/dead-letters")(listed)
    api.post("/dead-letters/{id}/retry")(retry)
    api.post("/dead-letters/{id}/close", openapi_extra=sends("Close"))(close)
    return api


async def listed(request: Request) -> Response:
    """Return what was put aside, at most 200: what is open first, then the newest that was closed;
    for administrators and auditors, and recorded.
    """
    web = web_of(request)
    actor = await web.actor(request)
    operators.require(actor, "see_what_is_set_up")
    await web.db.write(
        operators.log_admin,
        actor=actor.name,
        action="dead_letters.list",
        subject="",
        now=web.now(),
    )
    found = await web.db.read(dead_letters.listed)
    return JSONResponse({"dead_letters": [each.to_json() for each in found]})


async def retry(request: Request, id: str) -> Response:
    """Hand one to its processor again, which closes it; what fails again is put aside under a new
    number. For administrators without area, and recorded.
    """
    return await answer_once(request, "administer", partial(_retried, id_=id))


async def _retried(asked: Asked, *, id_: str) -> Answered[DeadLetter]:
    asked.fields()
    number, now = number_of(id_), asked.web.now()
    act = Act(lambda conn: upkeep.retry_dead_letter(conn, asked.actor, number, now=now))
    return Answered(act=act, answer=_told)


async def close(request: Request, id: str) -> Response:
    """Close one that was seen to, and say what was done; for administrators without area, and
    recorded.
    """
    return await answer_once(request, "administer", partial(_closed, id_=id))


async def _closed(asked: Asked, *, id_: str) -> Answered[DeadLetter]:
    why = text_field(
        asked.fields("why"), "why", missing="why_missing", fix="say what was done about it"
    )
    number, now = number_of(id_), asked.web.now()
    act = Act(lambda conn: upkeep.close_dead_letter(conn, asked.actor, number, why=why, now=now))
    return Answered(act=act, answer=_told)


def number_of(text: str) -> int:
    """Return the number of a dead letter; raises Rejected (404 dead_letter_unknown)."""
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    raise refuse(
        "dead_letter_unknown",
        "nothing of this number was put aside",
        "see GET /api/v1/dead-letters",
        field="id",
        status=404,
    )


def _told(_conn: Any, done: DeadLetter) -> dict[str, Any]:
    return done.to_json()
