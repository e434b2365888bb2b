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
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from fastapi import Request
from starlette.responses import Response

from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.problems import Rejected, refuse
from broadcast.store import replies
from broadcast.store.database import Connection, Database
from broadcast.store.replies import Reply, Reservation
from service import problem_documents
from service.commands.context import Context
from service.commands.unit_of_work import Act
from subscribers.contact import keys

T = TypeVar("T")

HEADER = "Idempotency-Key"
_SEALED = "sealed:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(Generic[T]):
    """An act of one person, and how to tell of it: `answer` turns what the act wrote into the JSON
    that is answered, inside its transaction.

    `about` tells which person the answer is about: it is kept sealed, and goes when they are
    erased. `sealed`: it is about nobody, and is kept sealed all the same, such as a name.
    `once_only` tells what is in the first answer only and never stored, such as a new token.
    """

    act: Act[T]
    answer: Callable[[Connection, T], dict[str, Any]]
    status: int = 200
    about: Callable[[T], int] | None = None
    once_only: Callable[[T], dict[str, Any]] | None = None
    sealed: bool = False


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
    context: Context,
    actor: Operator,
    make: Callable[[], Awaitable[Answered[Any]]],
) -> Response:
    """Answer a POST: with what was answered before, or by doing it now. `make` reads the body,
    prepares the act, and may refuse either.
    """
    key, digest = key_of(request), digest_of(request, body)
    reply, replayed = await reply_once(context, actor, key=key, digest=digest, make=make)
    return _response(reply, replayed=replayed)


async def reply_once(
    context: Context,
    actor: Operator,
    *,
    key: str,
    digest: str,
    make: Callable[[], Awaitable[Answered[Any]]],
) -> tuple[Reply, bool]:
    """Return the answer to one request, and whether it was given before. `digest` is what makes
    two requests the same. Raises Rejected where the request may be made again.
    """
    db, now = context.db, context.now()
    held = await db.write(_reserve, actor, key=key, digest=digest, now=now)
    if isinstance(held, Reply):
        return held, True
    try:
        reply = await _do(db, held, await make())
    except Rejected as rejected:
        if (
            rejected.status == 429
            or rejected.status >= 500
            or rejected.problems[0].code == replies.IN_FLIGHT
        ):
            await db.write(replies.release, held)
            raise
        reply = Reply(rejected.status, problem_documents.text(rejected))
        await db.write(replies.finish, held, reply)
    except Exception:
        # nothing where the answer was stored after all: then the next try is told it
        await db.write(replies.release, held)
        raise
    return reply, False


def _reserve(conn: Connection, actor: Operator, /, **wanted: Any) -> Reply | Reservation:
    """Reserve the key for an operator who is still one: an answer is given again to nobody who was
    disabled since.
    """
    operators.still(conn, actor, "read")
    found = replies.reserve(conn, operator_id=actor.id, **wanted)
    if isinstance(found, Reply) and found.body.startswith(_SEALED):
        key_id, _, sealed = found.body.removeprefix(_SEALED).partition(":")
        opened = keys.opener(conn)
        what = _what(str(wanted["key"]))
        return replace(found, body=opened(actor.id, what, b64decode(sealed), key_id))
    return found


def _sealed(conn: Connection, held: Reservation, reply: Reply) -> Reply:
    """Return an answer as it is kept that holds a name, or a person's numbers."""
    key = keys.ring_of(conn).to_write(conn).newest
    sealed = key.seal(held.operator_id, _what(held.key), reply.body)
    return replace(reply, body=f"{_SEALED}{key.id}:{b64encode(sealed).decode()}")


def _what(key: str) -> str:
    return f"answer {key}"


async def _do(db: Database, held: Reservation, wanted: Answered[Any]) -> Reply:
    """Do an act and store its answer, in one transaction."""

    def write(conn: Connection) -> tuple[Any, Reply]:
        result = wanted.act.write(conn)
        told = wanted.answer(conn, result)
        reply = Reply(wanted.status, json.dumps(told, ensure_ascii=False))
        person = None if wanted.about is None else wanted.about(result)
        private = wanted.sealed or person is not None
        replies.finish(conn, held, _sealed(conn, held, reply) if private else reply, person)
        return result, reply

    result, reply = await db.write(write)
    if wanted.once_only is None:
        return reply
    told = {**json.loads(reply.body), **wanted.once_only(result)}
    return Reply(reply.status, json.dumps(told, ensure_ascii=False))


def _response(reply: Reply, *, replayed: bool = False) -> Response:
    media = "application/json" if reply.status < 400 else problem_documents.MEDIA_TYPE
    return Response(
        reply.body, reply.status, {"Idempotency-Replayed": "true"} if replayed else {}, media
    )
