"""The check before submission: who would be told, every text as it arrives, and what to know
first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from broadcast.messages import versions
from broadcast.operators import operators
from broadcast.problems import Problem, Rejected, refuse
from console.expected import sentences
from console.room import acting, showing, words
from console.room.frame import BASES, Room
from console.room.writing import invented
from service.commands import submitting
from service.commands.unit_of_work import Act
from service.sign_in import Signed


def by_code(warnings: Iterable[Problem]) -> dict[str, list[Problem]]:
    """Return the warnings by their code, which is what an author ticks; none is left out."""
    found: dict[str, list[Problem]] = {}
    for warning in warnings:
        found.setdefault(warning.code, []).append(warning)
    return found


def unchanged(act: Act[Any], message_id: int, revision: int) -> Act[Any]:
    """Return the act of submitting, refused where the draft is another one by then."""

    def changed() -> Rejected:
        return refuse(
            "changed_meanwhile",
            "This is not what you read: somebody changed it meanwhile",
            "nothing was submitted: open the check again and read it",
            status=409,
        )

    made: Act[Any] = acting.unchanged(act, message_id, revision, changed)
    return made


def attach(api: APIRouter, room: Room) -> None:
    """Add the routes, once for each entrance."""
    for base in BASES:
        _attach(api, room, base)


def _attach(api: APIRouter, room: Room, base: str) -> None:
    web = room.web

    async def check(request: Request, signed: Signed) -> Response:
        existing = await acting.message_of(room, request, signed)
        operators.require(signed.operator, "submit")
        number = existing[-1].message_id
        v, seen = await web.context.do(submitting.preview, signed.operator, number)
        texts = showing.texts(room, v, seen.resolved)
        return room.page(
            "check.room.html",
            signed,
            kind=BASES[base],
            title="Check before you submit",
            v=replace(v, resolved=seen.resolved),
            counts=seen.shown(v),
            button=words.submit_button(v, seen.shown(v)["send"]),
            warnings=by_code(seen.warnings),
            expected=sentences(seen.expected, room.time),
            texts=texts,
            invented=invented.people(texts, seen.shown(v)),
            where=await showing.where(room, v, seen.resolved),
            form=room.form(signed, f"{base}/messages/{number}/submit", about=str(v.revision)),
            refused=request.query_params.get("refused") == "1",
        )

    async def submit(request: Request, signed: Signed) -> Response:
        form = await room.read(request, signed)
        existing = await acting.message_of(room, request, signed)
        v = versions.head(existing)

        async def make() -> object:
            act = await submitting.submit(
                web.context, signed.operator, v.message_id, form.many("accept")
            )
            return unchanged(act, v.message_id, int(form.one("about") or 0))

        await acting.act(room, request, signed, form, make)  # type: ignore[arg-type]
        return room.go(f"{base}/messages/{v.message_id}")

    room.add(api, "GET", f"{base}/messages/{{id}}/check", check)
    room.add(api, "POST", f"{base}/messages/{{id}}/submit", submit)
