"""Sending a message once more to those who missed it: ordered by one person, approved by another,
who reads whom it goes to and why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from broadcast.messages import resends, small_counts, two_persons, versions
from broadcast.messages.resends import Resend
from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.operators.operators import PERMISSIONS
from broadcast.problems import Problem, Rejected, refuse
from console.room import acting, naming, showing, words
from console.room.figures import Figures
from console.room.frame import BASES, Room, entrance
from service.commands import deciding, resending
from service.sign_in import Signed

LINES = ("failed", "in_doubt")


def attach(api: APIRouter, room: Room, figures: Figures) -> None:
    """Add the routes, once for each entrance."""
    for base in BASES:
        _attach(api, room, figures, base)


async def offered(room: Room, signed: Signed, v: Version, *only: str) -> dict[str, Any]:
    """Return what a resend to these lines would be, as a page offers it: its form and its button,
    or why it cannot be ordered.
    """
    told: dict[str, Any] = {"form": None, "why": "", "button": "", "only": only}
    if "resend" not in PERMISSIONS[signed.operator.role]:
        return told
    if v.state != "live":
        return told | {"why": f"It is {naming.word(v.state)}: only what is live is sent again"}
    try:
        people = await resending.counted(room.web.context, v, only)
    except Rejected as rejected:
        problem = rejected.problems[0]
        return told | {"why": f"{problem.detail[:1].upper()}{problem.detail[1:]}: {problem.fix}"}
    if not people:
        return told
    path = f"{entrance(v.status)}/messages/{v.message_id}/resend"
    shown = small_counts.number(people, v.content)
    return told | {
        "form": room.form(signed, path),
        "button": f"Submit resend to {small_counts.people(shown)}",
    }


async def may_not_approve(room: Room, signed: Signed, v: Version, order: Resend) -> str:
    """Return why this person cannot approve an order, as far as it is known; "" if they may."""
    return await acting.may_not_approve(
        room, signed, "You ordered it", two_persons.check_resend_approver, v, order.ordered_by
    )


@dataclass(frozen=True, slots=True)
class _Pages:
    """The page of sending again, and its two forms: below /room or /exercise (`base`)."""

    room: Room
    figures: Figures
    base: str

    async def published(self, request: Request, signed: Signed) -> Version:
        v = versions.newest_published(await acting.message_of(self.room, request, signed))
        if v is None:
            raise refuse(
                "state_conflict",
                "nothing of this message was published yet",
                "approve it first",
                status=409,
            )
        return v

    async def look(
        self, signed: Signed, v: Version, problems: tuple[Problem, ...] = (), typed: str = ""
    ) -> Response:
        operators.require(signed.operator, "read")
        order = await self.room.web.db.read(resends.waiting, v.message_id)
        told = await self.figures.told(v)
        path = f"{self.base}/messages/{v.message_id}"
        names = await showing.names(self.room, order.ordered_by if order else None)
        shown = small_counts.number(order.people, v.content) if order else ""
        return self.room.page(
            "resend.html",
            signed,
            status=problems[0].status if problems else 200,
            kind=BASES[self.base],
            title="Send again to those who missed it",
            v=v,
            path=path,
            people={row["line"]: row["people"] for row in told["rows"]},
            offers=[] if order else await self.offers(signed, v, told),
            order=order,
            names=names,
            shown=shown,
            refusal=await may_not_approve(self.room, signed, v, order) if order else "",
            phrase=words.repeat_phrase(v, order.people) if order else "",
            typed=typed,
            form=self.room.form(signed, f"{path}/resend/approve", about=order.digest or "")
            if order
            else None,
            texts=showing.texts(self.room, v, repeat=True),
            problems=problems,
            fields={"phrase": "phrase"},
        )

    async def offers(
        self, signed: Signed, v: Version, told: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Return what can be ordered, and once why the rest cannot."""
        found = [await offered(self.room, signed, v, *each) for each in _choices(told)]
        said = {each["why"]: each for each in reversed(found)}
        return [each for each in found if each["form"] or said[each["why"]] is each]

    async def show(self, request: Request, signed: Signed) -> Response:
        return await self.look(signed, await self.published(request, signed))

    async def order(self, request: Request, signed: Signed) -> Response:
        form = await self.room.read(request, signed)
        operators.require(signed.operator, "resend")
        v = await self.published(request, signed)
        only = tuple(line for line in LINES if line in form.many("only"))

        async def make() -> Any:
            return await resending.resend(
                self.room.web.context, signed.operator, v.message_id, only
            )

        await acting.act(self.room, request, signed, form, make)
        return self.room.go(f"{self.base}/messages/{v.message_id}")

    async def approve(self, request: Request, signed: Signed) -> Response:
        form = await self.room.read(request, signed)
        operators.require(signed.operator, "approve")
        v = await self.published(request, signed)
        read = form.one("about")
        # this address approves resends alone: never a version whose phrase nobody typed here
        asked = await self.room.web.db.read(resends.by_digest, v.message_id, read)
        if asked is None:
            raise refuse(
                "changed_meanwhile",
                "This is not what you read: no such resend of this message was ordered",
                "nothing was sent: open the message again and read it",
                status=409,
            )
        wanted = words.repeat_phrase(v, asked.people)
        if wanted and not words.typed_right(form.one("phrase"), wanted):
            wrong = refuse(
                "phrase_wrong", "the phrase is not that", f"type {wanted}", field="phrase"
            )
            return await self.look(signed, v, tuple(wrong.problems), form.one("phrase"))

        async def make() -> Any:
            return await deciding.approve(
                self.room.web.context, signed.operator, v.message_id, read
            )

        await acting.act(self.room, request, signed, form, make)
        return self.room.go(f"{self.base}/messages/{v.message_id}")


def _attach(api: APIRouter, room: Room, figures: Figures, base: str) -> None:
    pages = _Pages(room, figures, base)
    path = f"{base}/messages/{{id}}/resend"
    room.add(api, "GET", path, pages.show)
    room.add(api, "POST", path, pages.order)
    room.add(api, "POST", f"{path}/approve", pages.approve)


def _choices(told: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return which lines can be sent to again: each that holds people, and both where both do."""
    there: list[tuple[str, ...]] = [
        (row["line"],) for row in told["rows"] if row["line"] in LINES and row["people"]
    ]
    return [LINES, *there] if len(there) > 1 else there
