"""Writing: one page for a new message, a draft, an update, a correction or an all-clear. Saving it
leads to the check before submission.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from broadcast.content.model import CERTAINTIES, CHANNELS, KINDS, SEVERITIES, URGENCIES, Content
from broadcast.content.model import SUBSCRIBER_KINDS as PEOPLE
from broadcast.drafts import read_draft
from broadcast.levels.scales import LEVELS
from broadcast.messages import versions
from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.problems import Rejected, refuse
from console.room import acting, naming, showing
from console.room.frame import BASES, Form, Room
from console.room.writing import drafts
from console.room.writing.drafts import Fields
from service.commands import drafting
from service.commands.unit_of_work import Act
from service.sign_in import Signed

FOUND_SHOWN = 30
NEW_KINDS = tuple(kind for kind in KINDS if kind not in ("correction", "all_clear"))
FOLLOWS: dict[str, Any] = {"update": "update", "correct": "correct", "all-clear": "all_clear"}
TITLES = {
    "": "Write a message",
    "update": "Update what people got",
    "correct": "Correct what people got",
    "all_clear": "Say it is over",
}
SAYS = {
    "correct": "Wrong text stays visible, struck through. Goes first, by the same channels, to"
    " everyone who got or may have got it.",
    "all_clear": "Goes to the people who were told. Ends the message on the public page.",
    "update": "Takes the place of what people got; everybody it concerns now gets it.",
}

Make = Callable[[Content], Awaitable[Act[Version]]]
PageOf = Callable[[Request, Signed], Awaitable[tuple["Page", int]]]


def attach(api: APIRouter, room: Room) -> None:
    """Add the routes, once for each entrance."""
    for base in BASES:
        _attach_new(api, room, base)
        _attach_edit(api, room, base)
        _attach_follow(api, room, base)


def _status(base: str) -> str:
    return "Exercise" if base == "/exercise" else "Actual"


def _attach_new(api: APIRouter, room: Room, base: str) -> None:
    page = Page(room, f"{base}/new", _status(base), "")

    async def show(_request: Request, signed: Signed) -> Response:
        operators.require(signed.operator, "draft")
        return await page.show(signed, drafts.blank("incident"))

    async def save(request: Request, signed: Signed) -> Response:
        form = await room.read(request, signed)
        operators.require(signed.operator, "draft")
        return await page.save(
            request,
            signed,
            form,
            lambda content: drafting.draft(room.web.context, signed.operator, content),
        )

    room.add(api, "GET", f"{base}/new", show)
    room.add(api, "POST", f"{base}/new", save)


def _attach_edit(api: APIRouter, room: Room, base: str) -> None:
    async def page_of(request: Request, signed: Signed) -> tuple[Page, Version]:
        existing = await acting.message_of(room, request, signed)
        operators.require(signed.operator, "edit")
        v = versions.head(existing)
        follows = "" if v.action == "new" else v.action
        base_content = await drafting.base_of(room.web.context, v.message_id) if follows else None
        path = f"{base}/messages/{v.message_id}/edit"
        return Page(room, path, v.status, follows, base_content, v.content, str(v.revision)), v

    async def show(request: Request, signed: Signed) -> Response:
        page, v = await page_of(request, signed)
        if v.state not in ("draft", "returned"):
            raise refuse(
                "state_conflict",
                f"this version is {v.state.replace('_', ' ')}",
                "only a draft or a returned version can be edited",
                status=409,
            )
        return await page.show(signed, drafts.of_content(v.content))

    async def save(request: Request, signed: Signed) -> Response:
        form = await room.read(request, signed)
        page, v = await page_of(request, signed)
        seen = int(form.one("about") or 0) if form.one("about").isdigit() else 0
        editor = (await showing.names(room, *v.editors, v.author_id))[
            v.editors[-1] if v.editors else v.author_id
        ]

        def changed() -> Rejected:
            return refuse(
                "changed_meanwhile",
                f"Not saved: {editor} changed this meanwhile. Your text is kept below",
                "open the draft in another tab, take over what you need, and save there",
                status=409,
            )

        async def make(content: Content) -> Act[Version]:
            act = await drafting.edit(room.web.context, signed.operator, v.message_id, content)
            found: Act[Version] = acting.unchanged(act, v.message_id, seen, changed)
            return found

        return await page.save(request, signed, form, make)

    room.add(api, "GET", f"{base}/messages/{{id}}/edit", show)
    room.add(api, "POST", f"{base}/messages/{{id}}/edit", save)


def _attach_follow(api: APIRouter, room: Room, base: str) -> None:
    for word, action in FOLLOWS.items():

        async def page_of(
            request: Request, signed: Signed, word: str = word, action: str = action
        ) -> tuple[Page, int]:
            existing = await acting.message_of(room, request, signed)
            operators.require(signed.operator, action)
            number = existing[-1].message_id
            content = await drafting.base_of(room.web.context, number)
            path = f"{base}/messages/{number}/{word}"
            return Page(room, path, existing[-1].status, action, content), number

        async def show(request: Request, signed: Signed, of: PageOf = page_of) -> Response:
            page, _ = await of(request, signed)
            assert page.base is not None
            return await page.show(signed, drafts.of_content(page.base))

        async def save(
            request: Request, signed: Signed, of: PageOf = page_of, action: str = action
        ) -> Response:
            form = await room.read(request, signed)
            page, number = await of(request, signed)
            return await page.save(
                request,
                signed,
                form,
                lambda content: drafting.follow(
                    room.web.context, signed.operator, number, action, content
                ),
            )

        room.add(api, "GET", f"{base}/messages/{{id}}/{word}", show)
        room.add(api, "POST", f"{base}/messages/{{id}}/{word}", save)


class Page:
    """One page of writing: where its form goes, which status it has, and what its text follows or
    takes the place of.
    """

    def __init__(
        self,
        room: Room,
        path: str,
        status: str,
        follows: str,
        base: Content | None = None,
        replaces: Content | None = None,
        about: str = "",
    ) -> None:
        self.room, self.path, self.status, self.follows = room, path, status, follows
        self.base, self.replaces, self.about = base, replaces, about

    async def show(
        self,
        signed: Signed,
        fields: Fields,
        problems: tuple[Any, ...] = (),
        search: str = "",
    ) -> Response:
        """Return the page with these fields; `search` lists the places that match."""
        tree = await self.room.web.context.tree()
        chosen = {code: tree[code].name if code in tree else "" for code in fields["areas"]}
        found = await self._found(signed.operator, search) if search else []
        room = self.room
        slots = [*fields["languages"], {"tag": "", **drafts.EMPTY}]
        title = TITLES[self.follows]
        return room.page(
            "compose.html",
            signed,
            status=problems[0].status if problems else 200,
            kind=BASES["/" + self.path.split("/")[1]],
            title=f"EXERCISE: {title[0].lower()}{title[1:]}"
            if self.status == "Exercise"
            else title,
            says=SAYS.get(self.follows, ""),
            form=room.form(signed, self.path, about=self.about),
            f=fields,
            slots=slots,
            follows=self.follows,
            chosen=chosen,
            search=search,
            found=[a for a in found if a.code not in chosen],
            problems=problems,
            choices={
                "kind": NEW_KINDS,
                "severity": SEVERITIES,
                "urgency": URGENCIES,
                "certainty": CERTAINTIES,
                "level": [str(level) for level in LEVELS],
            },
            channels=[(name, naming.CHANNELS[name]) for name in CHANNELS],
            people=PEOPLE,
            labels=naming.CHANNELS,
        )

    async def _found(self, actor: Operator, search: str) -> list[Any]:
        tree = await self.room.web.context.tree()
        inside = None if actor.area is None else tree.descendants(actor.area)
        wanted = search.casefold()
        found = [
            area
            for area in tree.all()
            if (inside is None or area.code in inside)
            and (wanted in area.name.casefold() or area.code.casefold().startswith(wanted))
        ]
        found.sort(key=lambda a: (not a.name.casefold().startswith(wanted), a.name, a.code))
        return found[:FOUND_SHOWN]

    async def save(self, request: Request, signed: Signed, form: Form, make: Make) -> Response:
        """Save the draft and lead on; with what is wrong the page comes back, its text kept."""
        fields, context = drafts.typed(form), self.room.web.context
        # Enter in the search box presses the form's first button: a search is meant all the same
        if form.one("do") == "search" or form.one("search"):
            return await self.show(signed, fields, search=form.one("search")[:100])

        async def act() -> Act[Version]:
            draft = drafts.draft_of(fields, self.status)
            if self.follows:
                draft.pop("kind", None)
            content = await context.apart(
                read_draft,
                json.dumps(draft).encode(),
                "json",
                now=context.now(),
                base=self.base,
                follows=self.follows or "update",
                replaces=self.replaces,
            )
            return await make(content)

        try:
            told = await acting.act(
                self.room, request, signed, form, act, lambda v: {"message": v.message_id}
            )
        except Rejected as rejected:
            return await self.show(signed, fields, tuple(rejected.problems))
        to = "edit" if form.one("do") == "save" else "check"
        base = "/" + self.path.split("/")[1]
        return self.room.go(f"{base}/messages/{told['message']}/{to}")
