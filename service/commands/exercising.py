"""Planned exercises: an author plans one, another person approves that the public is told of it,
and whoever may cancel takes it from the page.
"""

from __future__ import annotations

from broadcast.exercises import planned
from broadcast.exercises.planned import Planned
from broadcast.files.nearest import shown
from broadcast.messages import rooms
from broadcast.messages.rooms import Guard
from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.problems import Problem, Rejected, refuse
from service.commands.context import Context
from service.commands.unit_of_work import Act, guarded


async def plan(
    context: Context, actor: Operator, name: str, area: str, starts: str, ends: str
) -> Act[Planned]:
    """Plan an exercise in one area of the actor's. Raises Rejected: what is wrong with the name or
    the times, area_unknown, 403 area_out_of_scope.
    """
    operators.require(actor, "draft")
    problems: list[Problem] = []
    for read in (
        lambda: planned.read_name(name),
        lambda: planned.read_time("from", starts),
        lambda: planned.read_time("until", ends),
    ):
        try:
            read()
        except Rejected as rejected:
            problems += rejected.problems
    if problems:
        raise Rejected(problems)
    begins, over = planned.read_time("from", starts), planned.read_time("until", ends)
    planned.check_times(begins, over, context.now())
    code = area.strip()
    guard = await _inside(context, actor, "draft", code)
    return guarded(
        guard,
        planned.plan,
        name=planned.read_name(name),
        area=code,
        area_name=(await context.tree())[code].name,
        starts=begins,
        ends=over,
        now=context.now(),
    )


async def approve(context: Context, actor: Operator, number: int) -> Act[Planned]:
    """Publish a planned exercise. It takes an approver of its area who did not plan it; where
    TWO_PERSON is `actual`, who planned it may do so too, as with every exercise.
    """
    operators.require(actor, "approve")
    found = await context.db.read(planned.get, number)
    guard = await _inside(context, actor, "approve", found.area)
    one = context.house.two_person == "actual"
    return guarded(guard, planned.approve, number, one_is_enough=one, now=context.now())


async def cancel(context: Context, actor: Operator, number: int) -> Act[Planned]:
    """Take a planned exercise off the public page at once. Approvers of its area may, and whoever
    planned it.
    """
    found = await context.db.read(planned.get, number)
    permission = "draft" if found.planned_by == actor.id else "cancel"
    operators.require(actor, permission)
    guard = await _inside(context, actor, permission, found.area)
    return guarded(guard, planned.cancel, number, now=context.now())


async def _inside(context: Context, actor: Operator, permission: str, code: str) -> Guard:
    tree = await context.tree()
    if code not in tree:
        raise refuse(
            "area_unknown",
            f"{shown(code)} is no area that was imported",
            "see `fasttime areas list`",
            field="area",
        )
    if tree.within(actor.area, [code]):
        raise refuse(
            "area_out_of_scope",
            f"{shown(code)} is not in this operator's area {actor.area}",
            "name an area inside it, or ask the control room that it belongs to",
            field="area",
            status=403,
        )
    return rooms.guard(actor, permission, tree)
