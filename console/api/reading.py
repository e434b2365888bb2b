"""What an installation holds beside messages: threat levels, areas, subscribers."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from broadcast.operators import audit, look_ups, operators
from broadcast.problems import refuse
from console.api import cursors
from console.server.context import Web, web_of
from service import groups, levels
from subscribers.registry import listing


def router(_web: Web) -> APIRouter:
    """Return the routes that only look."""
    api = APIRouter(tags=["reading"])
    api.get("/threat-levels")(threat_levels)
    api.get("/areas")(areas)
    api.get("/groups")(groups_)
    api.get("/audit")(audit_)
    api.get("/subscribers")(subscribers)
    return api


async def threat_levels(
    request: Request,
    as_of: str | None = None,
    area: str | None = None,
    scope: str | None = None,
) -> Response:
    """Return the level of every scope that you may know, or the effective level of one area
    with the scopes it comes from; now, or as of a time.
    """
    web = web_of(request)
    actor = await web.actor(request)
    at = read_time(as_of) if as_of is not None else web.now()
    past = as_of is not None
    return JSONResponse(
        await levels.standing(web.context, actor, at, scope=scope, area=area, past=past)
    )


async def areas(request: Request) -> Response:
    """Return every imported area: code, name, level, parent."""
    web = web_of(request)
    operators.require(await web.actor(request), "read")
    tree = await web.context.tree()
    return JSONResponse(
        [{"code": a.code, "name": a.name, "level": a.level, "parent": a.parent} for a in tree.all()]
    )


async def groups_(request: Request) -> Response:
    """Return every registered community, sector and provider: scope, kind, name, and its names by
    language.
    """
    web = web_of(request)
    found = await web.db.read(groups.known, await web.actor(request))
    return JSONResponse([group.to_json() for group in found])


async def audit_(
    request: Request,
    after: str | None = None,
    limit: str | None = None,
    kind: str | None = None,
    subject: str | None = None,
) -> Response:
    """Return links of the audit chain behind number `after`, in their order, and its head; of
    one kind, about one subject; for auditors, and recorded.
    """
    web = web_of(request)
    actor = await web.actor(request)
    operators.require(actor, "read_the_audit_chain")
    size, behind = cursors.limit_of(limit), number_of(after)
    await web.db.write(
        operators.log_admin,
        actor=actor.name,
        action="audit.list",
        subject=f"after {behind}",
        now=web.now(),
    )
    links, head = await web.db.read(
        lambda conn: (
            audit.listed(conn, behind, size, kind=kind, subject=subject),
            audit.head(conn),
        )
    )
    newest = {"number": head.number, "hash": head.hash} if head else None
    following = links[-1]["number"] if len(links) == size else None
    return JSONResponse({"links": links, "head": newest, "next": following})


async def subscribers(
    request: Request, cursor: str | None = None, limit: str | None = None
) -> Response:
    """Return the people registered, by page, with their numbers, addresses and names masked;
    for administrators and auditors, and logged.
    """
    web = web_of(request)
    actor = await web.actor(request)
    operators.require(actor, "see_what_is_set_up")
    size = cursors.limit_of(limit)
    place = cursors.read(web.key, "subscribers", cursor)
    after = place[0] if place else 0
    await web.db.read(look_ups.check, actor, look_ups.LISTED, web.now())
    tree = None if actor.area is None else await web.context.tree()
    found = await web.db.read(listing.page, after, size + 1, tree, actor.area)
    page = found[:size]
    await web.db.write(
        look_ups.record,
        actor,
        look_ups.LISTED,
        subject=f"after {after}",
        detail=f"{len(page)} masked",
        now=web.now(),
    )
    following = cursors.write(web.key, "subscribers", page[-1]["id"]) if len(found) > size else None
    return JSONResponse({"subscribers": page, "next": following})


def number_of(text: str | None) -> int:
    """Return the number of a link, 0 where none is given; raises Rejected (400 cursor_invalid)."""
    if text is None:
        return 0
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    raise refuse(
        "cursor_invalid",
        "that is no number of a link",
        "give the number of the last link that you have",
        field="after",
        status=400,
    )


def read_time(text: str) -> datetime:
    """Return an aware moment: RFC 3339, or a date for its first moment (UTC). Raises Rejected (422
    time_invalid, time_zone_missing).
    """
    # a plus sign in a query reads as a space
    word = re.sub(r"(?<=\d) (?=\d\d:\d\d$)", "+", text.strip())
    try:
        at = datetime.fromisoformat(word)
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", word, re.ASCII):
            return at.replace(tzinfo=UTC)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise refuse(
            "time_invalid",
            "not a time that exists",
            "write it as 2026-11-21T18:00:00Z",
            field="as_of",
        ) from None
    raise refuse(
        "time_zone_missing",
        "the time has no offset from UTC",
        "write it as 2026-11-21T18:00:00Z",
        field="as_of",
    )
