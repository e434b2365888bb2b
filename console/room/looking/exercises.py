"""Exercises in the control room: who is enrolled, every exercise, and what the public is told of
beforehand: planned by one person, approved by another, taken down by one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from broadcast.drafts.times import on_the_clock
from broadcast.exercises import planned
from broadcast.exercises.planned import Planned
from broadcast.operators import operators
from broadcast.operators.operators import PERMISSIONS, Operator
from broadcast.places import called
from broadcast.places.areas import AreaTree
from broadcast.problems import Problem, Rejected
from console.room import acting, home, showing
from console.room.frame import Form, Room
from service.commands import exercising
from service.commands.unit_of_work import Act
from service.sign_in import Signed

FIELDS = ("name", "area", "from", "until")
LISTED = 100
SUGGESTED = 500
"""So many areas at most are suggested while one types; every other is found by its code."""


def attach(api: APIRouter, room: Room) -> None:
    """Add the routes."""
    web = room.web

    async def page(
        signed: Signed, problems: tuple[Problem, ...] = (), typed: dict[str, str] | None = None
    ) -> Response:
        operators.require(signed.operator, "read")
        index, _ = await web.context.matcher.index()
        enrolled = await web.context.aside(index.enrolled)
        found = await home.readable(room, signed.operator)
        plans = await web.db.read(planned.listed, LISTED)
        tree, mine = await web.context.tree(), PERMISSIONS[signed.operator.role]
        return room.page(
            "exercises.html",
            signed,
            status=problems[0].status if problems else 200,
            kind="exercise",
            title="EXERCISE: exercises",
            enrolled=len(enrolled),
            by_kind={k: len(v) for k, v in index.by_kind(enrolled).items()},
            plans=[(plan, _acts(room, signed, plan, tree)) for plan in plans],
            over=lambda plan: plan.ends <= web.now(),
            names=await showing.names(
                room, *(n for p in plans for n in (p.planned_by, p.approved_by, p.cancelled_by))
            ),
            rows=[home.row(v) for v in found if v.status == "Exercise"],
            form=room.form(signed, "/exercise/plans") if "draft" in mine else None,
            areas=_suggested(tree, signed.operator),
            zone=web.settings.timezone,
            typed={name: (typed or {}).get(name, "") for name in FIELDS},
            problems=problems,
            fields={name: name for name in FIELDS},
        )

    async def show(_request: Request, signed: Signed) -> Response:
        return await page(signed)

    async def plan(request: Request, signed: Signed) -> Response:
        form = await room.read(request, signed)
        operators.require(signed.operator, "draft")

        async def make() -> Act[Any]:
            area = _code(await web.context.tree(), form.one("area"))
            times = _times(form, web.settings.timezone)
            return await exercising.plan(
                web.context, signed.operator, form.one("name"), area, *times
            )

        try:
            await acting.act(room, request, signed, form, make)
        except Rejected as rejected:
            typed = {name: form.one(name) for name in FIELDS}
            return await page(signed, tuple(rejected.problems), typed)
        return room.go("/exercise#beforehand")

    room.add(api, "GET", "/exercise", show)
    room.add(api, "POST", "/exercise/plans", plan)
    _attach_act(api, room, "approve", exercising.approve)
    _attach_act(api, room, "cancel", exercising.cancel)


def _attach_act(
    api: APIRouter,
    room: Room,
    name: str,
    command: Callable[[Any, Operator, int], Awaitable[Act[Planned]]],
) -> None:
    async def do(request: Request, signed: Signed) -> Response:
        form = await room.read(request, signed)
        # who planned one may take it down too; the act knows who did
        operators.require(signed.operator, "approve" if name == "approve" else "draft")
        text = request.path_params["id"]
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0

        async def make() -> Act[Any]:
            return await command(room.web.context, signed.operator, number)

        await acting.act(room, request, signed, form, make)
        return room.go("/exercise#beforehand")

    room.add(api, "POST", f"/exercise/plans/{{id}}/{name}", do)


def _acts(room: Room, signed: Signed, plan: Planned, tree: AreaTree) -> dict[str, dict[str, str]]:
    """Return the forms of what this person may do about a plan, as far as it is known here."""
    mine, own = PERMISSIONS[signed.operator.role], plan.planned_by == signed.operator.id
    here = plan.area in tree and not tree.within(signed.operator.area, [plan.area])
    may = {
        "approve": plan.state == "planned"
        and plan.ends > room.web.now()
        and "approve" in mine
        and (not own or room.web.context.house.two_person == "actual"),
        "cancel": plan.state != "cancelled"
        and plan.ends > room.web.now()
        and ("cancel" in mine or (own and "draft" in mine)),
    }
    return {
        act: room.form(signed, f"/exercise/plans/{plan.id}/{act}")
        for act, is_so in may.items()
        if is_so and here
    }


def _suggested(tree: AreaTree, operator: Operator) -> list[tuple[str, str]]:
    """Return code and name of the areas an exercise is usually named by, without wards."""
    inside = None if operator.area is None else tree.descendants(operator.area)
    found = [
        (area.code, area.name)
        for area in tree.all()
        if area.level != "ward" and (inside is None or area.code in inside)
    ]
    return sorted(found, key=lambda each: each[1])[:SUGGESTED]


def _code(tree: AreaTree, typed: str) -> str:
    """Return the code of an area that was written by its code or its whole name. Raises Rejected
    (area_ambiguous) where several are called so; what is none the act refuses.
    """
    found = called.meant(tree, typed)
    if found.same_name:
        raise called.unclear(typed, found, "area")
    return found.area.code if found.area is not None else typed


def _times(form: Form, zone: str) -> tuple[str, str]:
    """Return both times with their offsets. Raises Rejected with what is wrong in either."""
    found: list[str] = []
    problems: list[Problem] = []
    for field in ("from", "until"):
        try:
            found.append(on_the_clock(form.one(field), zone=zone, field=field).isoformat())
        except Rejected as rejected:
            problems += rejected.problems
    if problems:
        raise Rejected(problems)
    return found[0], found[1]
