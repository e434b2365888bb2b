"""Polygons and circles as people give them, in CAP's text or as GeoJSON: read, longitude first, and
checked by one set of rules (CAP's documents have rules of their own:
`broadcast/cap/shape_text.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any, Final, TypeGuard

import numpy as np
from shapely.geometry import Polygon as ShapelyPolygon

from broadcast.content.limits import CORNERS, COUNTS, CROSSINGS, SHAPE_TEXT, WORD, too_many
from broadcast.content.model import Circle, Polygon, Ring
from broadcast.places.crossing_count import crossings
from broadcast.places.geometry import as_lat_lon, why_invalid
from broadcast.problems import Problem, Rejected, refuse

MAX_RADIUS_KM: Final = 20_015.0  # half the way round the Earth: more would be everywhere
_NUMBER = re.compile(r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]{1,4})?", re.ASCII)
_LONGEST_NUMBER = 64  # characters: of no longer text is it asked whether it is a number
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.ASCII | re.IGNORECASE)
_XML_SPACE = re.compile(r"[ \t\r\n]+")


def polygons_from_input(value: object, field: str = "polygons") -> tuple[Polygon, ...]:
    """Return the polygons of a message, as written in a file, a request or a CAP document.

    `value` is one item or a list of them: a CAP string "lat,lon lat,lon …" or a GeoJSON object
    (lon, lat) of type Polygon, MultiPolygon, Feature or FeatureCollection, told apart by type.
    Nothing is repaired: people approved what was drawn. Raises Rejected with every fault found.
    """
    rings_of: list[tuple[str, list[Ring]]] = []
    problems: list[Problem] = []
    items = _items(value, field)
    _check_size(items, field)
    for path, item in items:
        try:
            rings_of += (
                _cap_polygon(item, path) if isinstance(item, str) else _geojson_polygons(item, path)
            )
        except Rejected as exc:
            problems += exc.problems
    if not problems:
        every = [np.array(ring) for _, rings in rings_of for ring in rings if len(ring) > 1]
        if crossings(every, CROSSINGS) > CROSSINGS:
            detail = f"the lines cross each other more than {CROSSINGS:,} times"
            raise refuse("polygon_too_complex", detail, _SIMPLIFY, field=field)
    for path, rings in rings_of:
        problem = polygon_problem(tuple(rings), path)
        if problem is not None:
            problems.append(problem)
    if problems:
        raise Rejected(problems)
    return tuple(tuple(rings) for _, rings in rings_of)


def circles_from_input(value: object, field: str = "circles") -> tuple[Circle, ...]:
    """Return the circles of a message: CAP strings "lat,lon radius" (kilometres), or objects.

    An object is {latitude, longitude, radius_km}, or a GeoJSON Point (or a Feature of one) with
    `radius_km` beside its coordinates or in its properties. Raises Rejected with every fault found.
    """
    circles: list[Circle] = []
    problems: list[Problem] = []
    items = _items(value, field)
    if len(items) > COUNTS["circles"]:
        raise Rejected(too_many(field, len(items), COUNTS["circles"]))
    for path, item in items:
        try:
            circles.append(
                _cap_circle(item, path) if isinstance(item, str) else _object_circle(item, path)
            )
        except Rejected as exc:
            problems += exc.problems
    if problems:
        raise Rejected(problems)
    return tuple(circles)


def polygon_problem(polygon: Polygon, field: str = "") -> Problem | None:
    """Return what is wrong with a polygon's rings (closed, enough points, no crossing, holes
    inside), or None.
    """
    if not polygon or not polygon[0]:
        return Problem(
            code="polygon_empty",
            detail="no points",
            fix="give at least four, the first repeated last",
            field=field,
        )
    for ring in polygon:
        if len(set(ring)) < 3:
            return Problem(
                code="polygon_too_few_points",
                detail=f"{len(set(ring))} different points",
                fix="a ring has at least three, the first repeated last",
                field=field,
            )
        if ring[0] != ring[-1]:
            return Problem(
                code="polygon_open",
                detail=f"the ring begins at {as_lat_lon(ring[0])}"
                f" and ends at {as_lat_lon(ring[-1])}",
                fix="repeat the first point last",
                field=field,
            )
    shape = ShapelyPolygon(polygon[0], polygon[1:])
    if shape.is_valid:
        if shape.area > 0:
            return None
        return Problem(
            code="polygon_empty",
            detail="it encloses nothing",
            fix="give corners that do not all lie on one line",
            field=field,
        )
    reason, where = why_invalid(shape)
    low = reason.lower()
    if "self-intersection" in low:
        return Problem(
            code="polygon_crosses",
            detail=f"the line crosses itself{where}",
            fix="draw it without crossing",
            field=field,
        )
    if "hole" in low:
        what = "a hole lies outside its polygon" if "outside" in low else "its holes overlap"
        return Problem(
            code="polygon_hole_outside" if "outside" in low else "polygon_invalid",
            detail=what + where,
            fix="keep every hole inside the outer ring and apart from the others",
            field=field,
        )
    return Problem(
        code="polygon_invalid",
        detail=(low or "not a polygon") + where,
        fix="draw it again",
        field=field,
    )


def _items(value: object, field: str) -> list[tuple[str, object]]:
    if value is None:
        return []
    if isinstance(value, str | Mapping):
        return [(field, value)]
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [(f"{field}[{n}]", item) for n, item in enumerate(value)]
    raise refuse(
        "field_type",
        f"{type(value).__name__} is no list of shapes",
        "give a list of CAP strings or GeoJSON objects",
        field=field,
    )


def _check_size(items: list[tuple[str, object]], field: str) -> None:
    """Refuse too many shapes or corners, counted before a number is read or a geometry is built."""
    rings = corners = 0
    for path, item in items:
        for size in _ring_sizes(item):
            rings += 1
            corners += size
            if corners > CORNERS:
                raise refuse(
                    "polygon_too_complex", f"more than {CORNERS:,} points", _SIMPLIFY, field=path
                )
            if rings > COUNTS["polygons"]:
                raise refuse(
                    "too_many",
                    f"more than {COUNTS['polygons']:,} shapes and holes",
                    _SIMPLIFY,
                    field=field,
                )


def _ring_sizes(item: object) -> Iterator[int]:
    """Yield the number of points of each ring of a shape, whatever its form; at least one entry for
    each part.
    """
    if isinstance(item, str):
        yield item.count(",") if len(item) <= SHAPE_TEXT else CORNERS + 1
        return
    if not isinstance(item, Mapping):
        yield 0
        return
    kind, inner = item.get("type"), item.get("coordinates")
    if kind == "Feature":
        yield from _ring_sizes(item.get("geometry"))
        return
    parts = (
        item.get("features")
        if kind == "FeatureCollection"
        else [inner]
        if kind == "Polygon"
        else inner
    )
    for part in parts if _is_list(parts) else ():
        if kind == "FeatureCollection":
            yield from _ring_sizes(part)
        else:
            yield from (
                len(ring) if _is_list(ring) else 0
                for ring in (part if _is_list(part) and part else [()])
            )


def _is_list(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


_SIMPLIFY: Final = "simplify the shape, or name the areas instead"


def ring_from_cap(text: str, field: str) -> Ring:
    """Return the corners of CAP's "lat,lon lat,lon …"; whether they are a ring is asked with the
    others.
    """
    return _cap_polygon(text, field)[0][1][0]


def _cap_polygon(text: str, field: str) -> list[tuple[str, list[Ring]]]:
    pairs = [p for p in _XML_SPACE.split(text) if p]
    if not pairs:
        raise refuse(
            "polygon_empty",
            "no points",
            "give at least four pairs lat,lon, the first repeated last",
            field=field,
        )
    if len(pairs) > CORNERS:
        raise refuse(
            "polygon_too_complex",
            f"{len(pairs)} points, more than {CORNERS}",
            _SIMPLIFY,
            field=field,
        )
    return [(field, [tuple(_cap_pair(p, field) for p in pairs)])]


def _cap_pair(text: str, field: str) -> tuple[float, float]:
    lat, comma, lon = text.partition(",")
    if not comma or "," in lon:
        raise refuse(
            "polygon_invalid",
            f"{_short(text)} is no pair",
            "write lat,lon without a space inside the pair, pairs apart by one",
            field=field,
        )
    return _checked(_number(lon, field), _number(lat, field), field)


def _number(text: str, field: str) -> float:
    if len(text) <= _LONGEST_NUMBER and _NOT_FINITE.fullmatch(text):
        raise refuse(
            "coordinate_not_finite",
            f"{_short(text)} is no finite number",
            "write degrees such as 51.5074",
            field=field,
        )
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        raise refuse(
            "polygon_invalid",
            f"{_short(text)} is no number",
            "write degrees such as 51.5074",
            field=field,
        )
    return float(text)


def _checked(lon: float, lat: float, field: str) -> tuple[float, float]:
    if not (isfinite(lat) and isfinite(lon)):
        raise refuse(
            "coordinate_not_finite",
            "a coordinate is no finite number",
            "write degrees such as 51.5074",
            field=field,
        )
    if abs(lat) > 90 or abs(lon) > 180:
        fix = (
            "latitude and longitude look swapped"
            if abs(lon) <= 90 and abs(lat) <= 180
            else "latitude is -90..90, longitude -180..180"
        )
        raise refuse(
            "coordinate_range",
            f"latitude {lat:g}, longitude {lon:g} is no place on Earth",
            fix,
            field=field,
        )
    return lon + 0.0, lat + 0.0  # + 0.0: no negative zero, so that equal places have equal text


def _geojson_polygons(item: object, field: str) -> list[tuple[str, list[Ring]]]:
    if not isinstance(item, Mapping):
        raise refuse(
            "field_type",
            f"{type(item).__name__} is neither a CAP string nor a GeoJSON object",
            'give "lat,lon lat,lon …" or {"type": "Polygon", …}',
            field=field,
        )
    kind = item.get("type")
    if kind == "FeatureCollection":
        features = _list(item.get("features"), f"{field}.features")
        if not features:
            raise refuse("polygon_empty", "no features", "draw at least one polygon", field=field)
        return [
            found
            for n, feature in enumerate(features)
            for found in _geojson_polygons(feature, f"{field}.features[{n}]")
        ]
    if kind == "Feature":
        if item.get("geometry") is None:
            raise refuse(
                "polygon_empty", "the feature has no geometry", "draw a polygon", field=field
            )
        return _geojson_polygons(item["geometry"], f"{field}.geometry")
    if kind == "Polygon":
        return [(field, _rings(item.get("coordinates"), field))]
    if kind == "MultiPolygon":
        parts = _list(item.get("coordinates"), f"{field}.coordinates")
        if not parts:
            raise refuse("polygon_empty", "no polygons", "draw at least one", field=field)
        return [(f"{field}[{n}]", _rings(part, f"{field}[{n}]")) for n, part in enumerate(parts)]
    raise refuse(
        "polygon_invalid",
        f"type {_short(kind)} is no surface",
        "use Polygon, MultiPolygon, Feature or FeatureCollection",
        field=field,
    )


def _rings(value: object, field: str) -> list[Ring]:
    rings = _list(value, field)
    if not rings or not _list(rings[0], field):
        raise refuse(
            "polygon_empty", "no points", "give at least four, the first repeated last", field=field
        )
    return [tuple(position(p, field) for p in _list(ring, field)) for ring in rings]


def position(value: object, field: str = "") -> tuple[float, float]:
    """Return (lon, lat) of a GeoJSON position; a height is dropped. Raises Rejected (RFC 7946
    section 3.1.1).
    """
    if not _is_list(value) or len(value) < 2:
        raise refuse(
            "polygon_invalid",
            f"{_short(value)} is no position",
            "GeoJSON positions are [lon, lat]",
            field=field,
        )
    lon, lat = (_json_number(v, field) for v in value[:2])
    return _checked(lon, lat, field)


def _json_number(value: object, field: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refuse(
            "polygon_invalid",
            f"{_short(value)} is no number",
            "GeoJSON coordinates are numbers",
            field=field,
        )
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def _list(value: object, field: str) -> Sequence[Any]:
    if not _is_list(value):
        raise refuse(
            "polygon_invalid",
            f"{_short(value)} where a list is wanted",
            "see RFC 7946 section 3.1",
            field=field,
        )
    return value


def _cap_circle(text: str, field: str) -> Circle:
    parts = [p for p in _XML_SPACE.split(text) if p] if len(text) <= WORD else []
    if len(parts) != 2:
        raise refuse(
            "circle_invalid",
            f"{_short(text)} is no circle",
            "write lat,lon radius with the radius in kilometres, such as 51.5,-0.1 2.5",
            field=field,
        )
    try:
        lon, lat = _cap_pair(parts[0], field)
        radius = _number(parts[1], field)
    except Rejected as exc:
        raise _as_circle(exc) from exc
    return _circle(lat, lon, radius, field)


def _object_circle(item: object, field: str) -> Circle:
    if not isinstance(item, Mapping):
        raise refuse(
            "field_type",
            f"{type(item).__name__} is neither a CAP string nor an object",
            'give "lat,lon radius" with the radius in kilometres',
            field=field,
        )
    wanted = refuse(
        "circle_invalid",
        "latitude, longitude and radius_km are wanted",
        "or a GeoJSON Point with radius_km",
        field=field,
    )
    try:
        if {"latitude", "longitude", "radius_km"} <= set(item):
            lon, lat = position([item["longitude"], item["latitude"]], field)
            return _circle(lat, lon, _json_number(item["radius_km"], field), field)
        radius: object = item.get("radius_km")
        if item.get("type") == "Feature":
            properties = item.get("properties")
            radius = (
                properties.get("radius_km", radius) if isinstance(properties, Mapping) else radius
            )
            item = item.get("geometry") or {}
        if not isinstance(item, Mapping) or item.get("type") != "Point" or radius is None:
            raise wanted
        lon, lat = position(item.get("coordinates"), field)
        return _circle(lat, lon, _json_number(radius, field), field)
    except Rejected as exc:
        raise _as_circle(exc) from exc


def _circle(lat: float, lon: float, radius: float, field: str) -> Circle:
    if not isfinite(radius) or radius < 0 or radius > MAX_RADIUS_KM:
        raise refuse(
            "circle_invalid",
            f"a radius of {radius:g} km",
            "the radius is kilometres, zero or more",
            field=field,
        )
    return Circle(latitude=lat, longitude=lon, radius_km=radius + 0.0)


def _as_circle(exc: Rejected) -> Rejected:
    return Rejected(
        Problem(
            code="circle_invalid" if p.code == "polygon_invalid" else p.code,
            detail=p.detail,
            fix=p.fix,
            field=p.field,
        )
        for p in exc.problems
    )


def _short(value: object) -> str:
    text = repr(value[:40] if isinstance(value, str) or _is_list(value) else value)
    return text if len(text) <= 40 else text[:37] + "…"
