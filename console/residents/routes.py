"""Every route of the residents' pages."""

from __future__ import annotations

from fastapi import APIRouter, Request

from console.residents import api as programs
from console.residents import by_topic, choosing, joining, places, reading, several
from console.residents.frame import Pages, attach_assets
from console.server.capacity import Capacity
from console.server.context import Web


def router(web: Web) -> APIRouter:
    """Return the routes."""
    api = APIRouter()

    def address_of(request: Request) -> str:
        capacity: Capacity = request.app.state.capacity
        return capacity.address_of(request.scope)

    pages = Pages(web, address_of)
    attach_assets(api)
    joining.attach(api, pages)
    choosing.attach(api, pages)
    by_topic.attach(api, pages)
    places.attach(api, pages)
    reading.attach(api, pages)
    several.attach(api, pages)
    api.include_router(programs.router(pages))
    return api
