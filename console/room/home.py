"""The first page: what needs somebody, what is live, what is being written, what ended lately."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from broadcast.messages import listing, states, versions
from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.operators.operators import Operator
from console.room import naming
from console.room.frame import Room, entrance
from service.commands.reading import may_read
from service.sign_in import Signed

LOOKED_AT = 200
"""So many of the newest messages are looked through."""
ENDED_SHOWN = 10

GROUPS = {
    "Waiting for approval": ("pending_approval",),
    "Live": ("live", "held", "approved", "blocked"),
    "Drafts": ("draft", "returned"),
    "Ended lately": states.ENDED,
}


def attach(api: APIRouter, room: Room) -> None:
    """Add the route."""

    async def home(_request: Request, signed: Signed) -> Response:
        operators.require(signed.operator, "read")
        found = await readable(room, signed.operator)
        groups = {
            title: [row(v) for v in found if v.state in wanted] for title, wanted in GROUPS.items()
        }
        groups["Ended lately"] = groups["Ended lately"][:ENDED_SHOWN]
        return room.page("home.html", signed, title="Control room", groups=groups)

    room.add(api, "GET", "/room", home)


async def readable(room: Room, actor: Operator) -> list[Version]:
    """Return the newest messages that the operator may know of, as each stands."""
    found = await room.web.db.read(listing.newest, None, LOOKED_AT)
    return [versions.head(each) for each in found if await may_read(room.web.context, actor, each)]


def row(v: Version) -> dict[str, Any]:
    """Return one line about a message."""
    tag, text = next(iter(v.content.languages.items()))
    return {
        "v": v,
        "lang": tag,
        "headline": text.headline or "(no headline yet)",
        "to": f"{entrance(v.status)}/messages/{v.message_id}",
        "exercise": v.status == "Exercise",
        "state": naming.word(v.state),
        "kind": naming.word(v.kind),
        "since": v.ended_at or v.live_at or v.approved_at,
    }
