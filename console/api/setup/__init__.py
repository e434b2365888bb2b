"""The routes by which administrators set up over HTTP (areas, groups, people, organisations,
levels), the reading beside them, planned exercises, and dead letters.
"""

from __future__ import annotations

from fastapi import APIRouter

from console.api.setup import (
    dead_letters,
    exercises,
    groups,
    levels,
    organisations,
    people,
    places,
)
from console.server.context import Web


def router(web: Web) -> APIRouter:
    """Return every route of setting up."""
    api = APIRouter()
    for part in (places, groups, people, organisations, levels, exercises, dead_letters):
        api.include_router(part.router(web))
    return api
