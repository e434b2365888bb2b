"""Every route of the control room's pages."""

from __future__ import annotations

from fastapi import APIRouter

from console.room import entry, home
from console.room.frame import Room
from console.server.context import Web

PARTS = (entry, home)


def router(web: Web) -> APIRouter:
    """Return the routes."""
    api, room = APIRouter(), Room(web)
    for part in PARTS:
        part.attach(api, room)
    return api
