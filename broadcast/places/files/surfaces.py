"""Surfaces as files give them: read, closed, mended, refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite

import shapely
from shapely import Geometry
from shapely.geometry import Polygon as ShapelyPolygon

from broadcast.content.limits import CROSSINGS
from broadcast.places.crossing_count import crossings, outlines
from broadcast.places.drawn_shapes import position
from broadcast.places.geometry import outside_uk_bounds, polygonal, swapped, why_invalid
from broadcast.problems import Problem, Rejected, refuse

Shape = Callable[[list[Problem]], Geometry | None]
"""Reads one surface; what a person should look at is added to the list. It raises Rejected."""


def label_of(code: str, name: str | None) -> str:
    """Return how an area is called in an error, on one line whatever the file holds."""
    plain = "".join(c if c.isprintable() else "?" for c in (name or "")[:60])
    return " ".join(
        filter(
            None,
            (
                "".join(c if c.isprintable() else "?" for c in code[:64]) or "(no code)",
                f"({plain})" if plain else "",
            ),
        )
    )


def no_shape(warnings: list[Problem]) -> Geometry | None:
    """Return the surface of an area whose file holds none."""
    del warnings
    return None


def geojson_shape(value: object, where: str, code: str, name: str | None) -> Shape:
    """Return what reads a GeoJSON geometry. It raises Rejected for what is no surface."""

    def shape(warnings: list[Problem]) -> Geometry:
        if not isinstance(value, Mapping):
            raise refuse(
                "geometry_empty", "it has no geometry", "leave it out of the file, or give it one"
            )
        parts = value.get("coordinates")
        if value.get("type") == "Polygon":
            parts = [parts]
        elif value.get("type") != "MultiPolygon":
            raise refuse(
                "geometry_type",
                f"{str(value.get('type'))[:40]!r} is no surface",
                "areas are Polygons or MultiPolygons",
            )
        if not isinstance(parts, list) or not any(
            isinstance(p, list) and p and p[0] for p in parts
        ):
            raise refuse(
                "geometry_empty",
                "its geometry is empty",
                "leave it out of the file, or give it one",
            )
        opened = False
        shapes = []
        for part in parts:
            if not isinstance(part, list):
                raise refuse(
                    "geometry_invalid", "a part is no list of rings", "see RFC 7946 section 3.1.6"
                )
            rings = []
            for ring in part:
                if not isinstance(ring, list):
                    raise refuse(
                        "geometry_invalid",
                        "a ring is no list of positions",
                        "see RFC 7946 section 3.1.6",
                    )
                points = [_position(p) for p in ring]
                opened |= bool(points) and points[0] != points[-1]
                rings.append(
                    points if points and points[0] == points[-1] else [*points, *points[:1]]
                )
            if rings and rings[0]:
                if any(len(set(r)) < 3 for r in rings if r):
                    raise refuse(
                        "polygon_too_few_points",
                        "a ring has fewer than three different points",
                        "export it again",
                    )
                shapes.append(ShapelyPolygon(rings[0], [r for r in rings[1:] if r]))
        if opened:
            warnings.append(
                Problem(
                    code="ring_closed",
                    detail=f"{label_of(code, name)}: a ring was open and has been closed",
                    where=where,
                )
            )
        return _mended(
            shapes[0] if len(shapes) == 1 else shapely.multipolygons(shapes),
            where,
            code,
            name,
            warnings,
        )

    return shape


def _position(value: object) -> tuple[float, float]:
    try:
        return position(value)
    except Rejected as exc:
        if (
            isinstance(value, list)
            and len(value) >= 2
            and all(isinstance(v, int | float) and isfinite(v) for v in value[:2])
            and max(abs(value[0]), abs(value[1])) > 1_000
        ):
            raise refuse(
                "coordinate_range",
                f"{value[0]:g}, {value[1]:g} is no longitude and latitude",
                "these look like metres of the British National Grid: export in WGS 84 (EPSG:4326)",
            ) from exc
        raise


def wkt_shape(text: str, where: str, code: str, name: str | None) -> Shape:
    """Return what reads well-known text. It raises Rejected for what is no surface."""

    def shape(warnings: list[Problem]) -> Geometry:
        if not text:
            raise refuse(
                "geometry_empty", "its geometry is empty", "leave the row out, or give it one"
            )
        bare = text
        if text[:5].upper() == "SRID=":  # PostGIS writes which coordinates they are
            system, _, bare = text.partition(";")
            if system[5:].strip() != "4326":
                raise refuse(
                    "crs_unknown",
                    "its coordinates are not longitude and latitude",
                    "export it in WGS 84 (EPSG:4326)",
                )
        try:
            found = shapely.from_wkt(bare)
        except (shapely.errors.GEOSException, ValueError) as exc:
            raise refuse(
                "geometry_invalid",
                "its geometry cannot be read",
                "write well-known text: POLYGON ((lon lat, …))",
            ) from exc
        if found.is_empty:
            raise refuse(
                "geometry_empty", "its geometry is empty", "leave the row out, or give it one"
            )
        if found.geom_type not in ("Polygon", "MultiPolygon"):
            raise refuse(
                "geometry_type",
                f"{found.geom_type} is no surface",
                "areas are POLYGON or MULTIPOLYGON",
            )
        for x, y in shapely.get_coordinates(found).tolist():
            _position([x, y])
        return _mended(shapely.force_2d(found), where, code, name, warnings)

    return shape


def _mended(
    shape: Geometry, where: str, code: str, name: str | None, warnings: list[Problem]
) -> Geometry:
    """Return the shape, repaired if its rings cross; refuse what is swapped or encloses nothing."""
    label = label_of(code, name)
    if not shape.is_valid:
        if (
            crossings(outlines(shape), CROSSINGS) > CROSSINGS
        ):  # a repair has a corner at each of them
            detail = f"its lines cross each other more than {CROSSINGS:,} times"
            raise refuse("geometry_too_complex", detail, "export it again, simplified")
        reason, place = why_invalid(shape)
        shape = polygonal(shapely.make_valid(shape))
        if not shape.is_empty:
            warnings.append(
                Problem(
                    code="geometry_repaired",
                    detail=f"{label}: {reason.lower()}{place}, repaired",
                    fix="look at it on a map",
                    where=where,
                )
            )
    if shape.is_empty or shape.area == 0:
        raise refuse("geometry_empty", "its geometry encloses nothing", "export it again")
    if outside_uk_bounds(shape):
        if not outside_uk_bounds(swapped(shape)):
            raise refuse(
                "coordinates_swapped",
                "its latitude and longitude are swapped",
                "GeoJSON and WKT are longitude first",
            )
        warnings.append(
            Problem(
                code="outside_uk",
                detail=f"{label} lies outside 49.8..60.9 N, 8.7 W..1.8 E",
                where=where,
            )
        )
    return shape
