"""Messages over HTTP: listed, shown, drafted and edited; what else is done to one is in
`message_acts`.
"""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from broadcast.cap import foreign_acts
from broadcast.cap.drafting import content_of, read_cap
from broadcast.content.model import Content
from broadcast.drafts import Follows, read_draft
from broadcast.drafts.model import DraftIn
from broadcast.ledger import delivery_report
from broadcast.messages import advice, listing, resends, versions
from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.problems import refuse
from console.api import cursors, message_acts
from console.api.bodies import CAP, JSON, check_media_type
from console.api.told import cheap_counts, message_id_of, told, told_with
from console.server.context import Web, web_of
from console.shapes import content_json, message_json
from service.commands import drafting, reading
from service.idempotency import Answered, once
from service.reading import read_replacing
from service.rendering import as_it_arrives

FOLLOWS: dict[str, Follows] = {"update": "update", "correct": "correct", "all-clear": "all_clear"}
_BODY = {
    "application/json": {"schema": DraftIn.model_json_schema()},
    "application/cap+xml": {"schema": {"type": "string"}},
}

_FOLLOWING = {"update": "an update", "correct": "a correction", "all-clear": "an all-clear"}


def router(_web: Web) -> APIRouter:
    """Return the routes of messages: what is listed here, and the acts."""
    api = APIRouter(tags=["messages"])
    writes: dict[str, Any] = {
        "openapi_extra": {"requestBody": {"required": True, "content": _BODY}}
    }
    api.post("/messages", status_code=201, **writes)(draft)
    api.get("/messages")(listed)
    api.get("/messages/{id}")(show)
    api.get("/resends")(orders)
    api.put("/messages/{id}", **writes)(edit)
    for path, follows in FOLLOWS.items():
        api.post(
            f"/messages/{{id}}/{path}",
            status_code=201,
            name=path,
            summary=f"Draft {_FOLLOWING[path]}.",
            **writes,
        )(_follow_route(follows))
    message_acts.add_to(api)
    return api


async def draft(request: Request) -> Response:
    """Start a message: a draft, which goes to nobody until a second person approves it. CAP 1.2
    becomes a draft too.
    """
    web = web_of(request)
    actor = await web.actor(request)
    body = await request.body()
    kind = check_media_type(request, body, JSON, CAP)

    async def make() -> Answered[Any]:
        operators.require(actor, "draft")
        if kind != CAP:
            content = await web.context.apart(read_draft, body, "json", now=web.now())
            return Answered(
                act=await drafting.draft(web.context, actor, content),
                answer=told_with(),
                status=201,
            )
        return await _draft_cap(web, actor, body)

    return await once(request, body, web.context, actor, make)


async def listed(request: Request, cursor: str | None = None, limit: str | None = None) -> Response:
    """Return the messages, the newest first, each as its newest version stands."""
    web = web_of(request)
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
            if await reading.may_read(web.context, actor, existing)
        ]
        before, more = some[-1][0].message_id if some else None, len(some) > size
    page = found[:size]
    following = (
        cursors.write(web.key, "messages", page[-1].message_id) if len(found) > size else None
    )
    return JSONResponse(
        {"messages": [message_json(v, cheap_counts(v)) for v in page], "next": following}
    )


async def show(request: Request, id: str, version: str | None = None) -> Response:
    """Return a message as it stands: the open version, else the newest; with its content, its
    counts and what went before.
    """
    web = web_of(request)
    actor = await web.actor(request)
    operators.require(actor, "read")
    existing = await reading.readable(web.context, actor, message_id_of(id))
    v = versions.head(existing)
    if version is not None:
        v = next((v for v in existing if str(v.number) == version), None) or _no_version(existing)
    counts = (
        (await web.db.read(delivery_report.account, v)).shown() if v.published else cheap_counts(v)
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
    if v.content_hash is not None:
        more["texts"] = await asyncio.to_thread(_texts, web, v)
    waiting = await web.db.read(resends.waiting, v.message_id)
    if waiting is not None:
        more["resend"] = waiting.shown(v.content)
    return JSONResponse(message_json(v, counts) | more)


def _texts(web: Web, v: Version) -> list[dict[str, Any]]:
    """Return what whoever approves approves: every text as it will arrive."""
    return [
        {"language": language, "channel": channel, "subject": made.subject, "body": made.body}
        | ({"encoding": made.encoding, "segments": made.segments} if channel == "sms" else {})
        for language, channel, made in as_it_arrives(v, web.settings, web.now())
    ]


async def orders(request: Request) -> Response:
    """Return the ordered resends that wait for another person's approval, oldest first."""
    web = web_of(request)
    actor = await web.actor(request)
    operators.require(actor, "read")
    found = await web.db.read(resends.all_shown)
    mine = [
        each
        for each in found
        if await reading.may_read(
            web.context, actor, await web.db.read(versions.of_message, each[0])
        )
    ]
    return JSONResponse({"resends": [{"message": message, **order} for message, order in mine]})


async def edit(request: Request, id: str) -> Response:
    """Replace the text of a draft; any submission of it is void."""
    web = web_of(request)
    actor = await web.actor(request)
    body = await request.body()
    kind = check_media_type(request, body, JSON, CAP)
    message_id = message_id_of(id)
    operators.require(actor, "edit")
    v = versions.head(await reading.readable(web.context, actor, message_id))
    if v.action in FOLLOWS.values():
        base = await drafting.base_of(web.context, message_id)
        content = await _read_following(web, body, kind, base, v.action, v.content)
    else:
        content = await web.context.apart(
            read_replacing, body, cap=kind == CAP, now=web.now(), replaces=v.content
        )
    return JSONResponse(told(await web.context.do(drafting.edit, actor, message_id, content)))


def _no_version(existing: list[Version]) -> Version:
    raise refuse(
        "version_unknown",
        "there is no such version",
        f"it has versions 1 to {existing[-1].number}",
        field="version",
        status=404,
    )


async def _draft_cap(web: Web, actor: Operator, body: bytes) -> Answered[Any]:
    """Return the act that a CAP document asks for: a draft, or of a message of ours an update.
    Raises Rejected for a Cancel.
    """
    alert = await web.context.apart(read_cap, body)
    message = base = None
    if alert.msg_type != "Alert":
        await web.db.write(foreign_acts.keep, alert, body, web.now())
        message = await web.db.read(foreign_acts.message_meant, alert)
        if message is not None and not await reading.may_read(
            web.context, actor, await web.db.read(versions.of_message, message)
        ):
            message = None  # for this operator it does not exist
        refused = foreign_acts.not_an_alert(alert, message)
        if refused is not None:
            raise refused
    if message is not None:
        base = await drafting.base_of(web.context, message)
    content, warnings = await web.context.apart(content_of, alert, now=web.now(), base=base)
    if message is None:
        return Answered(
            act=await drafting.draft(web.context, actor, content),
            answer=told_with(warnings),
            status=201,
        )
    operators.require(actor, "update")
    return Answered(
        act=await drafting.follow(web.context, actor, message, "update", content),
        answer=told_with(warnings),
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
    return await web.context.apart(
        read_draft, body, "json", now=web.now(), base=base, follows=follows, replaces=replaces
    )


def _follow_route(follows: Follows) -> Any:
    async def follow(request: Request, id: str) -> Response:
        web = web_of(request)
        actor = await web.actor(request)
        body = await request.body()
        kind = check_media_type(request, body, JSON)

        async def make() -> Answered[Any]:
            operators.require(actor, follows)
            message_id = message_id_of(id)
            await reading.readable(web.context, actor, message_id)
            base = await drafting.base_of(web.context, message_id)
            content = await _read_following(web, body, kind, base, follows)
            return Answered(
                act=await drafting.follow(web.context, actor, message_id, follows, content),
                answer=told_with(),
                status=201,
            )

        return await once(request, body, web.context, actor, make)

    return follow
