"""Organisations: the list with its search, one of them with its sites, who acts for it and its
single points of contact, and the forms that add, change and remove one.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response

from broadcast.content.trades import TRADES
from broadcast.operators import operators
from broadcast.operators.operators import PERMISSIONS
from broadcast.places.areas import AreaTree
from broadcast.problems import Problem, Rejected
from broadcast.store.database import Connection
from console.room import acting, naming
from console.room.frame import Form, Room
from service.commands.unit_of_work import Act
from service.problem_documents import problem_json
from service.setup import organisations
from service.sign_in import Signed
from subscribers.organisations import sites
from subscribers.organisations.record import COLUMNS, CONTACTS, LISTS

PAGE = 50
PATH = "/room/organisations"
MISSING = dict.fromkeys(COLUMNS, "")


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
        typed: dict[str, str] | None = None,
        notice: str = "",
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
            notice=notice,
            **_form(room, signed, f"{PATH}/add", typed or MISSING, problems),
        )

    async def show(request: Request, signed: Signed) -> Response:
        return await page(request, signed)

    async def add(request: Request, signed: Signed) -> Response:
        form = await room.read(request, signed)
        operators.require(signed.operator, "administer")
        typed = _typed(form)

        async def make() -> Act[Any]:
            tree, now = await web.context.tree(), web.now()
            fields = _fields(typed)
            return Act(lambda c: organisations.add(c, signed.operator, fields, tree=tree, now=now))

        try:
            told = await acting.act(room, request, signed, form, make, _kept)
        except Rejected as rejected:
            return await page(request, signed, tuple(rejected.problems), typed)
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
        typed = _typed(form) | {"external_id": external_id}

        async def make() -> Act[Any]:
            tree, now, fields = await web.context.tree(), web.now(), _fields(typed)
            return Act(
                lambda c: organisations.edit(
                    c, signed.operator, external_id, fields, tree=tree, now=now, seen=seen
                )
            )

        try:
            told = await acting.act(room, request, signed, form, make, _kept)
        except Rejected as rejected:
            return await _one(room, signed, external_id, tuple(rejected.problems), typed)
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
    typed: dict[str, str] | None = None,
    *,
    done: dict[str, Any] | None = None,
) -> Response:
    """Return the page of one organisation; looking at it is on record."""
    web = room.web
    found = await web.db.write(organisations.one, signed.operator, external_id, web.now())
    if found is None:
        raise organisations.unknown()
    about = f"{organisations.mark(found)} {external_id}"
    tree = await web.context.tree()
    return room.page(
        "organisation.html",
        signed,
        status=problems[0].status if problems else 200,
        title=f"Organisation {external_id}",
        o=found,
        sites=[_site(tree, each) for each in found["sites"]],
        acting=[
            {
                **person,
                "contact": ", ".join(filter(None, map(person.get, ("mobile", "phone", "email")))),
                "areas": [_area(tree, area) for area in person["contact_for"]],
            }
            for person in found["acting"]
        ],
        done=done,
        remove=room.form(signed, f"{PATH}/remove", about=external_id)
        if "administer" in PERMISSIONS[signed.operator.role]
        else None,
        back=PATH,
        **_form(room, signed, f"{PATH}/edit", typed or _lines(found), problems, about),
    )


def _form(
    room: Room,
    signed: Signed,
    action: str,
    typed: dict[str, str],
    problems: tuple[Problem, ...],
    about: str = "",
) -> dict[str, Any]:
    """Return what the form that adds or changes an organisation is made of; None as the form for
    who only looks.
    """
    may = "administer" in PERMISSIONS[signed.operator.role]
    return {
        "form": room.form(signed, action, about=about) if may else None,
        "f": typed,
        "trades": TRADES,
        "sizes": naming.SIZES,
        "hints": {"sites": sites.FORM.replace(";", ", "), "contacts": CONTACTS.partition(";")[0]},
        "problems": problems,
        "fields": {name: name for name in COLUMNS},
    }


def _typed(form: Form) -> dict[str, str]:
    return {name: form.one(name) for name in COLUMNS}


def _fields(typed: dict[str, str]) -> dict[str, str]:
    """Return the cells of the file that the form stands for: what it has on lines, it has with ;
    between.
    """
    return {
        name: ";".join(filter(None, map(str.strip, value.splitlines()))) if name in LISTS else value
        for name, value in typed.items()
    }


def _lines(found: dict[str, Any]) -> dict[str, str]:
    """Return the form that an organisation stands for."""
    contacts = [f"{each['area']}={each['person']}" for each in found["contacts"]]
    return {
        **{name: str(found[name]) for name in ("external_id", "name", "trade", "size")},
        "sites": "\n".join(found["sites"]),
        "people": "\n".join(found["people"]),
        "contacts": "\n".join(contacts),
        "passes_on": "yes" if found["passes_on"] else "",
    }


def _kept(done: tuple[dict[str, Any], list[Problem]]) -> dict[str, Any]:
    """Return what is kept as the answer to the form: no name, which is sealed where it lies."""
    told, warnings = done
    return {
        "external_id": told["external_id"],
        "warnings": [problem_json(warning) for warning in warnings],
    }


def _site(tree: AreaTree, written: str) -> str:
    """Return a site as people read it: an area with its name, a postcode or a point as written."""
    return _area(tree, written) if written in tree else written


def _area(tree: AreaTree, code: str) -> str:
    return f"{tree[code].name} ({code})" if code in tree else code
