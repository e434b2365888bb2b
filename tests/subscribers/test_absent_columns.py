"""A column that a file of people lacks leaves what is there; an empty cell clears it."""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broadcast.groups import registered
from broadcast.groups.registered import Group
from broadcast.problems import Rejected
from broadcast.store.database import Database
from subscribers.people_file.reading import ImportResult, read_subscribers
from subscribers.people_file.record import COLUMNS, PLACE
from subscribers.registry import absent_columns, showing
from subscribers.registry.importing import ImportCounts, import_records

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)

VALUES: dict[str, list[str]] = {
    "name": ["Ann", "Bo", ""],
    "kind": ["resident", "business"],
    "email": ["ann@example.org", "bo@example.org", ""],
    "mobile": ["+447700900001", "+447700900002", ""],
    "phone": ["+442079460001", ""],
    "language": ["en", "cy"],
    "postcode": ["SW1A 2AA", ""],
    "lat": ["51.5", "51.6"],
    "lon": ["-0.1", "-0.2"],
    "area": ["E09000033", ""],
    "sectors": ["food", "retail", ""],
    "communities": ["irish", ""],
    "topics": ["incident", "appeal", ""],
    "channels": ["sms", "email;sms", "voice"],
    "minimum_severity": ["Severe", "Minor", ""],
    "quiet_hours": ["22:00-07:00 Europe/London", "23:00-06:00 Europe/London", ""],
    "by_topic": ["incident Severe", "appeal Minor", ""],
    "places": ["work E09000033", ""],
    "other_languages": ["pl;ar", ""],
    "discreet": ["yes", "no"],
    "most_a_week": ["3", "7", ""],
    "providers_off": ["met_police", ""],
}
assert set(VALUES) == set(COLUMNS) - {"external_id"}
PROVIDER = Group(kind="provider", key="met_police", name="met_police")
cells = st.fixed_dictionaries({c: st.sampled_from(v) for c, v in VALUES.items()})


def read(*rows: Mapping[str, str]) -> ImportResult:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    found = read_subscribers(
        out.getvalue().encode(),
        filename="people.csv",
        allow_trial_numbers=False,
        known_area=lambda _: True,
    )
    assert found.problems == []
    return found


async def bring(db: Database, *rows: Mapping[str, str]) -> ImportCounts:
    found = read(*rows)
    await db.write(registered.register, [PROVIDER], NOON)
    return await db.write(import_records, found.records, "consent", NOON, untold=found.untold)


async def there(db: Database) -> dict[str, dict[str, str]]:
    rows = await db.read(lambda conn: list(showing.export(conn)))
    return {row[0]: dict(zip(COLUMNS, row, strict=True)) for row in rows}


@settings(max_examples=6, deadline=None, suppress_health_check=[*HealthCheck])
@given(st.lists(st.tuples(cells, cells), min_size=10, max_size=10), st.data())
async def test_a_file_changes_only_its_columns_whatever_they_are(
    db: Database, people: list[tuple[dict[str, str], dict[str, str]]], data: st.DataObject
) -> None:
    """The place moves as one: a file that tells another leaves no old point to decide."""
    some = data.draw(st.sets(st.sampled_from(sorted(VALUES))))
    some |= {"lat", "lon"} if some & {"lat", "lon"} else set()
    named = {f"p{uuid.uuid4()}": each for each in people}
    await bring(db, *({"external_id": who, **first} for who, (first, _) in named.items()))
    before = await there(db)
    given_ = {who: {c: second[c] for c in some} for who, (_, second) in named.items()}
    await bring(db, *({"external_id": who, **part} for who, part in given_.items()))
    for who, part in given_.items():
        expected = before[who] | part
        if any(before[who][c] != part[c] for c in PLACE & some):
            expected |= dict.fromkeys(PLACE - some, "")
        before[who] = expected
    assert await there(db) == before


FULL = {
    "external_id": "a",
    "email": "ann@example.org",
    "mobile": "+447700900001",
    "lat": "51.5",
    "lon": "-0.1",
    "channels": "email;sms",
    "quiet_hours": "22:00-07:00 Europe/London",
    "by_topic": "incident Severe sms>email",
    "places": "work E09000033",
    "discreet": "yes",
    "most_a_week": "3",
}


async def test_an_empty_cell_clears_and_whoever_is_new_gets_defaults(db: Database) -> None:
    await bring(db, FULL)
    empty = {"quiet_hours": "", "most_a_week": "", "discreet": ""}
    await bring(db, {"external_id": "a", **empty}, {"external_id": "b", **empty})
    found = await there(db)
    assert {c: found["a"][c] for c in empty} == empty | {"discreet": "yes"}
    assert found["a"]["by_topic"] == FULL["by_topic"]
    defaults = {"kind": "resident", "language": "en"}
    assert found["b"] == dict.fromkeys(COLUMNS, "") | {"external_id": "b"} | defaults


@pytest.mark.parametrize(
    ("told", "channels"),
    [
        ({"mobile": "+447700900009"}, "email;sms"),
        ({"mobile": "+447700900009", "channels": ""}, "sms;email"),
        ({"email": "", "channels": ""}, "sms"),
        ({"channels": "sms"}, "sms"),
    ],
)
async def test_channels_left_open_are_those_of_the_contact_points_that_stay(
    db: Database, told: dict[str, str], channels: str
) -> None:
    await bring(db, FULL)
    await bring(db, {"external_id": "a", **told})
    assert (await there(db))["a"]["channels"] == channels


async def test_who_had_no_channel_is_told_by_the_one_that_a_file_brings(db: Database) -> None:
    await bring(db, {"external_id": "a", "area": "E09000033"})
    await bring(db, {"external_id": "a", "mobile": "+447700900001"})
    found = (await there(db))["a"]
    assert (found["channels"], found["area"]) == ("sms", "E09000033")


async def test_what_stays_gives_way_to_what_it_cannot_stand_beside(db: Database) -> None:
    await bring(db, FULL)
    await bring(db, {"external_id": "a", "kind": "officer", "channels": "sms"})
    found = (await there(db))["a"]
    assert (found["by_topic"], found["places"]) == ("incident Severe sms", "")


@pytest.mark.parametrize(
    ("there_is", "told", "code"),
    [
        ({"channels": "sms"}, {"by_topic": "incident email"}, "topic_channel"),
        ({"kind": "officer"}, {"places": "work E09000033"}, "places_by_area"),
    ],
)
async def test_a_file_that_says_what_cannot_stand_beside_what_stays_is_refused_whole(
    db: Database, there_is: dict[str, str], told: dict[str, str], code: str
) -> None:
    await bring(db, {"external_id": "a", "mobile": "+447700900001", **there_is})
    before = await there(db)
    with pytest.raises(Rejected) as refused:
        await bring(db, {"external_id": "b", **told}, {"external_id": "a", **told})
    assert {(p.code, p.where) for p in refused.value.problems if p.where == "a"} == {(code, "a")}
    assert await there(db) == before


async def test_a_file_says_before_which_columns_it_lacks_and_who_would_hear_nothing(
    db: Database,
) -> None:
    await bring(db, FULL | {"channels": "email", "by_topic": ""})
    found = read({**FULL, "external_id": "new"})
    assert await db.read(absent_columns.warnings, found.people, "f") == []
    lacking = {"external_id": "a", "mobile": "+447700900001", "email": ""}
    found = read(lacking, {**lacking, "external_id": "new"})
    columns, mute = await db.read(absent_columns.warnings, found.people, "f")
    assert columns.code == "columns_absent"
    assert "no column name, kind, phone, language," in columns.detail
    assert (
        "what 1 person already has there stays, new people (1) get the defaults" in columns.detail
    )
    assert (mute.code, mute.detail[:8]) == ("channel_without_address", "1 person")
