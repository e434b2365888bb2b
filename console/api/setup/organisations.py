"""Organisations over HTTP: one by one, and by file."""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from broadcast.operators import operators
from broadcast.store.database import Connection
from console.api import cursors
from console.api.acting import FILE, Asked, answer_once, take_file
from console.api.bodies import read_act, text_field
from console.api.setup.bodies import CSV, sends, sends_file
from console.server.context import Web, web_of
from service.commands.unit_of_work import Act
from service.idempotency import Answered
from service.problem_documents import problem_json
from service.setup import organisations
from subscribers.organisations.file import read_organisations
from subscribers.organisations.record import COLUMNS

_EXAMPLE = "external_id,name,trade,size,sites,people\no-1,The Bell,I,7,SW1A 2AA,p1\n"


def router(_web: Web) -> APIRouter:
    """Return the routes of organisations; for administrators without area."""
    api = APIRouter(tags=["organisations"])
    api.get("/organisations")(listed)
    api.post("/organisations/import", openapi_extra=sends_file(csv=_EXAMPLE))(bring_in)
    api.post("/organisations", status_code=201, openapi_extra=sends("NewOrganisation"))(add)
    # `:path`: an external id is of other books, and may have a / in it
    api.get("/organisations/{organisation:path}")(show)
    api.patch("/organisations/{organisation:path}", openapi_extra=sends("OrganisationChange"))(edit)
    api.post("/organisations/{organisation:path}/remove", openapi_extra=sends("Erase"))(remove)
    return api


async def listed(request: Request, cursor: str | None = None, limit: str | None = None) -> Response:
    """Return the organisations, by page; for administrators and auditors without area, who get
    their names masked; recorded.
    """
    web = web_of(request)
    actor = await web.actor(request)
    operators.require(actor, "see_what_is_set_up")
    size = cursors.limit_of(limit)
    place = cursors.read(web.key, "organisations", cursor)
    after = place[0] if place else 0
    found = await web.db.write(organisations.listed, actor, after, size + 1, web.now())
    page = found[:size]
    following = None
    if len(found) > size:
        following = cursors.write(web.key, "organisations", page[-1][0])
    return JSONResponse({"organisations": [one for _, one in page], "next": following})


async def show(request: Request, organisation: str) -> Response:
    """Return one organisation and who acts for it, names and contacts of people masked; for
    administrators and auditors without area, who get its name masked; recorded.
    """
    web = web_of(request)
    actor = await web.actor(request)
    operators.require(actor, "see_what_is_set_up")
    found = await web.db.write(organisations.one, actor, organisation, web.now())
    if found is None:
        raise organisations.unknown()
    return JSONResponse(found)


async def bring_in(request: Request) -> Response:
    """Register or renew organisations from the organisations CSV: all of the file or nothing,
    every error in one pass; for administrators without area.
    """
    return await take_file(request, _brought_in, CSV)


async def _brought_in(asked: Asked) -> Answered[dict[str, int]]:
    web = asked.web
    file = await web.context.apart(read_organisations, asked.file(), FILE)
    warnings = organisations.checked(await web.context.tree(), file, FILE)

    def write(conn: Connection) -> dict[str, int]:
        return organisations.bring_in(conn, asked.actor, file, name=FILE, now=web.now())

    def answer(_conn: Connection, counts: dict[str, int]) -> dict[str, Any]:
        said = {"organisations": len(file.records), **counts}
        return said | {"warnings": [problem_json(p) for p in warnings]}

    return Answered(act=Act(write), answer=answer)


async def add(request: Request) -> Response:
    """Register one organisation; for administrators without area, and recorded."""
    return await answer_once(request, "administer", _added)


async def _added(asked: Asked) -> Answered[Any]:
    fields, tree = asked.fields(*COLUMNS), await asked.web.context.tree()

    def write(conn: Connection) -> Any:
        return organisations.add(conn, asked.actor, fields, tree=tree, now=asked.web.now())

    return Answered(act=Act(write), answer=_told, status=201, sealed=True)


async def edit(request: Request, organisation: str) -> Response:
    """Change some fields of one organisation; for administrators without area, and recorded."""
    web = web_of(request)
    actor = await web.actor(request)
    fields = read_act(request, await request.body(), COLUMNS)
    operators.require(actor, "administer")
    tree = await web.context.tree()
    told, warnings = await web.db.write(
        organisations.edit, actor, organisation, fields, tree=tree, now=web.now()
    )
    return JSONResponse(told | {"warnings": [problem_json(p) for p in warnings]})


async def remove(request: Request, organisation: str) -> Response:
    """Remove one organisation, whose people stay registered; for administrators without area,
    and recorded.
    """
    return await answer_once(request, "administer", partial(_removed, organisation=organisation))


async def _removed(asked: Asked, *, organisation: str) -> Answered[None]:
    why = text_field(asked.fields("why"), "why", missing="why_missing", fix="say on whose word")

    def write(conn: Connection) -> None:
        organisations.remove(conn, asked.actor, organisation, why, asked.web.now())

    def answer(_conn: Connection, _done: None) -> dict[str, Any]:
        return {"external_id": organisation, "removed": True}

    return Answered(act=Act(write), answer=answer)


def _told(_conn: Connection, done: Any) -> dict[str, Any]:
    told, warnings = done
    return {**told, "warnings": [problem_json(p) for p in warnings]}
