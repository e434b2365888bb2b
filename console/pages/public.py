"""What programs read without a password: the feeds, the CAP documents, what pages load."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from broadcast.messages import published
from console.pages.feeds import ATOM_TYPE, CAP_TYPE, GEOJSON_TYPE, Feeds
from console.pages.frame import ASSETS, CACHED_SECONDS, asset, cached, is_tag
from console.server.context import Web

Lang = Annotated[
    str, Query(max_length=20, description="A language tag: entries in it, where a message has it.")
]


def router(web: Web) -> APIRouter:
    """Return the routes of the public documents."""
    api = APIRouter(tags=["public"], include_in_schema=True)
    feeds = Feeds(web)

    @api.get("/feed.atom")
    async def feed(request: Request, lang: Lang = "") -> Response:
        """Return the public messages as an Atom feed (RFC 4287), each with its CAP document."""
        body = await feeds.atom(lang if is_tag(lang) else "")
        return cached(request, body, ATOM_TYPE, seconds=CACHED_SECONDS)

    @api.get("/messages.geojson")
    async def places(request: Request) -> Response:
        """Return the public messages with their places as GeoJSON (RFC 7946)."""
        return cached(request, await feeds.geojson(), GEOJSON_TYPE, seconds=CACHED_SECONDS)

    @api.get("/cap/{name}")
    async def cap(request: Request, name: str) -> Response:
        """Return a published CAP document, byte for byte as it was published."""
        stored = (
            await web.db.read(published.document, name.removesuffix(".xml"))
            if name.endswith(".xml") and len(name) < 300 and "\x00" not in name
            else None
        )
        if stored is None:
            raise HTTPException(404)
        return cached(request, stored, CAP_TYPE, seconds=CACHED_SECONDS)

    @api.get("/static/{name}", include_in_schema=False)
    async def static(request: Request, name: str) -> Response:
        if name not in ASSETS:
            raise HTTPException(404)
        return cached(request, asset(name), ASSETS[name], seconds=86_400)

    @api.get("/favicon.ico", include_in_schema=False)
    async def icon(request: Request) -> Response:
        return cached(request, asset("favicon.svg"), ASSETS["favicon.svg"], seconds=86_400)

    @api.get("/robots.txt", include_in_schema=False)
    async def robots(request: Request) -> Response:
        return cached(request, ROBOTS, "text/plain; charset=utf-8", seconds=86_400)

    return api


ROBOTS = b"User-agent: *\nDisallow: /api/\nDisallow: /hooks/\nDisallow: /u/\nDisallow: /v/\n"
"""Machines may read the messages; links to single persons and codes are for people."""
