"""The acts on a message over HTTP: preview, submit, approve, return, reject, hold, resume, cancel,
resend; each is answered in its own transaction.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar

from fastapi import APIRouter, Request
from starlette.responses import Response

from broadcast.messages import advice, versions
from broadcast.messages.resends import Resend
from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.problems import refuse
from broadcast.store.database import TROUBLE, Connection
from broadcast.wording.cancelling import REASONS
from console.api.bodies import JSON, check_media_type, only_of, read_act, text_field
from console.api.told import message_id_of, told
from console.server.context import web_of
from service.commands import advising, deciding, reading, resending, submitting
from service.commands.context import Context
from service.commands.unit_of_work import Act
from service.idempotency import Answered, once
from service.problem_documents import problem_json

T = TypeVar("T")

Prepare = Callable[[Context], Awaitable[Answered[Any]]]
"""Looks up and counts what an act needs; what remains is to commit it."""

Do = Literal[
    "preview", "submit", "approve", "return", "reject", "hold", "resume", "cancel", "resend"
]

FIELDS: dict[Do, tuple[str, ...]] = {
    "preview": (),
    "submit": ("accept",),
    "approve": ("content_hash",),
    "return": ("why",),
    "reject": ("why",),
    "hold": (),
    "resume": (),
    "cancel": ("why", "reason"),
    "resend": ("only",),
}
"""What each act takes in its body."""

_SUMMARIES = {
    "preview": "Say who would be told and what a person should know first; changes nothing.",
    "submit": "Ask for the approval of exactly this text, to exactly these people.",
    "approve": (
        "Approve as the second person exactly what content_hash names: with that it is published"
        " and goes out."
    ),
    "return": "Give a submitted version back to be edited.",
    "reject": "End an unpublished version.",
    "hold": "Hand it to nobody any more, at once.",
    "resume": "Let a held version go on.",
    "cancel": "Stop what is not handed over and publish a CAP Cancel.",
    "resend": (
        "Order a further delivery attempt to those failed or in doubt; another person approves it"
        " by its own content_hash."
    ),
}


def add_to(api: APIRouter) -> None:
    """Add a route for each act."""
    for name, fields in FIELDS.items():
        api.add_api_route(
            f"/messages/{{id}}/{name}",
            _act_route(name),
            methods=["POST"],
            name=name,
            summary=_SUMMARIES[name],
            openapi_extra=_act_body(fields),
        )


def _act_route(name: Do) -> Callable[[Request, str], Awaitable[Response]]:
    async def act(request: Request, id: str) -> Response:
        web = web_of(request)
        actor = await web.actor(request)
        body = await request.body()
        check_media_type(request, body, JSON)

        async def make() -> Answered[Any]:
            message_id = message_id_of(id)
            prepare = _asked(name, actor, message_id, read_act(request, body, FIELDS[name]))
            await reading.readable(web.context, actor, message_id)
            return await prepare(web.context)

        answer = await once(request, body, web.context, actor, make)
        web.streams.hurry()
        if name == "cancel" and answer.status_code == 200:
            return await _with_readers(web.context, message_id_of(id), answer)
        return answer

    return act


async def _with_readers(context: Context, message_id: int, answer: Response) -> Response:
    """Return the answer to a cancel with a warning of who read it in a language that is not theirs.
    It is counted when the end is committed, for no end waits for counting, and anew for a repeated
    request; where it cannot be counted the answer stands as it is.
    """
    try:
        existing = await context.db.read(versions.of_message, message_id)
        ended = next((v for v in reversed(existing) if v.state == "cancelled"), None)
        found = await advising.read_instead(context, ended) if ended is not None else []
    except TROUBLE:
        return answer
    whole = json.loads(bytes(answer.body)) | {"warnings": [problem_json(p) for p in found]}
    headers = {k: v for k, v in answer.headers.items() if k != "content-length"}
    return Response(json.dumps(whole, ensure_ascii=False), 200, headers)


async def _answered(
    act: Awaitable[Act[T]], answer: Callable[[Connection, T], dict[str, Any]]
) -> Answered[T]:
    return Answered(act=await act, answer=answer)


def _asked(name: Do, actor: Operator, message_id: int, said: dict[str, Any]) -> Prepare:
    """Return what prepares an act, read from what the body says; raises Rejected."""
    match name:
        case "preview":
            return lambda c: _answered(
                submitting.preview(c, actor, message_id), lambda _conn, found: told(*found)
            )
        case "submit":
            accepted = _accepted(said)
            return lambda c: _answered(
                submitting.submit(c, actor, message_id, accepted),
                lambda conn, found: told(*found, warned=_warned(conn, found[0])),
            )
        case "approve":
            operators.require(actor, "approve")
            agreed = text_field(
                said,
                "content_hash",
                missing="content_hash_missing",
                fix="send the content_hash that the submission answered: it says what you approve",
            ).strip()
            return lambda c: _answered(deciding.approve(c, actor, message_id, agreed), _as_version)
        case "return" | "reject":
            operators.require(actor, name)
            why = text_field(said, "why", missing="why_missing", fix="say why: the author reads it")
            return lambda c: _answered(
                deciding.send_back(c, actor, message_id, name, why), _as_version
            )
        case "hold":
            return lambda c: _answered(deciding.hold(c, actor, message_id), _as_version)
        case "resume":
            return lambda c: _answered(deciding.resume(c, actor, message_id), _as_version)
        case "cancel":
            operators.require(actor, "cancel")
            why, reason = _why_cancelled(said)
            return lambda c: _answered(
                deciding.cancel(c, actor, message_id, why, reason),
                lambda conn, done: told(
                    done[0], handing_over=done[1], warned=_warned(conn, done[0])
                ),
            )
        case "resend":
            only = only_of(said)
            return lambda c: _answered(resending.resend(c, actor, message_id, only), _resend_told)


def _why_cancelled(said: dict[str, Any]) -> tuple[str, str]:
    """Return why a message is cancelled, kept inside, and the reason that is published."""
    why = text_field(
        said,
        "why",
        missing="why_missing",
        fix="say why: it is kept inside and never published",
    )
    reason = text_field(
        {"reason": "other", **said},
        "reason",
        missing="reason_unknown",
        fix=f"use one of {', '.join(REASONS)}",
    )
    return why, reason


def _accepted(said: dict[str, Any]) -> tuple[str, ...]:
    """Return the warnings that the author accepts; raises Rejected where one is none."""
    codes = said.get("accept", [])
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        raise refuse(
            "field_type",
            "accept must be a list of codes",
            'write "accept": ["shouting"], with codes of the warnings that a preview answers',
            field="accept",
        )
    return advice.check_accepted(codes)


def _resend_told(conn: Connection, order: Resend) -> dict[str, Any]:
    v = versions.get(conn, order.version_id)
    return told(v, resend=order.shown(v.content), warned=_warned(conn, v))


def _as_version(conn: Connection, v: Version) -> dict[str, Any]:
    return told(v, warned=_warned(conn, v))


def _warned(conn: Connection, v: Version) -> list[dict[str, object]]:
    """Return what the author was warned of at the submission, and whether they accepted it."""
    return advice.of_submission(conn, v.id)


def _act_body(fields: tuple[str, ...]) -> dict[str, Any]:
    kinds: dict[str, dict[str, Any]] = {
        "accept": {
            "type": "array",
            "items": {"type": "string", "enum": list(advice.CODES)},
            "default": [],
        },
        "only": {"type": "array", "items": {"type": "string", "enum": ["failed", "in_doubt"]}},
        "reason": {"type": "string", "enum": list(REASONS), "default": "other"},
        "content_hash": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    }
    properties = {name: kinds.get(name, {"type": "string"}) for name in fields}
    required = [name for name in fields if name not in ("accept", "reason")]
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": required,
    }
    return {"requestBody": {"required": bool(required), "content": {JSON: {"schema": schema}}}}
