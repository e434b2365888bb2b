"""The first page: how the machine is, the threat level, what needs somebody, what is live and how
it goes, what is being written, what ended lately. All of it moves by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from broadcast.content.model import PERSONAL_CHANNELS
from broadcast.drafts import unfinished
from broadcast.drafts.unfinished import Kept
from broadcast.ledger import gauges, liveness
from broadcast.levels import history
from broadcast.messages import advice, listing, resends, states, versions
from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.operators.operators import PERMISSIONS, Operator
from broadcast.places.areas import AreaTree
from broadcast.store.database import Connection
from console.room import acting, naming
from console.room.figures import Figures
from console.room.frame import Room, entrance, refresh_of
from console.room.kept import KeptForAMoment
from console.room.looking import answers
from service.commands.reading import may_read
from service.sign_in import Signed

LOOKED_AT = 200
"""So many of the newest messages are looked through."""
ENDED_SHOWN = 10
LINES_SHOWN = 8
"""Of so many live messages it is counted how they go, the newest first."""
SILENT_AFTER = timedelta(seconds=15)
MOVING = ("live", "held")
LOOK_UP_ALARMS = "Alarms of look-ups"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """What the first page is made from, the same for everybody."""

    messages: list[list[Version]]
    acts: dict[int, int]
    levels: list[dict[str, Any]]
    health: list[dict[str, Any]]
    resends: list[tuple[int, dict[str, Any]]]
    overlapping: frozenset[int]


class AlikeKept:
    """That, looked at once for all streams of a moment: each of them looks twice a second."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._kept = KeptForAMoment[None, Alike]()

    async def now(self) -> Alike:
        """Return it as of a moment ago, and never as of before the newest act of this process."""
        streams = self._room.web.streams
        return await self._kept.get(None, lambda: streams.acts, lambda: look(self._room))


async def look(room: Room) -> Alike:
    """Look at what is the same for everybody."""
    db = room.web.db
    messages = await db.read(listing.newest, None, LOOKED_AT)
    heads = [versions.head(each) for each in messages]
    out = [v.id for v in heads if v.state in ("pending_approval", "approved", *MOVING)]
    return Alike(
        messages=messages,
        acts=await db.read(listing.newest_decisions, [v.id for v in heads]),
        levels=await db.read(_levels, room.web.now(), await room.web.context.tree()),
        health=await health(room),
        resends=await db.read(resends.all_shown),
        overlapping=await db.read(advice.overlapping, out),
    )


def attach(api: APIRouter, room: Room, figures: Figures) -> None:
    """Add the route."""

    async def home(request: Request, signed: Signed) -> Response:
        operators.require(signed.operator, "read")
        told = await gather(room, figures, signed, await look(room))
        begin = []
        if "draft" in PERMISSIONS[signed.operator.role]:
            begin = await room.web.db.read(unfinished.skeletons, signed.operator, "/room")
        again = refresh_of(request)
        return room.page(
            "home.html", signed, title="Control room", begin=begin, refresh=again, **told
        )

    room.add(api, "GET", "/room", home)


async def gather(room: Room, figures: Figures, signed: Signed, alike: Alike) -> dict[str, Any]:
    """Return all that the first page shows to one person."""
    found = await _readable(room, signed.operator, alike.messages)
    mine = PERMISSIONS[signed.operator.role]
    found.sort(key=lambda v: v.status != "Actual")  # what is real stands first
    pending = [v for v in found if v.state == "pending_approval"]
    returned = [v for v in found if v.state == "returned" and v.author_id == signed.operator.id]
    live = [v for v in found if v.state in (*MOVING, "approved", "blocked")]
    rows = []
    for n, v in enumerate(live):
        told = None
        if v.state in MOVING and n < LINES_SHOWN:
            told = await figures.told(v)
        form = acting.press(room, signed, v, alike.acts.get(v.id, 0))
        rows.append(row(v) | {"figures": told, "form": form})
    return {
        "health": shown_to(signed.operator, alike.health),
        "urgent": await answers.urgent(room, signed.operator),
        "levels": alike.levels,
        "needs": {
            "to approve": [row(v) for v in pending if "approve" in mine and not _own(signed, v)],
            "resends to approve": _repeats(signed, found, mine, alike),
            "returned to you": [row(v) for v in returned],
            "in doubt": [r for r in rows if _in_doubt(r)],
            "overlap with another control room": [
                row(v) for v in (*pending, *live) if v.id in alike.overlapping
            ],
            "blocked": [row(v) for v in live if v.state == "blocked"],
        },
        "live": rows,
        "under_way": [
            _under_way(kept)
            for kept in await room.web.db.read(unfinished.of_owner, signed.operator)
        ],
        "groups": {
            "Waiting for approval": [row(v) for v in pending],
            "Drafts": [row(v) for v in found if v.state in ("draft", "returned")],
            "Ended lately": [row(v) for v in found if v.state in states.ENDED][:ENDED_SHOWN],
        },
    }


def _repeats(
    signed: Signed, found: list[Version], mine: frozenset[str], alike: Alike
) -> list[dict[str, Any]]:
    """Return a line for each resend that waits for this person's approval."""
    if "approve" not in mine:
        return []
    known = {v.message_id: v for v in found}
    return [
        row(known[message]) | {"to": f"{entrance(known[message].status)}/messages/{message}/resend"}
        for message, order in alike.resends
        if message in known and order["ordered_by"] != signed.operator.id
    ]


def _own(signed: Signed, v: Version) -> bool:
    return signed.operator.id in {v.author_id, v.submitter_id, *v.editors}


def _in_doubt(shown: dict[str, Any]) -> bool:
    if not shown["figures"]:
        return False
    return any(r["line"] == "in_doubt" and r["people"] for r in shown["figures"]["rows"])


async def health(room: Room) -> list[dict[str, Any]]:
    """Return the strip of health: each part, whether it is well, in words how it is, and whether
    only administrators and auditors are told of it.
    """
    web = room.web
    seen, now = await web.db.read(liveness.engine_seen), web.now()
    turned = max((t for t in (seen, web.ready()) if t is not None), default=None)
    running = turned is not None and now - turned <= SILENT_AFTER
    counted = await web.db.read(gauges.look, now - SILENT_AFTER)
    on = web.context.channels_on("Actual")
    strip = [
        {
            "name": "Sending",
            "well": running,
            "says": "running" if running else f"no sign of life since {room.time(turned)}",
        }
    ]
    strip += [
        {
            "name": naming.CHANNELS[channel],
            "well": channel in on,
            "says": "on" if channel in on else "switched off",
        }
        for channel in PERSONAL_CHANNELS
    ]
    waiting = counted.outbox_waiting
    strip.append(
        {
            "name": "Steps waiting",
            "well": waiting < gauges.CAP,
            "says": f"{waiting:,}" if waiting < gauges.CAP else f"{waiting:,} or more",
        }
    )
    failed = max(counted.parked - counted.look_ups, 0)
    strip.append(
        {
            "name": "Put aside",
            "well": not failed,
            "says": f"{failed:,} to look at" if failed else "nothing",
        }
    )
    if counted.look_ups:
        says = f"{counted.look_ups:,} to look at"
        strip.append({"name": LOOK_UP_ALARMS, "well": False, "says": says})
    return strip


def shown_to(operator: Operator, strip: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what an operator is told of the strip of health. That somebody looks at people as a
    search does is for administrators and auditors: the one it is about reads this page too.
    """
    if "see_what_is_set_up" in PERMISSIONS[operator.role]:
        return strip
    return [each for each in strip if each["name"] != LOOK_UP_ALARMS]


def _levels(conn: Connection, now: datetime, tree: AreaTree) -> list[dict[str, Any]]:
    """Return the present levels of the country and of places, which everybody may know."""
    return [
        {"scope": naming.scope(each.scope, tree), "level": str(each.level), "since": each.since}
        for each in history.show(conn, now)
        if each.level is not None
    ]


def _under_way(kept: Kept) -> dict[str, Any]:
    texts = kept.fields.get("languages") or [{}]
    headline = str(texts[0].get("headline") or "(no headline yet)")
    path = f"{kept.place}?kept={kept.id}" if kept.place.endswith("/new") else kept.place
    return {"to": path, "headline": headline, "lang": texts[0].get("tag", "en"), "kept": kept}


async def readable(room: Room, actor: Operator) -> list[Version]:
    """Return the newest messages that the operator may know of, as each stands."""
    return await _readable(room, actor, await room.web.db.read(listing.newest, None, LOOKED_AT))


async def _readable(room: Room, actor: Operator, messages: list[list[Version]]) -> list[Version]:
    return [
        versions.head(each) for each in messages if await may_read(room.web.context, actor, each)
    ]


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
