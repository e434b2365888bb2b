"""Erased for good: gone from every row, left out of later files, and back only by themselves."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pyroaring import BitMap
from sqlalchemy import Connection

from broadcast.store.database import Database
from service.loops.leases import Leases
from service.loops.turns import Turns
from subscribers.index import RegistryIndex
from subscribers.registry import acts, importing, reached, showing
from subscribers.registry.importing import ImportCounts
from tests import schema
from tests.keys import database as open_database
from tests.rows import rows
from tests.subscribers.test_registry import person
from tests.subscribers.worlds import a_rule

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
NUMBER, OTHER = "+447700900123", "+447700900124"
ADA = person(
    "ada-lovelace",
    name="Ada Lovelace",
    mobile=NUMBER,
    email="ada@example.org",
    postcode="SW1A 1AA",
    lat=51.501,
    lon=-0.1416,
    sectors="mathematics",
    channels="sms;email",
)
TABLES = ("subscriber", "contact_point", "sealed_name", "erased_mark", "consent", "stop")


def left_of(conn: Connection) -> str:
    return repr([rows(conn, table) for table in TABLES])


async def test_of_who_is_erased_nothing_is_left_but_their_number(db: Database) -> None:
    await db.write(importing.import_records, [ADA, person("b", mobile=OTHER)], "consent", NOON)
    await db.write(acts.stop, [1], "email", "unsubscribe", NOON)
    index = await db.read(RegistryIndex.load)
    assert await db.write(acts.erase, 1, LATER)
    assert not await db.write(acts.erase, 1, LATER)
    assert not await db.write(acts.erase, 9, LATER)
    held = await db.read(left_of)
    for said in ("ada-", "Lovelace", "SW1A", "51.501", "mathematics", "7700900123"):
        assert said not in held, said
    shown = await db.read(showing.show, 1)
    assert shown is not None
    assert (shown["external_id"], shown["erased_at"]) == ("erased:1", LATER.isoformat())
    assert shown["consents"][0]["withdrawn_at"] == LATER.isoformat()
    assert [s["channel"] for s in shown["stops"]] == ["email"]
    contacts = await db.read(reached.contacts, [1, 2], "sms")
    assert reached.reason_not_to_send(contacts[1]) == "erased"
    assert (contacts[1].address, contacts[2].address) == (None, OTHER)
    assert await db.read(reached.persons_with_address, "sms", NUMBER) == []
    await db.read(index.catch_up)
    assert len(index) == 2
    frozen = index.match(a_rule())
    assert sorted(frozen.suppressed.get("erased", [])) in ([], [1])
    assert 1 not in BitMap().union(*frozen.send.values())
    assert await db.read(reached.shared_contacts, "sms", BitMap([1, 2])) == []


async def test_what_a_kill_left_of_who_was_erased_is_cleared_by_who_comes_next(
    tmp_path: Path,
) -> None:
    """Killed between the commit of an erasure and the clearing of SQLite's side file."""
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    killed = open_database(schema.sqlite_at(before / "x.db"))
    await killed.write(importing.import_records, [ADA], "consent", NOON)
    assert await killed.write(acts.erase, 1, LATER)
    shutil.copytree(before, after)  # as kill -9 leaves it: nobody closed it
    await killed.close()

    def left() -> list[bool]:
        files = [path.read_bytes() for path in sorted(after.iterdir())]
        return [any(said in data for data in files) for said in (b"SW1A 1AA", b"ada-lovelace")]

    assert left() == [True, True]
    db = open_database(f"sqlite:///{after / 'x.db'}")
    await Leases(db, lambda _: frozenset(), Turns()).expire()
    assert left() == [False, False]
    assert not db.scrub_due
    await db.close()


async def test_a_reader_who_is_in_the_way_of_the_clearing_does_not_hold_up_the_sweep(
    tmp_path: Path,
) -> None:
    db = open_database(schema.sqlite_at(tmp_path / "x.db"))
    await db.write(importing.import_records, [ADA], "consent", NOON)
    clear, tried = db._truncate, []

    def clearing() -> bool:
        tried.append(clear())
        return tried[-1]

    db._truncate = clearing  # type: ignore[method-assign]
    leases = Leases(db, lambda _: frozenset(), Turns())
    with closing(sqlite3.connect(tmp_path / "x.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM subscriber").fetchone()
        await db.write(acts.erase, 1, LATER)
        await leases.expire()
        assert (tried, db.scrub_due) == ([False], True)
        reader.execute("COMMIT")
    await leases.forget()
    assert (tried, db.scrub_due) == ([False, True], False)
    await db.close()


async def test_a_later_file_brings_nobody_back_and_says_so(db: Database) -> None:
    everybody = [ADA, person("b", mobile=OTHER)]
    await db.write(importing.import_records, everybody, "consent", NOON)
    await db.write(acts.erase, 1, NOON)
    again = await db.write(importing.import_records, everybody, "consent", LATER)
    assert again == ImportCounts(new=0, updated=0, unchanged=1, erased=1)
    # by another name, and spelt otherwise
    renamed = ADA._replace(external_id="x-1", email="ADA@example.org", name="A. L.")
    found = await db.write(importing.import_records, [renamed], "consent", LATER)
    assert found == ImportCounts(new=0, updated=0, unchanged=0, erased=1)
    by_name = person("ada-lovelace", mobile="+447700900555")
    assert (await db.write(importing.import_records, [by_name], "consent", LATER)).erased == 1
    assert await db.read(reached.persons_with_address, "sms", NUMBER) == []


async def test_who_shares_a_number_with_somebody_erased_is_kept_and_may_come(db: Database) -> None:
    spouse = person("spouse", mobile=NUMBER)
    await db.write(importing.import_records, [ADA, spouse], "consent", NOON)
    await db.write(acts.erase, 1, NOON)
    same = await db.write(importing.import_records, [spouse], "consent", LATER)
    assert same == ImportCounts(new=0, updated=0, unchanged=1, erased=0)
    assert await db.read(reached.persons_with_address, "sms", NUMBER) == [2]
    child = person("child", mobile=NUMBER, email="child@example.org")
    assert (await db.write(importing.import_records, [child], "consent", LATER)).new == 1


async def test_nobody_is_sent_to_where_somebody_erased_was_reached_whoever_a_file_puts_there(
    db: Database,
) -> None:
    """A list of somebody else's knows them by another id, and by a contact that they never gave."""
    mine = person("web-1", mobile=NUMBER)
    await db.write(importing.import_records, [mine, person("b", mobile=OTHER)], "consent", NOON)
    await db.write(acts.erase, 1, NOON)
    theirs = person("r-1", mobile=NUMBER, email="ada@example.org", channels="sms;email")
    moved = person("b", mobile=OTHER, phone=NUMBER, channels="sms;voice")
    found = await db.write(importing.import_records, [theirs, moved], "consent", LATER)
    assert (found.new, found.updated, found.erased) == (1, 1, 0)
    stopped = [(await db.read(showing.show, n) or {})["stopped"] for n in (2, 3)]
    assert stopped == [["voice"], ["sms", "voice"]]
    told = (await db.read(showing.show, 3) or {})["stops"]
    assert {stop["source"] for stop in told} == {"same_contact"}
    # the number was there before: a file that names it once more stops nobody
    await db.write(acts.start, [2, 3], "voice", "operator", LATER)
    renamed = moved._replace(name="B")
    await db.write(importing.import_records, [theirs, renamed], "consent", LATER)
    assert (await db.read(showing.show, 2) or {})["stopped"] == []
    # somebody is there who wants it
    child = person("child", phone=NUMBER, email="child@example.org", channels="voice;email")
    await db.write(importing.import_records, [child], "consent", LATER)
    assert (await db.read(showing.show, 4) or {})["stopped"] == []


async def test_who_registers_again_by_themselves_is_back_with_another_number(db: Database) -> None:
    await db.write(importing.import_records, [ADA], "consent", NOON)
    await db.write(acts.erase, 1, NOON)
    back = person("web-1", mobile=NUMBER)

    def register(conn: Connection) -> ImportCounts:
        return importing.import_records(conn, [back], "signed up", LATER, by_themselves=True)

    assert (await db.write(register)).new == 1
    assert await db.read(reached.persons_with_address, "sms", NUMBER) == [2]
    assert (await db.write(importing.import_records, [back], "consent", LATER)).unchanged == 1
    # what they did not bring back stays away
    by_mail = person("x-2", email="ada@example.org", channels="email")
    assert (await db.write(importing.import_records, [by_mail], "consent", LATER)).erased == 1
