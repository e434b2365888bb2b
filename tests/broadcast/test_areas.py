from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import shapely
from shapely.geometry import box, mapping

from broadcast.content.model import Circle
from broadcast.places.areas import AreaRecord, AreaTree
from broadcast.places.files.columns import AreaFields
from broadcast.places.files.reading import parse_area_file
from broadcast.places.geometry import inside_shape, polygons_of
from broadcast.places.stored_areas import store_areas
from broadcast.problems import Rejected
from broadcast.store.database import metadata
from tests.geography import London
from tests.keys import database as open_database
from tests.sources import EITHER, REFERENCE

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SQUARE = box(-0.2, 51.5, -0.1, 51.6)


def published(name: str) -> bytes:
    return (REFERENCE / "geo" / name).read_bytes()


def features(*made: tuple[Mapping[str, object], object], **more: object) -> bytes:
    found = [
        {"type": "Feature", "properties": properties, "geometry": geometry}
        for properties, geometry in made
    ]
    return json.dumps({"type": "FeatureCollection", "features": found, **more}).encode()


def collection(*made: tuple[str, str, object]) -> bytes:
    return features(*(({"code": code, "name": name}, geometry) for code, name, geometry in made))


def ring(*points: tuple[float, float]) -> dict[str, object]:
    return {"type": "Polygon", "coordinates": [[list(p) for p in points]]}


@pytest.fixture(scope="module", params=EITHER)
def london(request: pytest.FixtureRequest) -> London:
    """London as we drew it, and as it is."""
    return London.of(request.param)


@pytest.fixture(scope="module")
def tree(london: London) -> AreaTree:
    wards, _ = parse_area_file(
        london.wards.read_bytes(), "wards.geojson", "ward", AreaFields(parent="borough_code")
    )
    boroughs, _ = parse_area_file(
        london.boroughs.read_bytes(), "boroughs.geojson", "borough", AreaFields(parent="force_code")
    )
    forces = [
        AreaRecord(code="E23000001", name="Metropolitan Police", level="force", parent="E12000007"),
        AreaRecord(code="E23000034", name="City of London", level="force", parent="E12000007"),
    ]
    above = [
        AreaRecord(code="E12000007", name="London", level="region", parent="E92000001"),
        AreaRecord(code="E92000001", name="England", level="country"),
    ]
    return AreaTree.of([*wards, *boroughs, *forces, *above])


KINGSTON = {"NAME": "Kingston upon Thames", "GSS_CODE": "E09000021", "HECTARES": 3726.1}
ENGLAND = {
    "objectid": 1,
    "ctry19cd": "E92000001",
    "ctry19nm": "England",
    "ctry19nmw": "Lloegr",
    "bng_e": 394883,
}
MET = {
    "OBJECTID": 1,
    "PFA20CD": "E23000001",
    "PFA20NM": "Metropolitan Police",
    "LONG": -0.3,
    "LAT": 51.5,
}
MET_JOINED = {
    "code": "E23000001",
    "slug": "metropolitan",
    "name": "Metropolitan Police",
    "full_name": "The Metropolitan Police",
    "region_code": "E12000007",
}
WGS_84 = {"type": "name", "properties": {"name": "EPSG:4326"}}
WARDS = (
    "ward_code,ward_name,borough_code,borough_name,persons\nE05013519,Dormers"
    ' Wells,E09000009,Ealing,16000\nE05013520,"Ealing, Broadway",E09000009,Ealing,14000\n'
)
LOOKUP = (
    "\ufeffWD25CD,WD25NM,WD25NMW,LAD25CD,LAD25NM,LAD25NMW,ObjectId\r\nE05013038,Burn"
    " Valley,,E06000001,Hartlepool,,1\r\nW05000001,Aber,Yr Aber,W06000001,Ynys,,2\r\n"
)
UPPER = (
    "\ufeffLAD25CD,LAD25NM,LAD25NMW,CTYUA25CD,CTYUA25NM,CTYUA25NMW,ObjectId\n"
    "E06000001,Hartlepool,,E06000001,Hartlepool,,1\n"
)
WKT = (
    'id,geometry,population\nE05000932,"POLYGON ((-3.0 53.6, -3.1 53.6, -3.1 53.7, -3.0'
    ' 53.6))",1000\n'
)
# The column names of those who publish, the rows ours: name, data, level, fields, count, a code and
# its name.
FORMS = [
    (
        "plain.geojson",
        collection(("E09000001", "City of London", mapping(SQUARE))),
        "borough",
        AreaFields(),
        1,
        "E09000001",
        "City of London",
    ),
    (
        "gla.geojson",
        features((KINGSTON, mapping(shapely.MultiPolygon([SQUARE])))),
        "borough",
        AreaFields(),
        1,
        "E09000021",
        "Kingston upon Thames",
    ),
    (
        "joined.geojson",
        features((MET_JOINED, mapping(SQUARE))),
        "force",
        AreaFields(parent="region_code"),
        1,
        "E23000001",
        "Metropolitan Police",
    ),
    (
        "ons.geojson",
        features((MET, mapping(SQUARE)), crs=WGS_84),
        "force",
        AreaFields(),
        1,
        "E23000001",
        "Metropolitan Police",
    ),
    (
        "low.geojson",
        features((ENGLAND, mapping(SQUARE))),
        "country",
        AreaFields(),
        1,
        "E92000001",
        "England",
    ),
    (
        "wards.csv",
        WARDS.encode(),
        "ward",
        AreaFields(parent="borough_code"),
        2,
        "E05013520",
        "Ealing, Broadway",
    ),
    ("lookup.csv", LOOKUP.encode(), "ward", AreaFields(), 2, "E05013038", "Burn Valley"),
    ("upper.csv", UPPER.encode(), "borough", AreaFields(), 1, "E06000001", "Hartlepool"),
    ("wkt.csv", WKT.encode(), "ward", AreaFields(code="id"), 1, "E05000932", None),
]
FILES = [
    ("london_boroughs_small.geojson", "borough", AreaFields(), 33, "E09000001", "City of London"),
    (
        "london_boroughs_gla.geojson",
        "borough",
        AreaFields(),
        33,
        "E09000021",
        "Kingston upon Thames",
    ),
    (
        "london_wards_synthetic.geojson",
        "ward",
        AreaFields(parent="borough_code"),
        704,
        "E05009288",
        "Aldersgate",
    ),
    (
        "uk_police_forces_45_small.geojson",
        "force",
        AreaFields(parent="region_code"),
        45,
        "E23000001",
        "Metropolitan Police",
    ),
    ("police_force_areas.geojson", "force", AreaFields(), 43, "E23000001", "Metropolitan Police"),
    ("Countries_2019.geojson", "country", AreaFields(), 4, "E92000001", "England"),
    (
        "london_wards_2025.csv",
        "ward",
        AreaFields(parent="borough_code"),
        704,
        "E05013519",
        "Dormers Wells",
    ),
    ("WD25_LAD25_UK_LU.csv", "ward", AreaFields(), 8405, "E05013038", "Burn Valley"),
    ("LTLA_UTLA_2025_EW.csv", "borough", AreaFields(), 318, "E06000001", "Hartlepool"),
    ("wards20_sefton_wkt.csv", "ward", AreaFields(code="id"), 20, "E05000932", None),
]


@pytest.mark.parametrize(
    "name,data,level,fields,count,code,label",
    [
        *(pytest.param(*form, id=form[0]) for form in FORMS),
        *(
            pytest.param(file[0], None, *file[1:], id=file[0], marks=pytest.mark.reference)
            for file in FILES
        ),
    ],
)
def test_the_files_of_the_ons_and_others_are_read_as_published(
    name: str,
    data: bytes | None,
    level: str,
    fields: AreaFields,
    count: int,
    code: str,
    label: str | None,
) -> None:
    records, _ = parse_area_file(published(name) if data is None else data, name, level, fields)
    assert len(records) == count
    assert {r.code: r.name for r in records}[code] == label
    assert all(r.geometry is None or r.geometry.is_valid for r in records)


@pytest.mark.parametrize("source", EITHER)
def test_the_district_of_a_ward_is_found_in_the_ons_lookup_and_said(source: Path) -> None:
    data = published("WD25_LAD25_UK_LU.csv") if source == REFERENCE else LOOKUP.encode()
    records, warnings = parse_area_file(data, "wards.csv", "ward")
    assert records[0].parent == "E06000001"
    assert [w.code for w in warnings] == ["parent_found"]


@pytest.mark.parametrize("source", EITHER)
def test_a_self_crossing_force_is_repaired_and_named(source: Path) -> None:
    crossing = ring((-1.5, 51), (-1, 51.4), (-1, 51), (-1.5, 51.4), (-1.5, 51))
    ours = features(
        (MET, mapping(SQUARE)),
        ({"PFA20CD": "E23000030", "PFA20NM": "Hampshire"}, crossing),
        crs=WGS_84,
    )
    data = published("police_force_areas.geojson") if source == REFERENCE else ours
    records, warnings = parse_area_file(data, "forces.geojson", "force")
    repaired = [w for w in warnings if w.code == "geometry_repaired"]
    assert any("Hampshire" in w.detail for w in repaired)
    assert all(
        r.geometry.geom_type in ("Polygon", "MultiPolygon")
        for r in records
        if r.geometry is not None
    )


def test_a_bow_tie_keeps_both_halves() -> None:
    records, warnings = parse_area_file(
        collection(("E05000001", "Bow", ring((0, 51), (1, 52), (1, 51), (0, 52), (0, 51)))),
        "a.geojson",
        "ward",
    )
    assert records[0].geometry is not None
    assert records[0].geometry.area == pytest.approx(0.5)
    assert (
        "E05000001 (Bow): self-intersection at latitude 51.5, longitude 0.5, repaired"
        in warnings[0].line()
    )


def test_an_open_ring_is_closed_and_named() -> None:
    records, warnings = parse_area_file(
        collection(("E05000001", "Open", ring((0, 51), (1, 51), (1, 52)))), "a.geojson", "ward"
    )
    assert shapely.equals(records[0].geometry, shapely.Polygon([(0, 51), (1, 51), (1, 52)]))
    assert [w.code for w in warnings] == ["ring_closed"]


def test_everything_wrong_in_a_file_is_named_in_one_pass_and_nothing_is_taken() -> None:
    good = mapping(SQUARE)
    data = collection(
        ("E05000001", "Fine", good),
        ("E05000002", "Nowhere", None),
        ("E05000003", "Hollow", {"type": "Polygon", "coordinates": []}),
        ("E05000004", "Swapped", ring((51.5, -0.2), (51.6, -0.2), (51.6, -0.1), (51.5, -0.2))),
        (
            "E05000005",
            "Grid",
            ring((530000, 180000), (531000, 180000), (531000, 181000), (530000, 180000)),
        ),
        ("E05000006", "Line", {"type": "LineString", "coordinates": [[0, 51], [1, 51]]}),
        ("", "Nameless", good),
        ("E05000001", "Again", good),
        ("E05 07", "Spaced", good),
        ("E05000008", "Flat", ring((0, 51), (1, 51), (0, 51))),
        ("E05000009", "Thin", ring((0, 51), (1, 51), (2, 51), (0, 51))),
        ("UK", "Kingdom", good),
    )
    with pytest.raises(Rejected) as refused:
        parse_area_file(data, "areas.geojson", "ward")
    assert [(p.where.rpartition(" ")[2], p.code) for p in refused.value.problems] == [
        ("2", "geometry_empty"),
        ("3", "geometry_empty"),
        ("4", "coordinates_swapped"),
        ("5", "coordinate_range"),
        ("6", "geometry_type"),
        ("7", "area_code_missing"),
        ("8", "area_duplicate"),
        ("9", "area_code"),
        ("10", "polygon_too_few_points"),
        ("11", "geometry_empty"),
        ("12", "area_code"),
    ]
    assert "E05000004 (Swapped)" in refused.value.problems[2].detail
    assert "British National Grid" in refused.value.problems[3].fix


BAD_FILES = [
    (b"{", "a.geojson", "json_invalid"),
    (b"[" * 100_000, "a.geojson", "json_too_deep"),
    (b'{"type": "Polygon"}', "a.geojson", "json_invalid"),
    (b'{"type": "FeatureCollection", "features": []}', "a.geojson", "field_missing"),
    (
        (
            b'{"type": "FeatureCollection", "crs": {"properties": {"name":'
            b' "urn:ogc:def:crs:EPSG::27700"}}, "features": []}'
        ),
        "a.geojson",
        "crs_unknown",
    ),
    (b"id,name\n1,x\n", "a.csv", "field_missing"),
    (b"code,name,geometry\nE05000001,x,\n", "a.csv", "geometry_empty"),
    (b"code,name,geometry\nE05000001,x,POLYGON\n", "a.csv", "geometry_invalid"),
    (b"code,name,geometry\nE05000001,x,POLYGON EMPTY\n", "a.csv", "geometry_empty"),
    (b"code,name,geometry\nE05000001,x,POINT (0 51)\n", "a.csv", "geometry_type"),
    (
        b'code,name,geometry\nE05000001,x,"POLYGON ((51 0, 51 1, 52 1, 51 0))"\n',
        "a.csv",
        "coordinates_swapped",
    ),
    (b"code,name,parent\nE05000001,x,E05000001\n", "a.csv", "area_parent"),
    (b"code,name\n", "a.csv", "file_empty"),
    (b"", "a.csv", "file_empty"),
    ("code,name\nE05000001,Wörth\n".encode("utf-16"), "a.csv", "bad_encoding"),
    (b"code,name\nE05000001,W\xf6rth\n", "a.csv", "bad_encoding"),
]


@pytest.mark.parametrize(
    "data,name,code", BAD_FILES, ids=[f"{n}-{c}" for n, (_, _, c) in enumerate(BAD_FILES)]
)
def test_a_file_that_is_no_file_of_areas_is_refused_by_name(
    data: bytes, name: str, code: str
) -> None:
    with pytest.raises(Rejected) as refused:
        parse_area_file(data, name, "ward")
    assert [p.code for p in refused.value.problems] == [code]


@pytest.mark.parametrize("source", EITHER)
def test_a_force_without_territory_has_no_code_and_is_refused_by_name(source: Path) -> None:
    ours = (
        b"force_code,name,region_code\nE23000001,Metropolitan Police,E12000007\n,British Transport"
        b" Police,\n"
    )
    data, line = (published("forces.csv"), 47) if source == REFERENCE else (ours, 3)
    with pytest.raises(
        Rejected,
        match=rf"forces.csv:{line}: area_code_missing: \(no code\) \(British Transport Police\)",
    ):
        parse_area_file(
            data, "forces.csv", "force", AreaFields(code="force_code", parent="region_code")
        )


def test_a_named_field_that_is_not_there_lists_the_columns() -> None:
    with pytest.raises(Rejected, match="no column 'ward'; there are code, name, borough_code"):
        parse_area_file(
            b"code,name,borough_code\nE05000001,x,\n", "a.csv", "ward", AreaFields(code="ward")
        )


@pytest.mark.parametrize("source", EITHER)
def test_codes_of_another_level_are_warned_of(source: Path) -> None:
    data = published("london_wards_2025.csv") if source == REFERENCE else WARDS.encode()
    _, warnings = parse_area_file(data, "w.csv", "borough", AreaFields(code="ward_code"))
    assert "code_unlike_level" in [w.code for w in warnings]


def test_a_point_names_ward_borough_force_region_and_country_in_that_order(tree: AreaTree) -> None:
    found = tree.locate(51.4995, -0.1248)  # Parliament
    assert [a.level for a in found] == ["ward", "borough", "force", "region", "country"]
    assert [a.name for a in found][1:] == [
        "Westminster",
        "Metropolitan Police",
        "London",
        "England",
    ]


def test_the_city_has_its_own_force(tree: AreaTree) -> None:
    assert {a.code for a in tree.locate(51.5136, -0.0887)} >= {"E09000001", "E23000034"}
    assert "E23000001" not in {a.code for a in tree.locate(51.5136, -0.0887)}
    assert tree.within("E23000034", ["E09000001", "E09000033"]) == ["E09000033"]
    assert tree.within("E23000001", ["E09000001", "E09000033"]) == ["E09000001"]
    assert tree.within(None, ["E09000001"]) == []


def test_a_place_in_no_area_has_an_empty_list_and_the_rest_keep_their_rows(tree: AreaTree) -> None:
    found = tree.locate_many(
        np.array([51.4995, 0.0, np.nan, 51.5136]), np.array([-0.1248, 0.0, np.nan, -0.0887])
    )
    assert [len(f) for f in found] == [5, 0, 0, 5]


def test_a_border_belongs_to_both_sides() -> None:
    two = AreaTree.of(
        [
            AreaRecord(code="A", level="ward", geometry=box(0, 51, 1, 52)),
            AreaRecord(code="B", level="ward", geometry=box(1, 51, 2, 52)),
        ]
    )
    assert [a.code for a in two.locate(51.5, 1.0)] == ["A", "B"]


def test_an_ancestor_with_a_border_of_its_own_is_judged_by_it() -> None:
    tree = AreaTree.of(
        [
            AreaRecord(code="W", level="ward", parent="B", geometry=box(0, 51, 1, 52)),
            AreaRecord(code="B", level="borough", parent="F", geometry=box(0, 51, 0.5, 52)),
            AreaRecord(code="F", level="force"),
        ]
    )
    assert [a.code for a in tree.locate(51.5, 0.9)] == ["W"]
    assert [a.code for a in tree.locate(51.5, 0.1)] == ["W", "B", "F"]


def test_ten_thousands_of_points_agree_with_one_by_one_and_are_quick(tree: AreaTree) -> None:
    rng = np.random.default_rng(7)
    lats, lons = rng.uniform(51.28, 51.7, 50_000), rng.uniform(-0.52, 0.34, 50_000)
    begin = time.process_time()
    found = tree.locate_many(lats, lons)
    assert time.process_time() - begin < 5
    inside = inside_shape(tree.geometry("E12000007"), lats, lons)
    assert [bool(f) for f in found] == inside.tolist()
    for n in range(0, 50_000, 2_500):
        assert found[n] == tree.locate(lats[n], lons[n])


def test_an_area_without_geometry_is_the_union_of_its_children(
    london: London, tree: AreaTree
) -> None:
    met, city, region = (tree.geometry(c) for c in ("E23000001", "E23000034", "E12000007"))
    assert met is not None
    assert city is not None
    assert region is not None
    assert met.area + city.area == pytest.approx(region.area)
    assert len(tree.descendants("E23000034")) == 1 + london.in_the_city
    assert [a.code for a in tree.ancestors("E09000001")] == ["E23000034", "E12000007", "E92000001"]


def test_ward_names_repeat_and_codes_do_not(tree: AreaTree) -> None:
    names = [a.name for a in tree.all() if a.level == "ward"]
    assert len(set(names)) < len(names) == len({a.code for a in tree.all() if a.level == "ward"})


def test_places_name_descendants_and_what_lies_wholly_inside_a_drawing(
    london: London, tree: AreaTree
) -> None:
    drawn = polygons_of(shapely.buffer(tree.geometry("E09000001"), 0.001))
    places = tree.places([], drawn)
    assert {"E09000001", "E23000034", london.city_ward} <= places.targets
    assert "E09000033" not in places.targets
    around = tree.places(
        ["E09000033"],
        (),
        [Circle(latitude=51.5145, longitude=-0.0925, radius_km=london.city_radius_km)],
    )
    assert {"E09000033", "E09000001", "E23000034"} <= around.targets
    assert shapely.equals(around.shape, tree.geometry("E09000033"))
    assert around.by_code == frozenset()


def test_no_place_is_everybody_or_everybody_of_the_operators_area(tree: AreaTree) -> None:
    assert tree.places([]).everybody
    bound = tree.places([], everywhere="E23000034")
    assert not bound.everybody
    assert "E09000001" in bound.targets


def test_areas_known_by_code_only_are_kept_apart() -> None:
    tree = AreaTree.of(
        [
            AreaRecord(code="B", level="borough"),
            AreaRecord(code="W", level="ward", parent="B"),
            AreaRecord(code="C", level="borough", geometry=SQUARE),
        ]
    )
    places = tree.places(["B", "C"])
    assert sorted(places.targets) == ["B", "C", "W"]
    assert sorted(places.by_code) == ["B", "W"]


def test_an_unknown_area_is_refused_by_name(tree: AreaTree) -> None:
    with pytest.raises(Rejected) as refused:
        tree.places(["E09000033", "E09000099", "x"])
    assert [(p.code, p.field) for p in refused.value.problems] == [
        ("area_unknown", "areas[1]"),
        ("area_unknown", "areas[2]"),
    ]


async def test_areas_are_stored_updated_and_linked_when_their_parents_arrive(
    london: London, tmp_path: Path
) -> None:
    db = open_database(f"sqlite:///{tmp_path}/a.db")
    try:
        await db.write(metadata.create_all)
        wards, _ = parse_area_file(
            london.wards.read_bytes(), "w.geojson", "ward", AreaFields(parent="borough_code")
        )
        assert await db.write(store_areas, wards, NOON) == {
            "new": london.all_wards,
            "updated": 0,
            "unchanged": 0,
            "waiting": london.all_wards,
        }
        early = await db.read(AreaTree.load)
        assert len(early.descendants("E09000001")) == london.in_the_city
        boroughs, _ = parse_area_file(
            london.boroughs.read_bytes(), "b.geojson", "borough", AreaFields(parent="force_code")
        )
        assert await db.write(store_areas, boroughs, NOON) == {
            "new": 33,
            "updated": 0,
            "unchanged": 0,
            "waiting": 33,
        }
        assert await db.write(store_areas, boroughs, NOON) == {
            "new": 0,
            "updated": 0,
            "unchanged": 33,
            "waiting": 33,
        }
        renamed = [AreaRecord(code="E09000033", level="borough", name="City of Westminster")]
        assert (await db.write(store_areas, renamed, NOON))["updated"] == 1
        tree = await db.read(AreaTree.load)
        assert tree.revision != early.revision
        assert (tree["E09000033"].name, tree["E09000033"].parent) == (
            "City of Westminster",
            "E23000001",
        )
        assert [a.level for a in tree.locate(51.4995, -0.1248)] == ["ward", "borough"]
        with pytest.raises(Rejected, match="area_parent_level"):
            await db.write(
                store_areas,
                [AreaRecord(code="E09000001", level="ward", parent=london.city_ward)],
                NOON,
            )
        assert (await db.read(AreaTree.load))["E09000001"].level == "borough"
    finally:
        await db.close()
