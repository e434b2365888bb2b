"""The places of a content: resolved, and held against the area of who acts."""

from __future__ import annotations

import asyncio

from broadcast.content.model import Content, Ring, is_urgent
from broadcast.groups import registered
from broadcast.levels.scales import GSS_UNITED_KINGDOM
from broadcast.messages import rooms
from broadcast.messages.rooms import Guard
from broadcast.messages.versions import Resolved, Version
from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.places import known_by_area
from broadcast.places.areas import AreaTree, near
from broadcast.places.geometry import check_place, shape_of, to_wkb
from broadcast.places.outline import outlines
from broadcast.problems import Problem, Rejected
from service.commands.context import Context
from subscribers.matcher import audience_of


async def all_inside(
    context: Context,
    actor: Operator,
    permission: str,
    *texts: tuple[Content, str | None],
    v: Version | None = None,
) -> Guard:
    """Return the guard of an act for which every place of these (content, control room) must be
    the actor's.
    """
    operators.require(actor, permission)
    if actor.area is None:
        return rooms.guard(actor, permission, v=v)
    tree = await context.tree()
    for content, room in texts:
        if permission == "cancel":  # never behind the previews of others
            await asyncio.to_thread(rooms.require_all, tree, actor, content, room)
        else:
            await context.aside(rooms.require_all, tree, actor, content, room)
    return rooms.guard(actor, permission, tree, v)


async def resolve(
    context: Context, content: Content, everywhere: str | None, actor: Operator | None
) -> tuple[Resolved, list[Problem]]:
    """Resolve areas and shapes; raises Rejected for places that are unknown or not the
    operator's.
    """
    tree = await context.tree()
    codes = tuple(content.areas)
    scope = content.scope or ""
    bound = actor.area if actor else None
    if scope and ":" not in scope and scope != "UK" and not codes:
        codes = (scope,)
    whole_areas = bool(audience_of(content).communities)
    places = await context.aside(
        tree.places,
        codes,
        content.polygons,
        content.circles,
        everywhere=everywhere,
        whole_areas=whole_areas,
    )
    found: list[Problem] = []
    drawn = shape_of(content.polygons, content.circles)
    if drawn is not None:
        share = await context.aside(
            check_place, drawn, tree.reach(bound), "polygons" if content.polygons else "circles"
        )
        if share > 0.001:
            found.append(
                Problem(
                    code="shape_partly_outside",
                    detail=f"{share:.0%} of the shape lies outside the control room's area",
                    fix="look at it on a map before you submit",
                    field="polygons",
                )
            )
    targets = places.targets
    if drawn is not None and content.include_perhaps:
        targets |= places.touched
    elif drawn is not None:
        targets |= await context.aside(
            known_by_area.told, tree, drawn, places.touched, urgent=is_urgent(content)
        )
    return (
        Resolved(
            targets=tuple(sorted(targets)),
            by_code=tuple(sorted(places.by_code)),
            touched=tuple(sorted(places.touched)),
            near=near(tree, places.touched),
            shape=to_wkb(places.shape) if places.shape is not None else None,
            everybody=places.everybody,
            names=tuple(
                (code, tree[code].name) for code in sorted({*content.areas, *codes}) if code in tree
            ),
            groups=await _group_names(context, content),
            outlines=await _outlines(
                context, tree, codes or ((GSS_UNITED_KINGDOM,) if scope else ())
            ),
        ),
        found,
    )


async def _outlines(
    context: Context, tree: AreaTree, codes: tuple[str, ...]
) -> tuple[tuple[str, tuple[Ring, ...]], ...]:
    """Return the borders that go into the CAP document; none where they take too long: the codes
    stand there all the same, and nobody is warned later for a drawing.
    """
    try:
        found = await context.aside(outlines, tree, codes)
    except Rejected:
        return ()
    return tuple(sorted(found))


async def require_known_groups(context: Context, content: Content) -> None:
    """Raise Rejected (community_unknown, sector_unknown, provider_unknown) where the content names
    a group that nobody registered.
    """
    if registered.scopes_of(content):
        problems = (await context.db.read(registered.load)).problems(content)
        if problems:
            raise Rejected(problems)


async def _group_names(context: Context, content: Content) -> tuple[tuple[str, str, str], ...]:
    scopes = registered.scopes_of(content)
    if not scopes:
        return ()
    groups = await context.db.read(registered.load)
    return tuple(
        (scope, tag, name)
        for scope in scopes
        for tag, name in sorted(groups.names_of(scope).items())
    )
