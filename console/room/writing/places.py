"""Where a message goes, said in equal ways: searched, found in the tree, each place with its
people; and the borders on which a shape is drawn.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import shapely
from fastapi import APIRouter, Request
from starlette.responses import Response

from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.places import called
from broadcast.places.areas import Area, AreaTree
from broadcast.places.called import Meant
from console.room.frame import BASES, Room
from service.commands.composing import Counts
from service.sign_in import Signed

NODES_SHOWN = 120
"""So many places of the tree stand on the page; what lies deeper is opened by a button."""
BORDERS_SHOWN = 400
LEVEL_NAMES = {"country": "country", "region": "region", "force": "force area"}


@dataclass(frozen=True, slots=True)
class Place:
    """One place as it stands on a page: `people` is "" where they cannot be counted now."""

    code: str
    name: str
    level: str
    people: int | str
    children: tuple[Place, ...] = ()
    more: int = 0


class Places:
    """The places that an operator may choose, with their people."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._counts = Counts()

    async def _known(self) -> tuple[AreaTree, dict[str, int]]:
        context = self._room.web.context
        return await context.tree(), await self._counts.by_area(context)

    async def named(self, codes: list[str]) -> list[Place]:
        """Return the chosen places in their order."""
        tree, counts = await self._known()
        return [
            _place(tree[code], counts) if code in tree else Place(code, "not imported here", "", "")
            for code in codes
        ]

    async def search(self, actor: Operator, wanted: str) -> list[Place]:
        """Return the places of the operator's area whose name or code fits, the likeliest first."""
        tree, counts = await self._known()
        inside = None if actor.area is None else tree.descendants(actor.area)
        return [_place(area, counts) for area in called.search(tree, wanted, inside=inside)]

    async def meant(self, actor: Operator, written: str) -> Meant:
        """Return which place is meant by a name or a code that was written."""
        tree = await self._room.web.context.tree()
        inside = None if actor.area is None else tree.descendants(actor.area)
        return called.meant(tree, written, inside=inside)

    async def in_words(self, areas: Iterable[Area]) -> list[tuple[str, str]]:
        """Return the code of each area, and what tells it from others of its name."""
        tree = await self._room.web.context.tree()
        return [(area.code, called.in_words(tree, area)) for area in areas]

    async def tree(self, actor: Operator, opened: set[str]) -> list[Place]:
        """Return the tree of the operator's area, as deep as the page holds; `opened` are shown
        with what lies in them in any case.
        """
        tree, counts = await self._known()
        if actor.area is not None:
            roots = [tree[actor.area]] if actor.area in tree else []
        else:
            roots = [a for a in tree.all() if not a.parent or a.parent not in tree]
        budget = [NODES_SHOWN]

        def shown(area: Area, depth: int) -> Place:
            inside = sorted(tree.children(area.code), key=lambda a: (a.name, a.code))
            deep = area.code in opened or (depth < 2 and len(inside) <= budget[0])
            if not deep:
                return _place(area, counts, more=len(inside))
            budget[0] -= len(inside)
            return _place(area, counts, tuple(shown(each, depth + 1) for each in inside))

        return [shown(root, 0) for root in roots[:NODES_SHOWN]]

    async def borders(self, actor: Operator) -> list[dict[str, Any]]:
        """Return the borders to draw on, as GeoJSON features: those of the boroughs that the
        operator may choose, or of what is larger where there are none.
        """
        tree, counts = await self._known()
        inside = None if actor.area is None else tree.descendants(actor.area)
        for level in ("borough", "force", "region", "country"):
            found = [
                a
                for a in tree.all()
                if a.level == level
                and (inside is None or a.code in inside)
                and tree.geometry(a.code) is not None
            ]
            if found:
                return await asyncio.to_thread(_features, tree, counts, found[:BORDERS_SHOWN])
        return []


def attach(api: APIRouter, room: Room, places: Places) -> None:
    """Add the routes: what is found while typing, and the borders of the map."""

    async def found(request: Request, signed: Signed) -> Response:
        operators.require(signed.operator, "draft")
        wanted = request.query_params.get("q", "")[:100].replace("\0", "")
        hits = await places.search(signed.operator, wanted) if wanted.strip() else []
        part = room.part("found.html", found=hits, search=wanted)
        return Response(part, media_type="text/html", headers={"Cache-Control": "no-store"})

    async def borders(_request: Request, signed: Signed) -> Response:
        operators.require(signed.operator, "draft")
        told = {"type": "FeatureCollection", "features": await places.borders(signed.operator)}
        return Response(
            json.dumps(told),
            media_type="application/geo+json",
            headers={"Cache-Control": "no-store"},
        )

    for base in BASES:
        room.add(api, "GET", f"{base}/places", found)
        room.add(api, "GET", f"{base}/borders", borders)


def _place(
    area: Area, counts: dict[str, int], children: tuple[Place, ...] = (), *, more: int = 0
) -> Place:
    people: int | str = counts.get(area.code, 0) if counts else ""
    return Place(area.code, area.name, area.level, people, children, more)


def _features(tree: AreaTree, counts: dict[str, int], found: list[Area]) -> list[dict[str, Any]]:
    features = []
    for area in found:
        geometry = tree.geometry(area.code)
        assert geometry is not None
        west, _, east, _ = shapely.bounds(geometry)
        simple = shapely.simplify(geometry, max(east - west, 1e-4) / 200)
        rounded = shapely.set_precision(simple, 1e-5)
        features.append(
            {
                "type": "Feature",
                "properties": {
                    "code": area.code,
                    "name": area.name,
                    "people": counts.get(area.code, 0) if counts else None,
                },
                "geometry": json.loads(shapely.to_geojson(rounded)),
            }
        )
    return features
