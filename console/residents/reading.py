"""My messages, and my data to take along."""

from __future__ import annotations

import json
from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response

from broadcast.wording.pack import direction
from broadcast.wording.times import local_time
from console.pages.cards import Cards
from console.pages.frame import Links
from console.residents.choosing import add_signed
from console.residents.frame import HEADERS, Pages
from service.residents import own_data
from service.residents.own import Own


def attach(api: APIRouter, pages: Pages) -> None:
    """Add the pages."""
    reading = _Reading(pages, Cards(pages.web))
    add_signed(api, pages, "GET", "/me/messages", reading.messages)
    add_signed(api, pages, "GET", "/me/last-month", reading.last_month)
    add_signed(api, pages, "GET", "/me/data.json", reading.as_json)
    add_signed(api, pages, "GET", "/me/data.csv", reading.as_csv)


@dataclass(frozen=True)
class _Reading:
    pages: Pages
    cards: Cards

    async def messages(self, request: Request, me: Own, secret: str) -> Response:
        web, lang = self.pages.web, self.pages.lang(request)
        theirs = Links(lang=str(me.known["language"]))
        groups = []
        for got in await web.db.read(own_data.messages_of, me.person):
            shown = []
            for each in got:
                card = await self.cards.card(each.version, lang, theirs, web.now(), with_map=False)
                shown.append((each, card, local_time(each.at, lang, web.settings.timezone)))
            groups.append(shown)
        missed = []
        for version, at in await web.db.read(own_data.missed_by, me.person, web.now()):
            card = await self.cards.card(version, lang, theirs, web.now(), with_map=False)
            missed.append((card, local_time(at, lang, web.settings.timezone)))
        return self.pages.page(
            request,
            "me_messages.html",
            "my_messages",
            secret=secret,
            groups=groups,
            missed=missed,
            direction=direction,
        )

    async def last_month(self, request: Request, me: Own, secret: str) -> Response:
        web = self.pages.web
        zone = web.settings.timezone
        went_out, meant = await own_data.last_month(web.context, me.person, zone=zone)
        return self.pages.page(
            request,
            "me_last_month.html",
            "last_month",
            secret=secret,
            went_out=went_out,
            meant=meant,
        )

    async def as_json(self, request: Request, me: Own, secret: str) -> Response:
        web = self.pages.web
        data = await web.db.read(own_data.everything, me.person, web.now())
        body = json.dumps(data, ensure_ascii=False, indent=1) + "\n"
        return _file(body, "application/json", "json")

    async def as_csv(self, request: Request, me: Own, secret: str) -> Response:
        web = self.pages.web
        data = await web.db.read(own_data.everything, me.person, web.now())
        return _file("".join(own_data.as_csv(data)), "text/csv; charset=utf-8", "csv")


def _file(body: str, media_type: str, ending: str) -> Response:
    name = f'attachment; filename="my-data.{ending}"'
    return Response(body, 200, {**HEADERS, "Content-Disposition": name}, media_type)
