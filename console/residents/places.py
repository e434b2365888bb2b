"""My other places: at work, at school, or visiting for a while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from broadcast.problems import Problem, Rejected
from broadcast.store.database import Connection
from broadcast.wording.times import local_time
from console.residents.choosing import add_signed
from console.residents.frame import Pages, one
from service.residents import own, registering
from service.residents.own import Own
from subscribers.people_file import other_places
from subscribers.people_file.other_places import OtherPlace

PATH = "/me/places"


def attach(api: APIRouter, pages: Pages) -> None:
    """Add the pages."""
    mine = _Places(pages)
    add_signed(api, pages, "GET", PATH, mine.show)
    add_signed(api, pages, "POST", PATH, mine.add)
    add_signed(api, pages, "POST", f"{PATH}/remove", mine.remove)


@dataclass(frozen=True)
class _Places:
    pages: Pages

    async def show(self, request: Request, me: Own, secret: str) -> Response:
        return await self._show(request, me, secret, request.query_params.get("place", ""))

    async def _show(
        self,
        request: Request,
        me: Own,
        secret: str,
        asked: str,
        problems: tuple[Problem, ...] = (),
    ) -> Response:
        pages, lang = self.pages, self.pages.lang(request)
        tree, found, problem = await pages.search(asked)
        places = own.places_of(me.known, pages.web.now())
        return pages.page(
            request,
            "me_places.html",
            "places",
            secret=secret,
            problems=problems or problem,
            saved=request.query_params.get("saved", "") == "places",
            asked=asked[: registering.LONGEST_SEARCH],
            found=found,
            kinds=other_places.KINDS,
            full=len(places) >= other_places.MOST,
            places=[
                (
                    str(each),
                    each.kind,
                    own.place_named(each, tree),
                    each.until and local_time(each.until, lang, pages.web.settings.timezone),
                )
                for each in places
            ],
        )

    async def add(self, request: Request, me: Own, secret: str) -> Response:
        form = await self.pages.read(request, secret)
        asked = one(form, "place")
        try:
            kind = one(form, "kind")
            until = self._end_of(one(form, "until")) if kind == "visiting" else None
            new = own.other_place(kind, one(form, "area"), until)
            places = [*own.places_of(me.known, self.pages.web.now()), new]
            await self._save(me, list(dict.fromkeys(places)))
        except Rejected as rejected:
            return await self._show(request, me, secret, asked, tuple(rejected.problems))
        return self._saved(request)

    async def remove(self, request: Request, me: Own, secret: str) -> Response:
        form = await self.pages.read(request, secret)
        gone = one(form, "which")
        kept = own.places_of(me.known, self.pages.web.now())
        await self._save(me, [each for each in kept if str(each) != gone])
        return self._saved(request)

    def _end_of(self, day: str) -> datetime:
        web = self.pages.web
        return registering.visit_end(day, web.settings.timezone, web.now())

    async def _save(self, me: Own, places: Sequence[OtherPlace]) -> None:
        web, world = self.pages.web, await self.pages.world()

        def change(conn: Connection) -> None:
            own.change(conn, me.person, {"places": places}, world=world, now=web.now())

        await web.db.write(change)

    def _saved(self, request: Request) -> Response:
        response = self.pages.go(request, PATH)
        at = response.headers["location"]
        response.headers["location"] = f"{at}{'&' if '?' in at else '?'}saved=places"
        return response
