"""CAP's polygons and circles as text, latitude first: read and written by the rules of CAP 1.2.
What a message of ours may draw is for `broadcast/places/drawn_shapes.py` to say, whatever it was
read from.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from decimal import Decimal

from shapely import Polygon as ShapelyPolygon
from shapely import is_valid_reason

from broadcast.cap.validation.lexical import words
from broadcast.cap.validation.rules import RuleHit, hit
from broadcast.content.model import Circle, Ring

_NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,4})?")
_CROSSING = re.compile(r"\[([^\s\[\]]{1,60}) ([^\s\[\]]{1,60})\]")
_LONGEST_NUMBER = 400  # characters; float() reads any length, nobody writes more


class _BadTextError(Exception):
    """One number or pair that cannot be read; `rule` and `found` say why."""

    def __init__(self, rule: str, found: str) -> None:
        super().__init__(rule, found)
        self.rule = rule
        self.found = found


def _number(text: str, rule: str, whole: str) -> float:
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        raise _BadTextError(rule, whole)
    value = float(text)
    if not math.isfinite(value):
        raise _BadTextError(rule, whole)
    return value


def _pair(text: str, rule: str) -> tuple[float, float]:
    """Return (latitude, longitude) in degrees."""
    parts = text.split(",")
    if len(parts) != 2:
        raise _BadTextError(rule, text)
    latitude, longitude = (_number(part, rule, text) for part in parts)
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise _BadTextError("coordinate_range", text)
    return latitude, longitude


def read_polygon(text: str, where: str = "") -> tuple[Ring, tuple[RuleHit, ...]]:
    """Return (the ring as (longitude, latitude) pairs in degrees, the hits); where a hit rejects,
    the ring is not to be used.
    """
    try:
        points = [_pair(item, "polygon_form") for item in words(text)]
    except _BadTextError as bad:
        return (), (hit(bad.rule, where, bad.found),)
    ring = tuple((longitude, latitude) for latitude, longitude in points)
    hits = _exponent(text, where)
    if len(points) < 4 or len(set(points)) < 3:
        return ring, (
            *hits,
            hit(
                "polygon_short",
                where,
                f"{len(points)} points, {len(set(points))} of them different",
            ),
        )
    if points[0] != points[-1]:
        return ring, (
            *hits,
            hit("polygon_open", where, f"begins at {words(text)[0]}, ends at {words(text)[-1]}"),
        )
    reason = str(is_valid_reason(ShapelyPolygon(ring)))
    if reason != "Valid Geometry":
        place = _CROSSING.search(reason)
        return ring, (
            *hits,
            hit(
                "polygon_crossing",
                where,
                f"it does so at {place[2]},{place[1]} (lat,lon)" if place else reason,
            ),
        )
    return ring, hits


def read_circle(text: str, where: str = "") -> tuple[Circle | None, tuple[RuleHit, ...]]:
    """Return (the circle, the hits); None where a hit rejects."""
    items = words(text)
    try:
        if len(items) != 2:
            raise _BadTextError("circle_form", text)
        latitude, longitude = _pair(items[0], "circle_form")
        radius = _number(items[1], "circle_form", text)
        if radius < 0:
            raise _BadTextError("circle_form", text)
    except _BadTextError as bad:
        return None, (hit(bad.rule, where, bad.found),)
    hits = _exponent(text, where)
    if radius == 0:
        hits = (*hits, hit("circle_radius_zero", where, text))
    return Circle(latitude=latitude, longitude=longitude, radius_km=radius), hits


def _exponent(text: str, where: str) -> tuple[RuleHit, ...]:
    return (hit("coordinate_exponent", where, text),) if "e" in text.lower() else ()


def decimal_text(value: float) -> str:
    """Return the shortest decimal text without exponent that reads back as the same number."""
    return format(Decimal(repr(float(value))), "f")


def polygon_text(ring: Iterable[tuple[float, float]]) -> str:
    """Return a ring of (longitude, latitude) pairs as CAP's "lat,lon lat,lon …"."""
    return " ".join(
        f"{decimal_text(latitude)},{decimal_text(longitude)}" for longitude, latitude in ring
    )


def circle_text(circle: Circle) -> str:
    """Return a circle as CAP's "lat,lon km"."""
    return (
        f"{decimal_text(circle.latitude)},{decimal_text(circle.longitude)}"
        f" {decimal_text(circle.radius_km)}"
    )
