"""Who may read a message: a public one every operator; any other the rooms that it concerns, and
auditors.
"""

from __future__ import annotations

from collections.abc import Sequence

from broadcast.messages import rooms
from broadcast.messages.versions import Version
from broadcast.operators.operators import Operator
from broadcast.places.areas import AreaTree
from broadcast.problems import Rejected, refuse


def reads_all(actor: Operator) -> bool:
    """Return whether nothing is kept from this operator: who has no area, and auditors."""
    return actor.area is None or actor.role == "auditor"


def is_open(existing: Sequence[Version]) -> bool:
    """Return whether every version of a message is public."""
    return all(v.content.visibility == "public" for v in existing)


def concerns(tree: AreaTree, actor: Operator, existing: Sequence[Version]) -> bool:
    """Return whether the operator may read every version of a message.

    A version that is not public concerns the room that wrote it, and every room whose area it goes
    to.
    """
    return reads_all(actor) or all(
        v.content.visibility == "public" or _concerns(tree, actor, v) for v in existing
    )


def require_people(tree: AreaTree, actor: Operator, v: Version) -> None:
    """Raise Rejected (403 area_out_of_scope) unless the operator may read of a version person by
    person: the room that wrote it, and whoever has every place that it goes to.
    """
    if _wrote(tree, actor, v):
        return
    try:
        rooms.require_all(tree, actor, v.content, v.room)
    except Rejected:
        raise refuse(
            "area_out_of_scope",
            f"the message goes to people outside this operator's area {actor.area}",
            "read its counts, or ask the control room that wrote it",
            status=403,
        ) from None


def _concerns(tree: AreaTree, actor: Operator, v: Version) -> bool:
    return _wrote(tree, actor, v) or rooms.touches(tree, actor, v.content, v.room)


def _wrote(tree: AreaTree, actor: Operator, v: Version) -> bool:
    return v.room is not None and not tree.within(actor.area, [v.room])
