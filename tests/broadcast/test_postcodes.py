"""Postcodes: how they are written, where a directory says they lie, and what is refused."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.places.postcodes import code, directory, look_up
from broadcast.places.postcodes.directory import Entry, open_directory
from broadcast.places.postcodes.national_grid import to_degrees
from broadcast.problems import Rejected
from broadcast.store.database import Database
from migrations.tables import metadata

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
ONSPD = (
    "pcd7,pcd8,pcds,dointr,doterm,lad25cd,wd25cd,gridind,ruc21ind,lat,long\n"
    "SW1A2AA,SW1A 2AA,SW1A 2AA,198001,,E09000033,E05013806,1,UN1,51.50354,-0.127695\n"
    "LL417TH,LL41 7TH,LL41 7TH,198001,,W06000002,W05001514,1,RSF1,52.98,-3.94\n"
    "GY1 1AA,GY1  1AA,GY1 1AA,199806,,L99999999,L99999999,9,,99.999999,0\n"
    "BT1 1AA,BT1  1AA,BT1 1AA,198001,200001,N09000003,N08000313,8,A,54.6,-5.93\n"
)
CODE_POINT = (
    '"SW1A2AA",10,530047,179951,"E92000001","E19000003","E18000007","","E09000033","E05013806"\n'
    '"ZE3 9XR",90,0,0,"S92000003","","S08000026","","S12000027","S13002772"\n'
)


@pytest.mark.parametrize(
    "written,found",
    [
        ("sw1a 2aa", "SW1A 2AA"),
        ("SW1A2AA", "SW1A 2AA"),
        ("  sw1a\u00a0\u00a02aa ", "SW1A 2AA"),
        ("S W 1 A-2AA.", "SW1A 2AA"),
        ("M1 1ae", "M1 1AE"),
        ("EC1A 1BB", "EC1A 1BB"),
        ("SW1A OAA", "SW1A 0AA"),  # a letter where only a digit can stand
        ("w1a ihq", "W1A 1HQ"),
        ("gy1 1aa", "GY1 1AA"),
        ("JE23AB", "JE2 3AB"),
        ("im1 1aa", "IM1 1AA"),
        ("bfpo801", "BFPO 801"),
        ("BF1 3AA", "BF1 3AA"),
        ("gir0aa", "GIR 0AA"),
        ("FIQQ1ZZ", "FIQQ 1ZZ"),
        ("\uff33\uff37\uff11\uff21 2aa", "SW1A 2AA"),  # full-width
    ],
)
def test_a_postcode_is_read_however_it_is_written(written: str, found: str) -> None:
    assert code.spaced(code.key(written)) == found
    assert code.key(found) == code.key(written)


@pytest.mark.parametrize(
    "text", ["", "SW1A", "75001", "D02 AF30", "SW1A 2A", "1SW A2AA", "x" * 101]
)
def test_what_is_no_whole_postcode_is_none(text: str) -> None:
    assert code.key(text) == ""


@given(st.text(max_size=120))
def test_a_key_is_its_own_key(text: str) -> None:
    found = code.key(text)
    assert found == "" or code.key(found) == code.key(code.spaced(found)) == found


def test_the_grid_gives_the_place_of_the_ordnance_surveys_own_example() -> None:
    # Water tower at Caister: E 651409.903 N 313177.270 is 52 39 28.72 N, 1 42 57.79 E (annexe C).
    lat, lon = to_degrees(651_409.903, 313_177.270)
    assert lat == pytest.approx(52 + 39 / 60 + 28.72 / 3600, abs=0.00005)
    assert lon == pytest.approx(1 + 42 / 60 + 57.79 / 3600, abs=0.00005)


def read(path: Path) -> tuple[list[Entry], directory.Directory]:
    found = open_directory(path)
    entries = list(found.entries())
    found.refuse_problems()
    return entries, found


def test_the_ons_directory_is_read_with_its_places_and_how_sure_they_are(tmp_path: Path) -> None:
    path = tmp_path / "ONSPD.csv"
    path.write_text("\ufeff" + ONSPD)
    entries, found = read(path)
    assert entries == [
        Entry("SW1A2AA", 51.50354, -0.127695, 100, "E05013806", "E09000033"),
        Entry("LL417TH", 52.98, -3.94, 1_000, "W05001514", "W06000002"),  # in the country
        Entry("BT11AA", 54.6, -5.93, 1_000, "N08000313", "N09000003"),
    ]
    assert found.without_place == 1  # Guernsey
    assert found.done == found.size


def test_the_zip_of_code_point_open_is_read_as_published(tmp_path: Path) -> None:
    path = tmp_path / "codepo_gb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Doc/Code-Point_Open_Column_Headers.csv", "PC,PQ,EA,NO\nPostcode,x,y,z\n")
        archive.writestr("Data/CSV/sw.csv", CODE_POINT)
    entries, found = read(path)
    assert [e.code for e in entries] == ["SW1A2AA"]
    assert entries[0].lat == pytest.approx(51.50354, abs=0.0002)
    assert entries[0].lon == pytest.approx(-0.127695, abs=0.0002)
    assert entries[0][3:] == (100, "E05013806", "E09000033")
    assert found.without_place == 1


def test_the_parts_beside_the_whole_of_the_ons_zip_are_not_read_twice(tmp_path: Path) -> None:
    path = tmp_path / "ONSPD.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("Data/ONSPD_UK.csv", ONSPD)
        archive.writestr("Data/multi_csv/ONSPD_UK_SW.csv", ONSPD)
        archive.writestr("Documents/names.csv", "WD25CD,WD25NM\nE05013806,St James\n")
    assert open_directory(path).members == ("Data/ONSPD_UK.csv",)


@pytest.mark.parametrize(
    "row,wrong",
    [
        ("???,,,,,,,1,,51.5,-0.1", "postcode_invalid"),
        (",,,,,,,1,,51.5,-0.1", "postcode_invalid"),
        ("x,x,SW1A 2AB,,,,,1,,north,-0.1", "coordinate_invalid"),
        ("x,x,SW1A 2AB,,,,,1,,51.5,nan", "coordinate_invalid"),
        ("x,x,SW1A 2AB,,,,,1,,-91,-0.1", "coordinate_invalid"),
        ("x,x,SW1A 2AB,,,,,7,,51.5,-0.1", "quality_unknown"),
        ("x,x,SW1A 2AB", "cells_missing"),
        ('x,x,"SW1A 2AB', "unclosed_quote"),
    ],
)
def test_a_wrong_row_is_named_with_its_line(tmp_path: Path, row: str, wrong: str) -> None:
    path = tmp_path / "onspd.csv"
    path.write_text(ONSPD + row + "\n")
    with pytest.raises(Rejected) as refused:
        read(path)
    assert [(p.code, p.where) for p in refused.value.problems] == [(wrong, "onspd.csv:6")]


def test_a_thousand_wrong_rows_are_counted_and_not_listed(tmp_path: Path) -> None:
    path = tmp_path / "onspd.csv"
    path.write_text(ONSPD + "???,,,,,,,1,,51.5,-0.1\n" * 1_000)
    with pytest.raises(Rejected) as refused:
        read(path)
    assert len(refused.value.problems) == 21
    assert "980 more" in refused.value.problems[-1].detail


@pytest.mark.parametrize(
    "data,wrong",
    [
        (b"", "file_empty"),
        (b"code,name\nE05,x\n", "header_missing"),
        (b"pcds,lat,long\n" + b"x" * 20_000, "line_too_long"),
        (b"pcds,lat,long\n\xff\xff,1,1\n", "bad_encoding"),
        (b"PK\x03\x04 and no more", "file_unreadable"),
    ],
)
def test_what_is_no_directory_is_refused(tmp_path: Path, data: bytes, wrong: str) -> None:
    path = tmp_path / "directory.csv"
    path.write_bytes(data)
    with pytest.raises(Rejected) as refused:
        read(path)
    assert [p.code for p in refused.value.problems] == [wrong]


def test_a_zip_without_postcodes_and_one_that_lies_about_its_size_are_refused(
    tmp_path: Path,
) -> None:
    path = tmp_path / "names.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("names.csv", "code,name\n")
    with pytest.raises(Rejected) as refused:
        open_directory(path)
    assert refused.value.problems[0].code == "header_missing"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/postcodes.db"
    found: str = request.getfixturevalue("postgres_url")
    return found


async def test_a_renewed_postcode_moves_and_the_others_stay(url: str) -> None:
    db = Database(url)
    try:
        await db.write(metadata.create_all)
        first = [
            Entry("SW1A2AA", 51.5, -0.1, 100, "E05", ""),
            Entry("M11AE", 53.4, -2.2, 150, "", ""),
        ]
        assert await db.write(look_up.put, first, NOW) == 2
        assert await db.write(look_up.put, first, NOW) == 0
        moved = [first[0]._replace(lat=51.6)]
        assert await db.write(look_up.put, moved, NOW) == 1
        found = await db.read(look_up.places, ["sw1a2aa", "M1 1AE", "XX", "M1 1AF"])
        assert found == {
            "sw1a2aa": look_up.PostcodePlace("SW1A 2AA", 51.6, -0.1, 100, "E05", ""),
            "M1 1AE": look_up.PostcodePlace("M1 1AE", 53.4, -2.2, 150, "", ""),
        }
        assert await db.read(look_up.count) == 2
    finally:
        await db.close()


def test_of_a_postcode_that_stands_twice_in_a_batch_the_last_is_taken() -> None:
    rows = [Entry("M11AE", lat, 0.0, 1, "", "") for lat in (1.0, 2.0, 3.0)]
    assert [[e.lat for e in some] for some in look_up.batches(rows, 2)] == [[2.0], [3.0]]
