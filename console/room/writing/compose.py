"""Writing: one page for a new message, a draft, an update, a correction or an all-clear. Saving it
leads to the check before submission.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import JSONResponse, Response

from broadcast.content.model import (
    CERTAINTIES,
    CHANNELS,
    KINDS,
    SEVERITIES,
    URGENCIES,
    VISIBILITIES,
    Content,
)
from broadcast.content.model import SUBSCRIBER_KINDS as PEOPLE
from broadcast.content.trades import TRADES
from broadcast.drafts import read_draft, unfinished
from broadcast.drafts.unfinished import Kept
from broadcast.levels.scales import LEVELS, UK
from broadcast.messages import versions
from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.places import called
from broadcast.places.called import Meant
from broadcast.problems import Rejected, refuse
from broadcast.wording.languages import NAMED
from console.expected import sentences
from console.room import acting, naming, showing, words
from console.room.frame import BASES, Form, Room
from console.room.writing import drafts, invented, places
from console.room.writing.drafts import Fields
from console.room.writing.places import Places
from console.room.writing.submission import by_code, unchanged
from service import groups as service_groups
from service.commands import composing, drafting, reading, submitting
from service.commands.composing import Previews
from service.commands.unit_of_work import Act
from service.setup.places import place_of_postcode
from service.sign_in import Signed

NEW_KINDS = tuple(kind for kind in KINDS if kind not in ("correction", "all_clear"))
FOLLOWS: dict[str, Any] = {"update": "update", "correct": "correct", "all-clear": "all_clear"}
TITLES = {
    "": "Write a message",
    "update": "Update what people got",
    "correct": "Correct what {people} got",
    "all_clear": "Say it is over",
}
FINISHING = ("check", "save", "submit")
"""What ends the writing of this page, once."""
SAYS = {
    "correct": "Wrong text stays visible, struck through. Goes first, by the same channels, to"
    " everyone who got or may have got it.",
    "all_clear": "Goes to the {people} who were told. Ends the message on the public page.",
    "update": "Takes the place of what people got; everybody it concerns now gets it.",
}

Make = Callable[[Content], Awaitable[Act[Version]]]
PageOf = Callable[[Request, Signed], Awaitable[tuple["Page", int]]]


def attach(api: APIRouter, room: Room) -> None:
    """Add the routes, once for each entrance."""
    desk = Desk(Places(room), Previews())
    places.attach(api, room, desk.places)
    for base in BASES:
        _attach_new(api, room, desk, base)
        _attach_edit(api, room, desk, base)
        _attach_follow(api, room, desk, base)


def _status(base: str) -> str:
    return "Exercise" if base == "/exercise" else "Actual"


def _attach_new(api: APIRouter, room: Room, desk: Desk, base: str) -> None:
    page = Page(room, desk, f"{base}/new", _status(base), "")

    async def show(request: Request, signed: Signed) -> Response:
        operators.require(signed.operator, "draft")
        asked = {name: _number(request, name) for name in ("kept", "from", "copy")}
        kind = request.query_params.get("kind", "")
        fields, kept, notice = drafts.blank(kind if kind in NEW_KINDS else "incident"), None, ""
        if asked["kept"]:
            kept = await room.web.db.read(unfinished.find, signed.operator, asked["kept"])
            fields, notice = kept.fields, f"As you left it at {room.time(kept.saved_at)}."
        elif asked["from"]:
            mine = await room.web.db.read(unfinished.skeletons, signed.operator, base)
            found = next((each for each in mine if each.id == asked["from"]), None)
            if found is not None:
                fields, notice = found.fields, f"Begun from the template “{found.name}”."
        elif asked["copy"]:
            existing = await reading.readable(room.web.context, signed.operator, asked["copy"])
            fields = drafts.of_content(existing[-1].content)
            fields |= {"note": "", "expires": drafts.blank("incident")["expires"]}
            if fields["kind"] not in NEW_KINDS:
                fields["kind"] = existing[0].kind
            notice = f"A copy of message {asked['copy']}, as a new message of its own."
        return await page.show(signed, fields, kept=kept, notice=notice)

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


def _attach_edit(api: APIRouter, room: Room, desk: Desk, base: str) -> None:
    async def page_of(request: Request, signed: Signed) -> tuple[Page, Version]:
        existing = await acting.message_of(room, request, signed)
        operators.require(signed.operator, "edit")
        v = versions.head(existing)
        follows = "" if v.action == "new" else v.action
        base_content = await drafting.base_of(room.web.context, v.message_id) if follows else None
        path = f"{base}/messages/{v.message_id}/edit"
        page = Page(room, desk, path, v.status, follows, base_content, v.content, str(v.revision))
        page.draft, page.message = v, v.message_id
        page.predecessor = next((p for p in existing if p.id == v.predecessor_id), None)
        return page, v

    async def show(request: Request, signed: Signed) -> Response:
        page, v = await page_of(request, signed)
        if v.state not in ("draft", "returned"):
            raise refuse(
                "state_conflict",
                f"this version is {v.state.replace('_', ' ')}",
                "only a draft or a returned version can be edited",
                status=409,
            )
        kept = await room.web.db.read(unfinished.at_place, signed.operator, page.path)
        if kept is None:
            return await page.show(signed, drafts.of_content(v.content))
        notice = (
            f"As you left it at {room.time(kept.saved_at)}, which is not saved in the draft yet."
        )
        return await page.show(signed, kept.fields, kept=kept, notice=notice)

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


def _attach_follow(api: APIRouter, room: Room, desk: Desk, base: str) -> None:
    for word, action in FOLLOWS.items():

        async def page_of(
            request: Request, signed: Signed, word: str = word, action: str = action
        ) -> tuple[Page, int]:
            existing = await acting.message_of(room, request, signed)
            operators.require(signed.operator, action)
            number = existing[-1].message_id
            content = await drafting.base_of(room.web.context, number)
            path = f"{base}/messages/{number}/{word}"
            page = Page(room, desk, path, existing[-1].status, action, content)
            page.message = number
            page.predecessor = versions.newest_published(existing)
            return page, number

        async def show(request: Request, signed: Signed, of: PageOf = page_of) -> Response:
            page, _ = await of(request, signed)
            assert page.base is not None
            kept = await room.web.db.read(unfinished.at_place, signed.operator, page.path)
            if kept is None:
                return await page.show(signed, drafts.of_content(page.base))
            notice = f"As you left it at {room.time(kept.saved_at)}."
            return await page.show(signed, kept.fields, kept=kept, notice=notice)

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


@dataclass(frozen=True, slots=True)
class Desk:
    """What all pages of writing of one process share."""

    places: Places
    previews: Previews


class Page:
    """One page of writing: where its form goes, which status it has, and what its text follows or
    takes the place of.
    """

    def __init__(
        self,
        room: Room,
        desk: Desk,
        path: str,
        status: str,
        follows: str,
        base: Content | None = None,
        replaces: Content | None = None,
        about: str = "",
    ) -> None:
        self.room, self.desk, self.path = room, desk, path
        self.status, self.follows = status, follows
        self.base, self.replaces, self.about = base, replaces, about
        self.entrance = "/" + path.split("/")[1]
        self.draft: Version | None = None
        self.predecessor: Version | None = None
        self.message = 0

    async def show(
        self,
        signed: Signed,
        fields: Fields,
        problems: tuple[Any, ...] = (),
        search: str = "",
        *,
        opened: str = "",
        kept: Kept | None = None,
        notice: str = "",
        look: bool = False,
    ) -> Response:
        """Return the page with these fields; `search` lists the places that match, `look` counts
        who would get it.
        """
        room, places = self.room, self.desk.places
        chosen = await places.named(fields["areas"])
        found = await places.search(signed.operator, search) if search else []
        fields = drafts.kept(fields)
        groups = await room.web.db.read(service_groups.known, signed.operator)
        written = [each for each in fields["languages"] if any(each.values())]
        slots = [*(written or drafts.blank("")["languages"]), {"tag": "", **drafts.EMPTY}]
        told = "people"
        if self.follows in ("correct", "all_clear") and self.predecessor is not None:
            told = await showing.reached(room, self.predecessor)
        title = TITLES[self.follows].format(people=told)
        preview = await self.preview(signed, fields, kept) if look else ""
        chosen_codes = set(fields["areas"])
        return room.page(
            "compose.html",
            signed,
            status=problems[0].status if problems else 200,
            kind=BASES[self.entrance],
            title=f"EXERCISE: {title[0].lower()}{title[1:]}"
            if self.status == "Exercise"
            else title,
            says=SAYS.get(self.follows, "").format(people=told),
            form=room.form(signed, self.path, about=self.about),
            f=fields,
            slots=slots,
            follows=self.follows,
            chosen=chosen,
            chosen_codes=chosen_codes,
            search=search,
            found=[a for a in found if a.code not in chosen_codes],
            tree=await places.tree(signed.operator, {opened}),
            opened=opened,
            tiles=room.web.settings.map_tiles,
            scope=await self._scope(signed.operator, fields),
            problems=problems,
            notice=notice,
            kept_id=kept.id if kept else "",
            kept_revision=kept.revision if kept else "",
            saved=room.clock(kept.saved_at)[:8] if kept else "",
            begin=await self._templates(signed.operator) if not self.message else [],
            preview=Markup(preview)  # noqa: S704 - rendered by our own template, escaped there
            or "Press Preview to count who would get it and to read it as it arrives.",
            languages=list(NAMED),
            choices={
                "kind": NEW_KINDS,
                "severity": SEVERITIES,
                "urgency": URGENCIES,
                "certainty": CERTAINTIES,
                "visibility": VISIBILITIES,
                "level": [str(level) for level in LEVELS],
            },
            channels=[(name, naming.CHANNELS[name]) for name in CHANNELS],
            people=PEOPLE,
            trades=TRADES,
            providers=groups.providers(),
            sizes=naming.SIZES,
            groups=drafts.groups_to_choose(fields, groups),
            fields={
                "postcode": "postcode",
                "corners": "corners",
                "search": "search",
                drafts.ELSEWHERE: drafts.ELSEWHERE,
            },
        )

    async def _scope(self, actor: Operator, fields: Fields) -> dict[str, Any]:
        """Return what the page says of the place that a level is for: which it is, or those that
        it may be.
        """
        places, written = self.desk.places, fields[drafts.ELSEWHERE]
        found = await places.meant(actor, written) if written else Meant()
        said = await places.in_words([found.area] if found.area else [])
        choices = await places.in_words(found.choices)
        unknown = bool(written) and not said and not choices and not _is_code(written)
        return {"said": said[0][1] if said else "", "choices": choices, "unknown": unknown}

    async def _with_place(self, actor: Operator, fields: Fields) -> Fields:
        """Return the fields with the code of the place that a level is for, where its name says
        which it is.
        """
        written = fields[drafts.ELSEWHERE]
        found = await self.desk.places.meant(actor, written) if written else Meant()
        return fields | {drafts.ELSEWHERE: found.area.code} if found.area else fields

    async def _templates(self, actor: Operator) -> list[dict[str, Any]]:
        kept = await self.room.web.db.read(unfinished.skeletons, actor, self.entrance)
        return [
            {"name": s.name, "kind": s.fields.get("kind", ""), "to": f"{self.path}?from={s.id}"}
            for s in kept
        ]

    async def preview(
        self,
        signed: Signed,
        fields: Fields,
        kept: Kept | None,
        note: str = "",
        accepted: Collection[str] = (),
    ) -> str:
        """Return the preview of what stands there, as part of a page: what is missing, who would
        get it, every text as it arrives; and where nothing is missing, the button that submits
        exactly that. `accepted` are the warnings that are ticked already.
        """
        room, actor = self.room, signed.operator
        told: dict[str, Any] = {
            "counts": None,
            "uncounted": "It cannot be counted yet.",
            "warnings": {},
            "accepted": accepted,
            "texts": [],
            "invented": None,
            "where": None,
            "expected": [],
            "costly": [],
            "missing": [],
            "note": note,
            "submit": "",
            "seen": "",
        }
        try:
            draft = await self._draft(actor, fields)
            written = await composing.read(
                room.web.context, draft, self.base, self.follows, self.replaces
            )
        except Rejected as rejected:
            return room.part("preview.html", **told | {"missing": rejected.problems})
        told["missing"] = written.problems
        if written.content is None:
            return room.part("preview.html", **told)
        v = composing.version_of(written.content, actor, self.follows, self.predecessor, self.draft)
        about = f"unfinished {kept.id}" if kept else str(self.message or "new")
        try:
            seen = await self.desk.previews.see(room.web.context, actor, v, about)
        except Rejected as rejected:
            problem = rejected.problems[0]
            said = f"Not counted: {problem.detail}{'; ' if problem.fix else ''}{problem.fix}."
            return room.part("preview.html", **told | {"uncounted": said})
        told |= {
            "counts": seen.shown(v),
            "expected": sentences(seen.expected, room.time) if written.complete else [],
            "warnings": by_code(seen.warnings),
            "where": await showing.where(room, v, seen.resolved),
        }
        if written.complete:
            told["texts"] = showing.texts(room, v, seen.resolved)
            told["invented"] = invented.people(told["texts"], told["counts"])
            told["costly"] = showing.costly(room, v, seen.resolved)
            told["submit"] = words.submit_button(v, told["counts"]["send"])
            told["seen"] = _digest(draft)
        return room.part("preview.html", **told)

    async def _draft(self, actor: Operator, fields: Fields) -> dict[str, Any]:
        """Return the draft that the fields stand for. Raises Rejected (422 area_ambiguous,
        area_unknown where it is not clear which place a level is for; and as `draft_of`).
        """
        draft = drafts.draft_of(await self._with_place(actor, fields), self.status)
        written = fields[drafts.ELSEWHERE]
        if written and draft.get("scope") == written and not _is_code(written):
            found = await self.desk.places.meant(actor, written)
            if found.area is None:
                raise called.unclear(written, found, drafts.ELSEWHERE)
        if self.follows:
            draft.pop("kind", None)
        return draft

    async def save(self, request: Request, signed: Signed, form: Form, make: Make) -> Response:
        """Do what was pressed: keep what stands there, and show it again or lead on. With what is
        wrong the page comes back, its text kept.
        """
        asked, actor, context = form.one("do"), signed.operator, self.room.web.context
        fields = await self._with_place(actor, drafts.typed(form))
        known = _known(form)
        if asked == "discard" and known is not None:
            await context.do(composing.drop, actor, known[0])
            return self.room.go(self.path if not self.draft else self.path.removesuffix("/edit"))
        if added := form.one("add"):
            fields["areas"] = list(dict.fromkeys([*fields["areas"], added[:100]]))
        if removed := form.one("remove"):
            fields["areas"] = [code for code in fields["areas"] if code != removed]
        if tag := form.one("replace"):
            fields = drafts.made_cheaper(fields, tag)
        refused: Rejected | None = None
        kept: Kept | None = None
        try:
            if form.one("postcode") and asked != "keep":
                point = await self._point(form.one("postcode")[:20], form.one("radius")[:20])
                fields["circles"] = f"{fields['circles']}\n{point}".strip()
            kept = await context.do(composing.keep, actor, self.path, fields, known)
        except Rejected as rejected:
            refused = rejected
        problems = tuple(refused.problems) if refused is not None else ()
        if asked == "keep":
            return await self._kept(signed, form, fields, kept, problems)
        # Enter in the search box presses the form's first button: a search is meant all the same
        staying = asked in ("search", "place", "preview", "skeleton") or any(
            form.one(name)
            for name in ("add", "remove", "open", "postcode", "replace", drafts.WHICH)
        )
        staying = staying or (bool(form.one("search")) and asked != "submit")
        if staying and not problems:
            return await self._stay(signed, form, fields, kept)
        if problems and (staying or asked not in FINISHING):
            return await self.show(signed, fields, problems, kept=None)

        async def act() -> Act[Version]:
            # a form that comes twice is answered as the first time, though what it kept is gone
            if refused is not None:
                raise refused
            content = await context.apart(
                read_draft,
                json.dumps(await self._draft(actor, fields)).encode(),
                "json",
                now=context.now(),
                base=self.base,
                follows=self.follows or "update",
                replaces=self.replaces,
            )
            return composing.finished(await make(content), actor, kept.id if kept else None)

        try:
            told = await acting.act(
                self.room,
                request,
                signed,
                form,
                act,
                lambda v: {"message": v.message_id, "revision": v.revision},
            )
        except Rejected as rejected:
            return await self.show(signed, fields, tuple(rejected.problems), kept=kept)
        path = f"{self.entrance}/messages/{told['message']}"
        if asked == "submit" and form.one("seen") == _digest(await self._draft(actor, fields)):
            try:
                await self._submit(request, signed, form, told)
            except Rejected:  # the check says what it is, and has what must be ticked
                return self.room.go(f"{path}/check?refused=1")
            return self.room.go(path)
        # what is not as it was previewed is read again first
        return self.room.go(f"{path}/edit" if asked == "save" else f"{path}/check")

    async def _submit(
        self, request: Request, signed: Signed, form: Form, told: dict[str, Any]
    ) -> None:
        """Submit the draft that this form saved a moment ago, unless it is another by now."""
        context, message = self.room.web.context, told["message"]

        async def act() -> Act[Any]:
            made = await submitting.submit(context, signed.operator, message, form.many("accept"))
            return unchanged(made, message, told["revision"])

        await acting.act(self.room, request, signed, form, act, step="submit ")

    async def _point(self, written: str, radius: str) -> str:
        """Return a postcode as a point with its radius. Raises Rejected (postcode_invalid,
        postcode_unknown, and what the radius is refused for when it is read).
        """
        tree = await self.room.web.context.tree()
        place = await self.room.web.db.read(place_of_postcode, tree, written)
        return f"{place['lat']:.5f},{place['lon']:.5f} {radius or '0.5'}"

    async def _stay(
        self, signed: Signed, form: Form, fields: Fields, kept: Kept | None
    ) -> Response:
        search = "" if form.one("add") or form.one("remove") else form.one("search")[:100]
        if form.one("do") == "skeleton":
            try:
                named = await self.room.web.context.do(
                    composing.keep_skeleton,
                    signed.operator,
                    self.entrance,
                    form.one("skeleton"),
                    fields,
                )
            except Rejected as rejected:
                return await self.show(signed, fields, tuple(rejected.problems), kept=kept)
            notice = f"Kept as the template “{named.name}”."
            return await self.show(signed, fields, kept=kept, notice=notice)
        counting = (form.one(name) for name in ("add", "remove", "postcode", "replace"))
        look = form.one("do") == "preview" or any(counting)
        opened = form.one("open")[:100]
        return await self.show(signed, fields, search=search, opened=opened, kept=kept, look=look)

    async def _kept(
        self,
        signed: Signed,
        form: Form,
        fields: Fields,
        kept: Kept | None,
        problems: tuple[Any, ...],
    ) -> Response:
        """Answer a page that keeps what is typed: what was saved, the preview of it, and the places
        where one was chosen or removed.
        """
        note = problems[0].detail + "." if problems else ""
        if not note and self.draft is not None and self.about != str(self.draft.revision):
            note = "Somebody changed this draft meanwhile. Your text is kept here."
        accepted = form.many("accept")
        told = {
            "id": kept.id if kept else None,
            "revision": kept.revision if kept else None,
            "saved": f"Saved {self.room.clock(kept.saved_at)[:8]}" if kept else note,
            "at": f"{self.path}?kept={kept.id}" if kept and not self.message else "",
            "preview": await self.preview(signed, fields, kept, note, accepted),
        }
        if form.one("add") or form.one("remove"):
            places, actor = self.desk.places, signed.operator
            shown = {
                "chosen": await places.named(fields["areas"]),
                "chosen_codes": set(fields["areas"]),
                "tree": await places.tree(actor, {form.one("open")}),
                "opened": "",
            }
            told |= {
                name: self.room.part(f"{name}.html", **shown) for name in ("chosen", "branches")
            }
        return JSONResponse(told, headers={"Cache-Control": "no-store"})


def _is_code(written: str) -> bool:
    """Return whether this is no name of a place: it may be a code that is not imported here, or
    the scope of a group or of the country.
    """
    return any(char.isdigit() or char == ":" for char in written) or written.upper() == UK


def _digest(draft: Mapping[str, Any]) -> str:
    """Return what a preview was made of, so that what is submitted is what was previewed."""
    return hashlib.sha256(json.dumps(draft, sort_keys=True).encode()).hexdigest()


def _known(form: Form) -> tuple[int, int] | None:
    said = (form.one("kept"), form.one("kept-revision"))
    if all(text.isascii() and text.isdigit() and len(text) < 10 for text in said):
        return int(said[0]), int(said[1])
    return None


def _number(request: Request, name: str) -> int:
    text = request.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
