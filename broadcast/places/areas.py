"""Places: the imported areas, and the tree ward < borough < force < region < country."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Geometry
from sqlalchemy import Connection, func, select

from broadcast.content.model import Circle, Polygon, Ring
from broadcast.deadline import check_time
from broadcast.places.geometry import (
    circle_bounds,
    distance_km,
    from_wkb,
    polygonal,
    shape_of,
    union,
)
from broadcast.places.tables import area as area_table
from broadcast.problems import Problem, Rejected

# smallest first; a level may be skipped
LEVELS: Final = (
    "ward",
    "borough",
    "force",
    "region",
    "country",
)

MOST_NAMED: Final = 6
"""So many areas are few enough to read where something drawn lies."""

LEVEL_ORDER: Final = {level: n for n, level in enumerate(LEVELS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaRecord:
    """One area as a file gives it. `name`, `parent` and `geometry` are None where the file does not
    say: then what is stored stays.
    """

    code: str
    level: str
    name: str | None = None
    parent: str | None = None
    geometry: Geometry | None = None


@dataclass(frozen=True, slots=True)
class Area:
    """One area of the tree."""

    code: str
    name: str
    level: str
    parent: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """What a message's places come down to.

    `shape`: the geometry of the named areas and the drawn polygons; circles are matched by
    themselves. `targets`: the named areas with all their descendants, and areas that lie wholly
    inside what is drawn: they decide about people of whom only the area is known. `by_code`: those
    of the targets that have no geometry at all: there the area code decides about everybody.
    `touched`: every area that what is drawn touches.
    """

    targets: frozenset[str] = frozenset()
    by_code: frozenset[str] = frozenset()
    touched: frozenset[str] = frozenset()
    shape: Geometry | None = None
    everybody: bool = False


class AreaTree:
    """The imported areas. Loaded once and kept by the caller until `revision` in the database
    differs; never changed.
    """

    def __init__(
        self,
        areas: Iterable[tuple[Area, Geometry | None]],
        revision: str = "",
        *,
        imported: Mapping[str, datetime] | None = None,
    ) -> None:
        self.revision = revision
        self._areas: dict[str, Area] = {}
        self._own: dict[str, Geometry] = {}
        for a, shape in areas:
            self._areas[a.code] = a
            if shape is not None:
                self._own[a.code] = shape
        self._children: dict[str, list[str]] = {}
        for a in self._areas.values():
            if a.parent:
                self._children.setdefault(a.parent, []).append(a.code)
        self._unions: dict[str, Geometry | None] = {}
        self._rests: dict[str, Geometry] = {}
        self._extent: tuple[Geometry | None] | None = None
        self._shaped = sorted(self._own, key=lambda c: (LEVEL_ORDER[self._areas[c].level], c))
        self._imported = imported or {}
        self._replaced: dict[str, str] | None = None
        self._chains: dict[tuple[int, ...], tuple[Area, ...]] = {}
        self.outlines: dict[tuple[str, int], tuple[Ring, ...]] = {}
        """Kept for broadcast.places.outline: an area's rings, by its code and how many at most."""

    @classmethod
    def load(cls, conn: Connection) -> Self:
        """Read all areas."""
        now = revision(conn)
        rows = conn.execute(
            select(
                area_table.c.code,
                area_table.c.name,
                area_table.c.level,
                area_table.c.parent,
                area_table.c.geometry,
                area_table.c.imported_at,
            )
        ).all()
        areas = ((Area(r.code, r.name, r.level, r.parent), from_wkb(r.geometry)) for r in rows)
        return cls(areas, now, imported={r.code: r.imported_at for r in rows})

    @classmethod
    def of(cls, records: Iterable[AreaRecord]) -> Self:
        """Make a tree of records that are stored nowhere."""
        return cls(
            (Area(r.code, r.name or r.code, r.level, r.parent or None), r.geometry) for r in records
        )

    def __len__(self) -> int:
        return len(self._areas)

    def __contains__(self, code: object) -> bool:
        return code in self._areas

    def __getitem__(self, code: str) -> Area:
        """Return an area; KeyError if it was never imported."""
        return self._areas[code]

    def all(self) -> list[Area]:
        """Return every area, the largest level first, then by code."""
        return sorted(self._areas.values(), key=lambda a: (-LEVEL_ORDER[a.level], a.code))

    def children(self, code: str) -> list[Area]:
        """Return the areas whose parent it is, also if it has not arrived itself."""
        return [self._areas[c] for c in self._children.get(code, ())]

    def replaced(self) -> Mapping[str, str]:
        """Return which areas have a newer code: by the old one, the area of its own level that was
        imported later and in which its middle lies. Areas of one edition do not overlap.
        """
        if self._replaced is None:
            found: dict[str, str] = {}
            shapes = [self._own[c] for c in self._shaped]
            middles = shapely.point_on_surface(np.array(shapes, dtype=object))
            pairs = shapely.STRtree(shapes).query(middles, predicate="intersects") if shapes else ()
            for old, new in zip(*(each.tolist() for each in pairs), strict=True) if shapes else ():
                a, b = self._shaped[old], self._shaped[new]
                if a != b and self._areas[a].level == self._areas[b].level:
                    before, after = self._imported.get(a), self._imported.get(b)
                    if before is not None and after is not None and before < after:
                        best = found.get(a)
                        if best is None or self._imported[best] < after:
                            found[a] = b
            self._replaced = found
        return self._replaced

    def descendants(self, code: str) -> frozenset[str]:
        """Return its code and those of everything below it."""
        found, waiting = {code}, [code]
        while waiting:
            for child in self._children.get(waiting.pop(), ()):
                if child not in found:
                    found.add(child)
                    waiting.append(child)
        return frozenset(found)

    def ancestors(self, code: str) -> list[Area]:
        """Return what it lies in, the nearest first; ends where a parent has not arrived."""
        found: list[Area] = []
        seen = {code}
        at = self._areas.get(code)
        while at is not None and at.parent and at.parent not in seen:
            seen.add(at.parent)
            at = self._areas.get(at.parent)
            if at is not None:
                found.append(at)
        return found

    def geometry(self, code: str) -> Geometry | None:
        """Return an area's own geometry, else the union of that of its children (each in the same
        way), else None.
        """
        if code in self._own:
            return self._own[code]
        if code not in self._unions:
            self._unions[code] = None  # a loop, which the import refuses, would end here
            self._unions[code] = union(
                [
                    g
                    for child in self._children.get(code, ())
                    if (g := self.geometry(child)) is not None
                ]
            )
        return self._unions[code]

    def has_geometry(self, code: str) -> bool:
        """Return whether `geometry` is not None, without building it."""
        return code in self._own or any(c in self._own for c in self.descendants(code))

    def extent(self) -> Geometry | None:
        """Return the union of all areas, None if none has a geometry."""
        if self._extent is None:
            roots = [
                c for c, a in self._areas.items() if not a.parent or a.parent not in self._areas
            ]
            self._extent = (union([g for c in roots if (g := self.geometry(c)) is not None]),)
        return self._extent[0]

    def within(self, operator_area: str | None, codes: Iterable[str]) -> list[str]:
        """Return which of the codes lie outside an operator's area (None = the whole tree)."""
        if operator_area is None:
            return []
        inside = self.descendants(operator_area)
        return [c for c in codes if c not in inside]

    def reach(self, operator_area: str | None) -> Geometry | None:
        """Return the geometry in which an operator may draw: of their area, or of all areas; None
        if nothing is known of it.
        """
        return self.extent() if operator_area is None else self.geometry(operator_area)

    def hits(
        self, lats: NDArray[np.float64], lons: NDArray[np.float64]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return (point, area) index pairs of who lies in what, boundaries included; areas count as
        in `shaped_codes`. NaN lies nowhere.
        """
        none = np.empty(0, dtype=np.intp)
        known = np.flatnonzero(np.isfinite(lats) & np.isfinite(lons))
        if not known.size or not self._shaped:
            return none, none
        # The tree is of points and the areas are asked: shapely prepares what is asked, and an area
        # may have 20,000 corners.
        tree = shapely.STRtree(shapely.points(lons[known], lats[known]))
        areas, points = tree.query([self._own[c] for c in self._shaped], predicate="intersects")
        return known[points], areas

    def locate(self, lat: float, lon: float) -> tuple[Area, ...]:
        """Return the areas in which a place lies, smallest level first; on a border, all that touch
        it.
        """
        return self.locate_many(
            np.array([lat], dtype=np.float64), np.array([lon], dtype=np.float64)
        )[0]

    def locate_many(
        self, lats: NDArray[np.float64], lons: NDArray[np.float64]
    ) -> list[tuple[Area, ...]]:
        """Return for each place what `locate` returns."""
        points, areas = self.hits(lats, lons)
        order = np.lexsort((areas, points))
        points, areas = points[order], areas[order]
        ends = np.searchsorted(points, np.arange(len(lats) + 1))
        found: list[tuple[Area, ...]] = []
        listed = areas.tolist()
        for start, stop in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
            key = tuple(listed[start:stop])
            if key not in self._chains:
                self._chains[key] = self._chain(key)
            found.append(self._chains[key])
        return found

    def anywhere(self, lats: NDArray[np.float64], lons: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which places lie in any area."""
        inside = np.zeros(len(lats), dtype=np.bool_)
        inside[self.hits(lats, lons)[0]] = True
        return inside

    def _chain(self, hit: tuple[int, ...]) -> tuple[Area, ...]:
        found = {self._shaped[n] for n in hit}
        for code in list(found):
            for above in self.ancestors(code):
                if above.code in self._own:
                    break  # it has a border of its own, which decides
                found.add(above.code)
        return tuple(
            self._areas[c]
            for c in sorted(found, key=lambda c: (LEVEL_ORDER[self._areas[c].level], c))
        )

    def places(
        self,
        codes: Sequence[str],
        polygons: Sequence[Polygon] = (),
        circles: Sequence[Circle] = (),
        *,
        everywhere: str | None = None,
        whole_areas: bool = False,
    ) -> Places:
        """Resolve a message's places. Nothing named and nothing drawn is everybody, or everybody in
        `everywhere`, the area its author is bound to.

        `whole_areas`: what is drawn counts as the whole of each smallest area that it touches (and
        of what an area has beside its parts). Raises Rejected area_unknown for every code that was
        never imported.
        """
        unknown = [c for c in codes if c not in self._areas]
        if unknown:
            raise Rejected(
                Problem(
                    code="area_unknown",
                    detail=f"{c[:40]!r} was never imported",
                    fix="see `fasttime areas list`",
                    field=f"areas[{list(codes).index(c)}]",
                )
                for c in unknown
            )
        if not codes and not polygons and not circles:
            if everywhere is None:
                return Places(everybody=True)
            codes = (everywhere,)
        targets = frozenset(d for c in codes for d in self.descendants(c))
        # Who is known by a code that the import of a new edition replaced is told by the new one.
        targets |= {
            each
            for old, new in self.replaced().items()
            if new in targets
            for each in self.descendants(old)
        }
        drawn = shape_of(polygons)
        around = shape_of(polygons, circles)
        check_time()
        touched = self.touched(around)
        covered = frozenset() if whole_areas else self._covered(drawn, circles)
        if whole_areas:
            rests = [g for code in sorted(touched) if (g := self._rest(code)) is not None]
            drawn = union([g for g in rests if bool(shapely.intersects(g, around))])
        check_time()
        shape = union([g for g in (*(self.geometry(c) for c in codes), drawn) if g is not None])
        by_code = frozenset(c for c in targets if not self.has_geometry(c))
        return Places(targets=targets | covered, by_code=by_code, touched=touched, shape=shape)

    def touched(self, drawn: Geometry | None) -> frozenset[str]:
        """Return the areas of every level that share a point with what is drawn.

        An area without a boundary counts as touched if an area below it is; if it has none below,
        if the area above it is, for then it may be.
        """
        if drawn is None or not self._shaped:
            return frozenset()
        shapes = np.array([self._own[c] for c in self._shaped], dtype=object)
        near = shapely.STRtree(shapes).query(drawn, predicate="intersects")
        found = {self._shaped[n] for n in near}
        for code in list(found):
            for above in self.ancestors(code):
                if above.code in self._own:
                    break
                found.add(above.code)
        for code in list(found):
            found |= {below for below in self.descendants(code) if not self.has_geometry(below)}
        return frozenset(found)

    def _rest(self, code: str) -> Geometry | None:
        """Return what of an area's own geometry lies in no area below it: all of it, or what its
        parts leave out.
        """
        own = self._own.get(code)
        if own is not None and code not in self._rests:
            below = union(
                [
                    g
                    for child in self._children.get(code, ())
                    if (g := self.geometry(child)) is not None
                ]
            )
            self._rests[code] = own if below is None else polygonal(shapely.difference(own, below))
        return None if own is None else self._rests[code]

    def _covered(self, drawn: Geometry | None, circles: Sequence[Circle]) -> frozenset[str]:
        """Return the areas that lie wholly in what is drawn: their own geometry, or that of all
        their children who have one.
        """
        if (drawn is None and not circles) or not self._shaped:
            return frozenset()
        found: set[str] = set()
        shapes = np.array([self._own[c] for c in self._shaped], dtype=object)
        bounds = shapely.bounds(shapes)
        if drawn is not None:
            shapely.prepare(drawn)
            near = _boxes_inside(bounds, drawn.bounds)
            found |= {self._shaped[n] for n in near[shapely.covers(drawn, shapes[near])]}
        for circle in circles:
            check_time()
            if circle.radius_km >= 10_000:
                # on a sphere a circle smaller than a hemisphere is convex, and holds an area when
                # it holds its corners; this one is larger
                continue
            for n in _boxes_inside(bounds, circle_bounds(circle)):
                xy = shapely.get_coordinates(shapes[n])
                if bool(
                    np.all(
                        distance_km(circle.latitude, circle.longitude, xy[:, 1], xy[:, 0])
                        <= circle.radius_km
                    )
                ):
                    found.add(self._shaped[n])
        for a in sorted(self._areas.values(), key=lambda a: LEVEL_ORDER[a.level]):
            if a.code not in self._own:
                known = [c for c in self._children.get(a.code, ()) if self.has_geometry(c)]
                if known and found.issuperset(known):
                    found.add(a.code)
        return frozenset(found)


def _boxes_inside(
    bounds: NDArray[np.float64], outer: tuple[float, float, float, float]
) -> NDArray[np.intp]:
    west, south, east, north = outer
    return np.flatnonzero(
        (bounds[:, 0] >= west)
        & (bounds[:, 1] >= south)
        & (bounds[:, 2] <= east)
        & (bounds[:, 3] <= north)
    )


def revision(conn: Connection) -> str:
    """Return a mark that differs after every import that changed something."""
    latest, count = conn.execute(select(func.max(area_table.c.imported_at), func.count())).one()
    return f"{count} {latest.isoformat()}" if count else ""


def near(tree: AreaTree, touched: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the areas that say best where something drawn lies: of those that it
    touches the ones of one level, the smallest from boroughs on of which there are few enough.
    """
    found = [tree[code] for code in touched if code in tree]
    for level in LEVELS[LEVEL_ORDER["borough"] :]:
        names = sorted(area.name for area in found if area.level == level)
        if 0 < len(names) <= MOST_NAMED:
            return tuple(names)
    return ()
