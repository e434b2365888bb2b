"""Files of areas beside GeoJSON: TopoJSON, WKT, look-up tables; and those that mean harm."""

from __future__ import annotations

import json
from typing import Any

import pytest
import shapely
from shapely.geometry import box

from broadcast.places.files import topojson
from broadcast.places.files.columns import AreaFields
from broadcast.places.files.reading import parse_area_file
from broadcast.problems import Rejected
from tests.sources import REFERENCE

GEO = REFERENCE / "geo"


def topology(**more: Any) -> dict[str, Any]:
    """Two wards side by side: the border between them is one arc, that the second has backwards."""
    return {
        "type": "Topology",
        "arcs": [
            [[0.0, 51.0], [0.0, 51.1]],  # the border, northwards
            [[0.0, 51.1], [-0.1, 51.1], [-0.1, 51.0], [0.0, 51.0]],  # round the west
            [[0.0, 51.1], [0.1, 51.1], [0.1, 51.0], [0.0, 51.0]],  # round the east
        ],
        "objects": {
            "wards": {
                "type": "GeometryCollection",
                "geometries": [
                    {
                        "type": "Polygon",
                        "arcs": [[0, 1]],
                        "properties": {"WD25CD": "E05000001", "WD25NM": "West"},
                    },
                    {
                        "type": "MultiPolygon",
                        "arcs": [[[-3, -1]]],
                        "properties": {"WD25CD": "E05000002", "WD25NM": "East"},
                    },
                ],
            }
        },
        **more,
    }


def read(document: Any, level: str = "ward") -> dict[str, shapely.Geometry]:
    records, _ = parse_area_file(json.dumps(document).encode(), "wards.topojson", level)
    return {r.code: r.geometry for r in records}


def codes(document: Any) -> list[str]:
    with pytest.raises(Rejected) as refused:
        read(document)
    return [p.code for p in refused.value.problems]


def test_areas_of_a_topology_share_the_border_that_is_written_once() -> None:
    found = read(topology())
    assert found["E05000001"].equals(box(-0.1, 51.0, 0.0, 51.1))
    assert found["E05000002"].equals(box(0.0, 51.0, 0.1, 51.1))
    assert shapely.touches(found["E05000001"], found["E05000002"])


def test_a_quantised_topology_is_the_same() -> None:
    steps = [
        [[10, 0], [0, 10]],
        [[10, 10], [-10, 0], [0, -10], [10, 0]],
        [[10, 10], [10, 0], [0, -10], [-10, 0]],
    ]
    turn = {"scale": [0.01, 0.01], "translate": [-0.1, 51.0]}
    found = read(topology(arcs=steps, transform=turn))
    for code, geometry in read(topology()).items():
        assert found[code].symmetric_difference(geometry).area < 1e-12


def test_of_several_objects_the_one_called_as_the_level_is_read() -> None:
    document = topology()
    document["objects"]["boroughs"] = {"type": "GeometryCollection", "geometries": []}
    assert sorted(read(document)) == ["E05000001", "E05000002"]
    document["objects"]["districts"] = document["objects"].pop("wards")
    assert codes(document) == ["object_unclear"]


@pytest.mark.parametrize(
    "more,code",
    [
        ({"arcs": None}, "json_invalid"),
        ({"arcs": [[["x", 1]]]}, "json_invalid"),
        ({"arcs": [[[True, 1]]]}, "json_invalid"),
        ({"arcs": [[[1e400, 1]]]}, "json_invalid"),
        ({"arcs": [[[10**400, 1]]]}, "json_invalid"),
        ({"objects": {}}, "json_invalid"),
        ({"objects": {"a": 1}}, "json_invalid"),
        ({"objects": {"a": {"type": "Polygon", "arcs": [[99]]}}}, "json_invalid"),
        ({"objects": {"a": {"type": "Polygon", "arcs": [[-99]]}}}, "json_invalid"),
        ({"objects": {"a": {"type": "Polygon", "arcs": [[True]]}}}, "json_invalid"),
        ({"objects": {"a": {"type": "Polygon", "arcs": 1}}}, "json_invalid"),
        ({"objects": {"a": {"type": "GeometryCollection"}}}, "json_invalid"),
        ({"transform": {"scale": 1}}, "json_invalid"),
    ],
)
def test_a_broken_topology_is_refused(more: dict[str, Any], code: str) -> None:
    assert codes(topology(**more)) == [code]


def test_an_arc_that_is_used_without_end_is_refused_before_it_is_laid_out() -> None:
    arc = [[n / 1e4, 51.0] for n in range(1_000)]
    uses = [[0] * (topojson.MOST_POSITIONS // 1_000)]
    bomb = {"a": {"type": "Polygon", "arcs": uses, "properties": {"code": "E05000001"}}}
    assert codes(topology(arcs=[arc], objects=bomb)) == ["geometry_too_complex"]


def test_collections_inside_collections_are_refused() -> None:
    deep: dict[str, Any] = {"type": "Polygon", "arcs": [[0, 1]]}
    for _ in range(20):
        deep = {"type": "GeometryCollection", "geometries": [deep]}
    assert codes(topology(objects={"a": deep})) == ["json_invalid"]


def test_a_look_up_table_names_a_borough_with_each_of_its_wards() -> None:
    table = b"WD25CD,LAD25CD,LAD25NM\nE05000001,E09000001,City\nE05000002,E09000001,City\n"
    records, _ = parse_area_file(table, "lu.csv", "borough")
    assert [(r.code, r.name) for r in records] == [("E09000001", "City")]
    table += b"E05000003,E09000001,Village\n"
    with pytest.raises(Rejected) as refused:
        parse_area_file(table, "lu.csv", "borough")
    assert [p.code for p in refused.value.problems] == ["area_duplicate"]


def test_wkt_of_postgis_is_read_if_it_is_longitude_and_latitude() -> None:
    row = 'code,geometry\nE05000001,"SRID={};POLYGON ((0 51, 1 51, 1 52, 0 51))"\n'
    records, _ = parse_area_file(row.format(4326).encode(), "w.csv", "ward")
    assert records[0].geometry is not None
    with pytest.raises(Rejected) as refused:
        parse_area_file(row.format(27700).encode(), "w.csv", "ward")
    assert [p.code for p in refused.value.problems] == ["crs_unknown"]


@pytest.mark.reference
@pytest.mark.parametrize(
    "name,level,code_field,count,parents",
    [
        ("WD25_LAD25_UK_LU.csv", "ward", None, 8000, True),
        ("WD25_LAD25_UK_LU.csv", "borough", None, 300, False),
        ("LTLA_UTLA_2025_EW.csv", "borough", None, 300, False),
        ("london_wards_2025.csv", "ward", None, 600, True),
        ("wards20_sefton_wkt.csv", "ward", "id", 20, False),
        ("london_boroughs_gla.geojson", "borough", None, 33, False),
        ("london_wards_synthetic.geojson", "ward", None, 600, True),
    ],
)
def test_the_worlds_own_files_are_read(
    name: str, level: str, code_field: str | None, count: int, parents: bool
) -> None:
    records, _ = parse_area_file(
        (GEO / name).read_bytes(), name, level, AreaFields(code=code_field)
    )
    assert len(records) >= count
    assert all(bool(r.parent) == parents for r in records)


@pytest.mark.reference
@pytest.mark.parametrize(
    "name,level,where",
    [("forces.csv", "force", "forces.csv:47"), ("uk_regions.csv", "region", "uk_regions.csv:12")],
)
def test_a_force_or_a_region_without_a_code_of_its_own_is_named(
    name: str, level: str, where: str
) -> None:
    with pytest.raises(Rejected) as refused:
        parse_area_file((GEO / name).read_bytes(), name, level)
    assert refused.value.problems[0].code == "area_code_missing"
    assert refused.value.problems[0].where == where
