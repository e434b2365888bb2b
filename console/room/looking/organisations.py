"""Organisations: the list with its search, one of them with its sites, who acts for it and its
single points of contact, and the forms that add, change and remove one.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response

from broadcast.content.trades import TRADES
from broadcast.operators import operators
from broadcast.operators.operators import PERMISSIONS
from broadcast.problems import Problem, Rejected
from broadcast.store.database import Connection
from console.room import acting, naming
from console.room.frame import Form, Room
from console.room.looking import organisation_form
from console.room.looking.organisation_form import Written
from service.commands.unit_of_work import Act
from service.problem_documents import problem_json
from service.setup import organisations, people_meant
from service.sign_in import Signed

PAGE = 50
PATH = "/room/organisations"
FIND = "find"
"""Pressed to find places by what was written, and to save nothing yet."""


def attach(api: APIRouter, room: Room) -> None:
    """Add the routes."""
    _attach_list(api, room)
    _attach_one(api, room)


def one_at(external_id: str) -> str:
    """Return the address of an organisation; its id may hold whatever other books write."""
    return f"{PATH}/one?{urlencode({'id': external_id})}"


def _attach_list(api: APIRouter, room: Room) -> None:
    web = room.web

    async def page(
        request: Request,
        signed: Signed,
        problems: tuple[Problem, ...] = (),
        written: Written | None = None,
    ) -> Response:
        operators.require(signed.operator, "see_what_is_set_up")
        words = " ".join(request.query_params.get("q", "")[:100].replace("\0", "").split())
        given = request.query_params.get("after", "")
        after = int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0
        following = ""
        if words:
            found = await web.db.write(organisations.search, signed.operator, words, web.now())
        else:
            listed = await web.db.write(
                organisations.listed, signed.operator, after, PAGE + 1, web.now()
            )
            found = [one for _, one in listed[:PAGE]]
            if len(listed) > PAGE:
                following = f"{PATH}?after={listed[PAGE - 1][0]}"
        return room.page(
            "organisations.html",
            signed,
            status=problems[0].status if problems else 200,
            title="Organisations",
            found=[{**one, "to": one_at(one["external_id"])} for one in found],
            words=words,
            most=organisations.MOST_FOUND,
            following=following,
            first=PATH if after and not words else "",
            **await _form(
                room, signed, f"{PATH}/add", written or organisation_form.blank(), problems
            ),
        )

    async def show(request: Request, signed: Signed) -> Response:
        return await page(request, signed)

    async def add(request: Request, signed: Signed) -> Response:
        form = await room.read(request, signed)
        operators.require(signed.operator, "administer")
        written = await _read(room, signed, form)
        if form.one("do") == FIND:
            return await page(request, signed, written=written)

        async def make() -> Act[Any]:
            tree, now, fields = await web.context.tree(), web.now(), _clear(written)
            return Act(lambda c: organisations.add(c, signed.operator, fields, tree=tree, now=now))

        try:
            told = await acting.act(room, request, signed, form, make, _kept)
        except Rejected as rejected:
            return await page(request, signed, tuple(rejected.problems), written)
        return await _one(room, signed, told["external_id"], done=told)

    room.add(api, "GET", PATH, show)
    room.add(api, "POST", f"{PATH}/add", add)


def _attach_one(api: APIRouter, room: Room) -> None:
    web = room.web

    async def show(request: Request, signed: Signed) -> Response:
        operators.require(signed.operator, "see_what_is_set_up")
        return await _one(room, signed, request.query_params.get("id", "")[:128])

    async def edit(request: Request, signed: Signed) -> Response:
        form = await room.read(request, signed)
        operators.require(signed.operator, "administer")
        seen, _, external_id = form.one("about").partition(" ")
        written = await _read(room, signed, form)
        written.plain["external_id"] = external_id
        if form.one("do") == FIND:
            return await _one(room, signed, external_id, written=written, seen=seen)

        async def make() -> Act[Any]:
            tree, now, fields = await web.context.tree(), web.now(), _clear(written)
            return Act(
                lambda c: organisations.edit(
                    c, signed.operator, external_id, fields, tree=tree, now=now, seen=seen
                )
            )

        try:
            told = await acting.act(room, request, signed, form, make, _kept)
        except Rejected as rejected:
            problems = tuple(rejected.problems)
            mended = problems[0].code != "changed_meanwhile"  # what is there now is looked at then
            return await _one(
                room, signed, external_id, problems, written, seen=seen if mended else ""
            )
        return await _one(room, signed, external_id, done=told)

    async def remove(request: Request, signed: Signed) -> Response:
        form = await room.read(request, signed)
        operators.require(signed.operator, "administer")
        external_id, why = form.one("about"), form.one("why")

        async def make() -> Act[Any]:
            now = web.now()

            def write(conn: Connection) -> None:
                organisations.remove(conn, signed.operator, external_id, why, now)

            return Act(write)

        try:
            await acting.act(room, request, signed, form, make)
        except Rejected as rejected:
            return await _one(room, signed, external_id, tuple(rejected.problems))
        return room.go(PATH)

    room.add(api, "GET", f"{PATH}/one", show)
    room.add(api, "POST", f"{PATH}/edit", edit)
    room.add(api, "POST", f"{PATH}/remove", remove)


async def _one(
    room: Room,
    signed: Signed,
    external_id: str,
    problems: tuple[Problem, ...] = (),
    written: Written | None = None,
    *,
    seen: str = "",
    done: dict[str, Any] | None = None,
) -> Response:
    """Return the page of one organisation; looking at it is on record. `seen`: the mark of what its
    editor had before them, where they go on with the same form.
    """
    web = room.web
    found = await web.db.write(organisations.one, signed.operator, external_id, web.now())
    if found is None:
        raise organisations.unknown()
    about = f"{seen or organisations.mark(found)} {external_id}"
    tree = await web.context.tree()
    return room.page(
        "organisation.html",
        signed,
        status=problems[0].status if problems else 200,
        title=f"Organisation {external_id}",
        o=found,
        sites=[organisation_form.said(tree, each) for each in found["sites"]],
        acting=[
            {
                "said": organisation_form.person_said(person, person["external_id"]),
                "areas": [organisation_form.said(tree, area) for area in person["contact_for"]],
            }
            for person in found["acting"]
        ],
        done=done,
        remove=room.form(signed, f"{PATH}/remove", about=external_id)
        if "administer" in PERMISSIONS[signed.operator.role]
        else None,
        back=PATH,
        **await _form(
            room, signed, f"{PATH}/edit", written or organisation_form.of(found), problems, about
        ),
    )


async def _form(
    room: Room,
    signed: Signed,
    action: str,
    written: Written,
    problems: tuple[Problem, ...],
    about: str = "",
) -> dict[str, Any]:
    """Return what the form that adds or changes an organisation is made of; None as the form for
    who only looks.
    """
    may = "administer" in PERMISSIONS[signed.operator.role]
    if may and (ids := written.unknown()):
        found = await _people(room, signed, ids)
        written.known |= {id_: people[0] for id_, people in found.items() if people}
    return {
        "form": room.form(signed, action, about=about) if may else None,
        "f": organisation_form.shown(written, await room.web.context.tree()),
        "trades": TRADES,
        "sizes": naming.SIZES,
        "problems": problems,
        "fields": organisation_form.FIELDS,
    }


async def _read(room: Room, signed: Signed, form: Form) -> Written:
    """Return what was sent; finding many places by name takes a while, and others go on."""
    asked, tree = organisation_form.people_asked(form), await room.web.context.tree()
    people = await _people(room, signed, asked) if asked else {}
    return await asyncio.to_thread(organisation_form.read, form, tree, people)


async def _people(room: Room, signed: Signed, written: list[str]) -> organisation_form.Found:
    """Return who is meant, masked; on record."""
    web = room.web
    trial = web.settings.allows_trial_numbers
    return await web.db.write(
        people_meant.find, signed.operator, written, trial_numbers=trial, now=web.now()
    )


def _clear(written: Written) -> dict[str, str]:
    """Return the cells of the file that the form stands for. Raises Rejected where it is not clear
    which places are meant.
    """
    if written.problems:
        raise Rejected(written.problems)
    return written.cells()


def _kept(done: tuple[dict[str, Any], list[Problem]]) -> dict[str, Any]:
    """Return what is kept as the answer to the form: no name, which is sealed where it lies."""
    told, warnings = done
    return {
        "external_id": told["external_id"],
        "warnings": [problem_json(warning) for warning in warnings],
    }
