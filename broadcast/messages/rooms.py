"""Which places a message goes to, and whether they lie inside an operator's area; with the check at
the commit.

A control room is the area that its operators are bound to. The rule is decided on a snapshot,
because the boundaries of areas are large; the transaction of the act then checks that nothing the
decision rests on has changed (`Guard.check`).
"""

from __future__ import annotations

from dataclasses import dataclass

import shapely
from sqlalchemy import Connection

from broadcast.content.model import Content
from broadcast.deadline import check_time
from broadcast.levels.scales import UK
from broadcast.messages import versions
from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.places.areas import AreaTree
from broadcast.places.areas import revision as areas_revision
from broadcast.places.geometry import shape_of
from broadcast.problems import Problem, Rejected, refuse

LOCAL_LEVELS = ("ward", "borough")
"""Whoever is bound to an area sets the threat level of such places in it; every other scope
needs a grant.
"""

ROUNDING = 1e-9
"""Square degrees (about 8 square metres in London) that a drawn shape may lie outside: borders
are rounded when drawn.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What an act was allowed on. `areas` is the areas' revision that the places were judged by,
    None where no place was.
    """

    actor: Operator
    permission: str
    areas: str | None = None
    version_id: int | None = None
    revision: int = 0

    def check(self, conn: Connection) -> Operator:
        """Return the operator as they stand in this transaction.

        Raises Rejected: 403 operator_disabled, wrong_role, operator_changed; 409 areas_changed,
        content_changed.
        """
        now = operators.still(conn, self.actor, self.permission)
        if (now.area, now.may_set) != (self.actor.area, self.actor.may_set):
            detail = "the area or the grants of this operator were changed in the meantime"
            raise refuse("operator_changed", detail, "try again: the new ones hold", status=403)
        if self.areas is not None and areas_revision(conn) != self.areas:
            detail = "areas were imported in the meantime: what lies where may have changed"
            raise refuse("areas_changed", detail, "try again", status=409)
        if (
            self.version_id is not None
            and versions.get(conn, self.version_id).revision != self.revision
        ):
            raise refuse(
                "content_changed",
                "the text was edited in the meantime",
                "read it again and decide anew",
                field="content",
                status=409,
            )
        return now


def guard(
    actor: Operator, permission: str, tree: AreaTree | None = None, v: Version | None = None
) -> Guard:
    """Return the guard of an act that was decided on this tree and this version."""
    return Guard(
        actor=actor,
        permission=permission,
        areas=None if tree is None else tree.revision,
        version_id=None if v is None else v.id,
        revision=0 if v is None else v.revision,
    )


def require_all(tree: AreaTree, actor: Operator, content: Content, room: str | None) -> None:
    """Raise Rejected (403 area_out_of_scope) unless every place and the scope of the content lie
    inside the actor's area.

    `room` is the area of the control room that wrote it: a content without any place goes to
    everybody there. Unknown codes are left to `AreaTree.places`, which names them.
    """
    if actor.area is None:
        return
    check_time()
    problems = [
        *_scope(tree, actor, content),
        *_codes(tree, actor, content, room),
        *_drawn(tree, actor, content),
    ]
    if problems:
        raise Rejected(problems)


def touches(tree: AreaTree, actor: Operator, content: Content, room: str | None) -> bool:
    """Return whether any place that the content goes to lies in the actor's area, or the actor's
    area in it.
    """
    if actor.area is None:
        return True
    codes = _named(content, room)
    if codes is None:
        return True  # it goes to everybody everywhere
    inside = tree.descendants(actor.area)
    if any(code in inside or actor.area in tree.descendants(code) for code in codes):
        return True
    drawn, reach = shape_of(content.polygons, content.circles), tree.reach(actor.area)
    if drawn is not None and (reach is None or bool(shapely.intersects(drawn, reach))):
        return (
            True  # without a boundary nobody can say that it is outside: to hold is the safe side
        )
    shapes = [tree.geometry(code) for code in codes]
    return reach is not None and any(
        g is not None and bool(shapely.intersects(g, reach)) for g in shapes
    )


def require_any(tree: AreaTree, actor: Operator, content: Content, room: str | None) -> None:
    """Raise Rejected (403 area_out_of_scope) where the message goes to no place in the actor's
    area.
    """
    if not touches(tree, actor, content, room):
        detail = f"the message goes to no place in this operator's area {actor.area}"
        raise refuse(
            "area_out_of_scope",
            detail,
            "ask a control room that it concerns",
            field="areas",
            status=403,
        )


def _named(content: Content, room: str | None) -> tuple[str, ...] | None:
    """Return the codes that the content goes to; None = everybody everywhere."""
    scope = content.scope or ""
    codes = content.areas
    if not codes and scope and ":" not in scope and scope != UK:
        codes = (scope,)
    if not codes and not content.polygons and not content.circles:
        return None if room is None else (room,)
    return codes


def _scope(tree: AreaTree, actor: Operator, content: Content) -> list[Problem]:
    scope = content.scope
    if not scope or scope in actor.may_set:
        return []
    local = scope in tree and tree[scope].level in LOCAL_LEVELS
    if local and not tree.within(actor.area, [scope]):
        return []
    return [
        _outside(
            "scope",
            f"the level of {scope} is not this operator's to set",
            "ask an operator without an area, or the administrator for a grant: `fasttime"
            f" operators add … --may-set {scope}`",
        )
    ]


def _codes(tree: AreaTree, actor: Operator, content: Content, room: str | None) -> list[Problem]:
    codes = _named(content, room)
    if codes is None:
        return [
            _outside(
                "areas",
                f"it goes to everybody, not only to this operator's area {actor.area}",
                "name areas inside it",
            )
        ]
    granted = [code for code in codes if code == content.scope and code in actor.may_set]
    outside = [code for code in tree.within(actor.area, codes) if code not in granted]
    if not outside:
        return []
    named = ", ".join(outside[:10]) + (" …" if len(outside) > 10 else "")
    detail = f"{named} is not in this operator's area {actor.area}"
    return [
        _outside("areas", detail, "choose areas inside it, or ask the control room it belongs to")
    ]


def _drawn(tree: AreaTree, actor: Operator, content: Content) -> list[Problem]:
    drawn = shape_of(content.polygons, content.circles)
    if drawn is None:
        return []
    field = "polygons" if content.polygons else "circles"
    reach = tree.reach(actor.area)
    if reach is None:
        detail = (
            f"the boundary of this operator's area {actor.area} was never imported, so nobody knows"
            " what lies inside"
        )
        return [
            _outside(
                field,
                detail,
                "name areas instead, or import the boundary: see `fasttime areas import`",
            )
        ]
    beyond = float(shapely.difference(drawn, reach).area)
    if beyond <= ROUNDING and (drawn.area > 0 or bool(shapely.intersects(drawn, reach))):
        return []
    share = f"{beyond / drawn.area:.1%} of the shape" if drawn.area > 0 else "the shape"
    detail = f"{share} lies outside this operator's area {actor.area}"
    return [
        _outside(field, detail, "draw it inside, or ask a control room whose area holds all of it")
    ]


def _outside(field: str, detail: str, fix: str) -> Problem:
    return Problem(code="area_out_of_scope", detail=detail, fix=fix, field=field, status=403)
