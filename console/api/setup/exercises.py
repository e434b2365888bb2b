"""Planned exercises over HTTP: planned, approved by another person, cancelled, listed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from broadcast.exercises import planned
from broadcast.exercises.planned import Planned
from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.problems import refuse
from console.api.bodies import JSON, check_media_type, read_act, text_field
from console.api.setup.bodies import sends
from console.server.context import Web
from service.commands import exercising
from service.commands.unit_of_work import Act
from service.idempotency import Answered, once

_FIELDS = ("name", "area", "from", "until")
_FIX = "name it, its area's code, and from when until when, with offsets"


def router(web: Web) -> APIRouter:
    """Return the routes of planned exercises."""
    api = APIRouter(tags=["exercises"])

    @api.get("/exercises")
    async def listed(request: Request) -> Response:
        """Return every planned exercise, the newest first."""
        operators.require(await web.actor(request), "read")
        found = await web.db.read(planned.listed)
        return JSONResponse({"exercises": [each.to_json() for each in found]})

    @api.post("/exercises", status_code=201, openapi_extra=sends("NewExercise"))
    async def plan(request: Request) -> Response:
        """Plan an exercise; the public sees it once another person approves it."""
        actor = await web.actor(request)
        body = await request.body()

        async def make() -> Answered[Planned]:
            operators.require(actor, "draft")
            said = read_act(request, body, _FIELDS)
            name, area, starts, ends = (
                text_field(said, field, missing=f"{field}_missing", fix=_FIX) for field in _FIELDS
            )
            act = await exercising.plan(web.context, actor, name, area, starts, ends)
            return Answered(act=act, answer=_told, status=201)

        return await once(request, body, web.context, actor, make)

    @api.post("/exercises/{id}/approve")
    async def approve(request: Request, id: str) -> Response:
        """Show a planned exercise on the public page, as another person than who planned it."""
        return await _act(web, request, id, exercising.approve)

    @api.post("/exercises/{id}/cancel")
    async def cancel(request: Request, id: str) -> Response:
        """Take a planned exercise from the public page."""
        return await _act(web, request, id, exercising.cancel)

    return api


async def _act(
    web: Web,
    request: Request,
    id: str,
    command: Callable[[Any, Operator, int], Awaitable[Act[Planned]]],
) -> Response:
    actor = await web.actor(request)
    body = await request.body()
    check_media_type(request, body, JSON)

    async def make() -> Answered[Planned]:
        read_act(request, body, ())
        if not (id.isascii() and id.isdigit() and len(id) < 10):
            raise refuse(
                "exercise_unknown",
                "there is no such planned exercise",
                "see GET /api/v1/exercises",
                field="id",
                status=404,
            )
        return Answered(act=await command(web.context, actor, int(id)), answer=_told)

    return await once(request, body, web.context, actor, make)


def _told(_conn: Any, done: Planned) -> dict[str, Any]:
    return done.to_json()
