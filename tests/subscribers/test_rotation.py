"""Another key in the place of the present one: reached and found by everybody at every step, and
gone on with after a crash at any of them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyroaring import BitMap
from sqlalchemy import Connection, insert, text

from broadcast.answers.tables import answer
from broadcast.problems import Rejected
from broadcast.store.database import Database
from config.contact_keys import ContactKeys
from service.answers import keeping
from service.setup.keys import rotate
from subscribers.contact import keys, rotation
from subscribers.contact.keys import OPTION, KeyRing
from subscribers.registry import importing, reached, showing
from tests.subscribers.test_registry import person

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def number(n: int) -> str:
    return f"+4477009{n:05d}"


def url_of(db: Database) -> str:
    return db.url.render_as_string(hide_password=False)


def opened(url: str, source: ContactKeys) -> Database:
    return Database(url, options={OPTION: KeyRing(source)})


def as_it_stands(conn: Connection) -> dict[str, Any]:
    """Return all that contact points are asked for."""
    people = range(1, 100)
    everybody = BitMap(people)
    return {
        "sms": {n: c.address for n, c in reached.contacts(conn, people, "sms").items()},
        "voice": {n: c.address for n, c in reached.contacts(conn, people, "voice").items()},
        "names": [showing.cells_of(conn, n)["name"] for n in (1, 2, 3)],
        "found": [reached.persons_with_address(conn, "sms", number(n)) for n in range(1, 9)],
        "email": reached.persons_with_address(conn, "email", "ada3@example.org"),
        "shared": [sorted(g) for g in reached.shared_contacts(conn, "sms", everybody)],
        "with": [sorted(g) for g in reached.sharing(conn, "voice", BitMap([4]))],
    }


PEOPLE = [
    person(
        f"p{n}",
        name=f"Ada{n}",
        mobile=number(n if n % 4 else 4),
        email=f"ada{n}@example.org",
        phone=number(90) if n > 28 else None,
    )
    for n in range(1, 31)
]


@pytest.mark.parametrize("page", [1, 7, 1000])
async def test_at_every_step_of_a_rotation_everybody_is_reached_and_found_as_before(
    db: Database, tmp_path: Path, page: int
) -> None:
    source = ContactKeys("", tmp_path / "apart" / "contact.keys")
    ours = opened(url_of(db), source)
    running = opened(url_of(db), source)  # another process, which read its keys before
    try:
        await running.write(importing.import_records, PEOPLE, "consent", NOON)
        before = await running.read(as_it_stands)
        source.add()
        old, new = await ours.write(rotation.begin, NOON)
        assert old != new
        steps = 0
        while True:
            assert await running.read(as_it_stands) == before
            if not await ours.write(rotation.step, page):
                break
            steps += 1
            # whoever crashes here and starts again finds the rotation that is under way
            await ours.close()
            ours = opened(url_of(db), source)
            assert await ours.write(rotation.begin, NOON) == (old, new)
        assert steps >= 90 / page
        assert await ours.write(rotation.finish, NOON)
        assert await running.read(as_it_stands) == before
        while await ours.write(rotation.clean, page):
            assert await running.read(as_it_stands) == before
        # the old key is needed by nothing any more, and nothing made with it is left
        lines = source.file.read_text().splitlines()
        alone = opened(url_of(db), ContactKeys(lines[-1], source.file))
        try:
            await alone.read(keys.check)
            assert await alone.read(as_it_stands) == before
        finally:
            await alone.close()
        left = "SELECT count(*) FROM contact_point WHERE key_id = :old OR mark_0 IS NOT NULL"
        assert (
            await ours.read(lambda conn: conn.execute(text(left), {"old": old}).scalar_one()) == 0
        )
    finally:
        await ours.close()
        await running.close()


async def test_who_comes_changes_or_shares_a_number_while_keys_are_rotated_is_found_throughout(
    db: Database, tmp_path: Path
) -> None:
    source = ContactKeys("", tmp_path / "apart" / "contact.keys")
    ours, running = opened(url_of(db), source), opened(url_of(db), source)
    try:
        await running.write(importing.import_records, PEOPLE, "consent", NOON)
        source.add()
        await ours.write(rotation.begin, NOON)
        await ours.write(rotation.step, 40)
        came = [person("new", mobile=number(1)), PEOPLE[1]._replace(mobile=number(7))]
        await running.write(importing.import_records, came, "consent", NOON + timedelta(hours=1))
        for finished in (False, True):
            if finished:
                while await ours.write(rotation.step, 40):
                    pass
                assert await ours.write(rotation.finish, NOON)
            assert await running.read(reached.persons_with_address, "sms", number(1)) == [1, 31]
            assert await running.read(reached.persons_with_address, "sms", number(7)) == [2, 7]
            shared = await running.read(reached.shared_contacts, "sms", BitMap(range(1, 40)))
            assert [1, 31] in [sorted(group) for group in shared]
            assert [2, 7] in [sorted(group) for group in shared]
    finally:
        await ours.close()
        await running.close()


async def test_a_process_that_lacks_the_new_key_writes_nothing_rather_than_what_nobody_finds(
    db: Database, tmp_path: Path
) -> None:
    source = ContactKeys("", tmp_path / "apart" / "contact.keys")
    ours = opened(url_of(db), source)
    try:
        await ours.write(importing.import_records, PEOPLE, "consent", NOON)
        behind = opened(url_of(db), ContactKeys(source.file.read_text().strip(), source.file))
        source.add()
        await ours.write(rotation.begin, NOON)
        with pytest.raises(Rejected) as refused:
            await behind.write(importing.import_records, [person("x")], "consent", NOON)
        assert refused.value.problems[0].code == "contact_key_missing"
        assert (await behind.read(reached.contacts, [1], "sms"))[1].address == number(1)
        await behind.close()
    finally:
        await ours.close()


def an_answer(conn: Connection) -> None:
    facts = {"channel": "sms", "kind": "text", "digest": "d", "joined": "unsorted"}
    facts |= {"status": "Actual", "key_id": "k", "mark": keeping.mark_of(conn, number(1))}
    conn.execute(insert(answer).values(at=NOON, **facts))


async def test_the_whole_rotation_and_one_more_after_it(db: Database, tmp_path: Path) -> None:
    source = ContactKeys("", tmp_path / "apart" / "contact.keys")
    ours = opened(url_of(db), source)
    try:
        await ours.write(importing.import_records, PEOPLE, "consent", NOON)
        await ours.write(an_answer)
        before = await ours.read(as_it_stands)
        first = (await ours.read(rotation.held))[0].key_id
        for made in (2, 3):
            heard: list[int] = []
            _, new, done = await rotate(ours, source, lambda: NOON, heard.append)
            assert (done, heard[-1]) == (92, 92)
            assert len(source.file.read_text().split()) == made
            assert source.file.stat().st_mode & 0o777 == 0o600
            assert await ours.read(as_it_stands) == before
            held = await ours.read(rotation.held)
            assert [(h.state, h.sealed) for h in held if h.key_id == new] == [("active", 92)]
            assert sum(h.sealed for h in held) == 92
            # by the key of its day; the keys are of one moment here, so their order says nothing
            assert {h.key_id: h.answers for h in held if h.answers} == {first: 1}
    finally:
        await ours.close()


async def test_keys_of_a_setting_are_rotated_by_who_set_them(db: Database, tmp_path: Path) -> None:
    one, two = "ab12cd34" * 8, "fe98dc76" * 8
    ours = opened(url_of(db), ContactKeys(one, tmp_path / "none"))
    await ours.write(importing.import_records, PEOPLE, "consent", NOON)
    with pytest.raises(Rejected) as refused:
        await rotate(ours, ContactKeys(one, tmp_path / "none"), lambda: NOON, lambda _: None)
    assert (refused.value.problems[0].code, refused.value.exit_code) == ("contact_key_old", 2)
    await ours.close()
    both = ContactKeys(f"{one},{two}", tmp_path / "none")
    ours = opened(url_of(db), both)
    try:
        before = await ours.read(as_it_stands)
        await rotate(ours, both, lambda: NOON, lambda _: None)
        assert await ours.read(as_it_stands) == before
    finally:
        await ours.close()
