"""Rights that end while somebody acts, and places that are not theirs."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from broadcast.content.model import Circle
from broadcast.groups import registered
from broadcast.groups.files import named
from broadcast.messages.tables import version
from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.problems import Rejected
from broadcast.store.database import Connection
from service.commands import deciding, drafting, submitting
from tests.ledger.two_persons.room import CAMDEN, LONDON, WESTMINSTER, Room, refused, way
from tests.ledger.world import content

HELD_BODY: dict[str, Callable[[Room, Operator, int], Awaitable[Any]]] = {
    "draft": lambda room, who, _: room.context.do(drafting.draft, who, content()),
    "edit": lambda room, who, id_: room.context.do(
        drafting.edit, who, id_, content(severity="Minor")
    ),
    "submit": lambda room, who, id_: room.context.do(submitting.submit, who, id_),
    "approve": lambda room, who, id_: room.context.do(deciding.approve, who, id_, None),
    "return": lambda room, who, id_: room.context.do(deciding.send_back, who, id_, "return", "no"),
    "reject": lambda room, who, id_: room.context.do(deciding.send_back, who, id_, "reject", "no"),
    "hold": lambda room, who, id_: room.context.do(deciding.hold, who, id_),
    "resume": lambda room, who, id_: room.context.do(deciding.resume, who, id_),
    "cancel": lambda room, who, id_: room.context.do(deciding.cancel, who, id_, "no"),
    "update": lambda room, who, id_: room.context.do(
        drafting.follow, who, id_, "update", content()
    ),
    "correct": lambda room, who, id_: room.context.do(
        drafting.follow, who, id_, "correct", content(kind="correction")
    ),
    "all_clear": lambda room, who, id_: room.context.do(
        drafting.follow, who, id_, "all_clear", content(kind="all_clear")
    ),
}
"""Each act, by somebody who showed their token before their rights ended."""


async def _ready_for(room: Room, act: str) -> Version:
    if act in ("draft", "edit", "submit"):
        return await room.draft("ada")
    if act in ("approve", "return", "reject"):
        return await room.submitted("ada")
    v = await room.live()
    if act == "resume":
        await room.does("bea", deciding.hold, v.message_id)
    return v


async def _everything(room: Room) -> Any:
    def read(conn: Connection) -> Any:
        rows = conn.execute(
            select(version.c.id, version.c.state, version.c.revision).order_by(version.c.id)
        )
        return [tuple(row) for row in rows]

    return await room.db.read(read)


ENDINGS: dict[str, tuple[dict[str, Any], str]] = {
    "disabled": ({"disabled_at": datetime(2026, 1, 1, tzinfo=UTC)}, "operator_disabled"),
    "made an auditor": ({"role": "auditor"}, "wrong_role"),
    "bound to another area": ({"area": CAMDEN}, "operator_changed"),
}


@way
async def an_act_whose_body_was_held_back_until_the_rights_ended(room: Room) -> None:
    # `bea` is an approver without an area: she may do every one of these, until she may not.
    for act, do in HELD_BODY.items():
        v = await _ready_for(room, act)
        for ending, code in ENDINGS.values():
            bea = await room.who("bea")
            before = await _everything(room)
            await room.rewrite("bea", **ending)
            with refused(code):
                await do(room, bea, v.message_id)
            assert await _everything(room) == before, act
            await room.rewrite("bea", disabled_at=None, role="approver", area=None)
        with contextlib.suppress(Rejected):
            await room.does("bea", deciding.cancel, v.message_id, "looked at")
        with contextlib.suppress(Rejected):
            await room.does("bea", deciding.send_back, v.message_id, "reject", "looked at")


@way
async def an_edit_that_moves_a_draft_to_the_whole_country(room: Room) -> None:
    v = await room.draft("far", areas=(CAMDEN,))
    for elsewhere in (
        {"areas": ()},
        {"areas": (LONDON,)},
        {"kind": "threat_level_change", "scope": "UK", "level": "SEVERE", "areas": ()},
    ):
        text = content(**elsewhere)
        # Without a place it goes to everybody in the control room's own area: that is its own to
        # write.
        if elsewhere == {"areas": ()}:
            await room.does("far", drafting.edit, v.message_id, text)
            continue
        with refused("area_out_of_scope"):
            await room.does("far", drafting.edit, v.message_id, text)


@way
async def an_edit_of_what_was_written_for_another_place(room: Room) -> None:
    v = await room.draft("ada")  # for Westminster
    with refused("area_out_of_scope"):
        await room.does("far", drafting.edit, v.message_id, content(areas=(CAMDEN,)))


@way
async def a_borough_that_sets_the_level_of_a_community_or_of_more_than_itself(room: Room) -> None:
    for scope in ("community:jewish", "sector:retail", "UK", LONDON, WESTMINSTER):
        with refused("area_out_of_scope"):
            await room.draft(
                "far",
                kind="threat_level_change",
                scope=scope,
                level="CRITICAL",
                areas=(CAMDEN,) if ":" in scope else (),
            )
    await room.draft("far", kind="threat_level_change", scope=CAMDEN, level="SEVERE", areas=())
    granted: dict[str, Any] = {
        "name": "granted",
        "role": "author",
        "area": CAMDEN,
        "email": None,
        "may_set": ("community:jewish",),
    }
    groups = [named("community", name, {}) for name in ("Jewish", "Sikh")]
    await room.db.write(registered.register, groups, datetime.now(UTC))
    someone, _ = await room.db.write(operators.add, **granted, now=datetime.now(UTC))
    await room.context.do(
        drafting.draft,
        someone,
        content(
            kind="threat_level_change", scope="community:jewish", level="SEVERE", areas=(CAMDEN,)
        ),
    )
    with refused("area_out_of_scope"):
        await room.context.do(
            drafting.draft,
            someone,
            content(
                kind="threat_level_change", scope="community:sikh", level="SEVERE", areas=(CAMDEN,)
            ),
        )
    with refused("operator_changed"):  # a grant that only the caller believes in
        await room.context.do(
            drafting.draft,
            replace(someone, may_set=("UK",)),
            content(kind="threat_level_change", scope="UK", level="SEVERE", areas=(CAMDEN,)),
        )


@way
async def a_shape_that_reaches_beyond_the_area(room: Room) -> None:
    inside = ((-0.19, 51.535), (-0.11, 51.535), (-0.11, 51.555), (-0.19, 51.555), (-0.19, 51.535))
    beyond = ((-0.19, 51.525), (-0.11, 51.525), (-0.11, 51.555), (-0.19, 51.555), (-0.19, 51.525))
    await room.draft("far", areas=(), polygons=((inside,),))
    with refused("area_out_of_scope"):
        await room.draft("far", areas=(), polygons=((beyond,),))
    with refused("area_out_of_scope"):
        await room.draft(
            "far", areas=(), circles=(Circle(latitude=51.545, longitude=-0.15, radius_km=3.0),)
        )


@way
async def a_cancel_by_who_has_only_some_of_the_places(room: Room) -> None:
    v = await room.live(areas=(WESTMINSTER, CAMDEN))
    with refused("area_out_of_scope"):
        await room.does("far", deciding.cancel, v.message_id, "no")
    # to hold is for whoever has any of them
    held = await room.does("far", deciding.hold, v.message_id)
    assert held.state == "held"
    with refused("area_out_of_scope"):
        await room.does("far", deciding.resume, v.message_id)
    other = await room.live()
    with refused("area_out_of_scope"):
        await room.does("far", deciding.hold, other.message_id)
    for each in (v, other):
        await room.does("bea", deciding.cancel, each.message_id, "looked at")


@way
async def a_sender_s_name_that_changed_between_submission_and_approval(room: Room) -> None:
    v = await room.submitted("ada")
    room.context.house = replace(room.context.house, wording="with another name")
    with refused("content_changed"):
        await room.approve("bea", v)


@way
async def a_margin_made_larger_behind_the_approval(room: Room) -> None:
    v = await room.submitted("ada")
    await room.change(v, margin=1_000_000)
    with refused("content_changed"):
        await room.approve("bea", v)
