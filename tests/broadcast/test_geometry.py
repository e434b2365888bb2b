from __future__ import annotations

import json
from math import cos, nan, radians

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box

from broadcast.content.model import Circle
from broadcast.places.drawn_shapes import circles_from_input, polygons_from_input
from broadcast.places.geometry import (
    check_place,
    circle_bounds,
    circle_outline,
    distance_km,
    from_wkb,
    inside_circles,
    inside_shape,
    outside_uk_bounds,
    polygons_of,
    shape_of,
    share_outside,
    to_wkb,
)
from broadcast.problems import Rejected

SQUARE = "51.5,-0.2 51.5,-0.1 51.6,-0.1 51.6,-0.2 51.5,-0.2"
RING = [[-0.2, 51.5], [-0.1, 51.5], [-0.1, 51.6], [-0.2, 51.6], [-0.2, 51.5]]
HOLE = [[-0.18, 51.52], [-0.12, 51.52], [-0.12, 51.58], [-0.18, 51.58], [-0.18, 51.52]]


def polygon(*rings: object) -> dict[str, object]:
    return {"type": "Polygon", "coordinates": list(rings)}


def test_a_cap_string_is_lat_lon_and_a_geojson_object_lon_lat() -> None:
    assert (
        polygons_from_input([SQUARE], "polygons")
        == polygons_from_input(polygon(RING), "polygons")
        == ((tuple(tuple(p) for p in RING),),)
    )


def test_several_parts_holes_and_features_are_all_taken() -> None:
    multi = {
        "type": "MultiPolygon",
        "coordinates": [[RING, HOLE], [[[0, 51], [1, 51], [1, 52], [0, 51]]]],
    }
    collection = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "geometry": multi},
            {"type": "Feature", "geometry": polygon(RING)},
        ],
    }
    assert [len(p) for p in polygons_from_input([collection, SQUARE])] == [2, 1, 1, 1]


BAD_POLYGONS = [
    ("51.5,-0.2 51.6,-0.1 51.6,-0.2 51.5,-0.1 51.5,-0.2", "polygon_crosses"),
    ("51.5,-0.2 51.5,-0.1 51.6,-0.1 51.6,-0.2", "polygon_open"),
    ("51.5,-0.2 51.5,-0.1 51.5,-0.2", "polygon_too_few_points"),
    ("51.5,-0.2 51.5,-0.2 51.5,-0.2 51.5,-0.2", "polygon_too_few_points"),
    ("", "polygon_empty"),
    ("51.5, -0.2 51.5,-0.1 51.6,-0.1 51.5,-0.2", "polygon_invalid"),
    ("51.5,-0.2,7 51.5,-0.1 51.6,-0.1 51.5,-0.2", "polygon_invalid"),
    ("５1.5,-0.2 51.5,-0.1 51.6,-0.1 51.5,-0.2", "polygon_invalid"),
    ("1_0.5,-0.2 51.5,-0.1 51.6,-0.1 51.5,-0.2", "polygon_invalid"),
    ("NaN,-0.2 51.5,-0.1 51.6,-0.1 51.5,-0.2", "coordinate_not_finite"),
    ("1e999,-0.2 51.5,-0.1 51.6,-0.1 51.5,-0.2", "coordinate_not_finite"),
    ("151.5,-0.2 51.5,-0.1 51.6,-0.1 151.5,-0.2", "coordinate_range"),
    ("51.5,-0.2 51.5,-0.15 51.5,-0.1 51.5,-0.2", "polygon_crosses"),
    (polygon(), "polygon_empty"),
    (polygon([]), "polygon_empty"),
    ({"type": "FeatureCollection", "features": []}, "polygon_empty"),
    ({"type": "Feature", "geometry": None}, "polygon_empty"),
    ({"type": "MultiPolygon", "coordinates": []}, "polygon_empty"),
    ({"type": "Point", "coordinates": [0, 51]}, "polygon_invalid"),
    ({"coordinates": [RING]}, "polygon_invalid"),
    (polygon(RING[:-1]), "polygon_open"),
    (polygon(RING, [[1, 52], [2, 52], [2, 53], [1, 52]]), "polygon_hole_outside"),
    (polygon([[0, 51], [1, 51], [1, "52"], [0, 51]]), "polygon_invalid"),
    (polygon([[0, 51], [1, 51], [1, True], [0, 51]]), "polygon_invalid"),
    (polygon([[0, 51], [1, 51], 7, [0, 51]]), "polygon_invalid"),
    (polygon([[0, 51], [1, 51], [1, nan], [0, 51]]), "coordinate_not_finite"),
    (polygon([[0, 51], [1, 51], [1, 10**400], [0, 51]]), "coordinate_not_finite"),
    (polygon([[0, 51], [1, 51], [1, 2**63], [0, 51]]), "coordinate_range"),
    (polygon("abc"), "polygon_invalid"),
    (7, "field_type"),
    (polygon([[n / 1e5, 51] for n in range(10_001)]), "polygon_too_complex"),
    (" ".join(f"51,{n / 1e5}" for n in range(60_000)), "polygon_too_complex"),
]


@pytest.mark.parametrize(
    "given,code", BAD_POLYGONS, ids=[f"{n}-{c}" for n, (_, c) in enumerate(BAD_POLYGONS)]
)
def test_a_shape_that_is_wrong_is_refused_by_its_name(given: object, code: str) -> None:
    with pytest.raises(Rejected) as refused:
        polygons_from_input([given], "polygons")
    assert [p.code for p in refused.value.problems] == [code]
    assert (
        refused.value.problems[0].field.startswith("polygons[0]") or code == "polygon_too_complex"
    )


def test_a_crossing_names_its_point_in_latitude_and_longitude() -> None:
    with pytest.raises(
        Rejected,
        match=r"polygon_crosses: the line crosses itself at latitude 51\.55, longitude -0\.15",
    ):
        polygons_from_input(["51.5,-0.2 51.6,-0.1 51.6,-0.2 51.5,-0.1 51.5,-0.2"])


def test_every_shape_that_is_wrong_is_named_in_one_pass() -> None:
    with pytest.raises(Rejected) as refused:
        polygons_from_input(["1,1", SQUARE, "x", polygon(RING[:-1])])
    assert [(p.field, p.code) for p in refused.value.problems] == [
        ("polygons[2]", "polygon_invalid"),
        ("polygons[0]", "polygon_too_few_points"),
        ("polygons[3]", "polygon_open"),
    ]


def test_ten_thousand_points_are_counted_over_all_polygons_of_a_message() -> None:
    ring = [[0.1 * np.cos(t), 51 + 0.1 * np.sin(t)] for t in np.linspace(0, 6.28, 6_000)]
    ring.append(ring[0])
    assert len(polygons_from_input([polygon(ring)])) == 1
    with pytest.raises(Rejected, match="polygon_too_complex"):
        polygons_from_input([polygon(ring), polygon(ring)])


GOOD_CIRCLES = [
    "51.5,-0.1 2.5",
    " 51.5,-0.1   2.5 ",
    {"latitude": 51.5, "longitude": -0.1, "radius_km": 2.5},
    {"type": "Point", "coordinates": [-0.1, 51.5], "radius_km": 2.5},
    {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [-0.1, 51.5]},
        "properties": {"radius_km": 2.5},
    },
]


@pytest.mark.parametrize("given", GOOD_CIRCLES)
def test_a_circle_may_be_written_in_these_ways(given: object) -> None:
    assert circles_from_input([given], "circles") == (
        Circle(latitude=51.5, longitude=-0.1, radius_km=2.5),
    )


BAD_CIRCLES = [
    ("51.5,-0.1", "circle_invalid"),
    ("51.5 -0.1 2", "circle_invalid"),
    ("51.5,-0.1 -2", "circle_invalid"),
    ("51.5,-0.1 1e9", "circle_invalid"),
    ("51.5,-0.1 nan", "coordinate_not_finite"),
    ("151.5,-0.1 2", "coordinate_range"),
    ({"type": "Point", "coordinates": [-0.1, 51.5]}, "circle_invalid"),
    ({"type": "Feature", "geometry": None, "properties": None}, "circle_invalid"),
    ({"latitude": "51", "longitude": 0, "radius_km": 1}, "circle_invalid"),
    ([51.5, -0.1, 2], "field_type"),
]


@pytest.mark.parametrize("given,code", BAD_CIRCLES)
def test_a_circle_that_is_wrong_is_refused_by_its_name(given: object, code: str) -> None:
    with pytest.raises(Rejected) as refused:
        circles_from_input([given], "circles")
    assert [p.code for p in refused.value.problems] == [code]


@given(
    st.floats(-80, 80),
    st.floats(-180, 180),
    st.floats(0, 1_000),
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 360)), min_size=1, max_size=20),
)
def test_the_outline_and_the_box_contain_every_point_of_the_circle(
    lat: float, lon: float, radius: float, offsets: list[tuple[float, float]]
) -> None:
    circle = Circle(latitude=lat, longitude=lon, radius_km=radius)
    angle = np.array([r for r, _ in offsets]) * radius / 6371.0088
    bearing = np.radians([b for _, b in offsets])
    lats = np.degrees(
        np.arcsin(
            np.clip(
                np.sin(radians(lat)) * np.cos(angle)
                + cos(radians(lat)) * np.sin(angle) * np.cos(bearing),
                -1,
                1,
            )
        )
    )
    lons = lon + np.degrees(
        np.arctan2(
            np.sin(bearing) * np.sin(angle) * cos(radians(lat)),
            np.cos(angle) - np.sin(radians(lat)) * np.sin(np.radians(lats)),
        )
    )
    lons = (lons + 180) % 360 - 180
    assert np.all(distance_km(lat, lon, lats, lons) <= radius + 1e-3)
    west, south, east, north = circle_bounds(circle)
    slack = 1e-5  # a degree's hundred-thousandth: the points themselves are rounded
    assert np.all(
        (lats >= south - slack)
        & (lats <= north + slack)
        & (lons >= west - slack)
        & (lons <= east + slack)
    )
    outline = shapely.buffer(circle_outline(circle), slack)
    assert np.all(shapely.intersects_xy(outline, lons, lats))


def test_a_circle_is_exact_on_the_ground_and_its_edge_counts() -> None:
    one_degree = 6371.0088 * radians(1)
    circle = Circle(latitude=51.0, longitude=0.0, radius_km=one_degree)
    lats, lons = np.array([52.0, 52.0001, 51.0, nan]), np.array([0.0, 0.0, 1.0, nan])
    assert inside_circles([circle], lats, lons).tolist() == [True, False, True, False]


def test_a_circle_of_radius_nought_holds_its_own_centre_only() -> None:
    assert inside_circles(
        [Circle(latitude=51.5, longitude=-0.1, radius_km=0)],
        np.array([51.5, 51.5001]),
        np.array([-0.1, -0.1]),
    ).tolist() == [True, False]


def test_the_boundary_of_a_polygon_is_inside_and_the_hole_is_not() -> None:
    shape = shape_of(polygons_from_input(polygon(RING, HOLE)))
    lats, lons = (
        np.array([51.5, 51.51, 51.55, 51.52, nan, 50.0]),
        np.array([-0.15, -0.19, -0.15, -0.15, nan, 0.0]),
    )
    assert inside_shape(shape, lats, lons).tolist() == [True, True, False, True, False, False]


def test_nothing_drawn_is_no_shape_and_holds_nobody() -> None:
    assert shape_of((), ()) is None
    assert inside_shape(None, np.array([51.0]), np.array([0.0])).tolist() == [False]


def test_a_shape_comes_back_from_the_database_as_it_went() -> None:
    shape = shape_of(
        polygons_from_input([polygon(RING, HOLE), "52,0 52,1 53,1 52,0"]),
        [Circle(latitude=51, longitude=0, radius_km=1)],
    )
    assert shapely.equals_exact(from_wkb(to_wkb(shape)), shape)
    assert from_wkb(to_wkb(None)) is None


@given(
    st.lists(st.tuples(st.floats(-8, 1), st.floats(50, 60)), min_size=3, max_size=8, unique=True)
)
def test_what_is_taken_is_valid_and_survives_the_way_out_and_in(
    points: list[tuple[float, float]],
) -> None:
    text = " ".join(f"{y!r},{x!r}" for x, y in [*points, points[0]])
    try:
        taken = polygons_from_input(text)
    except Rejected as refused:
        if refused.problems[0].code in {"polygon_crosses", "polygon_empty", "polygon_invalid"}:
            return
        raise
    shape = shape_of(taken)
    assert shape is not None
    assert shape.is_valid
    assert polygons_of(shape) == taken
    again = [{"type": "Polygon", "coordinates": json.loads(json.dumps(p))} for p in taken]
    assert polygons_from_input(again) == taken


def test_a_shape_elsewhere_is_refused_and_swapped_coordinates_are_named() -> None:
    swapped = shape_of(
        polygons_from_input([polygon([[51.5, -0.2], [51.6, -0.2], [51.6, -0.1], [51.5, -0.2]])])
    )
    assert outside_uk_bounds(swapped)
    with pytest.raises(Rejected, match=r"polygon_outside_force: .*United Kingdom.*look swapped"):
        check_place(swapped, None)
    with pytest.raises(Rejected, match=r"polygon_outside_force: .*operator's area, draw it inside"):
        check_place(box(-3, 55, -2, 56), box(-1, 51, 0, 52))


def test_partly_outside_is_a_share() -> None:
    assert check_place(box(-0.5, 51.2, 0.5, 51.4), box(-1, 51, 0, 52)) == pytest.approx(0.5)
    assert check_place(box(-0.5, 51.2, -0.1, 51.4), None) == 0.0
    assert share_outside(shapely.Point(0.5, 51.3), box(-1, 51, 0, 52)) == 1.0
