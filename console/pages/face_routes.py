"""The addresses of the public face: each page in the language that is asked for, kept by caches for
a few seconds.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response

from console.pages.face import Face, wanted_code
from console.pages.frame import CACHED_SECONDS, Links, cached, is_tag
from console.pages.phrases import chosen
from console.server.context import Web

_MONTH = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])")

Page = Callable[[str, Links], Awaitable[str]]


def router(web: Web) -> APIRouter:
    """Return the routes of the pages."""
    api, pages = APIRouter(tags=["public"]), _Pages(Face(web))
    api.add_api_route("/", pages.front, response_class=HTMLResponse)
    api.add_api_route("/v/{code}", pages.verify, response_class=HTMLResponse)
    unlisted: tuple[tuple[str, Callable[..., Awaitable[Response]]], ...] = (
        ("/messages/{code}", pages.message),
        ("/messages/{code}/poster", pages.poster),
        ("/messages/{code}/press", pages.press),
        ("/check", pages.check),
        ("/past", pages.past),
        ("/past/{month}", pages.of_month),
        ("/past/{month}/{after}", pages.of_month),
        ("/what-to-do", pages.todo),
    )
    for path, shown in unlisted:
        api.add_api_route(path, shown, response_class=HTMLResponse, include_in_schema=False)
    return api


@dataclass(frozen=True)
class _Pages:
    face: Face

    async def front(self, request: Request) -> Response:
        """Show the present threat levels and the live messages."""
        return await _answer(request, self.face.front)

    async def message(self, request: Request, code: str) -> Response:
        return await _answer(request, lambda lang, links: self.face.message(code, lang, links))

    async def poster(self, request: Request, code: str) -> Response:
        return await _answer(request, lambda lang, links: self.face.poster(code, lang, links))

    async def press(self, request: Request, code: str) -> Response:
        return await _answer(request, lambda lang, links: self.face.press(code, lang, links))

    async def verify(self, request: Request, code: str) -> Response:
        """Say whether a message is ours, and what holds now."""
        lang, links = _wanted(request)
        body, status = await self.face.verified(code, lang, links)
        headers = {"Cache-Control": "no-store", "Content-Language": lang}
        return HTMLResponse(body, status, headers | {"Vary": "Accept-Language"})

    async def check(self, request: Request) -> Response:
        typed = request.query_params.get("code")
        if typed is not None and typed.strip():
            _, links = _wanted(request)
            return RedirectResponse(links.to(f"/v/{wanted_code(typed[:200]) or '-'}"), 303)
        return await _answer(
            request, lambda lang, links: self.face.check(lang, links, empty=typed is not None)
        )

    async def past(self, request: Request) -> Response:
        return await _answer(request, lambda lang, links: self.face.past("", lang, links))

    async def of_month(self, request: Request, month: str, after: str = "") -> Response:
        if not _MONTH.fullmatch(month) or (after and after != wanted_code(after)):
            raise HTTPException(404)
        return await _answer(request, lambda lang, links: self.face.past(month, lang, links, after))

    async def todo(self, request: Request) -> Response:
        return await _answer(request, self.face.todo)


def _wanted(request: Request) -> tuple[str, Links]:
    """Return the language of the page, and links that keep one that was asked for by `?lang=`."""
    asked = request.query_params.get("lang", "")[:20]
    lang = chosen(asked, request.headers.get("accept-language", ""))
    return lang, Links(lang=asked if is_tag(asked) else "")


async def _answer(request: Request, page: Page) -> Response:
    lang, links = _wanted(request)
    body = await page(lang, links)
    as_of = body.rfind('<span class="small">')
    return cached(
        request,
        body.encode(),
        "text/html; charset=utf-8",
        seconds=CACHED_SECONDS,
        like=body[: as_of if as_of >= 0 else None].encode(),
        headers={"Content-Language": lang, "Vary": "Accept-Language, Accept"},
    )
