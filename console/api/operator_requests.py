"""Operator changes, bulk exports and the whole registry as a sealed file over HTTP: asked for by
one administrator, approved by another.
"""

from __future__ import annotations

import base64
import tempfile
from datetime import datetime
from functools import partial
from typing import IO, Any

from fastapi import APIRouter, Request
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from broadcast.files.nearest import shown
from broadcast.levels.scales import normalise_scope
from broadcast.operators import operator_requests, operators
from broadcast.operators.identities import check_name
from broadcast.operators.operators import Operator
from broadcast.problems import refuse
from broadcast.store.database import Connection
from console.api.bodies import JSON, check_media_type, read_act, text_field
from console.server.context import Web, web_of
from service.commands.unit_of_work import Act
from service.idempotency import Answered, once
from service.setup import registry_file
from subscribers.people_file.email_address import normalise_email
from subscribers.registry import showing

_OF_AN_OPERATOR = ("name", "role", "area", "email", "may_set")
_TAKES = {
    "add": _OF_AN_OPERATOR,
    "disable": ("name",),
    "export": (),
    operator_requests.REGISTRY: ("to",),
}
"""Each kind of request, and the fields that it takes beside `kind`."""
_FIELDS = ("kind", *_OF_AN_OPERATOR, "to")
SEALED = "application/octet-stream"
_PIECE = 64 * 1024


def _body(fields: tuple[str, ...], required: tuple[str, ...]) -> dict[str, Any]:
    properties: dict[str, Any] = {name: {"type": "string"} for name in fields}
    if "kind" in properties:
        properties["kind"] = {"enum": list(operator_requests.KINDS)}
        properties["may_set"] = {"type": "array", "items": {"type": "string"}}
        properties["to"] = {"type": "string", "pattern": "^[0-9a-fA-F]{64}$"}
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": list(required),
    }
    return {"requestBody": {"required": bool(required), "content": {JSON: {"schema": schema}}}}


def router(_web: Web) -> APIRouter:
    """Return the routes of requests; all are for administrators."""
    api = APIRouter(tags=["administration"])
    api.post("/operator-requests", status_code=201, openapi_extra=_body(_FIELDS, ("kind",)))(ask)
    api.get("/operator-requests")(listed)
    api.post("/operator-requests/{id}/approve", openapi_extra=_body((), ()))(approve)
    api.post("/operator-requests/{id}/reject", openapi_extra=_body(("why",), ("why",)))(reject)
    api.get(
        "/operator-requests/{id}/export",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/csv": {}}}},
    )(export)
    api.get(
        "/operator-requests/{id}/registry",
        response_class=StreamingResponse,
        responses={200: {"content": {SEALED: {"schema": {"type": "string", "format": "binary"}}}}},
    )(registry)
    return api


async def ask(request: Request) -> Response:
    """Ask for an operator to be added or disabled, for an export of all subscribers, or for the
    whole registry sealed to a public key; another administrator approves.
    """
    web = web_of(request)
    actor = await web.actor(request)
    body = await request.body()
    check_media_type(request, body, JSON)

    async def make() -> Answered[Any]:
        operators.require(actor, "administer")
        kind, what = await asked_of(web, read_act(request, body, _FIELDS))
        return Answered(
            act=Act(lambda conn: operator_requests.ask(conn, actor, kind, what, web.now())),
            answer=lambda _c, r: r.to_json(),
            status=201,
        )

    return await once(request, body, web.context, actor, make)


async def listed(request: Request) -> Response:
    """Return the requests, the newest first; for administrators and auditors."""
    web = web_of(request)
    actor = await web.actor(request)
    operators.require(actor, "see_what_is_set_up")
    return JSONResponse([r.to_json() for r in await web.db.read(operator_requests.listed)])


async def approve(request: Request, id: str) -> Response:
    """Approve, as another administrator than who asked; of a new operator the answer holds the
    token, this once, to be handed over.
    """
    web = web_of(request)
    actor = await web.actor(request)
    body = await request.body()

    async def make() -> Answered[Any]:
        operators.require(actor, "administer")
        read_act(request, body, ())
        return Answered(
            act=Act(lambda conn: operator_requests.approve(conn, actor, _number(id), web.now())),
            answer=lambda _c, result: result[0].to_json(),
            once_only=lambda result: {"token": result[1]} if result[1] is not None else {},
        )

    return await once(request, body, web.context, actor, make)


async def reject(request: Request, id: str) -> Response:
    """Reject, or take back one's own."""
    web = web_of(request)
    actor = await web.actor(request)
    body = await request.body()

    async def make() -> Answered[Any]:
        operators.require(actor, "administer")
        why = text_field(
            read_act(request, body, ("why",)),
            "why",
            missing="why_missing",
            fix="say why: who asked for it reads it",
        )
        if len(why) > 1000:
            raise refuse(
                "text_too_long",
                "why has more than 1,000 characters",
                "say it shorter",
                field="why",
            )
        return Answered(
            act=Act(
                lambda conn: operator_requests.reject(conn, actor, _number(id), why, web.now())
            ),
            answer=lambda _c, r: r.to_json(),
        )

    return await once(request, body, web.context, actor, make)


async def export(request: Request, id: str) -> Response:
    """Return the subscribers CSV that was asked for and approved: to who asked, within an hour,
    once. Where it breaks off before its first byte, it may be fetched again.
    """
    web = web_of(request)
    actor = await web.actor(request)
    operators.require(actor, "administer")
    number, begun = _number(id), web.now()
    await request.body()  # as for the registry
    _check_free(web)
    # it has no name: whatever becomes of this process, nothing is left of it
    kept = tempfile.TemporaryFile()  # noqa: SIM115 - who answers with it closes it
    try:
        async with web.sealing:
            await web.db.read(_to_file, kept, actor, number, begun)
        if await request.is_disconnected():
            raise ClientDisconnect
        await web.db.write(operator_requests.take_export, actor, number, begun)
    except BaseException:
        kept.close()
        raise
    kept.seek(0)
    named = {
        "Content-Disposition": f'attachment; filename="subscribers-{number}.csv"',
        "Cache-Control": "no-store",
    }
    return _OfFile(kept, media_type="text/csv; charset=utf-8", headers=named)


async def registry(request: Request, id: str) -> Response:
    """Return everybody as the sealed file that was asked for and approved: to who asked, within an
    hour, once. Where it breaks off before its first byte, it may be fetched again.
    """
    web = web_of(request)
    actor = await web.actor(request)
    operators.require(actor, "administer")
    number, begun = _number(id), web.now()
    await request.body()  # it is empty; what comes after it is that the caller has left
    _check_free(web)
    # it has no name: whatever becomes of this process, nothing is left of it
    kept = tempfile.TemporaryFile()  # noqa: SIM115 - who answers with it closes it
    try:
        async with web.sealing:
            moved = await registry_file.seal(web.db, actor, number, kept, begun)
        if await request.is_disconnected():
            raise ClientDisconnect
        await registry_file.spend(web.db, actor, number, moved, begun, web.now())
    except BaseException:
        kept.close()
        raise
    length = kept.tell()
    kept.seek(0)
    digest = base64.b64encode(bytes.fromhex(moved.sha256)).decode()
    named = {
        "Content-Disposition": f'attachment; filename="registry-{number}.sealed"',
        "Content-Length": str(length),
        "Repr-Digest": f"sha-256=:{digest}:",
        "Cache-Control": "no-store",
    }
    return _OfFile(kept, media_type=SEALED, headers=named)


async def asked_of(web: Web, said: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the kind and what it is about; raises Rejected."""
    kind = text_field(
        said, "kind", missing="kind_missing", fix=f"use one of {', '.join(operator_requests.KINDS)}"
    )
    if kind == "import":
        raise refuse(
            "not_over_http",
            "a registry is brought in at the machine: what opens the file must not travel",
            "run `fasttime registry import FILE --key KEYFILE` where it goes to",
            field="kind",
        )
    if kind not in _TAKES:
        raise refuse(
            "kind_unknown",
            f"there is no request {shown(kind)}",
            f"use one of {', '.join(operator_requests.KINDS)}",
            field="kind",
        )
    for name in said.keys() - {"kind", *_TAKES[kind]}:
        raise refuse(
            "field_unknown", f"a request to {kind} takes no {name}", "leave it out", field=name
        )
    if kind == "export":
        return kind, {}
    if kind == operator_requests.REGISTRY:
        to = text_field(
            said,
            "to",
            missing="to_missing",
            fix="give the public key that `fasttime registry keygen` printed",
        )
        return kind, {"to": registry_file.key_of(to, field="to").hex()}
    name = check_name(
        text_field(said, "name", missing="name_missing", fix="give the person's name")
    )
    if kind == "disable":
        return kind, {"name": name}
    role = text_field(
        said, "role", missing="role_missing", fix=f"use one of {', '.join(operators.PERMISSIONS)}"
    )
    # Over HTTP nobody sees the other person: without a mailbox one person could make themselves
    # two.
    email = normalise_email(
        text_field(said, "email", missing="email_missing", fix="give the person's own address")
    )
    area = (
        text_field(said, "area", missing="area_missing", fix="give a code, or leave it out")
        .strip()
        .upper()
        if "area" in said
        else None
    )
    if area is not None and area not in await web.context.tree():
        raise refuse(
            "area_unknown",
            f"{shown(area)} was never imported",
            "see GET /api/v1/areas",
            field="area",
        )
    return kind, {
        "name": name,
        "role": role,
        "area": area,
        "email": email,
        "may_set": _scopes(said.get("may_set", [])),
    }


def _scopes(given: Any) -> list[str]:
    if not isinstance(given, list) or not all(isinstance(scope, str) for scope in given):
        raise refuse(
            "field_type",
            "may_set is no list of scopes",
            'write ["UK"], or leave it out',
            field="may_set",
        )
    if len(given) > 100:
        raise refuse(
            "too_many",
            "may_set has more than 100 scopes",
            "leave the area out: then the person may set all",
            field="may_set",
        )
    return list(dict.fromkeys(normalise_scope(scope, field="may_set") for scope in given))


def _number(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    raise refuse(
        "request_unknown",
        "there is no such request",
        "see GET /api/v1/operator-requests",
        field="id",
        status=404,
    )


def _check_free(web: Web) -> None:
    """Raise Rejected (503 busy) while somebody else is given everybody's data."""
    if web.sealing.locked():
        raise refuse(
            "busy",
            "everybody is being written into a file already",
            "try again in a minute: your request is not spent",
            status=503,
        )


def _to_file(
    conn: Connection, kept: IO[bytes], actor: Operator, number: int, now: datetime
) -> None:
    """Write everybody to a file, where the request may be taken by now. Raises Rejected."""
    operator_requests.check_takable(conn, actor, number, now, kind="export")
    try:
        for piece in showing.export_csv(conn):
            kept.write(piece.encode())
    except OSError as error:
        raise refuse(
            "file_not_written",
            f"the file found no room here: {error.strerror or type(error).__name__}",
            "make room: your request is not spent",
            status=503,
        ) from None


class _OfFile(StreamingResponse):
    """What stands in a file, which is closed, and so gone, also where the caller leaves before its
    end.
    """

    def __init__(self, kept: IO[bytes], **more: Any) -> None:
        super().__init__(iter(partial(kept.read, _PIECE), b""), **more)
        self._kept = kept

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._kept:
            await super().__call__(scope, receive, send)
