"""Shapes: polygons and circles as people give them, longitude first, checked by one set of rules
whatever they were read from (CAP's text: `broadcast/cap/shape_text.py`); distances; what shapely
and the database want of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import asin, cos, degrees, isfinite, pi, radians, sin
from typing import Any, Final, TypeGuard

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Geometry
from shapely.geometry import MultiPolygon as ShapelyMultiPolygon
from shapely.geometry import Polygon as ShapelyPolygon
from shapely.geometry import box

from broadcast.content.limits import CORNERS, COUNTS, CROSSINGS, SHAPE_TEXT, WORD, too_many
from broadcast.content.model import Circle, Polygon, Ring
from broadcast.deadline import check_time
from broadcast.places.crossing_count import crossings
from broadcast.problems import Problem, Rejected, refuse

EARTH_RADIUS_KM: Final = 6371.0088  # mean radius of WGS 84, IUGG 1980
MAX_RADIUS_KM: Final = 20_015.0  # half the way round the Earth: more would be everywhere
UK_BOUNDS: Final = (-8.7, 49.8, 1.8, 60.9)  # west, south, east, north

_NUMBER = re.compile(r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]{1,4})?", re.ASCII)
_LONGEST_NUMBER = 64  # characters: of no longer text is it asked whether it is a number
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.ASCII | re.IGNORECASE)
_XML_SPACE = re.compile(r"[ \t\r\n]+")
_PLACE = re.compile(r"^(?P<reason>[^\[]*)\[(?P<x>[^\s\[\]]{1,60}) (?P<y>[^\s\[\]]{1,60})\]$")
_CIRCLE_CORNERS = 128


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
                detail=f"the ring begins at {_place(ring[0])} and ends at {_place(ring[-1])}",
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


def why_invalid(shape: Geometry) -> tuple[str, str]:
    """Return shapely's reason and " at lat, lon" where it names a place ("" otherwise)."""
    text = shapely.is_valid_reason(shape)
    found = _PLACE.match(text)
    if found is None:
        return text, ""
    return found["reason"], f" at {_place((float(found['x']), float(found['y'])))}"


def shape_of(polygons: Iterable[Polygon], circles: Iterable[Circle] = ()) -> Geometry | None:
    """Return everything drawn as one geometry (lon, lat), or None if nothing is drawn. Circles are
    polygons that *contain* them.

    For maps, bounding boxes and "does it touch my area". Who is inside a circle is decided by
    `inside_circles`, not by this.
    """
    parts: list[Geometry] = [ShapelyPolygon(p[0], p[1:]) for p in polygons]
    parts += [circle_outline(c) for c in circles]
    return union(parts)


def union(parts: Sequence[Geometry]) -> Geometry | None:
    """Return the union of polygons, or None of none; empty ones count as none."""
    full = [p for p in parts if p is not None and not p.is_empty]
    if not full:
        return None
    if len(full) == 1:
        return full[0]
    check_time()
    return polygonal(shapely.union_all(full))


def polygonal(shape: Geometry) -> Geometry:
    """Keep the polygons of a geometry; lines and points, which a repair may leave, are dropped.
    Empty if there are none.
    """
    if isinstance(shape, ShapelyPolygon | ShapelyMultiPolygon):
        return shape
    parts = [
        p for p in shapely.get_parts(shapely.get_parts(shape)) if isinstance(p, ShapelyPolygon)
    ]
    return shapely.union_all(parts) if parts else ShapelyPolygon()


def polygons_of(shape: Geometry | None) -> tuple[Polygon, ...]:
    """Return a geometry as the polygons that a message holds."""
    if shape is None:
        return ()
    parts = [
        p
        for p in shapely.get_parts(polygonal(shape))
        if isinstance(p, ShapelyPolygon) and not p.is_empty
    ]
    return tuple(
        tuple(
            tuple((float(x), float(y)) for x, y in ring.coords)
            for ring in (p.exterior, *p.interiors)
        )
        for p in parts
    )


def circle_bounds(circle: Circle) -> tuple[float, float, float, float]:
    """Return west, south, east, north in degrees of a box that contains the circle; the whole width
    where it reaches a pole or the antimeridian.
    """
    angle = min(pi, max(circle.radius_km, 0.001) / EARTH_RADIUS_KM * (1 + 1e-9) + 1e-12)
    south, north = circle.latitude - degrees(angle), circle.latitude + degrees(angle)
    if south <= -90 or north >= 90:
        return -180.0, max(south, -90.0), 180.0, min(north, 90.0)
    width = degrees(asin(min(1.0, sin(angle) / cos(radians(circle.latitude)))))
    west, east = circle.longitude - width, circle.longitude + width
    return (
        (-180.0, south, 180.0, north) if west < -180 or east > 180 else (west, south, east, north)
    )


def circle_outline(circle: Circle) -> Geometry:
    """Return a polygon that contains the circle, at most half a per cent wider; of very large or
    polar ones the bounding box.
    """
    west, south, east, north = circle_bounds(circle)
    if circle.radius_km > 500 or abs(circle.latitude) > 75 or (west, east) == (-180.0, 180.0):
        return box(west, south, east, north)
    # A corner lies 1/cos(pi/n) out so that the edge touches the circle; the rest is for edges being
    # straight in degrees, not on the ground.
    angle = max(circle.radius_km, 0.001) / EARTH_RADIUS_KM / cos(pi / _CIRCLE_CORNERS) * 1.002
    bearing = np.linspace(0.0, 2 * pi, _CIRCLE_CORNERS, endpoint=False)
    lat0, lon0 = radians(circle.latitude), radians(circle.longitude)
    lat = np.arcsin(sin(lat0) * cos(angle) + cos(lat0) * sin(angle) * np.cos(bearing))
    lon = lon0 + np.arctan2(
        np.sin(bearing) * sin(angle) * cos(lat0), cos(angle) - sin(lat0) * np.sin(lat)
    )
    return ShapelyPolygon(np.column_stack((np.degrees(lon), np.degrees(lat))))


def distance_km(
    lat: float, lon: float, lats: NDArray[np.float64], lons: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the great-circle distances in km from one point to many, all in degrees; NaN gives
    NaN.

    Within 0.6 % of WGS 84: the Earth is taken as a sphere. Source: R. W. Sinnott, "Virtues of the
    Haversine", Sky & Telescope 68(2), 1984, p. 159.
    """
    phi, phis = radians(lat), np.radians(lats)
    h = (
        np.sin((phis - phi) / 2) ** 2
        + cos(phi) * np.cos(phis) * np.sin((np.radians(lons) - radians(lon)) / 2) ** 2
    )
    found: NDArray[np.float64] = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(1.0, h)))
    return found


def inside_circles(
    circles: Iterable[Circle], lats: NDArray[np.float64], lons: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return which points lie in any of the circles, the edge included; NaN is outside."""
    inside = np.zeros(len(lats), dtype=np.bool_)
    for circle in circles:
        check_time()
        west, south, east, north = circle_bounds(circle)
        near = np.flatnonzero(
            (lats >= south) & (lats <= north) & (lons >= west) & (lons <= east) & ~inside
        )
        if near.size:
            # Half a millimetre of slack: the centre itself lies in a circle of radius 0, whatever
            # the rounding.
            inside[near] = (
                distance_km(circle.latitude, circle.longitude, lats[near], lons[near])
                <= circle.radius_km + 5e-7
            )
    return inside


def inside_shape(
    shape: Geometry | None, lats: NDArray[np.float64], lons: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return which points lie in the geometry, its boundary included; NaN is outside. Box first,
    then exact.
    """
    inside = np.zeros(len(lats), dtype=np.bool_)
    if shape is None or shape.is_empty:
        return inside
    west, south, east, north = shape.bounds
    near = np.flatnonzero((lons >= west) & (lons <= east) & (lats >= south) & (lats <= north))
    if near.size:
        check_time()
        shapely.prepare(shape)
        inside[near] = shapely.intersects_xy(shape, lons[near], lats[near])
    return inside


def to_wkb(shape: Geometry | None) -> bytes | None:
    """Return well-known binary (lon, lat), or None."""
    if shape is None:
        return None
    data: bytes = shapely.to_wkb(shape, output_dimension=2)
    return data


def from_wkb(data: bytes | memoryview | None) -> Geometry | None:
    """Return the geometry that `to_wkb` wrote."""
    return None if data is None else shapely.from_wkb(bytes(data))


def outside_uk_bounds(shape: Geometry) -> bool:
    """Return whether a shape touches nothing of 49.8..60.9 N, 8.7 W..1.8 E."""
    return not bool(shapely.intersects(shape, box(*UK_BOUNDS)))


def swapped(shape: Geometry) -> Geometry:
    """Return the shape with latitude and longitude exchanged."""
    return shapely.transform(shape, lambda xy: xy[:, ::-1])


def share_outside(shape: Geometry, inside: Geometry | None) -> float:
    """Return the share (0..1) of a shape's surface that lies outside `inside` (None: the bounds of
    the United Kingdom).

    Both are shrunk by the cosine of latitude alike, so the ratio of areas in degrees serves at the
    size of a force. A shape without a surface is 0 or 1.
    """
    allowed = box(*UK_BOUNDS) if inside is None else inside
    if shape.area == 0:
        return 0.0 if bool(shapely.intersects(shape, allowed)) else 1.0
    return float(min(1.0, max(0.0, 1.0 - shapely.intersection(shape, allowed).area / shape.area)))


def check_place(shape: Geometry, inside: Geometry | None, field: str = "polygons") -> float:
    """Return the share of a drawn shape outside the operator's area, 0..1; refuse one that touches
    nothing of it.

    `inside` is the geometry of the operator's area, for an operator without one that of all
    imported areas; None when none is imported: then the bounds of the United Kingdom count. Raises
    Rejected polygon_outside_force; the fix says so if exchanging latitude and longitude would help.
    """
    allowed = box(*UK_BOUNDS) if inside is None else inside
    if bool(shapely.intersects(shape, allowed)):
        return share_outside(shape, allowed)
    place = (
        "the operator's area"
        if inside is not None
        else "the United Kingdom (49.8..60.9 N, 8.7 W..1.8 E)"
    )
    if bool(shapely.intersects(swapped(shape), allowed)):
        fix = "latitude and longitude look swapped: CAP strings are lat,lon, GeoJSON is lon,lat"
    else:
        fix = "draw it inside, or ask a control room whose area it is"
    raise refuse("polygon_outside_force", f"the shape touches nothing of {place}", fix, field=field)


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


def _place(point: tuple[float, float]) -> str:
    return f"latitude {point[1]:.6g}, longitude {point[0]:.6g}"


def _short(value: object) -> str:
    text = repr(value[:40] if isinstance(value, str) or _is_list(value) else value)
    return text if len(text) <= 40 else text[:37] + "…"
