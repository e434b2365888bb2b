"""What every route of setting up does first: who asks, what they sent, and once for each
Idempotency-Key.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request
from starlette.responses import Response

from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.problems import refuse
from broadcast.store.database import Connection
from console.api.bodies import check_media_type, read_act
from console.server.context import Web, web_of
from service.idempotency import Answered, once
from service.setup.who import allowed

FILE = "the body"
"""What a file is called that came as the body of a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request that acts: the process that answers it, who asks, and what they sent."""

    web: Web
    request: Request
    actor: Operator
    body: bytes = field(repr=False)

    def fields(self, *names: str) -> dict[str, Any]:
        """Return the JSON object of the body, with no other fields than these; raises Rejected."""
        return read_act(self.request, self.body, names)

    def file(self) -> bytes:
        """Return the file that is the body; raises Rejected (422 file_empty)."""
        if not self.body:
            raise refuse("file_empty", "the body is empty", "send the file as it is")
        return self.body


Prepare = Callable[[Asked], Awaitable[Answered[Any]]]
"""Reads what was sent, does the slow work, and returns the act with its answer; may refuse."""


async def answer_once(
    request: Request, permission: str, prepare: Prepare, *, media: tuple[str, ...] = ()
) -> Response:
    """Answer a request of somebody with a permission, once for its Idempotency-Key. `media` are the
    media types that a file may have; without them the body is JSON. Raises Rejected.
    """
    web = web_of(request)
    asked = Asked(
        web=web, request=request, actor=await web.actor(request), body=await request.body()
    )
    if media:
        check_media_type(request, asked.body, *media)

    async def make() -> Answered[Any]:
        operators.require(asked.actor, permission)
        return await prepare(asked)

    return await once(request, asked.body, web.context, asked.actor, make)


async def take_file(request: Request, prepare: Prepare, *media: str) -> Response:
    """Answer an administrator without an area who sends a file, as `answer_once`: others are
    refused before the file is read.
    """

    async def checked(asked: Asked) -> Answered[Any]:
        await asked.web.db.read(_may_set_up, asked.actor)
        return await prepare(asked)

    return await answer_once(request, "administer", checked, media=media)


def _may_set_up(conn: Connection, actor: Operator) -> None:
    allowed(conn, actor, everywhere=True)
