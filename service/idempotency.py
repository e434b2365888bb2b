"""Idempotency-Key: a POST that is repeated is answered again, not done again.

The rule: (1) a key is reserved; (2) the act and its answer are committed in one transaction; (3)
the answer is sent. A process that dies before (2) has done nothing: its reservation stays "in
flight" for 60 s, then the same request may take it over. One that dies after (2) has answered: the
same request gets that answer, byte for byte. One that wakes up after its reservation was taken over
cannot store its answer, and so its act is rolled back with it. Refusals are answers too; a fault of
ours (5xx) and "too often" (429) are none, and give the key back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar

from fastapi import Request
from starlette.responses import Response

from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.places.areas import AreaTree
from broadcast.problems import Rejected, refuse
from broadcast.store import replies
from broadcast.store.database import Connection, Database
from broadcast.store.replies import Reply, Reservation
from service import problem_documents
from service.desk import Desk, Seen

P = ParamSpec("P")
T = TypeVar("T")

HEADER = "Idempotency-Key"

Answer = Callable[[Connection, Any, Seen | None], dict[str, Any]]
"""From what the act's transaction returned (and what it had looked at) to the JSON that is
answered; runs inside that transaction.
"""


class AnsweringDesk(Desk):
    """A desk for one act: what the act commits, it commits together with the answer."""

    def __init__(self, desk: Desk, answer: Callable[[Connection, Any, Seen | None], None]) -> None:
        self.__dict__.update(desk.__dict__)
        self._desk = desk
        self.seen: Seen | None = None
        self.db = _AnsweringDatabase(desk.db, lambda conn, result: answer(conn, result, self.seen))

    async def tree(self) -> AreaTree:
        """Return the areas, kept by the desk that outlives this act."""
        return await self._desk.tree()

    async def look(self, v: Version, actor: Operator | None) -> Seen:
        """Remember what was looked at: the answer tells of it."""
        self.seen = await super().look(v, actor)
        return self.seen


class _AnsweringDatabase(Database):
    """A database whose one write also stores the answer."""

    def __init__(self, db: Database, after: Callable[[Connection, Any], None]) -> None:
        self._db, self._after = db, after
        self.dialect, self.url = db.dialect, db.url
        self.written = False

    async def write(
        self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run the act and store its answer, in one transaction."""
        if self.written:
            raise RuntimeError("an act is one transaction: its answer was stored with the first")

        def both(conn: Connection) -> T:
            result = fn(conn, *args, **kwargs)
            self._after(conn, result)
            return result

        result = await self._db.write(both)
        self.written = True
        return result

    async def read(
        self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Read as ever."""
        return await self._db.read(fn, *args, **kwargs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One act of one person: what to do at a desk, and how to tell of it.

    `once_only` tells what is in the first answer only and never stored, such as a new token. `do`
    makes at most one write. Where it makes none (a preview), what it returns is handed to `answer`
    afterwards.
    """

    do: Callable[[Desk], Awaitable[Any]]
    answer: Answer
    status: int = 200
    once_only: Callable[[Any], dict[str, Any]] | None = None


def key_of(request: Request) -> str:
    """Return the request's key; raises Rejected (400 key_missing, key_invalid)."""
    given = request.headers.getlist(HEADER)
    if not given or not given[0].strip():
        fix = (
            "send a new random key, such as a UUID, with every POST, and the same one when you"
            " repeat it"
        )
        raise refuse("key_missing", "there is no Idempotency-Key", fix, field=HEADER, status=400)
    key = given[0].strip()
    if len(given) > 1 or len(key) > 255 or not (key.isascii() and key.isprintable()):
        raise refuse(
            "key_invalid",
            "the Idempotency-Key is not one text of at most 255 printable ASCII characters",
            "send a UUID",
            field=HEADER,
            status=400,
        )
    return key


def digest_of(request: Request, body: bytes) -> str:
    """Return what makes two requests the same: method, path with query, media type, body."""
    head = "\n".join(
        (
            request.method,
            request.url.path,
            request.url.query,
            request.headers.get("content-type", "").strip().lower(),
        )
    )
    return hashlib.sha256(head.encode() + b"\n\n" + body).hexdigest()


async def once(
    request: Request,
    body: bytes,
    desk: Desk,
    actor: Operator,
    make: Callable[[], Awaitable[Act] | Act],
) -> Response:
    """Answer a POST: with what was answered before, or by doing it now. `make` reads the body and
    may refuse it.
    """
    now = desk.now()
    held = await desk.db.write(
        _reserve, actor, key=key_of(request), digest=digest_of(request, body), now=now
    )
    if isinstance(held, Reply):
        return _response(held, replayed=True)
    try:
        reply = await _do(desk, held, make)
    except Rejected as rejected:
        if (
            rejected.status == 429
            or rejected.status >= 500
            or rejected.problems[0].code == "key_in_flight"
        ):
            await desk.db.write(replies.release, held)
            raise
        reply = Reply(rejected.status, problem_documents.text(rejected))
        await desk.db.write(replies.finish, held, reply)
    except Exception:
        # nothing where the answer was stored after all: then the next try is told it
        await desk.db.write(replies.release, held)
        raise
    return _response(reply)


def _reserve(conn: Connection, actor: Operator, /, **wanted: Any) -> Reply | Reservation:
    """Reserve the key for an operator who is still one: an answer is given again to nobody who was
    disabled since.
    """
    operators.still(conn, actor, "read")
    return replies.reserve(conn, operator_id=actor.id, **wanted)


async def _do(desk: Desk, held: Reservation, make: Callable[[], Awaitable[Act] | Act]) -> Reply:
    made = make()
    act = made if isinstance(made, Act) else await made
    reply: Reply | None = None

    def answer(conn: Connection, result: Any, seen: Seen | None) -> None:
        nonlocal reply
        reply = Reply(act.status, json.dumps(act.answer(conn, result, seen), ensure_ascii=False))
        replies.finish(conn, held, reply)

    at_desk = AnsweringDesk(desk, answer)
    result = await act.do(at_desk)
    if reply is None:
        await at_desk.db.write(lambda _conn: result)
    assert reply is not None
    if act.once_only is not None:
        return Reply(
            reply.status,
            json.dumps({**json.loads(reply.body), **act.once_only(result)}, ensure_ascii=False),
        )
    return reply


def _response(reply: Reply, *, replayed: bool = False) -> Response:
    media = "application/json" if reply.status < 400 else problem_documents.MEDIA_TYPE
    return Response(
        reply.body, reply.status, {"Idempotency-Replayed": "true"} if replayed else {}, media
    )
