"""The matching index: who stands on which line, and how it follows the registry."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import pytest
from pyroaring import BitMap
from shapely.geometry import Point, box
from sqlalchemy import Connection, delete, select, update

from broadcast.content.model import (
    Audience,
    Circle,
)
from broadcast.levels.scales import name_key
from broadcast.store.database import Database, metadata
from subscribers.audience import reasons
from subscribers.index import (
    IndexIncomplete,
    RegistryIndex,
    Rule,
    language_for,
    shard_of,
    topic_of,
)
from subscribers.people_file.record import SubscriberRecord
from subscribers.places.tables import subscriber_place
from subscribers.registry.acts import erase as remove
from subscribers.registry.acts import start, stop
from subscribers.registry.importing import import_records
from subscribers.registry.mark import next_change
from subscribers.registry.tables import subscriber
from tests.keys import database as open_database
from tests.subscribers.worlds import NOON, a_rule, person


async def index_of(
    db: Database, people: Sequence[SubscriberRecord]
) -> tuple[RegistryIndex, dict[str, int]]:
    await db.write(import_records, people, "test", NOON)
    return await db.read(RegistryIndex.load), await db.read(ids)


def ids(conn: Connection) -> dict[str, int]:
    return {
        row.external_id: row.id
        for row in conn.execute(select(subscriber.c.external_id, subscriber.c.id))
    }


def erase(conn: Connection, person_id: int) -> None:
    conn.execute(
        update(subscriber)
        .where(subscriber.c.id == person_id)
        .values(erased_at=NOON, reached_by="", change=next_change(conn))
    )


def sent(index: RegistryIndex, rule: Rule, known: dict[str, int]) -> dict[str, str]:
    frozen = index.match(rule)
    names = {number: name for name, number in known.items()}
    lines = {
        names[n]: f"{order} {language}"
        for (order, language), members in frozen.send.items()
        for n in members
    }
    lines |= {names[n]: reason for reason, members in frozen.suppressed.items() for n in members}
    assert sorted(lines) == sorted(names[n] for n in frozen.addressed)
    return lines


PEOPLE: dict[str, tuple[dict[str, Any], str]] = {
    "plain": ({}, "sms en"),
    "two": ({"email": "a@example.org", "channels": "email;sms"}, "email>sms en"),
    "call": ({"mobile": None, "phone": "+442079460001", "channels": "voice"}, "voice en"),
    "call_mobile": ({"channels": "voice"}, "voice en"),
    "polish": ({"language": "pl"}, "sms pl"),
    "also_polish": ({"language": "cy", "other_languages": "ar;pl;pt"}, "sms pl"),
    "english_first": ({"language": "en", "other_languages": "pl"}, "sms en"),
    "brazil": ({"language": "pt-BR"}, "sms pt"),
    "welsh": ({"language": "cy"}, "sms en"),
    "no_number": ({"mobile": None}, "no_channel"),
    "nothing": ({"mobile": None, "channels": ""}, "no_channel"),
    "appeals": ({"topics": "appeal"}, "not_chosen"),
    "extreme": ({"minimum_severity": "Extreme"}, "below_severity"),
    "severe": ({"minimum_severity": "Severe"}, "sms en"),
    "minor": ({"minimum_severity": "Minor"}, "sms en"),
    "enrolled": ({"topics": "exercise"}, "not_chosen"),
    "both": ({"topics": "incident;exercise"}, "sms en"),
    "silent_appeals": (
        {"topics": "appeal", "minimum_severity": "Extreme", "mobile": None},
        "not_chosen",
    ),
}


async def test_each_person_has_one_line_and_the_first_reason_that_holds(db: Database) -> None:
    index, known = await index_of(db, [person(name, **more) for name, (more, _) in PEOPLE.items()])
    rule = a_rule(languages=("en", "pl", "pt"))
    assert sent(index, rule, known) == {name: line for name, (_, line) in PEOPLE.items()}


async def test_an_exercise_reaches_the_enrolled_only_whatever_else_they_chose(db: Database) -> None:
    index, known = await index_of(
        db, [person("a"), person("b", topics="exercise"), person("c", topics="appeal;exercise")]
    )
    assert sent(index, a_rule(status="Exercise"), known) == {
        "a": "not_chosen",
        "b": "sms en",
        "c": "sms en",
    }


async def test_a_channel_that_is_off_or_not_asked_for_is_no_channel_or_leaves_the_next(
    db: Database,
) -> None:
    index, known = await index_of(
        db, [person("a"), person("b", email="b@example.org", channels="sms;email")]
    )
    assert sent(index, a_rule(configured=frozenset({"email"})), known) == {
        "a": "no_channel",
        "b": "email en",
    }
    assert sent(index, a_rule(channels=("email", "web")), known) == {
        "a": "no_channel",
        "b": "email en",
    }
    assert sent(index, a_rule(channels=("web",)), known) == {"a": "no_channel", "b": "no_channel"}


async def test_stop_erasure_and_consent_are_followed(db: Database) -> None:
    index, known = await index_of(
        db,
        [
            person("a"),
            person("b", email="b@example.org", channels="sms;email"),
            person("c"),
            person("d"),
        ],
    )
    await db.write(stop, [known["a"], known["b"]], "sms", "sms_reply", NOON)
    await db.write(erase, known["c"])
    await db.write(
        lambda conn: (
            conn.execute(
                update(subscriber)
                .where(subscriber.c.id == known["d"])
                .values(consented="email", change=next_change(conn))
            )
            and None
        )
    )
    mark = index.as_of
    assert sent(index, a_rule(), known) == {
        "a": "sms en",
        "b": "sms>email en",
        "c": "sms en",
        "d": "sms en",
    }
    assert await db.read(index.catch_up) == index.as_of != mark
    assert sent(index, a_rule(), known) == {"a": "stopped", "b": "email en", "d": "no_consent"}
    assert len(index) == 4
    assert sent(index, a_rule(configured=frozenset({"sms"})), known)["b"] == "stopped"
    await db.write(start, [known["a"]], "sms", "sms_reply", NOON)
    await db.read(index.catch_up)
    assert sent(index, a_rule(), known)["a"] == "sms en"


async def test_those_reached_before_are_added_by_the_channel_that_reached_them(
    db: Database,
) -> None:
    people = [
        person("far", lat=55.0, lon=-3.0),
        person("near", lat=51.5, lon=0.0),
        person("choosy", topics="appeal", minimum_severity="Extreme"),
        person("mail", email="m@example.org", channels="email;sms"),
        person("gone"),
        person("stopped"),
        person("never", lat=55.0, lon=-3.0),
    ]
    index, known = await index_of(db, people)
    await db.write(erase, known["gone"])
    await db.write(stop, [known["stopped"]], "sms", "sms_reply", NOON)
    await db.read(index.catch_up)
    also = {"sms": BitMap(known[n] for n in ("far", "choosy", "mail", "gone", "stopped"))}
    rule = a_rule(
        everybody=False, shape=box(-0.5, 51.4, 0.5, 51.6), channels=("email",), also_reached=also
    )
    assert sent(index, rule, known) == {
        "far": "sms en",
        "near": "no_channel",
        "choosy": "sms en",
        "mail": "email>sms en",
        "gone": "erased",
        "stopped": "stopped",
    }


ADA = {"email": "a@example.org", "channels": "sms;email"}
SINGLE: dict[str, tuple[dict[str, Any], str]] = {
    "severer": ({"by_topic": "incident Extreme"}, "below_severity"),
    "of_another": ({"by_topic": "appeal Extreme email"}, "sms>email en"),
    "lower": ({"by_topic": "incident Minor", "minimum_severity": "Extreme"}, "sms>email en"),
    "all_of_it": ({"by_topic": "incident Unknown", "minimum_severity": "Extreme"}, "sms>email en"),
    "by_mail": ({"by_topic": "incident email"}, "email en"),
    "mail_first": ({"by_topic": "incident email>sms"}, "email>sms en"),
    "not_asked_for": ({"by_topic": "incident voice", "channels": "sms;voice"}, "no_channel"),
    "bounced": ({"by_topic": "incident email", "email": None}, "no_channel"),
    "not_chosen": ({"by_topic": "incident Minor", "topics": "appeal"}, "not_chosen"),
}


async def test_a_topic_has_its_own_severity_and_channels_in_the_place_of_the_usual_ones(
    db: Database,
) -> None:
    people = [person(name, **(ADA | more)) for name, (more, _) in SINGLE.items()]
    index, known = await index_of(db, people)
    rule = a_rule(channels=("sms", "email", "web"))
    assert sent(index, rule, known) == {name: line for name, (_, line) in SINGLE.items()}
    told = reasons(index, rule, known["severer"]).steps
    assert "Severe, asked for incident from Extreme" in [s.detail for s in told]
    told = reasons(index, rule, known["not_asked_for"]).steps
    assert told[-1].detail == "chosen for incident voice, the message goes by sms, email, web"
    await db.write(import_records, [person("severer", **ADA)], "test", NOON)
    await db.read(index.catch_up)
    assert sent(index, rule, known)["severer"] == "sms>email en"


async def test_a_message_for_any_of_several_places_comes_once_and_a_visit_ends_by_itself(
    db: Database,
) -> None:
    near, far_away = {"lat": 51.5, "lon": 0.0}, {"lat": 55.0, "lon": -3.0}
    until = "2026-11-21T13:00Z"
    people = [
        person("both", **near, places="work 51.51,0.01;shop A"),
        person("works", **far_away, places="work 51.5,0.0"),
        person("by_code", **far_away, places="school A"),
        person("visits", **far_away, places=f"visiting 51.5,0.0 until {until}"),
        person("nowhere", **far_away, places="work 56.0,-3.0;school B"),
        person("no_place", places="work 51.5,0.0"),
    ]
    index, known = await index_of(db, people)
    here = {"everybody": False, "shape": box(-0.5, 51.4, 0.5, 51.6), "targets": frozenset("A")}
    told = {"both", "works", "by_code", "no_place"}
    assert sent(index, a_rule(at=NOON, **here), known).keys() == told | {"visits"}
    later = a_rule(at=NOON + timedelta(hours=1), **here)
    assert sent(index, later, known).keys() == told
    assert reasons(index, later, known["visits"]).outcome == "out_of_area"
    step = next(s for s in reasons(index, later, known["works"]).steps if s.name == "area")
    assert step.detail.startswith("another place of theirs: ")
    changes = [
        person("works", **far_away),
        person("visits", **far_away, places="work A"),
        person("nowhere", **far_away, places="work 56.0,-3.0;school B;shop A"),
        person("by_code", **far_away, places="school B"),
    ]
    await db.write(import_records, changes, "test", NOON)
    await db.write(remove, known["no_place"], NOON)
    await db.read(index.catch_up)
    assert sent(index, later, known).keys() == {"both", "visits", "nowhere"}
    assert sent(await db.read(RegistryIndex.load), later, known).keys() == {
        "both",
        "visits",
        "nowhere",
    }
    kept = await db.read(lambda conn: conn.execute(select(subscriber_place)).all())
    gone = [row for row in kept if row.subscriber_id in (known["works"], known["no_place"])]
    assert [(row.lat, row.lon, row.area) for row in gone] == [(None, None, None)] * 2
    alone = await db.read(RegistryIndex.of, [known["visits"]])
    assert len(alone.match(later).addressed) == 1


QUIET: dict[str, tuple[dict[str, Any], str]] = {
    "asleep": ({}, "quiet_hours"),
    "awake": ({"quiet_hours": "12:00-13:00 America/New_York"}, "sms en"),
    "always": ({"quiet_hours": ""}, "sms en"),
    "unreadable": ({"quiet_hours": "at night"}, "sms en"),
    "elsewhere": ({"quiet_hours": "07:00-08:00 America/New_York"}, "quiet_hours"),
    "choosy": ({"topics": "appeal"}, "not_chosen"),
    "extreme": ({"minimum_severity": "Extreme"}, "below_severity"),
    "no_number": ({"mobile": None}, "quiet_hours"),
    "stopped": ({}, "stopped"),
}


SOON = NOON + timedelta(minutes=1)
"""Before any quiet hours end: whoever has them is not sent to."""


async def test_whoever_is_in_their_quiet_hours_waits_until_they_end(db: Database) -> None:
    index, known = await index_of(
        db,
        [
            person("short", quiet_hours="12:00-12:30 Europe/London"),
            person("same", quiet_hours="11:59-12:30 Europe/London"),
            person("long", quiet_hours="12:00-15:00 Europe/London"),
            person("awake"),
        ],
    )
    half, three = NOON.replace(minute=30), NOON.replace(hour=15)
    frozen = index.match(a_rule(at=NOON, expires=NOON + timedelta(hours=4)))
    assert len(frozen.addressed) == sum(len(ids) for ids in frozen.send.values()) == 4
    assert frozen.held == {
        half: BitMap([known["short"], known["same"]]),
        three: BitMap([known["long"]]),
    }
    trace = reasons(index, a_rule(at=NOON, expires=three), known["short"])
    assert [s.detail for s in trace.steps if s.name == "quiet hours"] == [
        "12:00-12:30 Europe/London: waits until 12:30 there"
    ]
    # until the very minute in which it expires is too late
    late = index.match(a_rule(at=NOON, expires=half))
    assert late.suppressed["quiet_hours"] == frozen.held[half] | frozen.held[three]
    assert not index.match(a_rule(at=NOON, expires=half, urgent=True)).held


async def test_quiet_hours_hold_back_what_can_wait_and_nothing_else(db: Database) -> None:
    index, known = await index_of(
        db,
        [
            person(name, **{"quiet_hours": "12:00-12:30 Europe/London"} | more)
            for name, (more, _) in QUIET.items()
        ],
    )
    await db.write(stop, [known["stopped"]], "sms", "sms_reply", NOON)
    await db.read(index.catch_up)
    wanted = {name: line for name, (_, line) in QUIET.items()}
    assert sent(index, a_rule(at=NOON, expires=SOON), known) == wanted
    open_to_all = dict.fromkeys(QUIET, "sms en") | {
        "choosy": "not_chosen",
        "extreme": "below_severity",
        "no_number": "no_channel",
        "stopped": "stopped",
    }
    for rule in (a_rule(), a_rule(at=NOON.replace(hour=13)), a_rule(at=NOON, urgent=True)):
        assert sent(index, rule, known) == open_to_all


async def test_who_was_reached_before_is_not_disturbed_either_unless_it_is_urgent(
    db: Database,
) -> None:
    index, known = await index_of(
        db, [person("a", quiet_hours="11:00-13:00 Europe/London", topics="appeal")]
    )
    also = {"sms": BitMap([known["a"]])}
    too_late = a_rule(at=NOON, expires=SOON, also_reached=also)
    assert sent(index, too_late, known) == {"a": "quiet_hours"}
    assert sent(index, a_rule(at=NOON, also_reached=also, urgent=True), known) == {"a": "sms en"}


async def test_quiet_hours_that_change_are_followed_and_explained(db: Database) -> None:
    index, known = await index_of(
        db, [person("a", quiet_hours="11:00-13:00 Europe/London"), person("b")]
    )
    said = [
        s.detail
        for s in reasons(index, a_rule(at=NOON, expires=SOON), known["a"]).steps
        if s.name == "quiet hours"
    ]
    within = "it is 12:00 there, which is within, and the message expires before they end"
    assert said == [f"11:00-13:00 Europe/London: {within}"]
    await db.write(
        import_records,
        [person("a"), person("b", quiet_hours="12:00-09:00 Asia/Tokyo")],
        "test",
        NOON,
    )
    await db.read(index.catch_up)
    assert sent(index, a_rule(at=NOON, expires=SOON), known) == {"a": "sms en", "b": "quiet_hours"}
    passed = [
        (s.passed, s.detail)
        for s in reasons(index, a_rule(at=NOON, urgent=True), known["b"]).steps
        if s.name == "quiet hours"
    ]
    assert passed == [(True, "12:00-09:00 Asia/Tokyo: an urgent message passes")]


async def test_a_place_decides_by_coordinates_and_an_area_where_there_are_none(
    db: Database,
) -> None:
    people = [
        person("inside", lat=51.5, lon=-0.1, area="W2"),
        person("outside", lat=51.9, lon=-0.1, area="W1"),
        person("edge", lat=51.4, lon=-0.1),
        person("coded", area="W1"),
        person("other", area="W2"),
        person("nowhere"),
        person("unmapped", lat=51.9, lon=-0.1, area="W3"),
        person("in_circle", lat=51.95, lon=0.5),
    ]
    index, known = await index_of(db, people)
    rule = a_rule(
        everybody=False,
        shape=box(-0.2, 51.4, 0, 51.6),
        targets=frozenset({"B", "W1", "W3"}),
        by_code=frozenset({"W3"}),
        circles=(Circle(latitude=51.95, longitude=0.5, radius_km=0),),
    )
    assert set(sent(index, rule, known)) == {"inside", "edge", "coded", "unmapped", "in_circle"}


async def test_sectors_and_communities_are_found_in_any_case_and_all_lists_must_fit(
    db: Database,
) -> None:
    index, known = await index_of(
        db,
        [
            person("a", kind="business", sectors="Retail;Food  Supply", communities="Irish"),
            person("b", kind="business", sectors="retail"),
            person("c", sectors="RETAIL", communities="irish"),
            person("d", communities="Cafe\u0301;Stra\u00dfe"),
        ],
    )
    for audience, who in [
        (Audience(sectors=("retail",)), "abc"),
        (Audience(sectors=("food supply",)), "a"),
        (Audience(kinds=("business",), sectors=("Retail",)), "ab"),
        (Audience(sectors=("retail",), communities=("IRISH",)), "ac"),
        (Audience(communities=("welsh",)), ""),
        (Audience(communities=("CAF\u00c9",)), "d"),
        (Audience(communities=("strasse",)), "d"),
        (Audience(communities=(name_key("Caf\u00e9"),)), "d"),
    ]:
        assert "".join(sorted(sent(index, a_rule(audience=audience), known))) == who
    await db.write(import_records, [person("a", kind="business", sectors="banking")], "test", NOON)
    await db.read(index.catch_up)
    assert (
        "".join(sorted(sent(index, a_rule(audience=Audience(sectors=("retail",))), known))) == "bc"
    )
    assert (
        "".join(sorted(sent(index, a_rule(audience=Audience(sectors=("Banking",))), known))) == "a"
    )


async def test_an_index_that_lacks_somebody_is_not_used(db: Database) -> None:
    index, known = await index_of(db, [person("a"), person("b")])
    mark = index.as_of
    await db.write(
        lambda conn: (
            conn.execute(delete(subscriber.metadata.tables["consent"]))
            and conn.execute(delete(subscriber).where(subscriber.c.id == known["a"]))
            and None
        )
    )
    with pytest.raises(IndexIncomplete, match="2 people in the index, 1 in the registry"):
        await db.read(index.catch_up)
    assert index.as_of == mark


async def test_an_empty_registry_matches_nobody_and_is_followed_from_there(db: Database) -> None:
    index = await db.read(RegistryIndex.load)
    assert not index.match(a_rule()).addressed
    await db.write(import_records, [person("a")], "test", NOON)
    await db.read(index.catch_up)
    assert len(index.match(a_rule()).addressed) == 1


@pytest.mark.postgres
async def test_somebody_whose_writer_commits_late_is_not_lost(migrated_postgres_url: str) -> None:
    db = open_database(migrated_postgres_url)
    await db.write(metadata.create_all)
    index = await db.read(RegistryIndex.load)
    slow = await asyncpg.connect(migrated_postgres_url)
    try:
        held = slow.transaction()
        await held.start()
        columns = (
            "(external_id, kind, reached_by, channels, consented, created_at, updated_at, change)"
        )
        row = (
            "('slow', 'resident', 'mobile', 'sms', 'sms', now(), now(),"
            " pg_current_xact_id()::text::bigint)"
        )
        await slow.execute(f"INSERT INTO subscriber {columns} VALUES {row}")
        await db.write(import_records, [person("quick")], "test", NOON)
        await db.read(index.catch_up)
        await db.write(import_records, [person("quicker")], "test", NOON)
        await db.read(index.catch_up)
        assert len(index) == 2
        await held.commit()
        await db.read(index.catch_up)
        assert len(index) == 3
        assert len(index.match(a_rule()).addressed) == 3
    finally:
        await slow.close()
        await db.close()


async def test_an_index_that_followed_equals_one_loaded_anew(db: Database) -> None:
    rng = np.random.default_rng(3)
    index = await db.read(RegistryIndex.load)
    for _ in range(6):
        people = [
            person(
                f"p{n}",
                sectors=f"s{rng.integers(3)}",
                language=["en", "pl", "cy"][rng.integers(3)],
                area=f"A{rng.integers(4)}",
            )
            for n in set(rng.integers(0, 60, 25).tolist())
        ]
        await db.write(import_records, people, "test", NOON)
        await db.write(stop, rng.integers(1, 40, 3).tolist(), "sms", "operator", NOON)
        await db.read(index.catch_up)
        anew = await db.read(RegistryIndex.load)
        assert len(index) == len(anew)
        assert [index.person(n) for n in range(100)] == [anew.person(n) for n in range(100)]


def test_every_person_is_in_exactly_one_shard_and_shards_are_even() -> None:
    people = np.arange(1, 200_001, dtype=np.uint32)
    shards = shard_of(people, 8)
    assert np.array_equal(shards, shard_of(people[::-1], 8)[::-1])
    counts = np.bincount(shards, minlength=8)
    assert counts.min() > 24_000
    assert shard_of(np.array([1, 2, 3, 4_000_000_000], dtype=np.uint32), 8).tolist() == [7, 6, 7, 7]


LANGUAGES = [
    ("en", ("en", "pl"), "en"),
    ("PL", ("en", "pl"), "pl"),
    ("pt-BR", ("en", "pt", "pt-BR"), "pt-BR"),
    ("pt-BR", ("en", "pt-PT", "pt"), "pt"),
    ("pt", ("en", "pt-PT"), "pt-PT"),
    ("cy", ("pl", "en"), "pl"),
]


@pytest.mark.parametrize("tag,offered,given", LANGUAGES)
def test_a_person_gets_the_exact_tag_then_the_primary_language_then_the_first(
    tag: str, offered: tuple[str, ...], given: str
) -> None:
    assert language_for(tag, offered) == given


def test_a_contingency_counts_as_incident_and_a_correction_as_its_first() -> None:
    assert topic_of("contingency") == "incident"
    assert topic_of("crime_update") == "crime_update"
    assert topic_of("correction", "appeal") == "appeal"
    with pytest.raises(ValueError, match="counts as the first"):
        topic_of("all_clear")


async def test_twenty_thousand_people_are_matched_in_milliseconds(tmp_path: Path) -> None:
    db = open_database(f"sqlite:///{tmp_path}/big.db")
    await db.write(metadata.create_all)
    people = [
        person(f"p{n}", mobile=f"+999{n:09d}", lat=51 + (n % 1000) / 1000, lon=(n % 777) / 777)
        for n in range(20_000)
    ]
    index, _ = await index_of(db, people)
    await db.close()
    begin = time.process_time()
    frozen = index.match(a_rule(everybody=False, shape=Point(0.5, 51.5).buffer(0.3, quad_segs=250)))
    assert time.process_time() - begin < 1
    assert len(frozen.addressed) == sum(
        Point(0.5, 51.5).buffer(0.3, quad_segs=250).intersects(Point(p.lon, p.lat)) for p in people
    )


async def test_an_explanation_names_the_question_that_decided(db: Database) -> None:
    index, known = await index_of(
        db,
        [
            person("a", lat=55.0, lon=-3.0),
            person("b", kind="officer"),
            person("c", topics="appeal"),
        ],
    )
    away = reasons(index, a_rule(everybody=False, shape=box(-1, 51, 0, 52)), known["a"])
    assert (away.outcome, away.steps[-1].name, away.steps[-1].passed) == (
        "out_of_area",
        "area",
        False,
    )
    kind = reasons(index, a_rule(audience=Audience(kinds=("business",))), known["b"])
    assert (kind.outcome, kind.steps[-1].detail) == (
        "out_of_audience",
        "officer is not among business",
    )
    topic = reasons(index, a_rule(), known["c"])
    assert topic.outcome == "not_chosen"
    assert "incident is not chosen" in [s.detail for s in topic.steps]
    assert reasons(index, a_rule(), 999).outcome == "unknown"
