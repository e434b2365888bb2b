"""Names and contact points at rest: sealed, found by their mark, and never with a key made in the
place of one that is missing.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pyroaring import BitMap
from sqlalchemy import Connection, select, text, update

from broadcast.problems import Rejected
from broadcast.store.database import Database
from config.contact_keys import ContactKeys
from subscribers.contact import keys, kinds
from subscribers.contact.keys import OPTION, Key, KeyRing
from subscribers.contact.tables import contact_key, contact_point, sealed_name
from subscribers.registry import importing, reached, showing
from tests.rows import rows
from tests.subscribers.test_registry import person

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
NUMBER, OTHER, LANDLINE = "+447700900123", "+447700900124", "+442079460001"


def opened_with(url: object, source: ContactKeys) -> Database:
    return Database(str(url), options={OPTION: KeyRing(source)})


def url_of(db: Database) -> str:
    return db.url.render_as_string(hide_password=False)


def source(folder: Path, name: str = "apart") -> ContactKeys:
    return ContactKeys("", folder / name / "contact.keys")


def read_by(conn: Connection, channel: str) -> dict[int, str | None]:
    return {n: c.address for n, c in reached.contacts(conn, range(1, 10), channel).items()}


def sealed_in(conn: Connection, table: str) -> list[tuple[bytes]]:
    return [(bytes(row.sealed),) for row in conn.execute(text(f"SELECT sealed FROM {table}"))]


async def test_no_row_of_any_table_holds_a_name_or_an_address_in_clear(db: Database) -> None:
    everything = {"name": "Ada Lovelace", "email": "ada@example.org", "phone": LANDLINE}
    await db.write(
        importing.import_records, [person("a", mobile=NUMBER, **everything)], "consent", NOON
    )

    def text_of(conn: Connection) -> str:
        tables = ("subscriber", "contact_point", "sealed_name", "contact_key", "consent", "meta")
        return repr([rows(conn, table) for table in tables])

    held = await db.read(text_of)
    for said in ("Ada", "Lovelace", "ada@", "example.org", "7700900123", "2079460001"):
        assert said not in held
    shown = await db.read(showing.show, "a")
    assert shown is not None
    assert (shown["mobile"], {k: shown[k] for k in everything}) == (NUMBER, everything)


async def test_a_call_goes_to_the_phone_else_to_the_mobile_and_a_text_to_the_mobile_alone(
    db: Database,
) -> None:
    people = [
        person("a", mobile=NUMBER, phone=LANDLINE),
        person("b", mobile=OTHER),
        person("c", phone=LANDLINE),
        person("d"),
    ]
    await db.write(importing.import_records, people, "consent", NOON)
    assert await db.read(read_by, "voice") == {1: LANDLINE, 2: OTHER, 3: LANDLINE, 4: None}
    assert await db.read(read_by, "sms") == {1: NUMBER, 2: OTHER, 3: None, 4: None}
    assert await db.read(reached.persons_with_address, "voice", LANDLINE) == [1, 3]
    assert await db.read(reached.persons_with_address, "voice", NUMBER) == []


async def test_one_number_is_the_same_as_mobile_of_one_and_phone_of_another(db: Database) -> None:
    people = [
        person("a", mobile=NUMBER),
        person("b", phone=NUMBER),
        person("c", mobile=NUMBER, phone=OTHER),
        person("d", email="Ada@example.org"),
        person("e", email="ada@EXAMPLE.org".replace("EXAMPLE", "example")),
    ]
    await db.write(importing.import_records, people, "consent", NOON)
    everybody = BitMap(range(1, 6))
    for channel, groups in (("voice", [[1, 2]]), ("sms", [[1, 3]]), ("email", [[4, 5]])):
        found = await db.read(reached.shared_contacts, channel, everybody)
        assert [sorted(group) for group in found] == groups, channel
    assert await db.read(reached.sharing, "voice", BitMap([3])) == []
    assert [sorted(g) for g in await db.read(reached.sharing, "voice", BitMap([2]))] == [[1, 2]]


async def test_what_is_sealed_opens_only_where_it_was_written(db: Database) -> None:
    people = [person("a", mobile=NUMBER), person("b", mobile=OTHER)]
    await db.write(importing.import_records, people, "consent", NOON)

    def swapped(conn: Connection) -> None:
        rows = conn.execute(select(contact_point.c.subscriber_id, contact_point.c.sealed))
        held = {row.subscriber_id: row.sealed for row in rows}
        moved = update(contact_point).where(contact_point.c.subscriber_id == 1)
        conn.execute(moved.values(sealed=held[2]))

    await db.write(swapped)
    with pytest.raises(Rejected) as refused:
        await db.read(reached.contacts, [1], "sms")
    assert refused.value.problems[0].code == "contact_unreadable"
    assert "7700900" not in str(refused.value)
    assert (await db.read(reached.contacts, [2], "sms"))[2].address == OTHER


async def test_equal_addresses_are_sealed_differently_each_time(db: Database) -> None:
    people = [person("a", name="Ada", mobile=NUMBER), person("b", name="Ada", mobile=NUMBER)]
    await db.write(importing.import_records, people, "consent", NOON)
    for table in ("contact_point", "sealed_name"):
        sealed = [row[-1] for row in await db.read(sealed_in, table)]
        assert len(set(sealed)) == 2


async def test_a_changed_address_is_found_and_what_stays_keeps_how_it_was_confirmed(
    db: Database,
) -> None:
    first = person("a", name="Ada", mobile=NUMBER, email="ada@example.org")
    await db.write(importing.import_records, [first], "consent", NOON)
    by_code = update(contact_point).values(confirmed_how="code")
    await db.write(lambda conn: conn.execute(by_code) and None)

    def how(conn: Connection) -> dict[str, tuple[str, datetime]]:
        return {
            row.kind: (row.confirmed_how, row.confirmed_at)
            for row in conn.execute(select(contact_point))
        }

    same = await db.write(importing.import_records, [first], "consent", LATER)
    assert (same.updated, same.unchanged) == (0, 1)
    moved = await db.write(
        importing.import_records, [first._replace(mobile=OTHER)], "consent", LATER
    )
    assert (moved.updated, moved.unchanged) == (1, 0)
    assert await db.read(how) == {"mobile": ("basis", LATER), "email": ("code", NOON)}
    assert await db.read(reached.persons_with_address, "sms", NUMBER) == []
    assert await db.read(reached.persons_with_address, "sms", OTHER) == [1]
    renamed = first._replace(mobile=OTHER, name="Ada King")
    assert (await db.write(importing.import_records, [renamed], "consent", LATER)).updated == 1
    assert (await db.read(showing.cells_of, 1))["name"] == "Ada King"
    nothing = first._replace(mobile=None, name="")
    assert (await db.write(importing.import_records, [nothing], "consent", LATER)).updated == 1
    assert (await db.read(showing.cells_of, 1))["name"] == ""
    assert list(await db.read(how)) == ["email"]


async def test_without_its_key_a_database_is_refused_and_no_new_key_is_made(
    db: Database, tmp_path: Path
) -> None:
    await db.write(importing.import_records, [person("a", mobile=NUMBER)], "consent", NOON)
    empty = source(tmp_path)
    other = ContactKeys("ab12cd34" * 8, empty.file)
    for lost in (empty, other):
        without = opened_with(url_of(db), lost)
        try:
            with pytest.raises(Rejected) as read:
                await without.read(reached.contacts, [1], "sms")
            with pytest.raises(Rejected) as checked:
                await without.read(keys.check)
            with pytest.raises(Rejected) as written:
                await without.write(importing.import_records, [person("b")], "consent", NOON)
        finally:
            await without.close()
        for refused in (read, checked, written):
            (problem,) = refused.value.problems
            assert (problem.code, refused.value.exit_code) == ("contact_key_missing", 2)
    assert not empty.file.exists()
    assert len(await db.read(lambda conn: rows(conn, "subscriber"))) == 1


async def test_the_first_writer_makes_the_key_and_the_second_uses_it(
    db: Database, tmp_path: Path
) -> None:
    where = source(tmp_path)
    one, other = opened_with(url_of(db), where), opened_with(url_of(db), where)
    try:
        await one.write(importing.import_records, [person("a", mobile=NUMBER)], "consent", NOON)
        made = where.file.read_text()
        assert re.fullmatch("[0-9a-f]{64}\n", made)
        assert where.file.stat().st_mode & 0o777 == 0o600
        assert where.file.parent.stat().st_mode & 0o777 == 0o700
        assert await other.read(reached.persons_with_address, "sms", NUMBER) == [1]
        await other.write(importing.import_records, [person("b", mobile=OTHER)], "consent", NOON)
        assert await one.read(read_by, "sms") == {1: NUMBER, 2: OTHER}
        assert where.file.read_text() == made
    finally:
        await one.close()
        await other.close()


def test_a_file_of_keys_that_others_can_read_or_that_holds_no_key_is_refused(
    tmp_path: Path,
) -> None:
    where = source(tmp_path)
    where.make()
    where.file.chmod(0o640)
    with pytest.raises(Rejected, match=r"contact\.keys"):
        where.read()
    where.file.chmod(0o600)
    for bad in ("abc", "0" * 64, "g" * 64, "ab12cd34" * 9):
        where.file.write_text(f"# ours\n{bad}\n")
        with pytest.raises(Rejected) as refused:
            where.read()
        assert bad not in str(refused.value)


def test_a_new_kind_is_one_line_and_the_index_knows_it_by_its_channels() -> None:
    for kind in kinds.KINDS:
        assert kinds.channels_of([kind.name]) == frozenset(kind.channels)
    assert kinds.of_channel("voice") == ("phone", "mobile")
    assert kinds.channels_of(["pigeon"]) == frozenset()


async def test_marks_of_one_key_tell_nothing_to_another(db: Database) -> None:
    del db
    one, other = Key.of(b"1" * 32), Key.of(b"2" * 32)
    assert one.mark("mobile", NUMBER) == one.mark("phone", NUMBER) != other.mark("mobile", NUMBER)
    assert one.mark("email", "A@example.org") == one.mark("email", "a@example.org")
    assert one.id != other.id
    assert (repr(one).count("1" * 8), len({t.name for t in (contact_key, sealed_name)})) == (0, 2)
