"""TopoJSON: borders that areas share are written once, as arcs; here they become the features of
GeoJSON. Source: "The TopoJSON Format Specification", version 1, sections 2.1 and 2.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any, Final

from broadcast.problems import Problem, Rejected, refuse

MOST_POSITIONS: Final = 20_000_000
"""Of all areas together, every arc counted as often as it is used: a few bytes may name an arc of a
million positions a million times.
"""
_MOST_NESTED: Final = 8
_SPECIFICATION: Final = "export it again as TopoJSON or GeoJSON"

_Position = list[float]


def features(document: Mapping[str, Any], level: str, filename: str) -> list[dict[str, Any]]:
    """Return the features of the one object that a topology holds, or of the one called as the
    level is (ward, wards). Raises Rejected: json_invalid, object_unclear, geometry_too_complex.
    """
    try:
        arcs = _arcs(document)
        chosen = _object(document.get("objects"), level)
        budget = [MOST_POSITIONS]
        return [
            {"properties": each.get("properties") or {}, "geometry": _geometry(each, arcs, budget)}
            for each in _leaves(chosen)
        ]
    except Rejected as exc:
        raise Rejected(
            Problem(code=p.code, detail=p.detail, fix=p.fix, where=filename) for p in exc.problems
        ) from exc


def _wrong(detail: str) -> Rejected:
    return refuse("json_invalid", f"TopoJSON: {detail}", _SPECIFICATION)


def _arcs(document: Mapping[str, Any]) -> list[list[_Position]]:
    arcs = document.get("arcs")
    if not isinstance(arcs, list) or not all(isinstance(arc, list) for arc in arcs):
        raise _wrong("it has no list of arcs")
    turn = document.get("transform")
    if turn is None:
        return [[_numbers(p) for p in arc] for arc in arcs]
    if not isinstance(turn, Mapping):
        raise _wrong("its transform is none")
    scale, start = _numbers(turn.get("scale")), _numbers(turn.get("translate"))
    found = []
    for arc in arcs:
        x = y = 0.0
        positions = []
        for position in arc:
            dx, dy = _numbers(position)
            x, y = x + dx, y + dy
            positions.append([x * scale[0] + start[0], y * scale[1] + start[1]])
        found.append(positions)
    return found


def _numbers(value: object) -> _Position:
    if (
        not isinstance(value, list)
        or len(value) < 2
        or not all(isinstance(v, int | float) and not isinstance(v, bool) for v in value[:2])
    ):
        raise _wrong("a position is no pair of numbers")
    try:
        pair = [float(v) for v in value[:2]]
    except OverflowError:
        pair = [float("inf")]
    if not all(map(isfinite, pair)):
        raise _wrong("a position is no pair of finite numbers")
    return pair


def _object(objects: object, level: str) -> Mapping[str, Any]:
    if not isinstance(objects, Mapping) or not objects:
        raise _wrong("it holds no object")
    named = [o for name, o in objects.items() if name.casefold().rstrip("s") == level]
    found = list(objects.values()) if len(objects) == 1 else named
    if len(found) != 1:
        raise refuse(
            "object_unclear",
            f"it holds {len(objects)} objects",
            f"leave one in it, or call the one that is meant {level}",
        )
    if not isinstance(found[0], Mapping):
        raise _wrong("its object is none")
    return found[0]


def _leaves(found: Mapping[str, Any], depth: int = 0) -> Iterator[Mapping[str, Any]]:
    if found.get("type") != "GeometryCollection":
        yield found
        return
    inner = found.get("geometries")
    if not isinstance(inner, list) or depth >= _MOST_NESTED:
        raise _wrong("a collection without a list of geometries, or too deep in others")
    for each in inner:
        if not isinstance(each, Mapping):
            raise _wrong("a geometry is none")
        yield from _leaves(each, depth + 1)


def _geometry(
    found: Mapping[str, Any], arcs: list[list[_Position]], budget: list[int]
) -> dict[str, Any]:
    kind, parts = found.get("type"), found.get("arcs")
    if kind == "Polygon":
        coordinates: list[Any] = [_ring(ring, arcs, budget) for ring in _list(parts)]
    elif kind == "MultiPolygon":
        coordinates = [[_ring(r, arcs, budget) for r in _list(part)] for part in _list(parts)]
    else:
        coordinates = []  # the reader says what is no surface
    return {"type": kind, "coordinates": coordinates}


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong("a surface has no list of arcs")
    return value


def _ring(indexes: object, arcs: list[list[_Position]], budget: list[int]) -> list[_Position]:
    """Join arcs into a ring: ~n is arc n backwards, and an arc begins where the last one ended."""
    ring: list[_Position] = []
    for index in _list(indexes):
        backwards = isinstance(index, int) and index < 0
        at = ~index if backwards else index
        if not isinstance(at, int) or isinstance(index, bool) or at >= len(arcs):
            raise _wrong("a surface names an arc that is not there")
        budget[0] -= len(arcs[at]) + 1
        if budget[0] < 0:
            detail = f"its areas have more than {MOST_POSITIONS:,} positions"
            raise refuse("geometry_too_complex", detail, "export it again, simplified")
        arc = arcs[at][::-1] if backwards else arcs[at]
        ring += arc[1:] if ring and arc and ring[-1] == arc[0] else arc
    return ring
