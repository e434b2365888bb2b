from __future__ import annotations

import csv
import json
import math
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import phonenumbers
import pytest
import shapely

from broadcast.places.areas import AreaTree
from subscribers.demo_world import CITY, METROPOLITAN, demo_areas, demo_people
from subscribers.people_file.reading import ImportResult, read_subscribers
from subscribers.quiet_hours import known
from tests.sources import OWN, REFERENCE

TREE = AreaTree.of(demo_areas())


def people(n: int, seed: int = 1) -> ImportResult:
    return read_subscribers(
        demo_people(n, seed),
        filename="demo.csv",
        allow_trial_numbers=False,
        known_area=TREE.__contains__,
        anywhere=TREE.anywhere,
    )


def test_the_demonstration_has_33_boroughs_in_two_forces_a_region_and_a_country() -> None:
    assert Counter(a.level for a in TREE.all()) == {
        "borough": 33,
        "force": 2,
        "region": 1,
        "country": 1,
    }
    assert [a.code for a in TREE.children(CITY)] == ["E09000001"]
    assert len(TREE.children(METROPOLITAN)) == 32
    assert [a.code for a in TREE.ancestors("E09000033")] == ["E23000001", "E12000007", "E92000001"]


def test_the_cells_meet_without_gap_or_overlap() -> None:
    cells = [TREE.geometry(a.code) for a in TREE.all() if a.level == "borough"]
    whole = TREE.extent()
    assert whole is not None
    assert all(cell is not None and cell.is_valid and cell.geom_type == "Polygon" for cell in cells)
    assert sum(cell.area for cell in cells if cell is not None) == pytest.approx(
        whole.area, abs=1e-9
    )
    assert whole.geom_type == "Polygon"
    assert not whole.interiors


def test_codes_names_and_centres_are_those_that_are_published() -> None:
    with (OWN / "geo" / "london_boroughs.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["code"]: row["name"] for row in rows} == {
        a.code: a.name for a in TREE.all() if a.level == "borough"
    }
    for row in rows:
        assert row["code"] in {a.code for a in TREE.locate(float(row["lat"]), float(row["lon"]))}, (
            row
        )


def test_the_rough_outline_is_as_large_as_greater_london_and_where_it_is() -> None:
    ours = TREE.extent()
    assert ours is not None
    west, south, east, north = ours.bounds
    km = 111.32  # of one degree of latitude
    area = ours.area * km * km * math.cos(math.radians((south + north) / 2))
    # square kilometres: Greater London by the ONS's standard area measurements
    assert area == pytest.approx(1_572, rel=0.05)
    assert (west, south, east, north) == pytest.approx((-0.51, 51.29, 0.33, 51.69), abs=0.03)


@pytest.mark.reference
def test_codes_names_and_centres_are_those_of_the_real_boroughs() -> None:
    real = json.loads((REFERENCE / "geo" / "london_boroughs_gla.geojson").read_bytes())
    shapes = {
        f["properties"]["GSS_CODE"]: (
            f["properties"]["NAME"],
            shapely.from_geojson(json.dumps(f["geometry"])),
        )
        for f in real["features"]
    }
    assert {code: name for code, (name, _) in shapes.items()} == {
        a.code: a.name for a in TREE.all() if a.level == "borough"
    }
    for code, (_, shape) in shapes.items():
        cell = TREE.geometry(code)
        assert cell is not None
        assert shapely.intersection(shape, cell).area > 0.5 * min(shape.area, cell.area), code


@pytest.mark.reference
def test_the_rough_outline_is_most_of_greater_london_and_little_else() -> None:
    real = json.loads((REFERENCE / "geo" / "london_boroughs_small.geojson").read_bytes())
    london = shapely.union_all(
        [shapely.from_geojson(json.dumps(f["geometry"])) for f in real["features"]]
    )
    ours = TREE.extent()
    assert shapely.intersection(london, ours).area > 0.93 * london.area
    assert shapely.difference(ours, london).area < 0.12 * london.area


def test_three_thousand_people_are_taken_by_the_import_and_live_where_they_say() -> None:
    result = people(3_200)
    assert result.problems == []
    assert len(result.records) == 3_200
    assert {w.code for w in result.warnings} == {"channel_none"}
    placed = [r for r in result.records if r.lat is not None and r.lon is not None]
    found = TREE.locate_many(
        np.array([r.lat for r in placed], dtype=np.float64),
        np.array([r.lon for r in placed], dtype=np.float64),
    )
    assert all(r.area in {a.code for a in areas} for r, areas in zip(placed, found, strict=True))
    assert len({r.area for r in result.records}) == 33
    assert {r.kind for r in result.records} == {"resident", "business", "partner", "officer"}
    assert len({r.language for r in result.records}) >= 20


def test_nobody_has_a_number_or_address_that_might_be_real() -> None:
    for n in (3_200, 40_000):
        records = people(n).records
        mobiles = [r.mobile for r in records if r.mobile]
        assert len(mobiles) == len(set(mobiles)) == 1_000
        assert all(m.startswith("+447700900") for m in mobiles)
        phones = [r.phone for r in records if r.phone]
        assert len(phones) == len(set(phones)) == min(13_000, n // 4)
        assert all(
            r.email.partition("@")[2] in ("example.org", "example.com", "example.net")
            for r in records
            if r.email
        )
        for phone in phones[::500]:
            assert phonenumbers.is_possible_number(phonenumbers.parse(phone))


def test_a_few_are_enrolled_for_exercises_a_few_choose_little_and_a_few_have_no_channel() -> None:
    records = people(3_200).records
    share = {
        name: sum(test) / len(records)
        for name, test in {
            "exercise": ["exercise" in r.topics for r in records],
            "floor": [bool(r.minimum_severity) for r in records],
            "nothing": [not r.channels for r in records],
            "community": [bool(r.communities) for r in records],
            "unplaced": [r.lat is None for r in records],
        }.items()
    }
    assert 0.03 < share["exercise"] < 0.08
    assert 0.1 < share["floor"] < 0.25
    assert 0.003 < share["nothing"] < 0.03
    assert 0.08 < share["community"] < 0.2
    assert 0.03 < share["unplaced"] < 0.08
    assert all(len(r.topics.split(";")) > 1 for r in records if "exercise" in r.topics)
    shared = Counter(r.email for r in records if r.email)
    assert 0 < sum(1 for count in shared.values() if count > 1) < 30


def test_about_as_many_are_in_their_quiet_hours_at_any_time() -> None:
    index = Counter(
        hours for r in people(3_200).records if (hours := known(r.quiet_hours)) is not None
    )
    midnight = datetime(2026, 7, 10, tzinfo=UTC)
    quiet = [
        {hours for hours in index if hours.hold(midnight + timedelta(minutes=minute))}
        for minute in range(0, 24 * 60, 5)
    ]
    count = [sum(index[hours] for hours in each) for each in quiet]
    assert min(count) > 32
    assert max(count) < 128
    assert all(
        sum(index[hours] for hours in before ^ after) <= 20 for before, after in pairwise(quiet)
    )


def test_the_same_seed_makes_the_same_people_and_another_others() -> None:
    assert demo_people(500, 7) == demo_people(500, 7)
    assert demo_people(500, 7) != demo_people(500, 8)
    assert demo_people(1).count(b"\r\n") == 2
    assert demo_people(0).count(b"\r\n") == 1


def test_a_hundred_thousand_people_are_made_in_seconds() -> None:
    begin = time.process_time()
    assert demo_people(100_000).count(b"\n") == 100_001
    assert time.process_time() - begin < 5
