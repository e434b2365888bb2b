"""My other registrations: which ones were joined with this one, joining another, standing apart."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response

from broadcast.problems import Problem, Rejected
from console.residents.choosing import add_signed
from console.residents.frame import Pages, one
from service.residents import registering, several
from service.residents.own import Own
from subscribers.registration.addresses import CHANNELS

PATH = "/me/registrations"
OUTCOMES = (several.JOINED, several.NOBODY, several.SEVERAL, "apart")
"""What the page says came of an act."""


def attach(api: APIRouter, pages: Pages) -> None:
    """Add the pages."""
    mine = _Several(pages)
    add_signed(api, pages, "GET", PATH, mine.show)
    add_signed(api, pages, "POST", PATH, mine.join)
    add_signed(api, pages, "POST", f"{PATH}/part", mine.part)


@dataclass(frozen=True)
class _Several:
    pages: Pages

    async def show(self, request: Request, me: Own, secret: str) -> Response:
        return await self._show(request, me, secret)

    async def _show(
        self, request: Request, me: Own, secret: str, problems: tuple[Problem, ...] = ()
    ) -> Response:
        pages = self.pages
        came = request.query_params.get("came", "")
        return pages.page(
            request,
            "me_registrations.html",
            "registrations",
            secret=secret,
            problems=problems,
            came=came if came in OUTCOMES else "",
            others=await pages.web.db.read(several.of, me.person),
            channels=[c for c in CHANNELS if c in pages.offered()],
        )

    async def join(self, request: Request, me: Own, secret: str) -> Response:
        form = await self.pages.read(request, secret)
        try:
            channel = registering.check_channel(one(form, "channel"), self.pages.offered())
        except Rejected as rejected:
            return await self._show(request, me, secret, tuple(rejected.problems))
        begun = await self.pages.begin(request, several.PURPOSE, channel=channel)
        to = self.pages.go(request, "/join/address")
        return self.pages.let(to, self.pages.form_cookie, begun)

    async def part(self, request: Request, me: Own, secret: str) -> Response:
        await self.pages.read(request, secret)
        await self.pages.web.db.write(several.part, me.person, self.pages.web.now())
        return came(self.pages, request, "apart")


def came(pages: Pages, request: Request, outcome: str) -> Response:
    """Lead to the page, which says what came of an act."""
    response = pages.go(request, PATH)
    at = response.headers["location"]
    response.headers["location"] = f"{at}{'&' if '?' in at else '?'}came={outcome}"
    return response
