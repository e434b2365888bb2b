"""Reading a file of areas: which kind it is, every area in it, every fault."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from broadcast.content.text_rules import check_text
from broadcast.files.csv_files import decode, read_table
from broadcast.places.areas import LEVEL_ORDER, LEVELS, AreaRecord
from broadcast.places.files import topojson
from broadcast.places.files.columns import AreaFields, find_fields
from broadcast.places.files.surfaces import Shape, geojson_shape, label_of, no_shape, wkt_shape
from broadcast.problems import Problem, Rejected, refuse

_PREFIXES: Final = {  # ONS, Register of Geographic Codes
    "ward": ("E05", "W05", "S13", "N08"),
    "borough": ("E06", "E07", "E08", "E09", "W06", "S12", "N09"),
    "force": ("E23", "W15", "S23", "S32", "N23", "N24"),
    "region": ("E12",),
    "country": ("E92", "W92", "S92", "N92", "S04", "W04", "N07", "K02", "K03", "K04"),
}


_MAX_WKT_LINE = 64 << 20


_LONGEST_NAME: Final = 200  # characters


_JSON: Final = (".geojson", ".json", ".topojson")
_FOUND: Final = AreaFields()


def parse_area_file(
    data: bytes, filename: str, level: str, fields: AreaFields = _FOUND
) -> tuple[list[AreaRecord], list[Problem]]:
    """Return the areas of a GeoJSON FeatureCollection, a TopoJSON Topology or a CSV (with WKT in a
    column `geometry`, or without), and warnings. In a CSV without geometry, which may be a look-up
    table of a lower level, an area may stand in many rows that say the same.

    Self-crossing rings are repaired and named in the warnings, open rings are closed and named.
    Refused by name, all in one pass: empty geometry, swapped or impossible coordinates, a code that
    is missing, unusable or given twice.
    """
    if level not in LEVEL_ORDER:
        raise refuse(
            "level_unknown",
            f"{level!r} is no level of areas",
            f"use one of {', '.join(LEVELS)}",
            field="level",
        )
    start = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    reader = (
        _read_geojson
        if start[:1] in (b"{", b"[") or filename.lower().endswith(_JSON)
        else _read_csv
    )
    warnings: list[Problem] = []
    records = _collected(reader(data, filename, level, fields, warnings), level, warnings)
    if not records:
        raise Rejected(
            Problem(
                code="file_empty", detail="no area in it", fix="give at least one", where=filename
            )
        )
    unlike = [code for code in records if not code.startswith(_PREFIXES[level])]
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
    return list(records.values()), warnings


def _collected(raw: Iterable[_Raw], level: str, warnings: list[Problem]) -> dict[str, AreaRecord]:
    """Return the areas by code; adds to the warnings. Raises Rejected with every refusal."""
    problems: list[Problem] = []
    records: dict[str, AreaRecord] = {}
    places: dict[str, str] = {}
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
                replace(p, where=where, field="", detail=f"{label_of(code, name)}: {p.detail}")
                for p in exc.problems
            ]
            continue
        known = records.get(record.code)
        if record.parent == record.code:
            problems.append(
                Problem(
                    code="area_parent",
                    detail=f"{label_of(code, name)} is its own parent",
                    fix="name the area above it, or leave it empty",
                    where=where,
                )
            )
        elif known is None:
            records[record.code], places[record.code] = record, where
        elif record.geometry is not None or known != record:
            # a look-up table may name the borough with each of its wards, alike
            problems.append(
                Problem(
                    code="area_duplicate",
                    detail=f"{label_of(code, name)} stands at {places[record.code]} too",
                    fix="give every code once; several parts make one MultiPolygon",
                    where=where,
                )
            )
    if problems:
        raise Rejected(problems)
    return records


_Raw = tuple[str, str, str | None, str | None, Shape]


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
    if isinstance(document, dict) and document.get("type") == "Topology":
        found = topojson.features(document, level, filename)
        document = {"type": "FeatureCollection", "features": found}
    if (
        not isinstance(document, dict)
        or document.get("type") != "FeatureCollection"
        or not isinstance(document.get("features"), list)
    ):
        raise Rejected(
            Problem(
                code="json_invalid",
                detail="neither a GeoJSON FeatureCollection nor a TopoJSON Topology",
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
    code, name, parent = find_fields(columns, filename, level, fields, warnings)
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
                geojson_shape(feature.get("geometry"), where, get(code) or "", get(name)),
            )
        )
    return raw


def _read_csv(
    data: bytes, filename: str, level: str, fields: AreaFields, warnings: list[Problem]
) -> list[_Raw]:
    table = read_table(data, filename, max_line=_MAX_WKT_LINE)
    code, name, parent = find_fields(list(table.header), filename, level, fields, warnings)
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
            no_shape if shape is None else wkt_shape(cells[shape], where, cells[at[code]], label)
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
