"""fasttime areas, on the London that we drew and on the real one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.console.cli import Cli
from tests.geography import London
from tests.sources import EITHER, OWN

PLACES = [  # (latitude, longitude, the borough's code), places whose borough is common knowledge
    (51.5007, -0.1246, "E09000033"),  # Parliament: Westminster
    (51.5138, -0.0984, "E09000001"),  # St Paul's: City of London
    (51.5560, -0.2795, "E09000005"),  # Wembley Stadium: Brent
    (51.4920, 0.0640, "E09000011"),  # Woolwich: Greenwich
    (51.3762, -0.0982, "E09000008"),  # Croydon
]


BOROUGHS = London.of(OWN).boroughs


@pytest.fixture
def london(cli: Cli) -> Cli:
    """The command line of an installation with the boroughs of London as we drew them."""
    return with_boroughs(cli, BOROUGHS)


def with_boroughs(cli: Cli, file: Path) -> Cli:
    counted = cli.ok("areas", "import", file, "--level", "borough")
    assert (counted["new"], counted["level"]) == (33, "borough")
    return cli


def test_a_second_import_changes_nothing_and_the_list_has_every_area(london: Cli):
    again = london.ok("areas", "import", BOROUGHS, "--level", "borough")
    assert (again["new"], again["unchanged"]) == (0, 33)
    listed = london.ok("areas", "list")
    assert len(listed) == 33
    assert {
        "code": "E09000033",
        "name": "Westminster",
        "level": "borough",
        "parent": "E23000001",  # the force that the file names
    } in listed


@pytest.mark.parametrize("source", EITHER)
def test_a_place_is_located_in_its_borough_and_a_place_elsewhere_nowhere(cli: Cli, source: Path):
    london = with_boroughs(cli, London.of(source).boroughs)
    for lat, lon, code in PLACES:
        found = london.ok("areas", "locate", lat, lon)
        assert [(f["lat"], f["lon"], [a["code"] for a in f["areas"]]) for f in found] == [
            (lat, lon, [code])
        ]
        assert set(found[0]["areas"][0]) == {"code", "name", "level"}
    assert london.ok("areas", "locate", "-33.9", "-18.4") == [
        {"lat": -33.9, "lon": -18.4, "areas": []}
    ]


def test_a_file_of_points_gives_one_entry_per_row_in_its_order(london: Cli):
    rows = [(0.0, 0.0, None), *PLACES, PLACES[0], (51.0, -0.1, None)]
    file = london.file(
        "points.csv", "\ufeffname,lon,lat\n" + "".join(f"p,{lon},{lat}\n" for lat, lon, _ in rows)
    )
    found = london.ok("areas", "locate", "--file", file)
    assert [(f["lat"], f["lon"]) for f in found] == [(lat, lon) for lat, lon, _ in rows]
    assert [[a["code"] for a in f["areas"]] for f in found] == [
        [code] if code else [] for *_, code in rows
    ]
    assert london.ok("areas", "locate", "--file", london.file("none.csv", "lat,lon\n")) == []


@pytest.mark.parametrize(
    "text, codes",
    [
        ("lat,lon\n91,0\n51.5,x\n51,0\nnan,0\n", ["coordinates_invalid"] * 3),
        ("x,y\n1,2\n", ["header_missing"]),
        ("lat,long\n1,2\n", ["header_missing"]),
        ("lat;lon\n1;2\n", ["separator_guess"]),
        ("lat,lon\n1\n", ["cells_missing"]),
    ],
)
def test_a_wrong_file_of_points_is_refused_with_every_line_in_one_pass(cli: Cli, text, codes):
    ran = cli("areas", "locate", "--file", cli.file("points.csv", text), "--json")
    assert (ran.code, ran.codes) == (2, codes)
    assert all(p["where"].startswith("points.csv:") for p in ran.json["problems"])


@pytest.mark.parametrize(
    "arguments, code",
    [
        (["51.5"], "point_missing"),
        ([], "point_missing"),
        (["51.5", "0", "--file", "x.csv"], "point_missing"),
        (["95", "0"], "coordinates_invalid"),
        (["51.5", "--0"], "coordinates_invalid"),
    ],
)
def test_a_wrong_point_is_exit_2(cli: Cli, arguments, code):
    ran = cli("areas", "locate", *arguments, "--json")
    assert (ran.code, ran.codes) == (2, [code])


def test_an_area_is_shown_with_what_it_lies_in(london: Cli):
    london.file("region.csv", "code,name\nE12000007,London\n")
    london.ok("areas", "import", "region.csv", "--level", "region")
    shown = london.ok("areas", "show", "e09000033")
    assert (shown["code"], shown["name"], shown["children"]) == ("E09000033", "Westminster", [])
    assert 51.4 < shown["bounds"]["south"] < shown["bounds"]["north"] < 51.6
    ran = london("areas", "show", "E09000099", "--json")
    assert (ran.code, ran.codes) == (1, ["area_unknown"])


def test_a_wrong_file_of_areas_changes_nothing_and_says_why(cli: Cli):
    # latitude first: in the Indian Ocean
    square = {
        "type": "Polygon",
        "coordinates": [[[51.5, -0.1], [51.6, -0.1], [51.6, 0.0], [51.5, -0.1]]],
    }
    swapped = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"code": "E09000001", "name": "City"},
                "geometry": square,
            }
        ],
    }
    ran = cli(
        "areas",
        "import",
        cli.file("swapped.geojson", json.dumps(swapped)),
        "--level",
        "borough",
        "--json",
    )
    assert ran.code == 2
    assert cli.ok("areas", "list") == []
    assert cli("areas", "import", "swapped.geojson", "--level", "parish", "--json").codes == [
        "level_unknown"
    ]
