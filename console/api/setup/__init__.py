"""The routes by which administrators set up over HTTP (areas, groups, people, levels), and the
reading beside them.
"""

from __future__ import annotations

from fastapi import APIRouter

from console.api.setup import groups, levels, people, places
from console.server.context import Web


def router(web: Web) -> APIRouter:
    """Return every route of setting up."""
    api = APIRouter()
    for part in (places, groups, people, levels):
        api.include_router(part.router(web))
    return api
