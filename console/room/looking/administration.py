"""Pages of administrators and auditors: operators, what is asked for about them, the audit log."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response

from broadcast.operators import audit, operator_requests, operators
from broadcast.operators.operators import PERMISSIONS
from broadcast.places import called
from broadcast.places.called import Meant
from broadcast.problems import Rejected, refuse
from console.api.operator_requests import asked_of
from console.room import acting, showing
from console.room.frame import Form, Room
from service.commands.unit_of_work import Act
from service.sign_in import Signed

PAGE = 50
ASKED = ("name", "role", "email", "area")
FIND, WHICH = "find", "which_area"
"""Pressed to find an area by what was written, and to choose one of those found."""
LONGEST_WHY = 1000
ASKS = {
    "add": "add an operator",
    "disable": "disable an operator",
    "export": "everybody as a file",
    "registry": "everybody, as one file that only one key opens",
}
"""What is asked for, by the kind of a request."""
LABELS = {
    "name": "name",
    "role": "role",
    "email": "address",
    "area": "area",
    "may_set": "may set the level of",
    "to": "to the key",
}
"""What a request says, in this order."""


def attach(api: APIRouter, room: Room) -> None:
    """Add the routes."""
    _attach_operators(api, room)
    _attach_audit(api, room)


def _attach_operators(api: APIRouter, room: Room) -> None:
    web = room.web

    async def page(
        signed: Signed,
        problems: tuple[Any, ...] = (),
        typed: dict[str, str] | None = None,
        token: str = "",
        meant: Meant | None = None,
    ) -> Response:
        operators.require(signed.operator, "see_what_is_set_up")
        tree = await web.context.tree()
        found = await web.db.read(operator_requests.listed)
        may = "administer" in PERMISSIONS[signed.operator.role]
        ids = (i for r in found for i in (r.asked_by, r.decided_by))
        return room.page(
            "operators.html",
            signed,
            status=problems[0].status if problems else 200,
            title="Operators",
            people=await web.db.read(operators.listed),
            names=await showing.names(room, *ids),
            rows=[(r, _forms(room, signed, r.id) if may else None) for r in found],
            asks=ASKS,
            labels=LABELS,
            fetched_within=operator_requests.EXPORT_WITHIN,
            form=room.form(signed, "/room/operators") if may else None,
            typed={name: (typed or {}).get(name, "") for name in ("kind", *ASKED)},
            roles=list(PERMISSIONS),
            token=token,
            place=lambda code: f"{tree[code].name} ({code})" if code in tree else code,
            choices=[(a.code, called.in_words(tree, a)) for a in meant.choices] if meant else (),
            chosen=called.in_words(tree, meant.area) if meant and meant.area else "",
            nowhere=meant is not None and meant.area is None and not meant.choices,
            problems=problems,
            fields={name: name for name in ("kind", *ASKED)},
        )

    async def show(_request: Request, signed: Signed) -> Response:
        return await page(signed)

    async def ask(request: Request, signed: Signed) -> Response:
        form = await room.read(request, signed)
        operators.require(signed.operator, "administer")
        said = {name: form.one(name) for name in ("kind", *ASKED)}
        said["area"] = form.one(WHICH) or said["area"]
        meant = await _meant(room, signed, said["area"]) if said["area"] else None
        if meant is not None and meant.area is not None:
            said["area"] = meant.area.code
        if form.one(WHICH) or form.one("do") == FIND:
            return await page(signed, typed=said, meant=meant)

        async def make() -> Act[Any]:
            if meant is not None and meant.area is None:
                raise called.unclear(said["area"], meant, "area")
            given = {name: value for name, value in said.items() if value}
            kind, what = await asked_of(web, given)
            now = web.now()
            return Act(lambda c: operator_requests.ask(c, signed.operator, kind, what, now))

        try:
            await acting.act(room, request, signed, form, make)
        except Rejected as rejected:
            return await page(signed, tuple(rejected.problems), said, meant=meant)
        return room.go("/room/operators")

    async def approve(request: Request, signed: Signed) -> Response:
        form = await room.read(request, signed)
        operators.require(signed.operator, "administer")
        number = _number(request)

        async def make() -> Act[Any]:
            now = web.now()
            return Act(lambda c: operator_requests.approve(c, signed.operator, number, now))

        told = await acting.act(
            room, request, signed, form, make, once_only=lambda r: {"token": r[1] or ""}
        )
        return await page(signed, token=told.get("token", ""))

    async def reject(request: Request, signed: Signed) -> Response:
        form = await room.read(request, signed)
        operators.require(signed.operator, "administer")
        number, why = _number(request), _why(form)

        async def make() -> Act[Any]:
            now = web.now()
            return Act(lambda c: operator_requests.reject(c, signed.operator, number, why, now))

        await acting.act(room, request, signed, form, make)
        return room.go("/room/operators")

    room.add(api, "GET", "/room/operators", show)
    room.add(api, "POST", "/room/operators", ask)
    room.add(api, "POST", "/room/operators/{id}/approve", approve)
    room.add(api, "POST", "/room/operators/{id}/reject", reject)


async def _meant(room: Room, signed: Signed, written: str) -> Meant:
    """Return which area is meant by its name or code; who is bound to one is offered what lies
    there.
    """
    tree, own = await room.web.context.tree(), signed.operator.area
    return called.meant(tree, written, inside=tree.descendants(own) if own else None)


def _forms(room: Room, signed: Signed, number: int) -> dict[str, dict[str, str]]:
    return {
        act: room.form(signed, f"/room/operators/{number}/{act}") for act in ("approve", "reject")
    }


def _number(request: Request) -> int:
    text = request.path_params["id"]
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    raise refuse("request_unknown", "there is no such request", "see the list", status=404)


def _why(form: Form) -> str:
    why = form.one("why")
    if not why or len(why) > LONGEST_WHY:
        raise refuse(
            "why_missing",
            "why is missing, or too long",
            f"say why in at most {LONGEST_WHY} characters: who asked for it reads it",
            field="why",
        )
    return why


def _attach_audit(api: APIRouter, room: Room) -> None:
    web = room.web

    async def show(request: Request, signed: Signed) -> Response:
        operators.require(signed.operator, "read_the_audit_chain")
        asked = {name: request.query_params.get(name, "")[:100] for name in ("kind", "subject")}
        if asked["kind"] and asked["kind"] not in audit.KINDS:
            fix = f"use {', '.join(audit.KINDS)}"
            raise refuse("kind_unknown", "there is no such kind", fix, field="kind")
        given = request.query_params.get("after", "")
        after = int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0
        await web.db.write(
            operators.log_admin,
            actor=signed.operator.name,
            action="audit.list",
            subject=f"after {after}",
            now=web.now(),
        )
        filters = {name: value.replace("\0", "") or None for name, value in asked.items()}
        links = await web.db.read(lambda conn: audit.listed(conn, after, PAGE, **filters))
        head = await web.db.read(audit.head)
        following = ""
        if len(links) == PAGE:
            query = {k: v for k, v in asked.items() if v} | {"after": links[-1]["number"]}
            following = f"/room/audit?{urlencode(query)}"
        return room.page(
            "audit.html",
            signed,
            title="Audit log",
            names=await showing.actors(room, {link["actor"] for link in links}),
            links_found=links,
            head=head,
            asked=asked,
            kinds=audit.KINDS,
            following=following,
        )

    room.add(api, "GET", "/room/audit", show)
