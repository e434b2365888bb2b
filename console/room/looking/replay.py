"""Replay to watch: one message, moment by moment, from the recorded facts. Nothing here sends."""

from __future__ import annotations

import json
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.responses import Response

from broadcast.messages import small_counts, versions
from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.problems import refuse
from broadcast.replay import comparison, past
from broadcast.replay.past import Mark, Moment
from broadcast.wording.times import zone_name
from console.room import acting, naming
from console.room.frame import BASES, Room
from console.room.looking import pictures
from service.sign_in import Signed

STEPS = 60
"""Moments between the first fact and the last, beside those of every act."""


def attach(api: APIRouter, room: Room) -> None:
    """Add the routes, once for each entrance."""
    for base in BASES:
        _attach(api, room, base)


def _attach(api: APIRouter, room: Room, base: str) -> None:
    web = room.web

    async def page(
        request: Request, signed: Signed, compared: dict[str, Any] | None = None
    ) -> Response:
        operators.require(signed.operator, "read")
        existing = await acting.message_of(room, request, signed)
        v = asked_version(request, existing)
        acts, moments = await recorded(room, v)
        frames = [shown_frame(room, m, v) for m in moments]
        path = f"{base}/messages/{v.message_id}"
        return room.page(
            "replay.html",
            signed,
            kind=BASES[base],
            title="Rebuild from the record",
            v=v,
            path=path,
            existing=existing,
            frames=json.dumps(frames),
            rows=[
                (m, frame, ", ".join(naming.word(a.what) for a in acts if a.at == m.at))
                for m, frame in zip(moments, frames, strict=True)
            ],
            lines={line: naming.LINES[line] for line in (frames[0]["people"] if frames else ())},
            curve=pictures.curve(frames, [(naming.word(a.what), a.at.isoformat()) for a in acts]),
            zone=zone_name(web.now().astimezone(ZoneInfo(web.settings.timezone))),
            acts=acts,
            form=room.form(signed, f"{path}/replay"),
            compared=compared,
        )

    async def show(request: Request, signed: Signed) -> Response:
        return await page(request, signed)

    async def compare(request: Request, signed: Signed) -> Response:
        await room.read(request, signed)
        operators.require(signed.operator, "read")
        existing = await acting.message_of(room, request, signed)
        number = existing[-1].message_id
        await web.db.write(
            operators.log_admin,
            actor=signed.operator.name,
            action="replay",
            subject=str(number),
            now=web.now(),
        )
        found = await comparison.run(web.db, message_id=number)
        return await page(request, signed, found)

    room.add(api, "GET", f"{base}/messages/{{id}}/replay", show)
    room.add(api, "POST", f"{base}/messages/{{id}}/replay", compare)


async def recorded(room: Room, v: Version) -> tuple[list[Mark], list[Moment]]:
    """Return the acts on a version, and how it stood at each of them and at moments in between.
    Raises Rejected (409 not_published).
    """
    db = room.web.db
    ends = await db.read(past.span, v)
    if ends is None:
        raise refuse(
            "not_published",
            "nothing of this message was recorded yet",
            "approve it first",
            status=409,
        )
    acts = [m for m in await db.read(past.marks, v.message_id) if m.version_id == v.id]
    step = (ends[1] - ends[0]) / STEPS
    times = {ends[0] + step * n for n in range(1, STEPS + 1)} | {m.at for m in acts}
    found = await db.read(past.at, v.message_id, sorted(times))
    return acts, [m for every in found for m in every if m.version == v.number]


def asked_version(request: Request, existing: list[Version]) -> Version:
    """Return the version that is asked for; without a number the newest that went out."""
    number = request.query_params.get("version", "")
    wanted = next((v for v in existing if str(v.number) == number), None)
    return wanted or versions.newest_published(existing) or existing[-1]


def shown_frame(room: Room, m: Moment, v: Version) -> dict[str, Any]:
    """Return a moment as people may read it: to the microsecond, and no small number where a shape
    was drawn.
    """
    told = small_counts.account(m.to_json(), v.content)
    parts = ("at", "state", "addressed", "people")
    return {name: told[name] for name in parts} | {"clock": room.clock(m.at)}
