"""One message: where it stands, what became of it, and what may be done with it now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from broadcast.messages import advice, resends, small_counts, states, two_persons, versions
from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.operators.operators import PERMISSIONS
from broadcast.problems import Rejected, refuse
from broadcast.wording.cancelling import REASONS
from console.expected import sentences
from console.room import acting, resend, showing, words
from console.room.frame import BASES, Form, Room, entrance, refresh_of
from console.room.looking import answers
from console.room.looking.course import Courses
from service import sign_in
from service.commands import advising, deciding, reading, submitting
from service.sign_in import Signed

CANCEL_WORDS = {
    "in_error": "it was sent in error",
    "over": "what it told of is over",
    "replaced": "another message replaces it",
    "other": "another reason",
}
ACTS = ("hold", "resume", "cancel", "return", "reject")
APPROVERS_SHOWN = 20
PRESSED = {"hold", "resume"}
"""Acts of one press, whose button moves with the figures."""


def attach(api: APIRouter, room: Room, courses: Courses) -> None:
    """Add the routes, once for each entrance."""
    for base in BASES:
        _attach_page(api, room, courses, base)
        for name in ACTS:
            _attach_act(api, room, base, name)
        _attach_approval(api, room, base)


def possible(signed: Signed, existing: list[Version]) -> set[str]:
    """Return which acts the state and the role allow; what else is looked at, the act looks at."""
    v = versions.head(existing)
    mine = PERMISSIONS[signed.operator.role]
    found: set[str] = {
        act
        for act in ("edit", "submit", "approve", "return", "reject", "hold", "resume", "cancel")
        if act in mine and (act, v.state) in states.TRANSITIONS
    }
    published = versions.newest_published(existing)
    if published is not None and versions.open_version(existing) is None:
        follows = (("update", "update"), ("correct", "correct"), ("all_clear", "all-clear"))
        found |= {
            word
            for action, word in follows
            if action in mine
            and (states.ENDS_PREDECESSOR[action], published.state) in states.TRANSITIONS
        }
    return found


def _attach_page(api: APIRouter, room: Room, courses: Courses, base: str) -> None:
    async def show(request: Request, signed: Signed) -> Response:
        existing = await acting.message_of(room, request, signed, here=False)
        v = versions.head(existing)
        if entrance(v.status) != base:
            return room.go(f"{entrance(v.status)}/messages/{v.message_id}")
        return await page(room, courses, signed, existing, refresh=refresh_of(request))

    room.add(api, "GET", f"{base}/messages/{{id}}", show)


async def page(
    room: Room, courses: Courses, signed: Signed, existing: list[Version], *, refresh: int
) -> Response:
    """Return the page of a message."""
    v = versions.head(existing)
    published = versions.newest_published(existing)
    base, may = entrance(v.status), possible(signed, existing)
    path = f"{base}/messages/{v.message_id}"
    moving = await courses.moving(signed, existing, path)
    told = moving.get("figures")
    by_line = {row["line"]: row["people"] for row in told["rows"]} if told else {}
    mine = signed.operator.id in {v.author_id, v.submitter_id, *v.editors}
    return room.page(
        "one.room.html",
        signed,
        kind=BASES[base],
        title=words.headline(v) or f"Message {v.message_id}",
        existing=existing[::-1],
        refresh=refresh,
        path=path,
        answers=await answers.counted(room, signed.operator, v.message_id),
        acts=may,
        mine=mine,
        names=await showing.names(
            room, *(i for u in existing for i in (u.author_id, u.submitter_id, u.approver_id))
        ),
        forms={act: room.form(signed, f"{path}/{act}") for act in ACTS if act in may - PRESSED},
        reasons=[(reason, CANCEL_WORDS[reason]) for reason in REASONS],
        texts=showing.texts(room, v),
        where=await showing.where(room, v),
        stop_says=words.stop_says(by_line) if by_line else "It goes to nobody.",
        warned=await advising.read_instead(room.web.context, v) if v.state == "cancelled" else [],
        refusal=await may_not_approve(room, signed, v) if v.state == "pending_approval" else "",
        approvers=await _approvers(room, v) if v.state == "pending_approval" else [],
        repeat=await _repeat(room, signed, published, by_line),
        **(moving or {"v": v, "figures": None}),
    )


async def _repeat(
    room: Room, signed: Signed, v: Version | None, by_line: Mapping[str, Any]
) -> dict[str, str] | None:
    """Return what is said about sending it again: an order that waits, or that one is possible."""
    if v is None or v.state != "live":
        return None
    order = await room.web.db.read(resends.waiting, v.message_id)
    if order is not None:
        n = small_counts.people(small_counts.number(order.people, v.content))
        refusal = await resend.may_not_approve(room, signed, v, order)
        says = f"A resend to {n} waits for approval. {refusal}".strip()
        return {"says": says, "link": "Look at it" if refusal else "Read it and decide"}
    missed = any(by_line.get(line) for line in resend.LINES)
    if missed and "resend" in PERMISSIONS[signed.operator.role]:
        return {"says": "", "link": "Send again to those who missed it"}
    return None


async def _approvers(room: Room, v: Version) -> list[tuple[str, datetime | None]]:
    """Return who may approve a version, with since when they are signed in: who is comes first."""
    here = await sign_in.since(room.web.db, room.web.now())
    able = await deciding.may_approve(room.web.context, v)
    found = [(each.name, here.get(each.id)) for each in able]
    return sorted(found, key=lambda each: each[1] is None)[:APPROVERS_SHOWN]


async def may_not_approve(room: Room, signed: Signed, v: Version) -> str:
    """Return why this person cannot approve a version, as far as it is known; "" if they may."""
    own = "You wrote, edited or submitted it"
    return await acting.may_not_approve(room, signed, own, two_persons.check_approver, v)


def _attach_act(api: APIRouter, room: Room, base: str, name: str) -> None:
    web = room.web

    async def do(request: Request, signed: Signed) -> Response:
        form = await room.read(request, signed)
        operators.require(signed.operator, name)
        existing = await acting.message_of(room, request, signed)
        number = existing[-1].message_id

        async def make() -> Any:
            actor = signed.operator
            match name:
                case "hold":
                    return await deciding.hold(web.context, actor, number)
                case "resume":
                    return await deciding.resume(web.context, actor, number)
                case "cancel":
                    why = _why(form)
                    reason = form.one("reason") or "other"
                    return await deciding.cancel(web.context, actor, number, why, reason)
            return await deciding.send_back(web.context, actor, number, name, _why(form))

        await acting.act(room, request, signed, form, make)
        return room.go(f"{base}/messages/{number}")

    room.add(api, "POST", f"{base}/messages/{{id}}/{name}", do)


def _why(form: Form) -> str:
    why = form.one("why")
    if not why:
        raise refuse("why_missing", "why is missing", "say why in one sentence", field="why")
    if len(why) > 1000:
        raise refuse(
            "text_too_long", "why has more than 1,000 characters", "say it shorter", field="why"
        )
    return why


def _attach_approval(api: APIRouter, room: Room, base: str) -> None:
    web = room.web

    async def look(
        signed: Signed,
        existing: list[Version],
        problems: tuple[Any, ...] = (),
        typed: str = "",
    ) -> Response:
        v = versions.head(existing)
        names = await showing.names(room, v.author_id, v.submitter_id)
        path = f"{base}/messages/{v.message_id}"
        seen, uncounted = await _counted_now(room, signed, v)
        counts = seen.shown(v) if seen is not None else None
        submitted_for = small_counts.number(v.seen_count or 0, v.content)
        at = room.time(await web.db.read(advice.submitted_at, v.id))
        return room.page(
            "approve.html",
            signed,
            status=problems[0].status if problems else 200,
            kind=BASES[base],
            title=words.approve_heading(v, names[v.submitter_id], at, await showing.scope(room, v)),
            headline=words.headline(v),
            tag=next(iter(v.content.languages)),
            v=v,
            path=path,
            names=names,
            phrase=words.phrase(v),
            typed=typed,
            says=words.approve_says(v),
            button=words.approve_button(v),
            until=showing.expiry(room, v),
            differs=showing.differences(room, existing, v),
            warned=advising.warned(
                await web.db.read(advice.of_submission, v.id),
                list(seen.warnings) if seen is not None else [],
            ),
            expected=sentences(seen.expected, room.time) if seen is not None else [],
            submitted_for=submitted_for,
            margin=v.margin,
            counts=counts,
            uncounted=uncounted,
            moved=_moved(submitted_for, counts),
            texts=showing.texts(room, v),
            where=await showing.where(room, v),
            form=room.form(signed, f"{path}/approve", about=v.content_hash or ""),
            forms={name: room.form(signed, f"{path}/{name}") for name in ("return", "reject")},
            problems=problems,
            fields={"phrase": "phrase"},
        )

    async def show(request: Request, signed: Signed) -> Response:
        existing = await acting.message_of(room, request, signed)
        v = versions.head(existing)
        why = await may_not_approve(room, signed, v)
        if why:
            raise refuse("not_yours", why, "ask an approver", status=403)
        if v.state != "pending_approval":
            raise states.state_conflict("approve", v.state)
        return await look(signed, existing)

    async def approve(request: Request, signed: Signed) -> Response:
        form = await room.read(request, signed)
        operators.require(signed.operator, "approve")
        existing = await acting.message_of(room, request, signed)
        v = versions.head(existing)
        read = form.one("about")
        if v.content_hash == read and v.state == "pending_approval":
            wanted = words.phrase(v)
            if wanted and not words.typed_right(form.one("phrase"), wanted):
                wrong = refuse(
                    "phrase_wrong", "the phrase is not that", f"type {wanted}", field="phrase"
                )
                return await look(signed, existing, wrong.problems, form.one("phrase"))

        async def make() -> Any:
            return await deciding.approve(web.context, signed.operator, v.message_id, read)

        try:
            await acting.act(room, request, signed, form, make)
        except Rejected as rejected:
            now = versions.head(await reading.readable(web.context, signed.operator, v.message_id))
            if now.content_hash == read and now.state == "pending_approval":
                raise
            return await _not_what_you_read(room, base, signed, read, now, rejected)
        return room.go(f"{base}/messages/{v.message_id}")

    room.add(api, "GET", f"{base}/messages/{{id}}/approve", show)
    room.add(api, "POST", f"{base}/messages/{{id}}/approve", approve)


async def _counted_now(
    room: Room, signed: Signed, v: Version
) -> tuple[submitting.Seen | None, str]:
    """Return the audience as it is now, and why it cannot be counted. Looking at it is recorded,
    as every preview is.
    """
    try:
        _, seen = await room.web.context.do(submitting.preview, signed.operator, v.message_id)
    except Rejected as rejected:
        return None, rejected.problems[0].detail
    return seen, ""


def _moved(submitted_for: int | str, counts: dict[str, Any] | None) -> str:
    if counts is None or counts["send"] == submitted_for:
        return ""
    return (
        f"The audience has changed: submitted for {small_counts.people(submitted_for)}, it is now"
        f" {small_counts.people(counts['send'])}."
    )


async def _not_what_you_read(
    room: Room, base: str, signed: Signed, read: str, v: Version, rejected: Rejected
) -> Response:
    """Return the page for who pressed on what is another text by now: who changed it, which fields,
    and how each read.
    """
    who, at = await room.web.db.read(versions.last_edited, v.id) or (v.author_id, None)
    names = await showing.names(room, who)
    found = await showing.changed_since(room, v, read)
    fields = dict.fromkeys(f"{each['what'][:1].lower()}{each['what'][1:]}" for each in found)
    return room.page(
        "changed.html",
        signed,
        status=409,
        kind=BASES[base],
        title="This is not what you read",
        who=names[who],
        at=at,
        submitted=await room.web.db.read(advice.submitted_at, v.id),
        differs=found,
        changed=", ".join(fields),
        v=v,
        path=f"{base}/messages/{v.message_id}",
        problems=rejected.problems,
    )
