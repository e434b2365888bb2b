"""What people answered, for programs: lists without words, and single answers sealed as they are
kept; whoever holds the private key opens them.
"""

from __future__ import annotations

import base64
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from broadcast.answers import store
from console.api import cursors
from console.api.told import message_id_of
from console.server.context import Web, web_of
from service.answers import reading


def router(_web: Web) -> APIRouter:
    """Return the routes of answers."""
    api = APIRouter(tags=["answers"])
    api.get("/messages/{id}/answers")(of_message)
    api.get("/answers/unsorted")(unsorted)
    api.get("/answers/{answer}")(one)
    return api


async def of_message(
    request: Request, id: str, cursor: str | None = None, limit: str | None = None
) -> Response:
    """Return the answers to a message by page, the oldest first: no words, no numbers. For its
    own room, and recorded.
    """
    return await _page(request, message_id_of(id), cursor, limit)


async def unsorted(
    request: Request, cursor: str | None = None, limit: str | None = None
) -> Response:
    """Return the answers that belong to no message, likewise: for who is bound to no area."""
    return await _page(request, None, cursor, limit)


async def one(request: Request, answer: str) -> Response:
    """Return one answer with its words and its sender sealed (base64 of a libsodium sealed box of
    JSON {words, from, media}); the reading is recorded.
    """
    web = web_of(request)
    actor = await web.actor(request)
    if not (answer.isascii() and answer.isdigit() and len(answer) < 10):
        raise store.unknown()
    found = await web.context.do(reading.read_one, actor, int(answer), _is_there)
    sealed = None if found.sealed is None else base64.b64encode(found.sealed).decode()
    return JSONResponse(found.shown() | {"key": found.key_id, "sealed": sealed})


def _is_there(found: store.Answer) -> bool:
    return found.sealed is not None


async def _page(
    request: Request, message_id: int | None, cursor: str | None, limit: str | None
) -> Response:
    web = web_of(request)
    actor = await web.actor(request)
    size = cursors.limit_of(limit)
    about = f"answers:{message_id or ''}"
    place = cursors.read(web.key, about, cursor)
    after = place[0] if place else 0
    found = await web.context.do(
        reading.listed, actor, message_id, after=after, limit=min(size, reading.MOST)
    )
    told: dict[str, Any] = {
        "message": message_id,
        "answers": [answer.shown() for answer in found],
        "next": cursors.write(web.key, about, found[-1].id) if len(found) == size else None,
    }
    return JSONResponse(told)
