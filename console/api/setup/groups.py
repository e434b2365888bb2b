"""Communities, sectors and information providers over HTTP: one by one, and a file of them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from broadcast.groups.files import named, read_groups
from broadcast.groups.registered import Group, Registered
from broadcast.problems import refuse
from broadcast.store.database import Connection
from console.api.acting import FILE, Asked, answer_once, take_file
from console.api.bodies import text_field
from console.api.setup.bodies import CSV, sends, sends_file
from console.server.context import Web
from service import groups
from service.commands.unit_of_work import Act
from service.idempotency import Answered
from service.setup.who import allowed

_MOST_LANGUAGES = 50


def router(_web: Web) -> APIRouter:
    """Return the routes by which groups are registered; for administrators without area."""
    api = APIRouter(tags=["groups"])
    api.post("/groups", openapi_extra=sends("NewGroup"))(add)
    api.post(
        "/groups/import",
        openapi_extra=sends_file(csv="kind,name,cy\nsector,retail,Manwerthu\n"),
    )(bring_in)
    return api


async def add(request: Request) -> Response:
    """Register one community, sector or provider, or name it in more languages; for
    administrators.
    """
    return await answer_once(request, "administer", _one)


async def _one(asked: Asked) -> Answered[Registered]:
    said = asked.fields("kind", "name", "names")
    kind = text_field(said, "kind", missing="kind_missing", fix="say community, sector or provider")
    name = text_field(said, "name", missing="name_missing", fix="say what it is called")
    group = named(kind, name, _names(said.get("names", {})), path="name")
    return _registered(asked, [group], "groups.add", group.scope, rename=False)


async def bring_in(request: Request) -> Response:
    """Register communities, sectors and providers from a CSV, or name them in more languages:
    all of the file or nothing; for administrators.
    """
    return await take_file(request, _all, CSV)


async def _all(asked: Asked) -> Answered[Registered]:
    found = await asked.web.context.apart(read_groups, asked.file(), FILE)
    return _registered(asked, found, "groups.import", FILE)


def _registered(
    asked: Asked, found: list[Group], action: str, subject: str, *, rename: bool = True
) -> Answered[Registered]:
    def write(conn: Connection) -> Registered:
        return groups.register(
            conn,
            found,
            actor=allowed(conn, asked.actor, everywhere=True),
            action=action,
            subject=subject,
            now=asked.web.now(),
            rename=rename,
        )

    def answer(_conn: Connection, done: Registered) -> dict[str, Any]:
        return {"groups": [group.to_json() for group in found], **asdict(done)}

    return Answered(act=Act(write), answer=answer)


def _names(given: Any) -> dict[str, str]:
    if not isinstance(given, dict) or not all(isinstance(word, str) for word in given.values()):
        raise refuse(
            "field_type",
            "names is no object of a name for each language",
            'write {"cy": "Manwerthu"}, or leave it out',
            field="names",
        )
    if len(given) > _MOST_LANGUAGES:
        detail = f"names has more than {_MOST_LANGUAGES} languages"
        raise refuse("too_many", detail, "leave some out", field="names")
    return given
