"""What a form does: one act of service/, once, whatever the browser repeats."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from fastapi import Request

from broadcast.messages import states, versions
from broadcast.messages.versions import Version
from broadcast.operators.operators import PERMISSIONS
from broadcast.problems import Problem, Rejected, refuse
from broadcast.store.database import Connection
from broadcast.store.replies import IN_FLIGHT, Reply
from console.api.told import message_id_of
from console.room.frame import Form, Room, entrance
from service.commands import reading
from service.commands.unit_of_work import Act
from service.idempotency import Answered, reply_once
from service.sign_in import Signed

FIRST_PRESS_SECONDS: Final = 5.0
"""How long the second press of a button waits for what the first one did."""


async def act(
    room: Room,
    request: Request,
    signed: Signed,
    form: Form,
    make: Callable[[], Awaitable[Act[Any]]],
    tell: Callable[[Any], dict[str, Any]] = lambda _result: {},
    once_only: Callable[[Any], dict[str, Any]] | None = None,
    *,
    step: str = "",
) -> dict[str, Any]:
    """Do what a form asks for and return what is told of it; a form that comes twice is done once.
    `once_only` is told the first time and kept nowhere; `step` names what a form does beside
    another act. Raises Rejected, the second time too.
    """

    async def made() -> Answered[Any]:
        return Answered(
            act=await make(), answer=lambda _conn, result: tell(result), once_only=once_only
        )

    digest = hashlib.sha256(request.url.path.encode() + b"\n" + await request.body()).hexdigest()
    once = partial(
        reply_once,
        room.web.context,
        signed.operator,
        key=f"room {step}{form.one('key')}"[:255],
        digest=digest,
        make=made,
    )
    reply = await _also_pressed_twice(once)
    room.web.streams.hurry()
    told: dict[str, Any] = json.loads(reply.body)
    if reply.status >= 400:
        raise Rejected(
            Problem(
                code=str(p["code"]),
                detail=str(p["detail"]),
                fix=str(p["fix"]),
                field=str(p["field"]),
                where=str(p.get("where", "")),
                status=reply.status,
            )
            for p in told["problems"]
        )
    return told


async def _also_pressed_twice(once: Callable[[], Awaitable[tuple[Reply, bool]]]) -> Reply:
    """Return the answer; whoever pressed twice waits for that of the first press, and sees it
    instead of a refusal. Raises Rejected.
    """
    until = time.monotonic() + FIRST_PRESS_SECONDS
    while True:
        try:
            return (await once())[0]
        except Rejected as rejected:
            if rejected.problems[0].code != IN_FLIGHT or time.monotonic() > until:
                raise
        await asyncio.sleep(0.1)


def unchanged(
    act: Act[Any], message_id: int, revision: int, changed: Callable[[], Rejected]
) -> Any:
    """Return the act, refused in its own transaction where the version is another one by then."""

    def write(conn: Connection) -> Any:
        if versions.head(versions.of_message(conn, message_id)).revision != revision:
            raise changed()
        return act.write(conn)

    return Act(write)


async def message_of(
    room: Room, request: Request, signed: Signed, *, here: bool = True
) -> list[Version]:
    """Return the versions of the message that an address names, as far as its reader may know of
    it.

    Raises Rejected: 404, and `here` 409 wrong_entrance where a live message is asked for among the
    exercises, or an exercise among what is live.
    """
    base = "/" + request.url.path.split("/")[1]
    return await message_at(room, signed, base if here else None, request.path_params["id"])


async def message_at(room: Room, signed: Signed, base: str | None, number: str) -> list[Version]:
    """Return the versions of the message of this number, which stands under the entrance `base`
    (None: under either). Raises Rejected as `message_of` does.
    """
    existing = await reading.readable(room.web.context, signed.operator, message_id_of(number))
    if base is not None and entrance(existing[-1].status) != base:
        raise refuse(
            "wrong_entrance",
            "this form belongs to the other entrance: exercises and what is live never mix",
            f"nothing was done: open {entrance(existing[-1].status)}/messages/{number}",
            status=409,
        )
    return existing


def press(room: Room, signed: Signed, v: Version, newest_act: int) -> dict[str, str] | None:
    """Return the form that holds or resumes a message by one press; None where this is not possible
    now or not theirs to do. Its key is another one after every act, and the same until then: a part
    of a page that is told again has no other form.
    """
    act = "resume" if v.state == "held" else "hold"
    if act not in PERMISSIONS[signed.operator.role] or (act, v.state) not in states.TRANSITIONS:
        return None
    said = f"{signed.session.id} {act} {v.id} {newest_act}"
    key = hashlib.sha256(said.encode()).hexdigest()[:24]
    action = f"{entrance(v.status)}/messages/{v.message_id}/{act}"
    return room.form(signed, action, key=key) | {"act": act}


async def may_not_approve(
    room: Room, signed: Signed, itself: str, check: Callable[..., None], *what: Any
) -> str:
    """Return why this person cannot approve something, as far as it is known before they try; "" if
    they may. The rule is the one of the act: `check(connection, operator, *what, two_person)`.
    `itself`: how the page says that it is their own.
    """
    if "approve" not in PERMISSIONS[signed.operator.role]:
        return "Another person, an approver, must approve it."
    two_person = room.web.context.house.two_person
    try:
        await room.web.db.read(check, signed.operator, *what, two_person)
    except Rejected as rejected:
        problem = rejected.problems[0]
        if problem.code == "same_person":
            return f"{itself}: another person must approve it."
        return f"{problem.detail[:1].upper()}{problem.detail[1:]}: {problem.fix}."
    return ""
