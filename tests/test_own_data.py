"""The suite's own data: where each fact is from stands beside it, and each figure is the published
one.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.channels.twilio_api import answers
from tests.sources import OWN, REFERENCE

FILES = sorted(
    path.relative_to(OWN).as_posix()
    for path in OWN.rglob("*")
    if path.is_file() and path.name != "README.md"
)


def table(file: Path, *columns: str) -> list[tuple[str, ...]]:
    with file.open(encoding="utf-8-sig", newline="") as opened:
        return sorted(tuple(row[column] for column in columns) for row in csv.DictReader(opened))


def magic(file: Path) -> dict[str, Any]:
    told = json.loads(file.read_text())
    return {
        part: {number: code for number, code in told[part].items() if number != "other"}
        for part in ("sms_to", "sms_from", "call_to", "call_from")
    }


def boroughs(file: Path) -> list[tuple[str, ...]]:
    return sorted(
        (each["properties"]["GSS_CODE"], each["properties"]["NAME"])
        for each in json.loads(file.read_bytes())["features"]
    )


def right_to_left(file: Path, column: str) -> list[tuple[str, bool]]:
    return [(code, told == "y") for code, told in table(file, "iso639_1", column)]


# Our file and the published one, each read into the same facts.
FACTS: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "twilio/magic_numbers.json": (
        lambda: magic(OWN / "twilio/magic_numbers.json"),
        lambda: magic(REFERENCE / "twilio/magic_numbers.json"),
    ),
    "twilio/error_codes.csv": (
        lambda: table(OWN / "twilio/error_codes.csv", "code", "class"),
        lambda: table(REFERENCE / "twilio/error_codes.csv", "code", "class"),
    ),
    "twilio/answers.json": (
        lambda: shape(answers(OWN)),
        lambda: shape(answers(REFERENCE)),
    ),
    "phone/drama_ranges.csv": (
        lambda: table(OWN / "phone/drama_ranges.csv", "area", "from_e164", "to_e164"),
        lambda: table(REFERENCE / "phone/ofcom_drama_ranges.csv", "area", "from_e164", "to_e164"),
    ),
    "misc/threat_levels.csv": (
        lambda: table(OWN / "misc/threat_levels.csv", "date", "scale", "level"),
        lambda: table(REFERENCE / "misc/uk_threat_levels.csv", "date", "scale", "level"),
    ),
    "misc/threat_level_wording.csv": (
        lambda: table(
            OWN / "misc/threat_level_wording.csv", "level", "rank", "since_2019", "before_2019"
        ),
        lambda: table(
            REFERENCE / "misc/threat_level_wording.csv",
            "level",
            "rank",
            "meaning_now",
            "meaning_before_2019",
        ),
    ),
    "misc/languages.csv": (
        lambda: right_to_left(OWN / "misc/languages.csv", "right_to_left"),
        lambda: right_to_left(REFERENCE / "misc/london_languages.csv", "rtl"),
    ),
    "geo/london_boroughs.csv": (
        lambda: table(OWN / "geo/london_boroughs.csv", "code", "name"),
        lambda: boroughs(REFERENCE / "geo/london_boroughs_gla.geojson"),
    ),
}


def shape(schema: Any) -> Any:
    """Return a schema's fields and values without formats and patterns."""
    if "enum" in schema:
        return sorted(schema["enum"])
    if "properties" in schema:
        return {name: shape(each) for name, each in schema["properties"].items()}
    if "items" in schema:
        return [shape(schema["items"])]
    if "type" in schema:
        return sorted([schema["type"]] if isinstance(schema["type"], str) else schema["type"])
    return {name: shape(each) for name, each in schema.items() if "enum_direction" not in name}


def test_each_file_of_our_own_has_its_line_in_the_list_of_sources() -> None:
    lines = [
        line.split("|")
        for line in (OWN / "README.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    ]
    assert sorted(cells[1].strip().strip("`") for cells in lines) == FILES
    # what it holds, where it is from, under which licence
    assert all(cell.strip() for cells in lines for cell in cells[2:5])


@pytest.mark.reference
@pytest.mark.parametrize("name", FACTS)
def test_our_figures_are_the_published_ones(name: str) -> None:
    ours, published = FACTS[name]
    assert ours() == published()


@pytest.mark.reference
def test_no_file_of_our_own_is_a_copy() -> None:
    def digest(path: Path) -> str:
        return hashlib.sha256(path.read_bytes()).hexdigest()

    published = {digest(path) for path in REFERENCE.rglob("*") if path.is_file()}
    assert [name for name in FILES if digest(OWN / name) in published] == []
