"""Messages over HTTP: writing, approving and ending them; every act is the desk's, answered in its
own transaction.
"""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from broadcast.cap import acts
from broadcast.cap.drafting import content_of, read_cap
from broadcast.content.model import Content
from broadcast.drafts import Follows, read_draft
from broadcast.drafts.model import DraftIn
from broadcast.ledger import delivery_report
from broadcast.messages import advice, listing, resends, small_counts, versions
from broadcast.messages.resends import Resend
from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.problems import Problem, refuse
from broadcast.store.database import Connection
from broadcast.wording.cancelling import REASONS
from console.api import cursors
from console.api.bodies import CAP, JSON, check_media_type, only_of, read_act, text_field
from console.server.context import Web
from console.shapes import content_json, message_json
from service.desk import Seen
from service.idempotency import Act, once
from service.problem_documents import problem_json
from service.reading import read_replacing

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

FOLLOWS: dict[str, Follows] = {"update": "update", "correct": "correct", "all-clear": "all_clear"}

_BODY = {
    "application/json": {"schema": DraftIn.model_json_schema()},
    "application/cap+xml": {"schema": {"type": "string"}},
}


def message_id_of(text: str) -> int:
    """Return a message's number; raises Rejected (404 message_unknown) for what can be none."""
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    raise refuse(
        "message_unknown",
        "there is no such message",
        "see GET /api/v1/messages",
        field="id",
        status=404,
    )


def cheap_counts(v: Version) -> dict[str, Any] | None:
    """Return what a version's own row knows of its people; the account of `deliveries` is at
    …/counts.
    """
    if v.seen_count is None:
        return None
    found: dict[str, Any] = {"people": small_counts.number(v.seen_count, v.content)}
    if v.addressed is not None:
        found["addressed"] = small_counts.whole(v.seen_count, v.addressed - v.seen_count, v.content)
    return found


def _told(v: Version, seen: Seen | None = None, **more: Any) -> dict[str, Any]:
    """Return the answer to an act on a version."""
    if seen is None:
        return message_json(v, cheap_counts(v)) | more
    return (
        message_json(v, seen.shown(v))
        | {
            "people": small_counts.number(seen.people, v.content),
            "warnings": [problem_json(p) for p in seen.warnings],
        }
        | more
    )


def router(web: Web) -> APIRouter:
    """Return the routes of messages."""
    api = APIRouter(tags=["messages"])

    @api.post(
        "/messages",
        status_code=201,
        openapi_extra={"requestBody": {"required": True, "content": _BODY}},
    )
    async def draft(request: Request) -> Response:
        """Start a message: a draft, which goes to nobody until a second person approves it. CAP 1.2
        becomes a draft too.
        """
        actor = await web.actor(request)
        body = await request.body()
        kind = check_media_type(request, body, JSON, CAP)

        async def make() -> Act:
            operators.require(actor, "draft")
            if kind != CAP:
                content = await web.desk.apart(read_draft, body, "json", now=web.now())
                return Act(do=lambda desk: desk.draft(actor, content), answer=_with(), status=201)
            return await _draft_cap(web, actor, body)

        return await once(request, body, web.desk, actor, make)

    @api.get("/messages")
    async def listed(
        request: Request, cursor: str | None = None, limit: str | None = None
    ) -> Response:
        """Return the messages, the newest first, each as its newest version stands."""
        actor = await web.actor(request)
        operators.require(actor, "read")
        size = cursors.limit_of(limit)
        place = cursors.read(web.key, "messages", cursor)
        before, found, more = place[0] if place else None, list[Version](), True
        while more and len(found) <= size:
            some = await web.db.read(listing.newest, before, size + 1)
            found += [
                versions.head(existing)
                for existing in some
                if await web.desk.may_read(actor, existing)
            ]
            before, more = some[-1][0].message_id if some else None, len(some) > size
        page = found[:size]
        following = (
            cursors.write(web.key, "messages", page[-1].message_id) if len(found) > size else None
        )
        return JSONResponse(
            {"messages": [message_json(v, cheap_counts(v)) for v in page], "next": following}
        )

    @api.get("/messages/{id}")
    async def show(request: Request, id: str, version: str | None = None) -> Response:
        """Return a message as it stands: the open version, else the newest; with its content, its
        counts and what went before.
        """
        actor = await web.actor(request)
        operators.require(actor, "read")
        existing = await web.desk.readable(actor, message_id_of(id))
        v = versions.head(existing)
        if version is not None:
            v = next((v for v in existing if str(v.number) == version), None) or _no_version(
                existing
            )
        counts = (
            (await web.db.read(delivery_report.account, v)).shown()
            if v.published
            else cheap_counts(v)
        )
        history = [
            {
                "version": old.number,
                "action": old.action,
                "state": old.state,
                "identifier": old.identifier,
            }
            for old in existing
        ]
        more: dict[str, Any] = {
            "content": content_json(v.content),
            "why": v.why,
            "versions": history,
            "warned": await web.db.read(advice.of_submission, v.id),
        }
        waiting = await web.db.read(resends.waiting, v.message_id)
        if waiting is not None:
            more["resend"] = waiting.shown(v.content)
        return JSONResponse(message_json(v, counts) | more)

    @api.get("/resends")
    async def orders(request: Request) -> Response:
        """Return the ordered resends that wait for another person's approval, oldest first."""
        actor = await web.actor(request)
        operators.require(actor, "read")
        found = await web.db.read(resends.all_shown)
        mine = [
            each
            for each in found
            if await web.desk.may_read(actor, await web.db.read(versions.of_message, each[0]))
        ]
        return JSONResponse({"resends": [{"message": message, **order} for message, order in mine]})

    @api.put("/messages/{id}", openapi_extra={"requestBody": {"required": True, "content": _BODY}})
    async def edit(request: Request, id: str) -> Response:
        """Replace the text of a draft; any submission of it is void."""
        actor = await web.actor(request)
        body = await request.body()
        kind = check_media_type(request, body, JSON, CAP)
        message_id = message_id_of(id)
        operators.require(actor, "edit")
        v = versions.head(await web.desk.readable(actor, message_id))
        if v.action in FOLLOWS.values():
            base = await web.desk.base_of(message_id)
            content = await _read_following(web, body, kind, base, v.action, v.content)
        else:
            content = await web.desk.apart(
                read_replacing, body, cap=kind == CAP, now=web.now(), replaces=v.content
            )
        return JSONResponse(_told(await web.desk.edit(actor, message_id, content)))

    for name, fields in FIELDS.items():
        api.add_api_route(
            f"/messages/{{id}}/{name}",
            _act_route(web, name),
            methods=["POST"],
            name=name,
            summary=_SUMMARIES[name],
            openapi_extra=_act_body(fields),
        )
    for path, follows in FOLLOWS.items():
        route = _follow_route(web, follows)
        extra = {"requestBody": {"required": True, "content": _BODY}}
        api.add_api_route(
            f"/messages/{{id}}/{path}",
            route,
            methods=["POST"],
            status_code=201,
            name=path,
            summary=f"Draft {_SUMMARIES[path]}.",
            openapi_extra=extra,
        )
    return api


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
    "update": "an update",
    "correct": "a correction",
    "all-clear": "an all-clear",
}


def _act_body(fields: tuple[str, ...]) -> dict[str, Any]:
    kinds: dict[str, dict[str, Any]] = {
        "accept": {"type": "array", "items": {"enum": list(advice.CODES)}, "default": []},
        "only": {},
        "reason": {"enum": list(REASONS), "default": "other"},
    }
    properties = {name: kinds.get(name, {"type": "string"}) for name in fields}
    required = [name for name in fields if name not in ("accept", "reason")]
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": required,
    }
    return {"requestBody": {"required": bool(fields), "content": {JSON: {"schema": schema}}}}


def _no_version(existing: list[Version]) -> Version:
    raise refuse(
        "version_unknown",
        "there is no such version",
        f"it has versions 1 to {existing[-1].number}",
        field="version",
        status=404,
    )


def _with(warnings: tuple[Problem, ...] = ()) -> Any:
    def answer(_conn: Connection, v: Version, _seen: Seen | None) -> dict[str, Any]:
        told = {"warnings": [problem_json(p) for p in warnings]} if warnings else {}
        return {**_told(v), **told}

    return answer


async def _draft_cap(web: Web, actor: Operator, body: bytes) -> Act:
    """Return the act that a CAP document asks for: a draft, or of a message of ours an update.
    Raises Rejected for a Cancel.
    """
    alert = await web.desk.apart(read_cap, body)
    message = base = None
    if alert.msg_type != "Alert":
        await web.db.write(acts.keep, alert, body, web.now())
        message = await web.db.read(acts.message_meant, alert)
        if message is not None and not await web.desk.may_read(
            actor, await web.db.read(versions.of_message, message)
        ):
            message = None  # for this operator it does not exist
        refused = acts.not_an_alert(alert, message)
        if refused is not None:
            raise refused
    if message is not None:
        base = await web.desk.base_of(message)
    content, warnings = await web.desk.apart(content_of, alert, now=web.now(), base=base)
    if message is None:
        return Act(do=lambda desk: desk.draft(actor, content), answer=_with(warnings), status=201)
    operators.require(actor, "update")
    return Act(
        do=lambda desk: desk.follow(actor, message, "update", content),
        answer=_with(warnings),
        status=201,
    )


async def _read_following(
    web: Web, body: bytes, kind: str, base: Content, follows: Any, replaces: Content | None = None
) -> Content:
    """Return the content of a version that follows another; raises Rejected."""
    if kind == CAP:
        raise refuse(
            "media_type",
            "what follows a message is not read from CAP",
            f"send {JSON}",
            field="Content-Type",
            status=415,
        )
    return await web.desk.apart(
        read_draft, body, "json", now=web.now(), base=base, follows=follows, replaces=replaces
    )


def _follow_route(web: Web, follows: Follows) -> Any:
    async def follow(request: Request, id: str) -> Response:
        actor = await web.actor(request)
        body = await request.body()
        kind = check_media_type(request, body, JSON)

        async def make() -> Act:
            operators.require(actor, follows)
            message_id = message_id_of(id)
            await web.desk.readable(actor, message_id)
            base = await web.desk.base_of(message_id)
            content = await _read_following(web, body, kind, base, follows)
            return Act(
                do=lambda desk: desk.follow(actor, message_id, follows, content),
                answer=_with(),
                status=201,
            )

        return await once(request, body, web.desk, actor, make)

    return follow


def _act_route(web: Web, name: Do) -> Any:
    async def act(request: Request, id: str) -> Response:
        actor = await web.actor(request)
        body = await request.body()
        check_media_type(request, body, JSON)

        async def make() -> Act:
            made = _act(name, actor, message_id_of(id), read_act(request, body, FIELDS[name]))
            await web.desk.readable(actor, message_id_of(id))
            return made

        return await once(request, body, web.desk, actor, make)

    return act


def _act(name: Do, actor: Operator, message_id: int, said: dict[str, Any]) -> Act:
    """Return what an act does at the desk, and what is told of it."""
    told = _with()
    match name:
        case "preview":
            return Act(
                do=lambda desk: desk.preview(actor, message_id),
                answer=lambda _conn, result, _seen: _told(result[0], result[1]),
            )
        case "submit":
            accepted = _accepted(said)
            return Act(
                do=lambda desk: desk.submit(actor, message_id, accepted),
                answer=lambda _conn, v, seen: _told(v, seen),
            )
        case "approve":
            operators.require(actor, "approve")
            agreed = text_field(
                said,
                "content_hash",
                missing="content_hash_missing",
                fix="send the content_hash that the submission answered: it says what you approve",
            )
            return Act(do=lambda desk: desk.approve(actor, message_id, agreed.strip()), answer=told)
        case "return" | "reject":
            operators.require(actor, name)
            why = text_field(said, "why", missing="why_missing", fix="say why: the author reads it")
            return Act(do=lambda desk: desk.send_back(actor, message_id, name, why), answer=told)
        case "hold":
            return Act(do=lambda desk: desk.hold(actor, message_id), answer=told)
        case "resume":
            return Act(do=lambda desk: desk.resume(actor, message_id), answer=told)
        case "cancel":
            operators.require(actor, "cancel")
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
            return Act(
                do=lambda desk: desk.cancel(actor, message_id, why, reason),
                answer=lambda _conn, result, _seen: _told(result[0], handing_over=result[1]),
            )
        case "resend":
            only = only_of(said)
            return Act(do=lambda desk: desk.resend(actor, message_id, only), answer=_resend_told)


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


def _resend_told(conn: Connection, order: Resend, _seen: Seen | None) -> dict[str, Any]:
    v = versions.get(conn, order.version_id)
    return _told(v, resend=order.shown(v.content))
