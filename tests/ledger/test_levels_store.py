"""Threat levels in the store, on both databases: the past that a file fills in, what holds where
and when, and who may see it.
"""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from broadcast.levels import history
from broadcast.levels.history import Fact
from broadcast.levels.scales import LEVELS, Level, LevelFact, read_levels_csv
from broadcast.messages import publishing
from broadcast.places.areas import AreaRecord, AreaTree
from broadcast.problems import Rejected
from broadcast.store.database import Database
from tests import past_levels
from tests.ledger.world import World, house
from tests.sources import OWN

TODAY = datetime(2026, 7, 1, 12, tzinfo=UTC)


def the_published_rows() -> list[LevelFact]:
    return read_levels_csv((OWN / "misc" / "threat_levels.csv").read_bytes(), today=TODAY.date())


def row(day: str, level: str, scope: str = "UK") -> LevelFact:
    return LevelFact(
        date=date.fromisoformat(day), scale="national", scope=scope, level=Level(level)
    )


def naive(rows: list[LevelFact], scope: str, at: datetime) -> str | None:
    """The plainest fold: go through the days in order, remember the last."""
    held = None
    for r in sorted(rows, key=lambda r: r.date):
        if r.scope == scope and datetime(r.date.year, r.date.month, r.date.day, tzinfo=UTC) <= at:
            held = str(r.level)
    return held


async def approved(world: World, level: str, scope: str = "UK", **more: Any) -> None:
    change: dict[str, Any] = {"kind": "threat_level_change", "scope": scope, "areas": (), **more}
    v = await world.submitted(count=5, level=level, **change)
    await world.db.write(
        publishing.approve,
        world.approver,
        v.message_id,
        content_hash=v.content_hash,
        house=house(),
        now=datetime.now(UTC),
    )


async def test_the_published_history_is_imported_once_and_every_moment_equals_the_plainest_fold(
    db: Database,
) -> None:
    rows = the_published_rows()
    assert len(rows) == 28
    assert await db.write(history.import_rows, rows, TODAY) == (28, [])
    taken, left = await db.write(history.import_rows, rows, TODAY)
    assert (taken, {why for _, why in left}) == (0, {"known"})
    found = await db.read(history.history)
    chance = random.Random(2006)
    start, span = datetime(2006, 1, 1, tzinfo=UTC), TODAY - datetime(2006, 1, 1, tzinfo=UTC)
    for _ in range(1000):
        at, scope = start + span * chance.random(), chance.choice(sorted({r.scope for r in rows}))
        held = found.as_of(scope, at)
        assert (str(held.level) if held else None) == naive(rows, scope, at), (scope, at)
    for at in (datetime(2006, 8, 11, tzinfo=UTC), datetime(2017, 9, 16, 23, 59, tzinfo=UTC), TODAY):
        fact = await db.read(history.present, "UK", at)
        assert fact is not None
        assert fact.level == naive(rows, "UK", at)


async def test_today_the_united_kingdom_is_severe_in_the_words_of_today_and_2010_in_those_of_2010(
    db: Database,
) -> None:
    await db.write(history.import_rows, the_published_rows(), TODAY)
    shown = [s.to_json() for s in await db.read(history.show, TODAY, past=True)]
    uk = {
        "scope": "UK",
        "level": "SEVERE",
        "rank": 4,
        "meaning": "an attack is highly likely",
        "since": "2026-04-30T00:00:00+00:00",
        "from": ["UK"],
    }
    ni = {
        "scope": "N92000002",
        "level": "SUBSTANTIAL",
        "rank": 3,
        "meaning": "an attack is likely",
        "since": "2024-03-06T00:00:00+00:00",
        "from": ["N92000002"],
    }
    assert shown == [uk, ni]  # scales kept as history only are the level of no place
    (then,) = await db.read(history.show, datetime(2009, 8, 1, tzinfo=UTC), "uk", past=True)
    assert then.to_json()["meaning"] == "an attack is a strong possibility"
    told = await db.read(history.changes, "UK")
    assert len(told) == 20
    first = {
        "scope": "UK",
        "level": "SEVERE",
        "rank": 4,
        "meaning": "an attack is highly likely",
        "since": "2006-08-01T00:00:00+00:00",
        "from": ["UK"],
    }
    assert told[0] == {**first, "source": "import", "note": "the first level made public"}
    assert {e["scope"] for e in await db.read(history.changes)} == {
        "UK",
        "N92000002",
        "scale:ni_in_gb",
    }
    assert len(await db.read(history.changes, "scale:ni_in_gb")) == 4


async def test_an_import_is_never_the_present_level_of_a_scope_until_two_people_approved_it(
    db: Database,
) -> None:
    world = await World.make(db)
    await db.write(history.import_rows, the_published_rows(), TODAY)
    now = datetime.now(UTC)
    assert [(s.scope, s.level) for s in await db.read(history.show, now)] == [("UK", None)]
    assert await db.read(history.present, "UK") is None
    nowhere = await db.read(history.effective, the_tree(), "E09000033", now)
    assert nowhere.level is None
    assert [(s.scope, s.level) for s in await db.read(history.only_imported, now, "UK")] == [
        ("UK", Level.SEVERE)
    ]
    # the level that the import says: it is confirmed, not "unchanged"
    await approved(world, "SEVERE")
    now = datetime.now(UTC)
    assert [(s.scope, s.level) for s in await db.read(history.show, now)] == [("UK", Level.SEVERE)]
    assert await db.read(history.only_imported, now, "UK") == []


def test_only_the_country_and_its_places_have_the_official_meanings() -> None:
    def told(*scopes: str) -> object:
        shown = history.Shown(
            scope=scopes[0], at=TODAY, level=Level.SEVERE, since=TODAY, came_from=scopes
        )
        return shown.to_json()["meaning"]

    assert told("UK") == told("E09000033") == "an attack is highly likely"
    assert told("community:jewish") is None
    assert told("sector:rail") is None
    assert told("E09000033", "sector:rail") == "an attack is highly likely"


async def test_a_scope_without_a_level_is_shown_as_such_and_uk_always_exists(db: Database) -> None:
    (uk,) = await db.read(history.show, TODAY)
    assert uk.to_json() == {
        "scope": "UK",
        "level": None,
        "rank": None,
        "meaning": None,
        "since": None,
        "from": [],
    }
    assert await db.read(history.present, "UK") is None


async def test_an_import_never_changes_an_approved_level_or_a_present_one(
    db: Database,
) -> None:
    world = await World.make(db)
    await db.write(
        history.import_rows, [row("2020-01-01", "LOW"), row("2021-01-01", "MODERATE")], TODAY
    )
    taken, left = await db.write(
        history.import_rows,
        [row("2022-01-01", "CRITICAL"), row("2020-06-01", "SEVERE"), row("2020-01-01", "SEVERE")],
        TODAY,
    )
    assert (taken, [why for _, why in left]) == (1, ["present", "differs"])
    await approved(world, "SEVERE")
    await approved(world, "CRITICAL")
    first, second = (f.at for f in await db.read(history.facts, "UK") if f.source == "approval")
    between = Fact(scope="UK", level="LOW", at=first + (second - first) / 2, source="import")
    after = Fact(scope="UK", level="LOW", at=second + timedelta(days=1), source="import")
    before = Fact(scope="UK", level="SUBSTANTIAL", at=first - timedelta(hours=1), source="import")
    taken, left_out = await db.write(past_levels.import_facts, [between, after, before], TODAY)
    assert (taken, left_out) == (1, [between, after])
    held = await db.read(history.present, "UK")
    assert held is not None
    assert (held.level, held.source) == ("CRITICAL", "approval")
    assert [f.level for f in await db.read(history.facts, "UK")] == [
        "LOW",
        "SEVERE",
        "MODERATE",
        "SUBSTANTIAL",
        "SEVERE",
        "CRITICAL",
    ]


async def test_facts_known_to_the_moment_may_lie_on_one_day_and_are_recorded_once(
    db: Database,
) -> None:
    noon = datetime(2025, 5, 1, 12, tzinfo=UTC)
    facts = [
        Fact(scope="UK", level="LOW", at=noon, source="import"),
        Fact(scope="UK", level="SEVERE", at=noon + timedelta(hours=1), source="import"),
    ]
    assert await db.write(past_levels.import_facts, facts, TODAY) == (2, [])
    assert await db.write(past_levels.import_facts, facts, TODAY) == (0, [])
    at_noon = await db.read(history.present, "UK", noon)
    assert at_noon is not None
    assert at_noon.level == "LOW"
    assert await db.read(history.present, "UK", noon - timedelta(seconds=1)) is None


def the_tree() -> AreaTree:
    rows = (
        ("E92000001", "country", ""),
        ("E12000007", "region", "E92000001"),
        ("E09000033", "borough", "E12000007"),
        ("E09000001", "borough", "E12000007"),
    )
    return AreaTree.of(
        AreaRecord(code=code, name=code, level=level, parent=parent, geometry=None)
        for code, level, parent in rows
    )


async def test_the_level_in_effect_at_a_place_is_the_highest_and_names_each_of_its_scopes(
    db: Database,
) -> None:
    tree = the_tree()
    rows = [
        row("2020-01-01", "SUBSTANTIAL"),
        row("2021-01-01", "SEVERE", "E12000007"),
        row("2022-01-01", "SEVERE", "E09000033"),
        row("2023-01-01", "CRITICAL", "community:griffin"),
        row("2024-01-01", "CRITICAL", "sector:transport"),
    ]
    await db.write(history.import_rows, rows, TODAY)

    async def at(code: str, **more: Any) -> tuple[str, str | None, list[str]]:
        found = (
            await db.read(
                lambda conn: history.effective(conn, tree, code, TODAY, past=True, **more)
            )
        ).to_json()
        return found["level"], found["since"][:10], found["from"]

    assert await at("E09000033") == ("SEVERE", "2021-01-01", ["E09000033", "E12000007"])
    assert await at("E09000001") == ("SEVERE", "2021-01-01", ["E12000007"])
    assert await at("E92000001") == ("SUBSTANTIAL", "2020-01-01", ["UK"])
    assert await at("E09000033", communities=["Griffin "]) == (
        "CRITICAL",
        "2023-01-01",
        ["community:griffin"],
    )
    assert await at("E92000001", sectors=["Transport"], communities=["griffin"]) == (
        "CRITICAL",
        "2023-01-01",
        ["sector:transport", "community:griffin"],
    )
    assert await at("E92000001", sectors=["banking"]) == ("SUBSTANTIAL", "2020-01-01", ["UK"])
    with pytest.raises(Rejected) as refused:
        await db.read(history.effective, tree, "E99999999", TODAY)
    assert refused.value.problems[0].code == "area_unknown"


async def test_since_is_when_the_highest_level_became_what_it_is_not_when_its_scope_was_set(
    db: Database,
) -> None:
    rows = [
        row("2020-01-01", "SEVERE", "E12000007"),
        row("2021-01-01", "CRITICAL"),
        row("2022-01-01", "LOW"),
    ]
    await db.write(history.import_rows, rows, TODAY)
    found = await db.read(history.effective, the_tree(), "E09000033", TODAY, past=True)
    assert (found.level, found.since, found.came_from) == (
        Level.SEVERE,
        datetime(2022, 1, 1, tzinfo=UTC),
        ("E12000007",),
    )


async def test_the_effective_level_of_random_histories_equals_asking_every_scope_by_itself(
    db: Database,
) -> None:
    tree, chance = the_tree(), random.Random(5)
    scopes = ("UK", "E92000001", "E12000007", "E09000033")
    rows = [
        row(f"20{y:02d}-0{chance.randint(1, 9)}-01", chance.choice(LEVELS), scope)
        for scope in scopes[1:]
        for y in range(6, 26)
    ]
    await db.write(history.import_rows, rows, TODAY)
    for _ in range(100):
        at = datetime(2006, 1, 1, tzinfo=UTC) + timedelta(days=chance.random() * 7300)
        held = {
            s: level
            for s in ("UK", "E09000033", "E12000007", "E92000001")
            if (level := naive(rows, s, at)) is not None
        }
        found = await db.read(history.effective, tree, "E09000033", at, past=True)
        highest = max(held.values(), key=lambda level: LEVELS.index(Level(level)), default=None)
        assert (found.level, found.came_from) == (
            highest,
            tuple(s for s, level in held.items() if level == highest),
        )
        if found.since is not None:
            earlier = await db.read(
                history.effective,
                tree,
                "E09000033",
                found.since - timedelta(seconds=1),
                past=True,
            )
            assert earlier.level is not found.level


async def test_a_community_s_level_is_told_only_where_it_was_asked_for(db: Database) -> None:
    world = await World.make(db)
    await approved(world, "CRITICAL", "community:griffin", areas=("E09000033",))
    now = datetime.now(UTC)
    assert [s.scope for s in await db.read(history.show, now)] == ["UK"]
    assert await db.read(history.changes) == []
    (named,) = await db.read(history.show, now, "community: Griffin")
    assert named.level is Level.CRITICAL
    assert [
        s.scope for s in await db.read(lambda conn: history.show(conn, now, confidential=True))
    ] == ["UK", "community:griffin"]
    assert len(await db.read(history.changes, "community:griffin")) == 1


async def test_an_exercise_never_moves_the_public_level(db: Database) -> None:
    world = await World.make(db)
    await approved(world, "CRITICAL", status="Exercise")
    assert await db.read(history.present, "UK") is None
