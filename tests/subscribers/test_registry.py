from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap
from shapely import box
from sqlalchemy import Connection, select, update

from broadcast.groups import registered as groups
from broadcast.groups.registered import Group
from broadcast.places.areas import AreaRecord
from broadcast.places.stored_areas import store_areas
from broadcast.problems import Rejected
from broadcast.store.database import Database
from subscribers.contact import points
from subscribers.people_file import writing
from subscribers.people_file.reading import read_subscribers
from subscribers.people_file.record import COLUMNS, SubscriberRecord
from subscribers.registry.acts import start, stop
from subscribers.registry.importing import ImportCounts, import_records
from subscribers.registry.mark import next_change
from subscribers.registry.placing import settle
from subscribers.registry.reached import (
    Contact,
    contacts,
    persons_with_address,
    reason_not_to_send,
    shared_contacts,
)
from subscribers.registry.showing import export, export_csv, show
from subscribers.registry.tables import subscriber
from tests.rows import registered

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


def person(external_id: str, **more: Any) -> SubscriberRecord:
    blank: dict[str, Any] = (
        dict.fromkeys(COLUMNS, "")
        | dict.fromkeys(("email", "mobile", "phone", "lat", "lon", "area"))
        | {"kind": "resident", "language": "en", "channels": "sms"}
    )
    return SubscriberRecord(**(blank | {"external_id": external_id} | more))


def ids(conn: Connection) -> dict[str, int]:
    return {
        row.external_id: row.id
        for row in conn.execute(
            select(subscriber.c.external_id, subscriber.c.id).order_by(subscriber.c.id)
        )
    }


def changes(conn: Connection) -> dict[str, int]:
    return {
        row.external_id: row.change
        for row in conn.execute(select(subscriber.c.external_id, subscriber.c.change))
    }


def erase(conn: Connection, person_id: int) -> None:
    conn.execute(
        update(subscriber)
        .where(subscriber.c.id == person_id)
        .values(erased_at=NOON, reached_by="", change=next_change(conn))
    )
    points.forget(conn, [person_id])


async def test_people_are_new_then_unchanged_then_updated_and_ids_follow_the_file(
    db: Database,
) -> None:
    people = [person(f"p{n}", mobile=f"+44770090{n:04d}") for n in range(50)]
    assert await db.write(import_records, people, "consent", NOON) == ImportCounts(
        new=50, updated=0, unchanged=0, erased=0
    )
    first = await db.read(ids)
    assert list(first) == [p.external_id for p in people]
    marks = await db.read(changes)
    assert await db.write(import_records, people, "consent", LATER) == ImportCounts(
        new=0, updated=0, unchanged=50, erased=0
    )
    assert await db.read(changes) == marks
    again = [people[3]._replace(mobile="+447700900999"), *people[10:20], person("q")]
    assert await db.write(import_records, again, "consent", LATER) == ImportCounts(
        new=1, updated=1, unchanged=10, erased=0
    )
    after = await db.read(ids)
    assert {e: after[e] for e in first} == first
    assert after["q"] > max(first.values())
    moved = await db.read(changes)
    assert [e for e in marks if moved[e] != marks[e]] == ["p3"]
    assert moved["p3"] > marks["p3"]
    assert await db.read(registered) == 51


async def test_an_import_that_fails_leaves_nothing(db: Database) -> None:
    def failing(conn: Connection) -> None:
        import_records(conn, [person("a")], "consent", NOON)
        raise RuntimeError("the power goes")

    with pytest.raises(RuntimeError):
        await db.write(failing)
    assert await db.read(registered) == 0
    assert (await db.write(import_records, [person("a")], "consent", NOON)).new == 1


async def test_consent_is_to_exactly_these_channels_and_topics_on_the_basis_named(
    db: Database,
) -> None:
    await db.write(
        import_records, [person("a", channels="sms;email", topics="incident")], "consent, May", NOON
    )
    await db.write(
        import_records, [person("a", channels="sms", topics="incident")], "consent, May", LATER
    )
    await db.write(
        import_records, [person("a", channels="sms", topics="incident")], "public task", LATER
    )
    shown = await db.read(show, "a")
    assert shown is not None
    assert shown["consented"] == ["sms"]
    assert [(c["channels"], c["basis"], c["withdrawn_at"] is None) for c in shown["consents"]] == [
        (["sms", "email"], "consent, May", False),
        (["sms"], "consent, May", False),
        (["sms"], "public task", True),
    ]
    with pytest.raises(Rejected, match="basis_missing"):
        await db.write(import_records, [person("a")], " ", NOON)


async def test_what_was_stopped_stays_stopped_through_an_import_and_may_be_started(
    db: Database,
) -> None:
    await db.write(
        import_records, [person("a", mobile="+447700900001", channels="sms;voice")], "consent", NOON
    )
    a = (await db.read(ids))["a"]
    before = await db.read(changes)
    assert await db.write(stop, [a, a, 999], "sms", "sms_reply", NOON) == [a]
    assert await db.write(stop, [a], "sms", "sms_reply", NOON) == []
    assert (await db.read(changes))["a"] > before["a"]
    await db.write(
        import_records,
        [person("a", mobile="+447700900002", channels="sms;voice")],
        "consent",
        LATER,
    )
    assert (await db.read(contacts, [a], "sms"))[a] == Contact(
        "+447700900002", stopped=True, erased=False, consented=True
    )
    assert (await db.read(contacts, [a], "voice"))[a] == Contact(
        "+447700900002", stopped=False, erased=False, consented=True
    )
    assert await db.write(start, [a], "sms", "sms_reply", LATER) == [a]
    shown = await db.read(show, a)
    assert shown is not None
    assert shown["stopped"] == []
    (kept,) = shown["stops"]
    assert kept == {
        "channel": "sms",
        "source": "sms_reply",
        "at": NOON.isoformat(),
        "lifted_at": LATER.isoformat(),
        "lifted_by": "sms_reply",
    }


async def test_an_erased_person_is_never_brought_back(db: Database) -> None:
    await db.write(
        import_records, [person("a", mobile="+447700900001"), person("b")], "consent", NOON
    )
    a = (await db.read(ids))["a"]
    await db.write(erase, a)
    assert await db.write(
        import_records, [person("a", mobile="+447700900001"), person("b")], "consent", LATER
    ) == ImportCounts(new=0, updated=0, unchanged=1, erased=1)
    contact = (await db.read(contacts, [a], "sms"))[a]
    assert reason_not_to_send(contact) == "erased"
    assert await db.read(registered) == 2
    assert "".join(await db.read(lambda conn: list(export_csv(conn)))).count("\r\n") == 2


CONTACTS = [
    (Contact("+447700900001", stopped=False, erased=False, consented=True), None),
    (Contact("+447700900001", stopped=True, erased=True, consented=False), "erased"),
    (Contact("+447700900001", stopped=True, erased=False, consented=False), "stopped"),
    (Contact("+447700900001", stopped=False, erased=False, consented=False), "no_consent"),
    (Contact(None, stopped=False, erased=False, consented=True), "no_channel"),
    (None, "erased"),
]


@pytest.mark.parametrize("contact,reason", CONTACTS)
def test_one_reason_says_why_nothing_is_handed_over(
    contact: Contact | None, reason: str | None
) -> None:
    assert reason_not_to_send(contact) == reason


async def test_a_call_goes_to_the_phone_else_to_the_mobile(db: Database) -> None:
    await db.write(
        import_records,
        [
            person("a", mobile="+447700900001", phone="+442079460001"),
            person("b", mobile="+447700900002"),
            person("c"),
        ],
        "consent",
        NOON,
    )
    known = await db.read(ids)
    found = await db.read(contacts, known.values(), "voice")
    assert [found[known[e]].address for e in "abc"] == ["+442079460001", "+447700900002", None]
    assert await db.read(persons_with_address, "voice", "+447700900002") == [known["b"]]
    assert await db.read(persons_with_address, "voice", "+447700900001") == []
    assert await db.read(persons_with_address, "sms", "+447700900001") == [known["a"]]


async def test_people_who_share_a_contact_are_found_as_groups(db: Database) -> None:
    people = [
        person(
            f"p{n}",
            mobile=f"+44770090000{n % 3}",
            email=("A@example.org" if n % 2 else "a@example.org") if n < 2 else None,
        )
        for n in range(7)
    ]
    await db.write(import_records, people, "consent", NOON)
    known = await db.read(ids)
    everybody = BitMap(known.values())
    groups = await db.read(shared_contacts, "sms", everybody)
    assert sorted(sorted(g) for g in groups) == [
        sorted(known[f"p{n}"] for n in range(k, 7, 3)) for k in range(3)
    ]
    assert await db.read(shared_contacts, "sms", BitMap([known["p0"], known["p1"]])) == []
    assert await db.read(shared_contacts, "email", everybody) == [
        BitMap([known["p0"], known["p1"]])
    ]


async def test_what_is_exported_can_be_imported_again_and_is_the_same(db: Database) -> None:
    people = [
        person(
            "'=1",
            name="'t Hooft",
            mobile="+447700900001",
            lat=51.5,
            lon=-0.00001,
            sectors="=x;food",
            communities="@y;-z",
            quiet_hours="22:00-07:00 Europe/London",
        ),
        person(
            "b",
            name='-Anna "B", Ltd',
            email="+x@example.org",
            phone="+442079460001",
            channels="voice;email",
            topics="incident;exercise",
            area="E09000033",
            minimum_severity="Severe",
            other_languages="pl;ar",
            discreet="yes",
            most_a_week="3",
            providers_off="Watch;=x",
            by_topic="incident Minor email;exercise voice>email",
            places="work E09000033;visiting 51.5,-0.00001 until 2026-12-24T18:00Z",
        ),
        person("c", kind="officer", language="pt-BR", postcode="SW1A 2AA", channels=""),
    ]
    known = [Group(kind="provider", key=name.casefold(), name=name) for name in ("Watch", "=x")]
    await db.write(groups.register, known, NOON)
    await db.write(import_records, people, "consent", NOON)
    text = "".join(await db.read(lambda conn: list(export_csv(conn))))
    result = read_subscribers(
        text.encode(), filename="out.csv", allow_trial_numbers=False, known_area=lambda _: True
    )
    assert result.problems == []
    assert result.records == people


async def test_others_have_their_turn_while_the_file_of_people_is_written(db: Database) -> None:
    """On PostgreSQL it is written on the event loop itself."""
    people = [person(f"p{n}", name="x" * 200, mobile=f"+44770090{n:04d}") for n in range(900)]
    await db.write(import_records, people, "consent", NOON)
    loop = asyncio.get_running_loop()

    def work(conn: Connection) -> list[bool]:
        pieces, turns = export_csv(conn), []
        next(pieces)
        for _ in pieces:
            turns.append(turned.wait(0 if conn.dialect.name == "postgresql" else 10))
            turned.clear()
            loop.call_soon_threadsafe(turned.set)
        return turns[1:]

    turned = threading.Event()
    turned.set()
    turns = await db.read(work)
    assert len(turns) > 1
    assert all(turns)


async def test_a_file_that_does_not_say_so_lifts_nobody_s_discreet_mode(db: Database) -> None:
    """What somebody chose for their safety stays, whatever a list of other columns says."""
    people = [person("a", discreet="yes"), person("b")]
    await db.write(import_records, people, "consent", NOON)

    async def cells() -> list[str]:
        rows = await db.read(lambda conn: list(export(conn)))
        return [row[COLUMNS.index("discreet")] for row in rows]

    again = [person("a", language="cy"), person("b", language="cy")]
    await db.write(import_records, again, "consent", LATER)
    assert await cells() == ["yes", ""]
    await db.write(import_records, [person("a", discreet="no")], "consent", LATER)
    assert await cells() == ["no", ""]


@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs", "Cf")), max_size=20))
def test_no_exported_cell_is_a_formula(value: str) -> None:
    for column in ("external_id", "name", "sectors", "email"):
        assert not writing.cell(column, value).startswith(("=", "+", "-", "@"))


async def test_ten_thousand_people_are_written_in_seconds(db: Database) -> None:
    people = [
        person(
            f"p{n}",
            mobile=f"+999{n:09d}",
            email=f"p{n}@example.org",
            lat=51.5,
            lon=-0.1,
            channels="sms;email",
        )
        for n in range(10_000)
    ]
    begin = time.perf_counter()
    assert (await db.write(import_records, people, "trial", NOON)).new == 10_000
    assert (await db.write(import_records, people, "trial", NOON)).unchanged == 10_000
    assert time.perf_counter() - begin < 20


async def test_officers_registered_before_their_area_are_settled_when_it_comes(
    db: Database,
) -> None:
    here: dict[str, Any] = {"lat": 51.5, "lon": -0.1}
    people = [
        person("a", kind="officer", **here),
        person("b", kind="partner", lat=55.0, lon=-3.0),
        person("c", **here),
    ]
    await db.write(import_records, people, "consent", NOON)
    assert await db.write(settle, NOON) == 0
    await db.write(
        store_areas,
        [
            AreaRecord(
                code="E05000001", level="ward", name="Ward", geometry=box(-0.2, 51.4, 0, 51.6)
            )
        ],
        NOON,
    )
    assert await db.write(settle, LATER) == 1
    assert await db.write(settle, LATER) == 0
    places = [await db.read(show, name) for name in ("a", "b", "c")]
    assert [p and (p["lat"], p["lon"], p["area"]) for p in places] == [
        (None, None, "E05000001"),
        (55.0, -3.0, None),
        (51.5, -0.1, None),
    ]
    assert await db.write(import_records, people, "consent", LATER) == ImportCounts(
        new=0, updated=0, unchanged=3, erased=0
    )


async def test_a_consent_keeps_where_it_was_given_and_to_which_words(db: Database) -> None:
    one = person("a", mobile="+447700900001")

    async def agreed(record: SubscriberRecord, basis: str, **more: str) -> list[tuple[Any, ...]]:
        await db.write(
            lambda conn: import_records(conn, [record], basis, NOON, **more)  # type: ignore[arg-type]
        )
        shown = await db.read(show, "a")
        assert shown is not None
        return [
            (c["source"], c["wording"], c["basis"], c["withdrawn_at"] is None)
            for c in shown["consents"]
        ]

    first = ("file", None, "form", False)
    assert await agreed(one, "form") == [(*first[:3], True)]
    page = ("page", "1", "own choice", True)
    assert await agreed(one, "own choice", source="page", wording="1") == [first, page]
    # nothing else was agreed to: no event
    assert await agreed(one, "own choice", source="page", wording="1") == [first, page]
    assert await agreed(one, "own choice", source="operator") == [first, page]
    # other words are another event
    assert await agreed(one, "own choice", source="text", wording="2") == [
        first,
        (*page[:3], False),
        ("text", "2", "own choice", True),
    ]
    with pytest.raises(ValueError, match="no such source"):
        await agreed(one, "own choice", source="rumour")


async def test_who_is_brought_in_where_everybody_said_stop_hears_nothing_there(
    db: Database,
) -> None:
    """Under another external id as well; by themselves they come as ever."""
    shared, other = "+447700900001", "+447700900002"
    first = [person("a", mobile=shared), person("b", mobile=shared), person("c", mobile=other)]
    await db.write(import_records, first, "consent", NOON)
    await db.write(stop, [1, 2], "sms", "sms_reply", NOON)
    again = [
        person("x", mobile=shared, email="x@example.org", channels="sms;email"),
        person("y", phone=shared, channels="voice"),
        person("z", mobile=other),
    ]
    counts = await db.write(import_records, again, "consent", NOON)
    assert counts.new == 3
    stopped = [(await db.read(show, n) or {})["stopped"] for n in range(1, 7)]
    assert stopped == [["sms"], ["sms"], [], ["sms"], [], []]
    [told] = (await db.read(show, 4) or {})["stops"]
    assert (told["channel"], told["source"]) == ("sms", "same_contact")
    # where one of them wants it, who comes there is sent to
    await db.write(start, [2], "sms", "sms_reply", NOON)
    more = [person("v", mobile=shared)]
    await db.write(import_records, more, "consent", NOON)
    assert (await db.read(show, 7) or {})["stopped"] == []
    await db.write(stop, [1, 2, 4, 7], "sms", "sms_reply", NOON)

    def by_themselves(conn: Connection) -> None:
        mine = [person("web-1", mobile=shared)]
        import_records(conn, mine, "consent", NOON, by_themselves=True)

    await db.write(by_themselves)
    assert (await db.read(show, 8) or {})["stopped"] == []


async def test_who_is_moved_by_a_file_to_where_everybody_said_stop_hears_nothing_there(
    db: Database,
) -> None:
    """Also where the file moves the one who said it: the number said STOP, whoever it is now."""
    said_stop, free, family = "+447700900001", "+447700900002", "+447700900003"
    first = [
        person("a", mobile=said_stop),
        person("b", mobile=free),
        person("c", mobile=family),
        person("d", mobile=family, phone=family, email="d@example.org"),
        person("e", mobile="+447700900004", phone=said_stop, channels="voice;sms"),
        person("f", mobile="+447700900005"),
    ]
    await db.write(import_records, first, "consent", NOON)
    await db.write(stop, [1, 3], "sms", "sms_reply", NOON)
    await db.write(stop, [1], "voice", "operator", NOON)
    moved = [
        person("a", mobile=free),
        person("b", mobile=said_stop),
        person("d", mobile=family, phone=family, email="dd@example.org"),  # stays where it was
        person("f", mobile=family),  # somebody there still wants it
        person("g", mobile=said_stop),
    ]
    counts = await db.write(import_records, moved, "consent", NOON)
    assert (counts.new, counts.updated) == (1, 4)
    stopped = [(await db.read(show, n) or {})["stopped"] for n in range(1, 8)]
    assert stopped == [["sms", "voice"], ["sms"], ["sms"], [], [], [], ["sms"]]
    [told] = (await db.read(show, 2) or {})["stops"]
    assert (told["channel"], told["source"]) == ("sms", "same_contact")


async def test_who_adds_a_contact_by_themselves_is_sent_to_there_whoever_stopped_it(
    db: Database,
) -> None:
    people = [person("a", mobile="+447700900001"), person("b", mobile="+447700900002")]
    await db.write(import_records, people, "consent", NOON)
    await db.write(stop, [1], "sms", "sms_reply", NOON)

    def by_code(conn: Connection) -> None:
        mine = [person("b", mobile="+447700900001")]
        import_records(conn, mine, "consent", NOON, source="page")

    await db.write(by_code)
    assert (await db.read(show, 2) or {})["stopped"] == []


async def test_of_many_who_are_brought_in_those_are_stopped_where_everybody_said_stop(
    db: Database,
) -> None:
    some = [person(f"a{n}", mobile=f"+999{n:09d}") for n in range(1, 8)]
    await db.write(import_records, some, "consent", NOON)
    await db.write(stop, [2, 5], "sms", "sms_reply", NOON)
    many = [person(f"b{n}", mobile=f"+999{n:09d}") for n in range(1, 1101)]
    assert (await db.write(import_records, many, "consent", NOON)).new == 1100

    def stopped(conn: Connection) -> list[str]:
        rows = select(subscriber.c.external_id).where(subscriber.c.stopped != "")
        return list(conn.execute(rows.order_by(subscriber.c.id)).scalars())

    assert await db.read(stopped) == ["a2", "a5", "b2", "b5"]
