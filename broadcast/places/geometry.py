"""Shapes as shapely and the database want them: joined, measured, outlined, compared; distances."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from math import asin, cos, degrees, pi, radians, sin
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Geometry
from shapely.geometry import MultiPolygon as ShapelyMultiPolygon
from shapely.geometry import Polygon as ShapelyPolygon
from shapely.geometry import box

from broadcast.content.model import Circle, Polygon
from broadcast.deadline import check_time
from broadcast.problems import refuse

EARTH_RADIUS_KM: Final = 6371.0088  # mean radius of WGS 84, IUGG 1980
UK_BOUNDS: Final = (-8.7, 49.8, 1.8, 60.9)  # west, south, east, north
_PLACE = re.compile(r"^(?P<reason>[^\[]*)\[(?P<x>[^\s\[\]]{1,60}) (?P<y>[^\s\[\]]{1,60})\]$")
_CIRCLE_CORNERS = 128


def why_invalid(shape: Geometry) -> tuple[str, str]:
    """Return shapely's reason and " at lat, lon" where it names a place ("" otherwise)."""
    text = shapely.is_valid_reason(shape)
    found = _PLACE.match(text)
    if found is None:
        return text, ""
    return found["reason"], f" at {as_lat_lon((float(found['x']), float(found['y'])))}"


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


def as_lat_lon(point: tuple[float, float]) -> str:
    """Return a point (lon, lat) in words, for whoever is told where a shape is wrong."""
    return f"latitude {point[1]:.6g}, longitude {point[0]:.6g}"
