"""Contact points that bounce, several of a kind, and what the index and the claim make of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from broadcast.store.database import Connection, Database
from subscribers.contact import order
from subscribers.index import RegistryIndex
from subscribers.registry import acts, importing, reached, showing
from tests.subscribers.test_index import sent
from tests.subscribers.worlds import a_rule, person

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
MAIL = {"email": "ada@example.org", "channels": "email"}


async def ada(db: Database, **more: Any) -> int:
    await db.write(importing.import_records, [person("ada", **(MAIL | more))], "test", NOON)
    found = await db.read(showing.id_of, "ada")
    assert found is not None
    return found


async def points(db: Database, who: int) -> list[tuple[str, int, str, bool]]:
    return [
        (p.kind, p.place, p.address, p.bounced_at is not None)
        for p in await db.read(order.of_person, who)
    ]


async def add(db: Database, who: int, kind: str, address: str) -> None:
    """Add an address as one that is proven by its code: the first from now on."""

    def do(conn: Connection) -> None:
        order.make_room(conn, who, kind, address)
        cells = showing.show(conn, who)
        assert cells is not None
        mine = {"channels": ";".join(cells["channels"])}
        mine |= {k: cells[k] for k in ("email", "mobile", "phone")} | {kind: address}
        importing.import_records(conn, [person("ada", **mine)], "test", LATER)

    await db.write(do)


async def outcome(db: Database, who: int) -> str:
    index = await db.read(RegistryIndex.load)
    return sent(index, a_rule(), {"ada": who})["ada"]


async def test_an_address_that_bounced_is_used_by_nobody_until_it_is_trusted_again(
    db: Database,
) -> None:
    who = await ada(db, mobile=None)
    assert await outcome(db, who) == "email en"
    kind = await db.write(acts.bounced, who, "email", LATER, "550 5.1.1", LATER)
    assert kind == "email"
    assert await outcome(db, who) == "no_channel"
    contact = (await db.read(reached.contacts, [who], "email"))[who]
    assert reached.reason_not_to_send(contact) == "no_channel"
    known = await db.read(showing.show, who)
    assert known is not None
    [told] = known["contact_points"]
    assert (told["bounced_at"], told["bounced_code"]) == (LATER.isoformat(), "550 5.1.1")
    assert known["email"] == "ada@example.org"
    assert await db.write(acts.trust, who, "email", LATER)
    assert not await db.write(acts.trust, who, "email", LATER)
    assert await outcome(db, who) == "email en"


async def test_what_was_claimed_before_an_address_was_in_use_says_nothing_against_it(
    db: Database,
) -> None:
    who = await ada(db)
    early = NOON - timedelta(seconds=1)
    assert await db.write(acts.bounced, who, "email", early, "x", LATER) is None
    assert await db.write(acts.bounced, who, "email", NOON, "x", LATER) == "email"
    # the same evidence again marks nothing, and once it is trusted again neither
    assert await db.write(acts.bounced, who, "email", NOON, "x", LATER) is None
    await db.write(acts.trust, who, "email", LATER)
    assert await db.write(acts.bounced, who, "email", NOON, "x", LATER) is None


async def test_a_call_that_bounced_at_the_landline_goes_to_the_mobile_and_marks_that_once_only(
    db: Database,
) -> None:
    who = await ada(db, phone="+442079460001", channels="voice")
    assert await db.write(acts.bounced, who, "voice", NOON, "21211", LATER) == "phone"
    contact = (await db.read(reached.contacts, [who], "voice"))[who]
    assert contact.address == "+447700900001"
    assert await outcome(db, who) == "voice en"
    # the evidence of that very call is read again: it is not held against the mobile
    assert await db.write(acts.bounced, who, "voice", NOON, "21211", LATER) is None
    again = LATER + timedelta(minutes=1)
    assert await db.write(acts.bounced, who, "voice", again, "21211", again) == "mobile"
    assert await outcome(db, who) == "no_channel"


async def test_another_address_of_the_kind_stands_in_and_a_file_does_not_bring_the_dead_back(
    db: Database,
) -> None:
    who = await ada(db, mobile=None)
    await add(db, who, "email", "new@example.org")
    assert await points(db, who) == [
        ("email", 0, "new@example.org", False),
        ("email", 1, "ada@example.org", False),
    ]
    later = LATER + timedelta(minutes=1)
    assert await db.write(acts.bounced, who, "email", later, "550 5.1.1", later) == "email"
    assert await points(db, who) == [
        ("email", 0, "ada@example.org", False),
        ("email", 1, "new@example.org", True),
    ]
    assert await outcome(db, who) == "email en"
    file = [person("ada", email="new@example.org", mobile=None, channels="email")]
    counts = await db.write(importing.import_records, file, "test", later)
    assert (counts.updated, counts.unchanged) == (0, 1)
    assert (await points(db, who))[0][2] == "ada@example.org"
    more = later + timedelta(minutes=1)
    assert await db.write(acts.bounced, who, "email", more, "550 5.1.1", more) == "email"
    assert await outcome(db, who) == "no_channel"
    # a file that names what bounced, with another language, changes the language alone
    first = (await points(db, who))[0][2]
    file = [person("ada", email=first, mobile=None, channels="email", language="pl")]
    assert (await db.write(importing.import_records, file, "test", more)).updated == 1
    assert await outcome(db, who) == "no_channel"


async def test_addresses_are_put_in_order_and_taken_away_and_the_first_stays(db: Database) -> None:
    who = await ada(db)
    for name in ("b", "c", "d"):
        await add(db, who, "email", f"{name}@example.org")
    assert [p[2][0] for p in await points(db, who) if p[0] == "email"] == ["d", "c", "b"]
    await add(db, who, "email", "b@example.org")  # known: it comes first, and stands there once
    assert [p[2][0] for p in await points(db, who) if p[0] == "email"] == ["b", "d", "c"]
    assert await db.write(acts.reorder, who, "email", 2, LATER)
    assert [p[2][0] for p in await points(db, who) if p[0] == "email"] == ["c", "b", "d"]
    assert not await db.write(acts.reorder, who, "email", 3, LATER)
    taken = await db.write(lambda c: acts.reorder(c, who, "email", 1, LATER, remove=True))
    assert taken
    assert [p[2][0] for p in await points(db, who) if p[0] == "email"] == ["c", "d"]
    assert not await db.write(lambda c: acts.reorder(c, who, "email", 0, LATER, remove=True))
    contact = (await db.read(reached.contacts, [who], "email"))[who]
    assert contact.address == "c@example.org"


async def test_who_answers_from_an_address_that_is_not_used_is_known_all_the_same(
    db: Database,
) -> None:
    who = await ada(db)
    await add(db, who, "mobile", "+447700900002")
    assert await db.read(reached.persons_with_address, "sms", "+447700900001") == [who]
    await db.write(acts.bounced, who, "sms", LATER, "30005", LATER)
    assert await db.read(reached.persons_with_address, "sms", "+447700900002") == [who]


async def test_a_point_says_since_when_everything_that_uses_it_is_stopped(db: Database) -> None:
    who = await ada(db, channels="sms;voice;email")

    async def out() -> list[str]:
        known = await db.read(showing.show, who)
        assert known is not None
        return [p["kind"] for p in known["contact_points"] if p["opted_out_at"]]

    await db.write(acts.stop, [who], "sms", "sms_reply", LATER)
    assert await out() == []  # calls go there still
    await db.write(acts.stop, [who], "voice", "operator", LATER)
    assert await out() == ["mobile"]
    await db.write(acts.start, [who], "sms", "sms_reply", LATER)
    assert await out() == []
    await db.write(acts.stop, [who], "email", "unsubscribe", LATER)
    assert await out() == ["email"]


async def test_an_erased_person_s_other_addresses_are_forgotten_and_keep_them_out_too(
    db: Database,
) -> None:
    who = await ada(db, mobile=None)
    await add(db, who, "email", "new@example.org")
    await db.write(acts.erase, who, LATER)
    assert await points(db, who) == []
    for address in ("ada@example.org", "new@example.org"):
        back = [person("other", email=address, mobile=None, channels="email")]
        counts = await db.write(importing.import_records, back, "test", LATER)
        assert counts.erased == 1, address
