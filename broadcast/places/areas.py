"""Places: importing areas as the ONS publishes them, and the tree ward < borough < force < region <
country.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import isfinite
from typing import Any, Final, Self

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Geometry
from shapely.geometry import Polygon as ShapelyPolygon
from sqlalchemy import Connection, func, insert, select, update

from broadcast.content.limits import CROSSINGS
from broadcast.content.model import Circle, Polygon
from broadcast.content.text_rules import check_text
from broadcast.deadline import check_time
from broadcast.files.csv_files import decode, read_table
from broadcast.places.crossing_count import crossings, outlines
from broadcast.places.geometry import (
    circle_bounds,
    distance_km,
    from_wkb,
    outside_uk_bounds,
    polygonal,
    position,
    shape_of,
    swapped,
    to_wkb,
    union,
    why_invalid,
)
from broadcast.places.tables import area as area_table
from broadcast.problems import Problem, Rejected, refuse

# smallest first; a level may be skipped
LEVELS: Final = (
    "ward",
    "borough",
    "force",
    "region",
    "country",
)

# ONS column names: WD25CD, LAD25NM
_STEMS: Final = {
    "ward": ("wd",),
    "borough": ("lad", "ltla"),
    "force": ("pfa",),
    "region": ("rgn",),
    "country": ("ctry",),
}
_PREFIXES: Final = {  # ONS, Register of Geographic Codes
    "ward": ("E05", "W05", "S13", "N08"),
    "borough": ("E06", "E07", "E08", "E09", "W06", "S12", "N09"),
    "force": ("E23", "W15", "S23", "S32", "N23", "N24"),
    "region": ("E12",),
    "country": ("E92", "W92", "S92", "N92", "S04", "W04", "N07", "K02", "K03", "K04"),
}
_MAX_WKT_LINE = 64 << 20
_LONGEST_NAME: Final = 200  # characters
_ORDER: Final = {level: n for n, level in enumerate(LEVELS)}


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


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaFields:
    """The names of the columns or properties; None = to be found."""

    code: str | None = None
    name: str | None = None
    parent: str | None = None


def parse_area_file(
    data: bytes, filename: str, level: str, fields: AreaFields = AreaFields()
) -> tuple[list[AreaRecord], list[Problem]]:
    """Return the areas of a GeoJSON FeatureCollection or a CSV (with WKT in a column `geometry`, or
    without), and warnings.

    Self-crossing rings are repaired and named in the warnings, open rings are closed and named.
    Refused by name, all in one pass: empty geometry, swapped or impossible coordinates, a code that
    is missing, unusable or given twice.
    """
    if level not in _ORDER:
        raise refuse(
            "level_unknown",
            f"{level!r} is no level of areas",
            f"use one of {', '.join(LEVELS)}",
            field="level",
        )
    start = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    reader = (
        _read_geojson
        if start[:1] in (b"{", b"[") or filename.lower().endswith((".geojson", ".json"))
        else _read_csv
    )
    warnings: list[Problem] = []
    raw = reader(data, filename, level, fields, warnings)
    problems: list[Problem] = []
    records: dict[str, tuple[AreaRecord, str]] = {}
    unlike: list[str] = []
    for where, code, name, parent, geometry in raw:
        try:
            record = AreaRecord(
                code=_code(code),
                level=level,
                name=_name(name),
                parent=parent,
                geometry=geometry(warnings),
            )
        except Rejected as exc:
            problems += [
                replace(p, where=where, field="", detail=f"{_label(code, name)}: {p.detail}")
                for p in exc.problems
            ]
            continue
        if record.parent == record.code:
            problems.append(
                Problem(
                    code="area_parent",
                    detail=f"{_label(code, name)} is its own parent",
                    fix="name the area above it, or leave it empty",
                    where=where,
                )
            )
        elif record.code in records:
            first = records[record.code]
            problems.append(
                Problem(
                    code="area_duplicate",
                    detail=f"{_label(code, name)} stands at {first[1]} too",
                    fix="give every code once; several parts make one MultiPolygon",
                    where=where,
                )
            )
        else:
            records[record.code] = record, where
            if not record.code.startswith(_PREFIXES[level]):
                unlike.append(record.code)
    if problems:
        raise Rejected(problems)
    if not records:
        raise Rejected(
            Problem(
                code="file_empty", detail="no area in it", fix="give at least one", where=filename
            )
        )
    if unlike:
        detail = (
            f"{len(unlike)} of {len(records)} codes are not those of a {level} in the ONS register,"
            f" the first {unlike[0]}"
        )
        warnings.append(
            Problem(
                code="code_unlike_level",
                detail=detail,
                fix="check --level and --code-field",
                where=filename,
            )
        )
    return [record for record, _ in records.values()], warnings


def store_areas(
    conn: Connection, records: Sequence[AreaRecord], now: datetime, *, source: str = ""
) -> dict[str, int]:
    """Insert or update areas, all or none; return {new, updated, unchanged, waiting}: waiting are
    those whose parent has not arrived.

    What a record does not say (None) stays as it is. Raises Rejected area_parent_level where a
    parent would not be of a higher level.
    """
    stored = {row.code: row for row in conn.execute(select(area_table)).all()}
    levels = {code: row.level for code, row in stored.items()} | {r.code: r.level for r in records}
    parents = {code: row.parent for code, row in stored.items()} | {
        r.code: r.parent for r in records if r.parent is not None or r.code not in stored
    }
    problems = [
        Problem(
            code="area_parent_level",
            detail=f"{code} is a {levels[code]} and cannot lie in {parent}, a {levels[parent]}",
            fix="check --level and --parent-field",
            field=code,
        )
        for code, parent in parents.items()
        if parent and parent in levels and _ORDER[levels[parent]] <= _ORDER[levels[code]]
    ]
    if problems:
        raise Rejected(problems)
    fresh: list[dict[str, Any]] = []
    counts = {"new": 0, "updated": 0, "unchanged": 0}
    for r in records:
        old = stored.get(r.code)
        values = {
            "code": r.code,
            "level": r.level,
            "name": r.name or (old.name if old is not None else r.code),
            "parent": parents[r.code] or None,
            "geometry": (
                to_wkb(r.geometry)
                if r.geometry is not None
                else (old.geometry if old is not None else None)
            ),
        }
        if old is None:
            fresh.append({**values, "source": source, "imported_at": now})
            counts["new"] += 1
        elif all(getattr(old, key) == value for key, value in values.items()):
            counts["unchanged"] += 1
        else:
            conn.execute(
                update(area_table)
                .where(area_table.c.code == r.code)
                .values(**values, source=source, imported_at=now)
            )
            counts["updated"] += 1
    if fresh:
        conn.execute(insert(area_table), fresh)
    return {
        **counts,
        "waiting": sum(1 for r in records if parents[r.code] and parents[r.code] not in levels),
    }


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

    def __init__(self, areas: Iterable[tuple[Area, Geometry | None]], revision: str = "") -> None:
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
        self._shaped = sorted(self._own, key=lambda c: (_ORDER[self._areas[c].level], c))
        self._chains: dict[tuple[int, ...], tuple[Area, ...]] = {}

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
            )
        )
        return cls(
            ((Area(r.code, r.name, r.level, r.parent), from_wkb(r.geometry)) for r in rows), now
        )

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
        return sorted(self._areas.values(), key=lambda a: (-_ORDER[a.level], a.code))

    def children(self, code: str) -> list[Area]:
        """Return the areas whose parent it is, also if it has not arrived itself."""
        return [self._areas[c] for c in self._children.get(code, ())]

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
            self._areas[c] for c in sorted(found, key=lambda c: (_ORDER[self._areas[c].level], c))
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
        """Return the areas that share a point with what is drawn, of every level.

        An area without a boundary counts where one below it does, or, if there is none, where the
        one above it does: then it may.
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
        for a in sorted(self._areas.values(), key=lambda a: _ORDER[a.level]):
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


_Shape = Callable[[list[Problem]], Geometry | None]
_Raw = tuple[str, str, str | None, str | None, _Shape]


def _read_geojson(
    data: bytes, filename: str, level: str, fields: AreaFields, warnings: list[Problem]
) -> list[_Raw]:
    try:
        document = json.loads(decode(data, filename))
    except ValueError as exc:
        line = getattr(exc, "lineno", 0)
        raise Rejected(
            Problem(
                code="json_invalid",
                detail=str(exc),
                fix="export it again as GeoJSON",
                where=f"{filename}:{line}",
            )
        ) from exc
    except RecursionError as exc:
        raise Rejected(
            Problem(
                code="json_too_deep",
                detail="lists inside lists without end",
                fix="export it again as GeoJSON",
                where=filename,
            )
        ) from exc
    if (
        not isinstance(document, dict)
        or document.get("type") != "FeatureCollection"
        or not isinstance(document.get("features"), list)
    ):
        raise Rejected(
            Problem(
                code="json_invalid",
                detail="no GeoJSON FeatureCollection",
                fix="RFC 7946 section 3.3 says what one is",
                where=filename,
            )
        )
    crs = json.dumps(document.get("crs") or "")
    if crs != '""' and not any(known in crs for known in ("4326", "CRS84")):
        raise Rejected(
            Problem(
                code="crs_unknown",
                detail="its coordinates are not longitude and latitude",
                fix="export it in WGS 84 (EPSG:4326)",
                where=filename,
            )
        )
    features = [f if isinstance(f, dict) else {} for f in document["features"]]
    columns = list(dict.fromkeys(key for f in features[:50] for key in f.get("properties") or {}))
    code, name, parent = _find_fields(columns, filename, level, fields, warnings)
    raw: list[_Raw] = []
    for n, feature in enumerate(features, 1):
        properties = feature.get("properties") or {}
        where = f"{filename}:feature {n}"
        get = _getter(properties)
        raw.append(
            (
                where,
                get(code) or "",
                get(name) or None,
                None if parent is None else get(parent) or "",
                _geojson_shape(feature.get("geometry"), where, get(code) or "", get(name)),
            )
        )
    return raw


def _read_csv(
    data: bytes, filename: str, level: str, fields: AreaFields, warnings: list[Problem]
) -> list[_Raw]:
    table = read_table(data, filename, max_line=_MAX_WKT_LINE)
    code, name, parent = _find_fields(list(table.header), filename, level, fields, warnings)
    at = {column: n for n, column in enumerate(table.header)}
    shape = next(
        (
            n
            for column, n in at.items()
            if column.casefold() in ("geometry", "wkt", "geom", "the_geom")
        ),
        None,
    )
    raw: list[_Raw] = []
    for line, row in table.rows:
        cells = [cell.strip() for cell in row]
        where = f"{filename}:{line}"
        label = cells[at[name]] if name else None
        geometry = (
            _no_shape if shape is None else _wkt_shape(cells[shape], where, cells[at[code]], label)
        )
        raw.append(
            (
                where,
                cells[at[code]],
                label or None,
                None if parent is None else cells[at[parent]],
                geometry,
            )
        )
    return raw


def _find_fields(
    columns: Sequence[str], filename: str, level: str, fields: AreaFields, warnings: list[Problem]
) -> tuple[str, str | None, str | None]:
    """Return the columns of code, name and parent: those named, else `code` or *CD, `name` or *NM,
    `parent`. Says in a warning what it guessed or did not find.
    """
    code = _named(columns, "code", fields.code, filename) or _code_column(columns, level)
    if code is None:
        raise Rejected(
            Problem(
                code="field_missing",
                detail=f"no column `code` or *CD; there are {', '.join(columns) or 'none'}",
                fix="name it with --code-field",
                where=filename,
            )
        )
    name = _named(columns, "name", fields.name, filename) or _name_column(columns, level, code)
    if name is None:
        warnings.append(
            Problem(
                code="name_missing",
                detail=f"no column `name` or *NM; there are {', '.join(columns)}",
                fix="the code serves as name; name a column with --name-field",
                where=filename,
            )
        )
    parent = _named(columns, "parent", fields.parent, filename) or _low(columns).get("parent")
    if parent is None:
        parent = _code_of_a_higher_level(columns, level, code)
        if parent is not None:
            warnings.append(
                Problem(
                    code="parent_found",
                    detail=f"the parent is taken from {parent}",
                    fix="name another with --parent-field",
                    where=filename,
                )
            )
    return code, name, parent


def _low(columns: Sequence[str]) -> dict[str, str]:
    return {column.casefold(): column for column in columns}


def _named(columns: Sequence[str], what: str, wanted: str | None, filename: str) -> str | None:
    """Return the column that the operator named, in any case; raises Rejected field_missing."""
    if wanted is None or wanted in columns:
        return wanted
    found = _low(columns).get(wanted.casefold())
    if found is None:
        raise Rejected(
            Problem(
                code="field_missing",
                detail=f"no column {wanted!r}; there are {', '.join(columns) or 'none'}",
                fix=f"name one of them with --{what}-field",
                where=filename,
            )
        )
    return found


def _ending(columns: Sequence[str], end: str) -> list[str]:
    return [c for c in columns if len(c) > len(end) and c.casefold().endswith(end)]


def _code_column(columns: Sequence[str], level: str) -> str | None:
    low, codes = _low(columns), _ending(columns, "cd")
    own = next((c for c in codes if c.casefold().startswith(_STEMS[level])), None)
    return (
        low.get("code")
        or own
        or low.get("gss_code")
        or low.get(f"{level}_code")
        or next(iter(codes), None)
    )


def _name_column(columns: Sequence[str], level: str, code: str) -> str | None:
    low = _low(columns)
    stem = code.casefold()[:-2] if code.casefold().endswith("cd") else ""
    return (
        low.get("name")
        or low.get(f"{stem}nm")
        or low.get(f"{level}_name")
        or next(iter(_ending(columns, "nm")), None)
    )


def _code_of_a_higher_level(columns: Sequence[str], level: str, code: str) -> str | None:
    return next(
        (
            c
            for higher in LEVELS[_ORDER[level] + 1 :]
            for c in _ending(columns, "cd")
            if c.casefold().startswith(_STEMS[higher]) and c != code
        ),
        None,
    )


def _getter(properties: Mapping[str, Any]) -> Callable[[str | None], str | None]:
    def get(field: str | None) -> str | None:
        value = None if field is None else properties.get(field)
        return (
            None if value is None or isinstance(value, bool | list | dict) else str(value).strip()
        )

    return get


def _code(code: str) -> str:
    if not code:
        raise refuse("area_code_missing", "no code", "give every area its GSS code")
    if (
        len(code) > 64
        or code == "UK"
        or not all(c.isascii() and (c.isalnum() or c in "-_.") for c in code)
    ):
        raise refuse(
            "area_code",
            "this cannot be a code",
            "use GSS codes such as E09000033: letters and digits, no spaces",
        )
    return code


def _name(name: str | None) -> str | None:
    """Return an area's name as people may see it. Raises Rejected (area_name)."""
    if name is None:
        return None
    if len(name) > _LONGEST_NAME:
        raise refuse(
            "area_name",
            f"its name has {len(name):,} characters",
            f"give it at most {_LONGEST_NAME}",
        )
    if check_text("name", name, required=False, placeholders=False) or "\n" in name or "\t" in name:
        raise refuse(
            "area_name",
            "its name holds what changes or hides the text around it",
            "write the name in plain letters",
        )
    return name


def _label(code: str, name: str | None) -> str:
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


def _no_shape(warnings: list[Problem]) -> Geometry | None:
    del warnings
    return None


def _geojson_shape(value: object, where: str, code: str, name: str | None) -> _Shape:
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
                    detail=f"{_label(code, name)}: a ring was open and has been closed",
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


def _wkt_shape(text: str, where: str, code: str, name: str | None) -> _Shape:
    def shape(warnings: list[Problem]) -> Geometry:
        if not text:
            raise refuse(
                "geometry_empty", "its geometry is empty", "leave the row out, or give it one"
            )
        try:
            found = shapely.from_wkt(text)
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
    label = _label(code, name)
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
