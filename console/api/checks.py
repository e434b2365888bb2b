"""What can be asked without changing anything: who may act, what CAP says of a document, what a
text costs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from broadcast.cap.validation.validate import validate
from broadcast.content.limits import TEXT_LENGTHS
from broadcast.content.segments import count
from broadcast.operators import operators
from broadcast.problems import refuse
from console.api.acting import FILE, Asked, answer_once
from console.api.bodies import CAP
from console.api.setup.bodies import sends
from console.server.context import Web, web_of
from service.commands.unit_of_work import Act
from service.idempotency import Answered

_XML = "application/xml"
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            media: {"schema": {"type": "string", "format": "binary"}} for media in (CAP, _XML)
        },
    }
}


def router(_web: Web) -> APIRouter:
    """Return the routes that judge what they are sent."""
    api = APIRouter(tags=["checks"])
    api.get("/operators")(everybody)
    api.post("/cap/validate", openapi_extra=_BODY)(judge)
    api.post("/sms/segments", openapi_extra=sends("SmsText"))(segments)
    return api


async def everybody(request: Request) -> Response:
    """Return every operator, disabled ones too; for administrators and auditors, and
    recorded.
    """
    web = web_of(request)
    actor = await web.actor(request)
    operators.require(actor, "see_what_is_set_up")
    await web.db.write(
        operators.log_admin,
        actor=f"operator {actor.id}",
        action="operators.list",
        subject="",
        now=web.now(),
    )
    return JSONResponse(await web.db.read(operators.listed))


async def judge(request: Request) -> Response:
    """Judge a document by the rules of CAP 1.2; it is not kept."""
    return await answer_once(request, "read", _judged, media=(CAP, _XML))


async def _judged(asked: Asked) -> Answered[None]:
    verdict = await asked.web.context.apart(validate, asked.body)
    return _told(lambda: verdict.to_json(FILE))


async def segments(request: Request) -> Response:
    """Count encoding, segments and the characters that cost of a text; never refuses a text
    that a message could hold.
    """
    return await answer_once(request, "read", _counted)


async def _counted(asked: Asked) -> Answered[None]:
    text = asked.fields("text").get("text")
    if not isinstance(text, str):
        raise refuse("field_type", "text is no text", 'write {"text": "the words"}', field="text")
    most = TEXT_LENGTHS["sms"]
    if len(text) > most:
        detail = f"text has more than {most} characters"
        raise refuse("text_too_long", detail, "no message holds as many", field="text")
    return _told(count(text).to_json)


def _told(answer: Callable[[], dict[str, Any]]) -> Answered[None]:
    """Return an answer with which nothing is written."""
    return Answered(act=Act(lambda _conn: None), answer=lambda _conn, _result: answer())
