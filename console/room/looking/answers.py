"""What people answered, as a page: when, by what, which first; their words are read where the
private key is, by no web process.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from broadcast.answers import store
from broadcast.answers.store import Answer
from broadcast.messages import versions
from broadcast.operators.operators import PERMISSIONS, Operator
from broadcast.problems import Rejected
from console.room import acting, naming
from console.room.frame import BASES, Room
from service.answers import reading
from service.sign_in import Signed

PAGE = 200
KINDS = {
    "text": "text",
    "stop_unclear": "text that sounds like STOP",
    "word": "text that was acted on too",
    "keypress": "keys in a call",
    "page": "page",
}


def attach(api: APIRouter, room: Room) -> None:
    """Add the routes, once for each entrance, and that of the unsorted."""
    for base in BASES:
        _attach_list(api, room, base)

    async def unsorted(request: Request, signed: Signed) -> Response:
        return await _show(room, request, signed, None, "/room/answers", "")

    room.add(api, "GET", "/room/answers", unsorted)


def _attach_list(api: APIRouter, room: Room, base: str) -> None:
    async def show(request: Request, signed: Signed) -> Response:
        existing = await acting.message_of(room, request, signed)
        v = versions.head(existing)
        path = f"{base}/messages/{v.message_id}"
        return await _show(room, request, signed, v.message_id, f"{path}/answers", path, base)

    room.add(api, "GET", f"{base}/messages/{{id}}/answers", show)


async def _show(
    room: Room,
    request: Request,
    signed: Signed,
    message_id: int | None,
    here: str,
    back: str,
    base: str = "/room",
) -> Response:
    asked = request.query_params.get("after", "")
    after = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else 0
    found = await room.web.context.do(
        reading.listed, signed.operator, message_id, after=after, limit=PAGE
    )
    which = f"--message {message_id}" if message_id is not None else "--unsorted"
    return room.page(
        "answers.html",
        signed,
        kind=BASES[base],
        title=f"Answers to message {message_id}" if message_id is not None else "Unsorted answers",
        back=back,
        rows=[_row(answer) for answer in sorted(found, key=lambda a: (not _waits(a), a.id))],
        command=f"fasttime answers read {which}",
        following=f"{here}?after={found[-1].id}" if len(found) == PAGE else "",
        first=here if after else "",
    )


def _waits(answer: Answer) -> bool:
    return answer.urgent and not answer.read and not answer.erased


def _row(answer: Answer) -> dict[str, Any]:
    return {
        "a": answer,
        "waits": _waits(answer),
        "kind": KINDS.get(answer.kind, answer.kind),
        "channel": naming.word(answer.channel),
    }


async def counted(room: Room, actor: Operator, message_id: int) -> dict[str, int] | None:
    """Return how many answers a message has; None for who may not read them."""
    try:
        await reading.allowed(room.web.context, actor, message_id)
    except Rejected:
        return None
    return await room.web.db.read(store.counts, message_id)


async def urgent(room: Room, actor: Operator) -> list[dict[str, Any]]:
    """Return where urgent answers wait that nobody has read, as this operator may know."""
    if "people" not in PERMISSIONS[actor.role]:
        return []
    found = []
    for message_id, n in (await room.web.db.read(store.urgent_unread)).items():
        try:
            await reading.allowed(room.web.context, actor, message_id)
        except Rejected:
            continue
        found.append({"message": message_id, "n": n, "to": await _to(room, message_id)})
    return found


async def _to(room: Room, message_id: int | None) -> str:
    if message_id is None:
        return "/room/answers"
    v = versions.head(await room.web.db.read(versions.of_message, message_id))
    base = next(b for b, kind in BASES.items() if (kind == "exercise") == (v.status == "Exercise"))
    return f"{base}/messages/{message_id}/answers"
