"""The record over HTTP: the audit chain checked, a message replayed, a CAP document kept."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from broadcast.cap import kept
from broadcast.cap.validation.validate import Verdict, judge
from broadcast.messages import readers, small_counts
from broadcast.operators import audit, operators
from broadcast.problems import Problem, Rejected, refuse
from broadcast.replay import comparison, past
from console.api.bodies import CAP, check_media_type
from console.api.reading import read_time
from console.api.told import message_id_of
from console.server.context import Web, web_of
from service.commands import checking, reading
from service.commands.unit_of_work import Act
from service.idempotency import Answered, once
from service.setup import cap_documents

_XML = "application/xml"  # what generated clients send
_HEAD = re.compile(r"([1-9][0-9]{0,17}):([0-9a-f]{64})")


def router(_web: Web) -> APIRouter:
    """Return the routes."""
    api = APIRouter(tags=["record"])
    api.get("/audit/verify")(verify)
    api.get("/messages/{id}/replay")(replay)
    api.get("/messages/{id}/replay/at")(stood)
    api.get("/messages/{id}/cap")(cap_of)
    api.get("/cap/kept")(cap_kept)
    document = {"schema": {"type": "string", "format": "binary"}}
    body = {"required": True, "content": {CAP: document, _XML: document}}
    api.post("/cap/import", status_code=201, openapi_extra={"requestBody": body})(import_cap)
    return api


async def verify(request: Request, head: str | None = None) -> Response:
    """Check every link of the audit chain and every decision; with a head (N:HASH) that was seen
    before also that it still stands there. For auditors, and recorded.
    """
    web = web_of(request)
    actor = await web.actor(request)
    operators.require(actor, "read_the_audit_chain")
    published = _head(head) if head is not None else None
    await _log(web, actor.name, "audit.verify", head or "")
    now, broken = await checking.held(
        web.context,
        lambda conn: (audit.head(conn), audit.verify(conn, published)),
        by_hand="fasttime audit verify",
    )
    return JSONResponse(
        {
            "ok": broken is None,
            "head": {"number": now.number, "hash": now.hash} if now else None,
            "broken": {"number": broken.number, "what": broken.what} if broken else None,
        }
    )


async def replay(request: Request, id: str) -> Response:
    """Rebuild a message from the recorded facts and compare with the live store: never sends.
    Recorded.
    """
    web, number = web_of(request), message_id_of(id)
    actor = await web.actor(request)
    operators.require(actor, "read")
    await reading.readable(web.context, actor, number)
    await _log(web, actor.name, "replay", str(number))
    found = await checking.held(
        web.context,
        lambda conn: comparison.replay(conn, message_id=number).to_json(),
        by_hand=f"fasttime replay --message {number}",
    )
    return JSONResponse(found)


async def stood(request: Request, id: str, as_of: str | None = None) -> Response:
    """Return how a message's versions stood at a time, as the facts recorded by then tell: the
    accounts of people, without small numbers where a shape was drawn. Recorded.
    """
    web, number = web_of(request), message_id_of(id)
    actor = await web.actor(request)
    operators.require(actor, "read")
    existing = await reading.readable(web.context, actor, number)
    moment = read_time(as_of) if as_of is not None else web.now()
    await _log(web, actor.name, "replay", f"{number} as of {moment.isoformat()}")
    (found,) = await checking.held(
        web.context,
        lambda conn: past.at(conn, number, [moment]),
        by_hand=f"fasttime replay --message {number} --until TIME",
    )
    contents = {v.number: v.content for v in existing}
    told = [small_counts.account(m.to_json(), contents[m.version]) for m in found]
    return JSONResponse({"message": number, "as_of": moment.isoformat(), "versions": told})


async def cap_of(request: Request, id: str) -> Response:
    """Return a message's CAP document byte for byte as it was published, of a cancelled one the
    Cancel; of what was never published what it would be now. For whoever may read the message.
    """
    web = web_of(request)
    actor = await web.actor(request)
    operators.require(actor, "read")
    existing = await reading.readable(web.context, actor, message_id_of(id))
    return Response(await reading.cap_of(web.context, existing), media_type=CAP)


async def cap_kept(request: Request, name: str | None = None) -> Response:
    """Return an imported CAP document byte for byte as it was received: `name` is its identifier,
    or "sender,identifier,sent". For auditors, and whoever is bound to no area.
    """
    web = web_of(request)
    actor = await web.actor(request)
    operators.require(actor, "read")
    named = await web.db.read(kept.find, (name or "")[:1000])
    found = kept.one(named) if readers.reads_all(actor) else None  # it need not be for the public
    if found is None:
        raise refuse(
            "document_unknown",
            "no imported document has that name",
            "write ?name= and its identifier, or sender,identifier,sent",
            field="name",
            status=404,
        )
    return Response(found, media_type=CAP)


async def import_cap(request: Request) -> Response:
    """Keep a CAP document as received. It is never sent: POST /messages makes a draft of one."""
    web = web_of(request)
    actor = await web.actor(request)
    body = await request.body()
    check_media_type(request, body, CAP, _XML)

    async def make() -> Answered[Any]:
        operators.require(actor, "draft")
        verdict, alert = await web.context.apart(judge, body)
        if alert is None:
            raise Rejected(_refused(problem) for problem in verdict.problems())
        told = {
            "sender": alert.sender,
            "identifier": alert.identifier,
            "sent": alert.sent,
            "verdict": verdict.verdict,
            "signatures": "not_checked" if alert.signatures else "none",
            "warnings": _warnings(verdict),
        }

        return Answered(
            act=Act(lambda conn: cap_documents.keep(conn, actor.name, alert, body, now=web.now())),
            answer=lambda _c, fresh: {**told, "duplicate": not fresh},
            status=201,
        )

    return await once(request, body, web.context, actor, make)


def _refused(problem: Problem) -> Problem:
    return Problem(
        code=problem.code, detail=problem.detail, fix=problem.fix, where=problem.where, status=422
    )


def _warnings(verdict: Verdict) -> list[dict[str, str]]:
    return [
        {
            "code": rule.rule,
            "field": "",
            "detail": f"found {rule.found}",
            "fix": f"expected {rule.expected}",
            "where": rule.where,
        }
        for rule in verdict.rules
    ]


def _head(text: str) -> audit.Head:
    """Return the head that N:HASH names; raises Rejected (422 head_invalid)."""
    found = _HEAD.fullmatch(text.strip().lower())
    if found is None:
        raise refuse(
            "head_invalid",
            "that is no head of the audit chain",
            "write N:HASH as /healthz tells it",
            field="head",
            status=422,
        )
    return audit.Head(int(found[1]), found[2])


async def _log(web: Web, actor: str, action: str, subject: str) -> None:
    await web.db.write(
        operators.log_admin, actor=actor, action=action, subject=subject, now=web.now()
    )
