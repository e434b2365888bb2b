"""Areas over HTTP: one by one, where a point lies, and a file of them."""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from broadcast.operators import operators
from broadcast.places.areas import LEVELS
from broadcast.places.files.columns import AreaFields
from broadcast.places.files.reading import parse_area_file
from broadcast.problems import Problem, refuse
from broadcast.store.database import Connection
from console.api.acting import FILE, Asked, answer_once, take_file
from console.api.bodies import JSON
from console.api.setup.bodies import (
    CSV,
    GEOJSON,
    MOST_POINTS,
    degrees,
    sends,
    sends_file,
)
from console.server.context import Web, web_of
from service.commands.unit_of_work import Act
from service.idempotency import Answered
from service.problem_documents import problem_json
from service.setup import places


def router(_web: Web) -> APIRouter:
    """Return the routes of areas."""
    api = APIRouter(tags=["areas"])
    api.post(
        "/areas/import",
        openapi_extra=sends_file(
            geojson={"type": "FeatureCollection", "features": []},
            csv="code,name\nE09000033,Westminster\n",
        ),
    )(bring_in)
    api.get("/areas/locate")(locate)
    api.post("/areas/locate", openapi_extra=sends("Points"))(locate_many)
    api.get("/areas/replaced")(replaced)
    api.get("/areas/postcode")(postcode)
    api.get("/areas/{code}")(area)
    return api


async def bring_in(
    request: Request,
    level: str | None = None,
    code_field: str | None = None,
    name_field: str | None = None,
    parent_field: str | None = None,
) -> Response:
    """Import or renew areas from GeoJSON or CSV: all of the file or nothing; for administrators
    without area.
    """
    fields = AreaFields(code=code_field, name=name_field, parent=parent_field)
    return await take_file(
        request, partial(_brought_in, level=level, fields=fields), GEOJSON, JSON, CSV
    )


async def _brought_in(asked: Asked, *, level: str | None, fields: AreaFields) -> Answered[Any]:
    if level is None:
        raise refuse(
            "level_missing",
            "of which level the areas are is not said",
            f"add ?level=, one of {', '.join(LEVELS)}",
            field="level",
        )
    web, body = asked.web, asked.file()
    records, warnings = await web.context.apart(parse_area_file, body, FILE, level, fields)

    def write(conn: Connection) -> tuple[dict[str, int], int]:
        return places.bring_in(conn, asked.actor, records, name=FILE, level=level, now=web.now())

    def answer(_conn: Connection, done: Any) -> dict[str, Any]:
        counts, settled = done
        said = {"level": level, **counts, "settled": settled}
        return said | {"warnings": [problem_json(p) for p in warnings]}

    return Answered(act=Act(write), answer=answer)


async def locate(request: Request, lat: str | None = None, lon: str | None = None) -> Response:
    """Return the areas in which one place lies, smallest first; on a border, all of them."""
    web = web_of(request)
    operators.require(await web.actor(request), "read")
    point = (_degrees(lat, "lat", 90), _degrees(lon, "lon", 180))
    return JSONResponse(places.located(await web.context.tree(), [point]))


async def locate_many(request: Request) -> Response:
    """Return the same of up to a thousand places, in the order asked."""
    return await answer_once(request, "read", _located)


async def _located(asked: Asked) -> Answered[None]:
    points = _points(asked.fields("points"))
    found = places.located(await asked.web.context.tree(), points)
    return Answered(act=Act(lambda _conn: None), answer=lambda _c, _r: {"places": found})


async def replaced(request: Request) -> Response:
    """Return the areas whose code a later import replaced, and by which people are still known; for
    administrators and auditors without area, and recorded.
    """
    web = web_of(request)
    actor = await web.actor(request)
    operators.require(actor, "see_what_is_set_up")
    operators.require_everywhere(actor, "it counts people everywhere")
    await web.db.write(
        operators.log_admin,
        actor=f"operator {actor.id}",
        action="areas.replaced",
        subject="",
        now=web.now(),
    )
    return JSONResponse(await web.db.read(places.replaced, await web.context.tree()))


async def postcode(request: Request, postcode: str | None = None) -> Response:
    """Return where a postcode lies, how exactly, and in which areas, smallest first."""
    web = web_of(request)
    operators.require(await web.actor(request), "read")
    tree = await web.context.tree()
    return JSONResponse(await web.db.read(places.place_of_postcode, tree, (postcode or "")[:20]))


async def area(request: Request, code: str) -> Response:
    """Return one area: what it lies in, what lies in it, where it is."""
    web = web_of(request)
    operators.require(await web.actor(request), "read")
    return JSONResponse(places.document(await web.context.tree(), code))


def _degrees(text: str | None, name: str, most: float) -> float:
    try:
        return degrees(float(text or "x"), name, most)
    except ValueError:
        raise refuse(
            "field_type",
            f"{name} is missing or no number",
            "write ?lat=51.5&lon=-0.13",
            field=name,
        ) from None


def _points(said: dict[str, Any]) -> list[tuple[float, float]]:
    given = said.get("points")
    if not isinstance(given, list) or not given:
        raise refuse(
            "field_type",
            "points is no list of places",
            'write {"points": [{"lat": 51.5, "lon": -0.13}]}',
            field="points",
        )
    if len(given) > MOST_POINTS:
        raise refuse(
            "too_many",
            f"points has more than {MOST_POINTS} places",
            "ask in several requests, or by `fasttime areas locate --file`",
            field="points",
        )
    found = []
    for n, point in enumerate(given):
        if not isinstance(point, dict) or set(point) != {"lat", "lon"}:
            problem = Problem(
                code="field_type",
                detail="a place has exactly lat and lon",
                fix='write {"lat": 51.5, "lon": -0.13}',
                field=f"points[{n}]",
            )
            raise refuse(problem.code, problem.detail, problem.fix, field=problem.field)
        found.append((degrees(point["lat"], "lat", 90), degrees(point["lon"], "lon", 180)))
    return found
