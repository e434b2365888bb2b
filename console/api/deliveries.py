"""What became of a message, person by person: pages and CSV of the account, its counts, and why one
person is on their line.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from pyroaring import BitMap
from starlette.responses import JSONResponse, Response, StreamingResponse

from broadcast.ledger import delivery_report
from broadcast.ledger.delivery_report import Account
from broadcast.messages import versions
from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.problems import refuse
from console import explained, listed
from console.api import cursors
from console.api.told import message_id_of
from console.listed import Filter
from console.server.context import Web, web_of
from service.commands import advising, explaining, reading
from service.problem_documents import problem_json

KEPT_SECONDS = 1.0
"""The pages that many readers ask for within this time are cut from one account."""
_KEPT = 4


class Accounts:
    """The accounts computed in the last seconds, by version."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._kept: dict[int, tuple[float, Account]] = {}
        self._busy = asyncio.Lock()

    async def of(self, v: Version) -> Account:
        """Return the account of a version, at most a second old."""
        async with self._busy:
            now = time.monotonic()
            at, account = self._kept.get(v.id, (-KEPT_SECONDS, None))
            if account is None or now - at >= KEPT_SECONDS:
                account = await self._web.db.read(delivery_report.account, v)
                self._kept[v.id] = (now, account)
                for old in sorted(self._kept, key=lambda version_id: self._kept[version_id][0])[
                    :-_KEPT
                ]:
                    del self._kept[old]
            return account


def router(web: Web) -> APIRouter:
    """Return the routes that tell what became of a message."""
    api = APIRouter(tags=["deliveries"])
    kept = Accounts(web)

    @api.get("/messages/{id}/counts")
    async def counts(request: Request, id: str, version: str | None = None) -> Response:
        """Return the account in numbers: people and channels by line, suppressed by reason."""
        v = await _version(web, await web.actor(request), id, version)
        return JSONResponse((await kept.of(v)).shown())

    @api.get("/messages/{id}/deliveries", responses={200: {"content": {"text/csv": {}}}})
    async def deliveries(
        request: Request,
        id: str,
        version: str | None = None,
        state: str | None = None,
        channel: str | None = None,
        reason: str | None = None,
        cursor: str | None = None,
        limit: str | None = None,
    ) -> Response:
        """Return the addressed people, each with their line, by channel too, and why they were not
        sent to; by page, or all of them as CSV. `state`, `channel` and `reason` choose some.
        """
        asked = Filter(state=state, channel=channel, reason=reason)
        wanted = Wanted(id=id, version=version, asked=asked)
        return await person_by_person(kept, request, wanted, cursor=cursor, limit=limit)

    api.get("/messages/{id}/languages")(languages)
    api.get("/messages/{id}/explain/{subscriber}")(explain)
    return api


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which people of which version are asked for, as it stood in the request."""

    id: str
    version: str | None
    asked: Filter

    @property
    def about(self) -> str:
        """What a cursor of this question is good for, and of no other."""
        of = self.asked
        return f"deliveries:{self.id}:{of.state or ''}:{of.channel or ''}:{of.reason or ''}"


async def person_by_person(
    kept: Accounts, request: Request, wanted: Wanted, *, cursor: str | None, limit: str | None
) -> Response:
    """Answer with a page of people, or with all of them as CSV. The look-up is recorded once: the
    pages that follow are of the same one, for their cursor is signed.
    """
    web = web_of(request)
    actor = await web.actor(request)
    size = cursors.limit_of(limit)
    place = cursors.read(web.key, wanted.about, cursor, 2)
    number = str(place[0]) if place else wanted.version
    v = await _version(web, actor, wanted.id, number, people=True)
    as_csv = "text/csv" in request.headers.get("accept", "")
    if place is None or as_csv:
        await web.db.write(
            operators.log_admin,
            actor=actor.name,
            action="deliveries.export" if as_csv else "deliveries",
            subject=wanted.id,
            detail=f"version={v.number}",
            now=web.now(),
        )
    account = await kept.of(v)
    people = wanted.asked.of(account)
    if as_csv:
        name = f"deliveries-{v.message_id}-{v.number}.csv"
        return StreamingResponse(
            listed.csv_of(account, people),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )
    return JSONResponse(_page(web, account, people, wanted, place[1] if place else -1, size))


def _page(
    web: Web, account: Account, people: BitMap, wanted: Wanted, after: int, size: int
) -> dict[str, Any]:
    """Return the people behind number `after`, at most `size` of them."""
    v = account.version
    ids, more = listed.page(people, after, size)
    return {
        "message": v.message_id,
        "version": v.number,
        "addressed": account.shown()["addressed"],
        "deliveries": listed.told(account, ids),
        "next": cursors.write(web.key, wanted.about, v.number, ids[-1]) if more else None,
    }


async def languages(request: Request, id: str, version: str | None = None) -> Response:
    """Return as a warning how many got the message in a language that is not theirs, and which
    one they read instead: what to know before and after ending it.
    """
    web = web_of(request)
    v = await _version(web, await web.actor(request), id, version)
    warnings = await advising.read_instead(web.context, v)
    told = {
        "message": v.message_id,
        "version": v.number,
        "warnings": [problem_json(p) for p in warnings],
    }
    return JSONResponse(told)


async def explain(request: Request, id: str, subscriber: str) -> Response:
    """Return why one person is, or is not, sent to: every question of the rule, the attempts,
    the line. `subscriber`: id or external_id.
    """
    web = web_of(request)
    actor = await web.actor(request)
    v = await _version(web, actor, id, None, people=True)
    told = await explaining.explain_to(
        web.context, actor, v.message_id, subscriber.replace("\x00", "")
    )
    names = await web.db.read(explained.names_of, await web.context.tree())
    sentences = explained.sentences(told, names, explained.clock_of(web.settings.timezone))
    return JSONResponse(told | {"sentences": sentences})


async def _version(
    web: Web, actor: Operator, id: str, number: str | None, *, people: bool = False
) -> Version:
    """Return the version asked for, by default the newest published, else the open one. `people`:
    single persons are told of.
    """
    operators.require(actor, "people" if people else "read")
    existing = await reading.readable(web.context, actor, message_id_of(id))
    v = versions.newest_published(existing) or existing[-1]
    if number is not None:
        found = next((v for v in existing if str(v.number) == number), None)
        if found is None:
            raise refuse(
                "version_unknown",
                "there is no such version",
                f"it has versions 1 to {existing[-1].number}",
                field="version",
                status=404,
            )
        v = found
    if people:
        await reading.require_people(web.context, actor, v)
    return v
