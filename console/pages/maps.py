"""Maps that the server draws: where a message is for, on the imported borders around it. Nothing of
them comes from elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import cos, radians

import shapely
from markupsafe import Markup, escape
from shapely import Geometry

from broadcast.places.areas import AreaTree
from broadcast.places.geometry import polygonal, polygons_of

WIDTH = 480
"""Of the drawing, in its own units; a border is simplified to one of them."""
_TALLEST = 480
_AROUND = 0.35
"""How much of the surroundings is shown on each side, as a share of the longer side."""
_MOST_NEIGHBOURS = 60


@dataclass(frozen=True, slots=True)
class Drawing:
    """A map without words: what it shows is the same in every language."""

    width: int
    height: int
    paths: str

    def titled(self, *, title: str, description: str, name: str) -> Markup:
        """Return it as SVG with its words; `name` makes its ids unique on a page."""
        return Markup(  # noqa: S704 - numbers of ours, and text that is escaped
            f'<svg class="map" viewBox="0 0 {self.width} {self.height}" role="img"'
            f' aria-labelledby="{escape(name)}-t {escape(name)}-d">'
            f'<title id="{escape(name)}-t">{escape(title)}</title>'
            f'<desc id="{escape(name)}-d">{escape(description)}</desc>{self.paths}</svg>'
        )


def draw(shape: Geometry, tree: AreaTree, *, title: str, description: str, name: str) -> Markup:
    """Return the map as SVG; `name` makes its ids unique on a page. Empty where the shape has no
    extent.
    """
    drawn = drawing(shape, tree)
    if drawn is None:
        return Markup("")
    return drawn.titled(title=title, description=description, name=name)


def outline(geometry: Geometry, *, west: float, north: float, flat: float, scale: float) -> str:
    """Return the SVG path of a shape, simplified to one unit of the drawing. `west`, `north`: the
    upper left corner, in degrees; `scale`: units to a degree of latitude; `flat`: how much
    shorter a degree of longitude is.
    """
    simple = polygonal(shapely.make_valid(shapely.simplify(geometry, 1 / scale)))
    return "".join(
        "M"
        + " ".join(
            f"{round((x - west) * flat * scale)},{round((north - y) * scale)}" for x, y in ring[:-1]
        )
        + "Z"
        for rings in polygons_of(simple)
        for ring in rings
    )


def drawing(shape: Geometry, tree: AreaTree) -> Drawing | None:
    """Return what the map shows; None where the shape has no extent."""
    west, south, east, north = (float(side) for side in shapely.bounds(shape))
    if not (west < east and south < north):
        return None
    flat = cos(radians((south + north) / 2)) or 1.0
    pad = max((east - west) * flat, north - south) * _AROUND
    west, east = west - pad / flat, east + pad / flat
    south, north = max(south - pad, -90.0), min(north + pad, 90.0)
    scale = min(WIDTH / ((east - west) * flat), _TALLEST / (north - south))
    height = round((north - south) * scale)
    width = round((east - west) * flat * scale)

    def path(geometry: Geometry, css: str) -> str:
        line = outline(geometry, west=west, north=north, flat=flat, scale=scale)
        return f'<path class="{css}" d="{line}"/>' if line else ""

    frame = shapely.box(west, south, east, north)
    land = [
        path(shapely.clip_by_rect(g, west, south, east, north), "land")
        for g in _around(tree, frame)
    ]
    return Drawing(width, height, "".join([*land, path(shape, "place")]))


def _around(tree: AreaTree, frame: Geometry) -> Iterable[Geometry]:
    """Return the borders of boroughs that the frame touches; without any, of what is larger."""
    for level in ("borough", "force", "region", "country"):
        found = [
            g
            for a in tree.all()
            if a.level == level
            and (g := tree.geometry(a.code)) is not None
            and shapely.intersects(shapely.box(*shapely.bounds(g)), frame)
        ]
        if found:
            return found if len(found) <= _MOST_NEIGHBOURS else []
    return []
