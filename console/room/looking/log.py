"""The delivery log: who stands on which line and why, with filters in the address; one person
explained in sentences; a contact unmasked for who says why.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from pyroaring import BitMap
from starlette.responses import Response, StreamingResponse

from broadcast.content.model import CHANNELS
from broadcast.drafts.times import on_the_clock
from broadcast.ledger import delivery_report
from broadcast.ledger.delivery_report import Account
from broadcast.ledger.evidence import LINES, SUPPRESSION_REASONS
from broadcast.messages import resends, small_counts, versions
from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.store.database import Connection
from console import explained, listed, provider_words
from console.listed import Filter
from console.room import acting, naming, resend
from console.room.figures import Figures
from console.room.frame import BASES, Room
from service import contacts
from service.commands import explaining, reading
from service.sign_in import Signed
from subscribers.registry import listing, showing

PAGE = 50
FILTERS = ("line", "channel", "reason", "area", "from", "until")


def attach(api: APIRouter, room: Room, figures: Figures) -> None:
    """Add the routes, once for each entrance."""
    for base in BASES:
        _attach_log(api, room, figures, base)
        _attach_person(api, room, base)


async def _version(room: Room, request: Request, signed: Signed) -> Version:
    """Return the version that the log is about; who reads it may see single persons there."""
    operators.require(signed.operator, "people")
    existing = await acting.message_of(room, request, signed)
    number = request.query_params.get("version", "")
    wanted = next((v for v in existing if str(v.number) == number), None)
    v = wanted or versions.newest_published(existing) or existing[-1]
    await reading.require_people(room.web.context, signed.operator, v)
    return v


def _attach_log(api: APIRouter, room: Room, figures: Figures, base: str) -> None:
    web = room.web

    async def show(request: Request, signed: Signed) -> Response:
        v = await _version(room, request, signed)
        asked = {name: request.query_params.get(name, "")[:40] for name in FILTERS}
        account, counted_to = await figures.counted(v)
        wanted = Filter(
            state=asked["line"] or None,
            channel=asked["channel"] or None,
            reason=asked["reason"] or None,
        ).of(account)
        wanted = await _where_and_when(room, v, wanted, asked)
        as_csv = request.query_params.get("format") == "csv"
        after = request.query_params.get("after", "")
        start = int(after) if after.isascii() and after.isdigit() and len(after) < 10 else 0
        await web.db.write(
            operators.log_admin,
            actor=signed.operator.name,
            action="deliveries.export" if as_csv else "deliveries",
            subject=str(v.message_id),
            detail=f"version={v.number}",
            now=web.now(),
        )
        if as_csv:
            name = f"deliveries-{v.message_id}-{v.number}.csv"
            return StreamingResponse(
                listed.csv_of(account, wanted),
                media_type="text/csv; charset=utf-8",
                headers={
                    "Content-Disposition": f'attachment; filename="{name}"',
                    "Cache-Control": "no-store",
                },
            )
        ids, more = listed.page(wanted, start - 1, PAGE)
        path = f"{base}/messages/{v.message_id}"
        query = {**{k: n for k, n in asked.items() if n}, "version": str(v.number)}
        return room.page(
            "log.html",
            signed,
            kind=BASES[base],
            title="Delivery log",
            v=v,
            path=path,
            asked=asked,
            total=len(wanted),
            counted_to=counted_to,
            rows=await web.db.read(_rows, account, ids),
            choices={"line": LINES, "channel": CHANNELS, "reason": SUPPRESSION_REASONS},
            labels={line: naming.LINES[line][0] for line in LINES},
            drawn=small_counts.drawn(v.content),
            zone=web.settings.timezone,
            following=f"{path}/log?{urlencode(query | {'after': ids[-1] + 1})}" if more else "",
            first=f"{path}/log?{urlencode(query)}" if start else "",
            csv=f"{path}/log?{urlencode(query | {'format': 'csv'})}",
            again=await _again(room, signed, v, account, asked),
        )

    room.add(api, "GET", f"{base}/messages/{{id}}/log", show)


async def _where_and_when(room: Room, v: Version, people: BitMap, asked: dict[str, str]) -> BitMap:
    """Return who of these people is in the area that is asked for, and of whose attempts something
    was recorded in the time that is. Raises Rejected: what `reading.in_area` raises, and what is
    wrong with a time.
    """
    context, zone = room.web.context, room.web.settings.timezone
    if asked["area"]:
        people = await reading.in_area(context, v, people, asked["area"])
    if asked["from"] or asked["until"]:
        begin, end = (
            on_the_clock(asked[field], zone=zone, field=field) if asked[field] else None
            for field in ("from", "until")
        )
        people = await reading.heard_of(context, v, people, begin, end)
    return people


async def _again(
    room: Room, signed: Signed, v: Version, account: Account, asked: dict[str, str]
) -> dict[str, Any] | None:
    """Return how the people of a line are sent to again, where the page shows exactly that line,
    it is live and nothing waits.
    """
    line = asked["line"]
    chosen = line in resend.LINES and not any(asked[name] for name in FILTERS[1:])
    if not chosen or v.state != "live" or not account.people[line]:
        return None
    if await room.web.db.read(resends.waiting, v.message_id) is not None:
        return None
    return await resend.offered(room, signed, v, line)


def _rows(conn: Connection, account: Account, ids: list[int]) -> list[dict[str, Any]]:
    """Return one row for each person: masked, their line and why."""
    codes = delivery_report.failure_codes(conn, account.version.id, ids)
    found = []
    for person, told in zip(ids, listed.told(account, ids), strict=True):
        known = showing.show(conn, person)
        masked = listing.masked(known) if known is not None else {}
        contact = [masked.get(name) for name in ("mobile", "phone", "email")]
        found.append(
            {
                **told,
                "name": masked.get("name", ""),
                "contact": ", ".join(part for part in contact if part),
                "why": ", ".join(
                    [
                        *(naming.word(r) for r in [told["reason"]] if r),
                        *map(provider_words.failure, codes.get(person, [])),
                    ]
                ),
            }
        )
    return found


def _attach_person(api: APIRouter, room: Room, base: str) -> None:
    web = room.web

    async def page(
        request: Request, signed: Signed, known: dict[str, Any] | None = None
    ) -> Response:
        v = await _version(room, request, signed)
        asked = request.path_params["person"][:100]
        told = await explaining.explain_to(web.context, signed.operator, v.message_id, asked)
        person = told["subscriber"]
        found = await web.db.read(showing.show, person)
        names = await web.db.read(explained.names_of, await web.context.tree())
        path = f"{base}/messages/{v.message_id}"
        return room.page(
            "person.html",
            signed,
            kind=BASES[base],
            title=f"Person {person} and message {v.message_id}",
            path=path,
            sentences=explained.sentences(told, names, room.stamp),
            masked=listing.masked(found) if found is not None else {},
            known=known,
            form=room.form(signed, f"{path}/people/{person}"),
        )

    async def show(request: Request, signed: Signed) -> Response:
        return await page(request, signed)

    async def unmask(request: Request, signed: Signed) -> Response:
        form = await room.read(request, signed)
        await _version(room, request, signed)
        asked = request.path_params["person"]
        if not (asked.isascii() and asked.isdigit() and len(asked) < 10):
            raise contacts.unknown()
        # not kept as an answer under its key: what is shown here is stored nowhere else
        known = await web.context.do(contacts.unmask, signed.operator, int(asked), form.one("why"))
        return await page(request, signed, known)

    room.add(api, "GET", f"{base}/messages/{{id}}/people/{{person}}", show)
    room.add(api, "POST", f"{base}/messages/{{id}}/people/{{person}}", unmask)
