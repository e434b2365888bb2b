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
from console.api.bodies import CAP, check_media_type, read_act
from console.api.setup.bodies import sends
from console.server.context import Web
from service.commands.unit_of_work import Act
from service.idempotency import Answered, once

_XML = "application/xml"
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            media: {"schema": {"type": "string", "format": "binary"}} for media in (CAP, _XML)
        },
    }
}


def router(web: Web) -> APIRouter:
    """Return the routes that judge what they are sent."""
    api = APIRouter(tags=["checks"])

    @api.get("/operators")
    async def everybody(request: Request) -> Response:
        """Return every operator, disabled ones too; for administrators and auditors, and
        recorded.
        """
        actor = await web.actor(request)
        if actor.role != "auditor":
            operators.require(actor, "administer")
        await web.db.write(
            operators.log_admin,
            actor=f"operator {actor.id}",
            action="operators.list",
            subject="",
            now=web.now(),
        )
        return JSONResponse(await web.db.read(operators.listed))

    @api.post("/cap/validate", openapi_extra=_BODY)
    async def judge(request: Request) -> Response:
        """Judge a document by the rules of CAP 1.2; it is not kept."""
        actor = await web.actor(request)
        body = await request.body()
        check_media_type(request, body, CAP, _XML)

        async def make() -> Answered[None]:
            operators.require(actor, "read")
            verdict = await web.context.apart(validate, body)
            return _told(lambda: verdict.to_json("the body"))

        return await once(request, body, web.context, actor, make)

    @api.post("/sms/segments", openapi_extra=sends("SmsText"))
    async def segments(request: Request) -> Response:
        """Count encoding, segments and the characters that cost of a text; never refuses a text
        that a message could hold.
        """
        actor = await web.actor(request)
        body = await request.body()

        async def make() -> Answered[None]:
            operators.require(actor, "read")
            text = read_act(request, body, ("text",)).get("text")
            if not isinstance(text, str):
                raise refuse(
                    "field_type", "text is no text", 'write {"text": "the words"}', field="text"
                )
            most = TEXT_LENGTHS["sms"]
            if len(text) > most:
                detail = f"text has more than {most} characters"
                raise refuse("text_too_long", detail, "no message holds as many", field="text")
            return _told(count(text).to_json)

        return await once(request, body, web.context, actor, make)

    return api


def _told(answer: Callable[[], dict[str, Any]]) -> Answered[None]:
    """Return an answer with which nothing is written."""
    return Answered(act=Act(lambda _conn: None), answer=lambda _conn, _result: answer())
