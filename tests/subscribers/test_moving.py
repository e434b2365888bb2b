"""The whole registry as one sealed file: everybody is who they were in the next installation, stops
and confirmations too, whichever database it has; what is not whole brings nobody.
"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, update

from broadcast.content.model import Audience
from broadcast.files import sealed_file
from broadcast.groups import registered
from broadcast.groups.files import named
from broadcast.problems import Rejected
from broadcast.store.database import Database
from config.contact_keys import ContactKeys
from migrations.tables import metadata
from service.setup import erasures
from subscribers.contact import order, points
from subscribers.contact.keys import OPTION, KeyRing
from subscribers.index.registry_index import RegistryIndex
from subscribers.index.rule import Rule
from subscribers.organisations import rows
from subscribers.organisations.record import OrganisationRecord
from subscribers.registry import acts, importing, moving, reached, showing
from subscribers.registry.tables import consent, subscriber
from subscribers.same_person import joined
from tests.subscribers.test_registry import person

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
PEOPLE = 24
PRIVATE = sealed_file.new_private()


def number(n: int) -> str:
    return f"+4477009{n:05d}"


def known(n: int) -> Any:
    return person(
        f"p{n}",
        name=f"Ada {n}",
        kind="business" if n % 7 == 0 else "resident",
        mobile=number(n),
        email=f"ada{n}@example.org" if n % 3 else None,
        phone=number(500 + n) if n % 5 == 0 else None,
        language=("en", "cy", "pl")[n % 3],
        lat=51.5 + n / 1000,
        lon=-0.1,
        communities="Chinese community" if n % 6 == 0 else "",
        channels=("sms;email", "sms", "voice;sms")[n % 3],
        places="work 51.6,-0.2;school E09000033" if n % 8 == 0 else "",
        quiet_hours="22:00-07:00 Europe/London" if n % 4 == 0 else "",
        providers_off="Camden Council" if n % 4 == 1 else "",
    )


def lived_in(conn: Connection) -> None:
    """Fill a registry with people to whom things happened."""
    registered.register(conn, [named("provider", "Camden Council", {})], NOON)
    everybody = [known(n) for n in range(1, PEOPLE + 1)]
    importing.import_records(conn, everybody, "consent, form of 3 May", NOON)
    later = NOON + timedelta(days=1)
    again = [known(2)._replace(channels="sms", topics="incident")]
    importing.import_records(conn, again, "consent, changed", later, source="page", wording="1")
    acts.stop(conn, [3, 4], "sms", "sms_reply", later)
    acts.stop(conn, [5], "voice", "operator", later)
    acts.start(conn, [4], "sms", "sms_reply", later + timedelta(hours=1))
    points.prove(conn, 1, "sms", number(1), "code", later)
    order.make_room(conn, 1, "mobile", number(901))
    importing.import_records(
        conn, [known(1)._replace(mobile=number(901))], "consent, changed", later, source="page"
    )
    acts.bounced(conn, 8, "email", later + timedelta(days=1), "5.1.1", later)
    joined.join(conn, [6, 7], "operator", later)
    organisations = [
        OrganisationRecord("o-1", "The Bell", "I", "small", "E09000033", ("p2", "p9")),
        OrganisationRecord("o-2", "The Refuge", "Q", "micro", "", ("p3",), passes_on=True),
    ]
    rows.save(conn, organisations, later)
    acts.erase(conn, 9, later)
    acts.erase(conn, PEOPLE, later)  # the highest number: it is never used again


def as_it_stands(conn: Connection) -> dict[str, Any]:
    """Return all that is asked of a registry, and whom a message reaches."""
    rule = Rule(
        topic="incident",
        severity_rank=2,
        status="Actual",
        channels=("sms", "voice", "email"),
        configured=frozenset({"sms", "voice", "email"}),
        languages=("en", "pl"),
        audience=Audience(),
        everybody=True,
        at=datetime(2026, 11, 25, 23, tzinfo=UTC),
        expires=datetime(2026, 11, 27, tzinfo=UTC),
    )
    people = range(1, PEOPLE + 1)
    return {
        "audience": RegistryIndex.load(conn).match(rule),
        "at school": RegistryIndex.load(conn).match(
            replace(rule, everybody=False, targets=frozenset({"E09000033"}))
        ),
        "at work": RegistryIndex.load(conn).match(
            replace(rule, audience=Audience(trades=("I", "Q"), sizes=("small",)))
        ),
        "of a provider": RegistryIndex.load(conn).match(replace(rule, provider="camden council")),
        "organisations": rows.page(conn, 0, 10),
        "shown": [showing.show(conn, n) for n in people],
        "points": [order.of_person(conn, n) for n in people],
        "joined": joined.joined_with(conn, 6),
        "proved": points.who_proved(conn, "sms", number(1)),
        "found": [reached.persons_with_address(conn, "sms", number(n)) for n in people],
        "consents": [
            tuple(row)
            for row in conn.execute(
                select(*(c for c in consent.c if c.name != "id")).order_by(consent.c.id)
            )
        ],
    }


def sealed(conn: Connection) -> bytes:
    file = io.BytesIO()
    writer = sealed_file.Writer(file, sealed_file.public_of(PRIVATE))
    for line in moving.out(conn, {}):
        writer.line(line)
    writer.close()
    return file.getvalue()


def bring(conn: Connection, file: bytes) -> dict[str, int]:
    return moving.bring(conn, sealed_file.lines(io.BytesIO(file), PRIVATE), NOON)


def people_in(conn: Connection) -> int:
    return conn.execute(select(func.count()).select_from(subscriber)).scalar_one()


@asynccontextmanager
async def new(url: str, keys: ContactKeys) -> AsyncIterator[Database]:
    db = Database(url, options={OPTION: KeyRing(keys)})
    try:
        await db.write(metadata.create_all)
        yield db
    finally:
        await db.close()


@pytest.fixture
def keys(tmp_path: Path) -> ContactKeys:
    return ContactKeys("", tmp_path / "apart" / "contact.keys")


@pytest.fixture
async def lived(db: Database, keys: ContactKeys) -> AsyncIterator[Database]:
    """A registry that was lived in, on either database."""
    async with new(db.url.render_as_string(hide_password=False), keys) as lived:
        await lived.write(lived_in)
        yield lived


@pytest.mark.postgres
async def test_from_one_database_to_the_other_and_back_everybody_is_who_they_were(
    tmp_path: Path, migrated_postgres_url: str, keys: ContactKeys
) -> None:
    keys.make()
    async with (
        new(f"sqlite:///{tmp_path}/one.db", keys) as one,
        new(migrated_postgres_url, keys) as two,
        new(f"sqlite:///{tmp_path}/three.db", keys) as three,
    ):
        await one.write(lived_in)
        before = await one.read(as_it_stands)
        assert before["shown"][2]["stopped"] == ["sms"]
        assert before["audience"].suppressed
        assert list(before["at work"].addressed) == [2, 3]
        assert list(before["of a provider"].suppressed["provider_off"]) == [1, 5, 13, 17, 21]
        assert list(before["at school"].addressed) == [2, 8, 16]  # 2 at work
        assert before["audience"].held
        there = await one.read(sealed)
        counts = await two.write(bring, there)
        assert counts["subscriber"] == PEOPLE
        assert await two.read(as_it_stands) == before
        keys.add()  # the third seals with another key than the first two
        await three.write(bring, await two.read(sealed))
        assert await three.read(as_it_stands) == before
        for db in (two, three):  # numbers go on, and who was erased stays away
            records = [known(9), known(90)]
            counted = await db.write(importing.import_records, records, "consent", NOON)
            assert (counted.erased, counted.new) == (1, 1)
            assert await db.read(showing.id_of, "p90") == PEOPLE + 1
            assert await db.read(showing.id_of, "p9") is None


async def test_nothing_stands_in_the_file_in_clear(lived: Database) -> None:
    file = await lived.read(sealed)
    for secret in (b"Ada", b"Bell", b"example.org", b"77009", b"p11", b"consent", b"subscriber"):
        assert secret not in file


async def test_into_an_installation_with_people_nothing_is_brought(lived: Database) -> None:
    before = await lived.read(as_it_stands)
    with pytest.raises(Rejected) as refused:
        await lived.write(bring, await lived.read(sealed))
    assert refused.value.problems[0].code == "registry_not_empty"
    assert await lived.read(as_it_stands) == before


def content(pieces: int) -> bytes:
    file = io.BytesIO()
    writer = sealed_file.Writer(file, sealed_file.public_of(PRIVATE))
    for n in range(pieces):
        writer.line(f"{n}" + "x" * (sealed_file.PIECE - len(f"{n}") - 1))
    writer.line("the last")
    writer.close()
    return file.getvalue()


WHOLE = content(3)
HEAD = len(WHOLE) % (sealed_file.PIECE + 16) - len("the last\n") - 16
SEALED_PIECE = sealed_file.PIECE + 16


def pieces(file: bytes) -> list[bytes]:
    return [file[HEAD:][n : n + SEALED_PIECE] for n in range(0, len(file) - HEAD, SEALED_PIECE)]


def flipped(at: int) -> bytes:
    return WHOLE[:at] + bytes([WHOLE[at] ^ 1]) + WHOLE[at + 1 :]


def swapped() -> bytes:
    a, b, *rest = pieces(WHOLE)
    return WHOLE[:HEAD] + b"".join([b, a, *rest])


BROKEN: dict[str, Callable[[], bytes]] = {
    "cut off within a piece": lambda: WHOLE[:-3],
    "cut off at a piece's end": lambda: WHOLE[: HEAD + 3 * SEALED_PIECE],
    "cut off after the head": lambda: WHOLE[:HEAD],
    "no head": lambda: WHOLE[: HEAD - 1],
    "empty": lambda: b"",
    "went on": lambda: WHOLE + b"x",
    "two pieces swapped": swapped,
    "a piece doubled": lambda: WHOLE[: HEAD + SEALED_PIECE] + WHOLE[HEAD:],
    "a piece left out": lambda: WHOLE[:HEAD] + WHOLE[HEAD + SEALED_PIECE :],
    "the head of another file": lambda: content(3)[:HEAD] + WHOLE[HEAD:],
    "pieces of another file": lambda: WHOLE[:HEAD] + content(3)[HEAD:],
}


def test_what_is_whole_is_read_as_it_was_written() -> None:
    found = list(sealed_file.lines(io.BytesIO(WHOLE), PRIVATE))
    assert [line[:1] for line in found] == ["0", "1", "2", "t"]
    assert {len(line) for line in found[:3]} == {sealed_file.PIECE - 1}
    assert len(pieces(WHOLE)) == 4


@pytest.mark.parametrize("how", BROKEN)
def test_a_file_that_is_not_as_it_was_written_is_refused(how: str) -> None:
    with pytest.raises(Rejected):
        list(sealed_file.lines(io.BytesIO(BROKEN[how]()), PRIVATE))


def test_a_bit_that_is_flipped_anywhere_is_noticed() -> None:
    inside = range(HEAD, len(WHOLE), 9973)
    for at in [*range(HEAD + 20), *inside, *range(len(WHOLE) - 30, len(WHOLE))]:
        with pytest.raises(Rejected):
            list(sealed_file.lines(io.BytesIO(flipped(at)), PRIVATE))


def test_with_another_key_it_says_which_one_is_wanted() -> None:
    other = sealed_file.new_private()
    with pytest.raises(Rejected) as refused:
        list(sealed_file.lines(io.BytesIO(WHOLE), other))
    problem = refused.value.problems[0]
    assert problem.code == "sealed_file_key"
    assert sealed_file.id_of(sealed_file.public_of(PRIVATE)) in problem.detail


async def test_a_file_that_breaks_off_leaves_an_empty_installation(
    lived: Database, tmp_path: Path, keys: ContactKeys
) -> None:
    """Also where rows were written before: the last line alone is missing, or a piece is broken."""
    lines = list(sealed_file.lines(io.BytesIO(await lived.read(sealed)), PRIVATE))
    assert "end" in json.loads(lines[-1])
    for nth, broken in enumerate((lines[:-1], lines[: len(lines) // 2], [*lines[:-2], lines[-1]])):
        async with new(f"sqlite:///{tmp_path}/{nth}.db", keys) as empty:
            with pytest.raises(Rejected) as refused:
                await empty.write(moving.bring, broken, NOON)
            assert refused.value.problems[0].code == "registry_file_wrong"
            assert await empty.read(people_in) == 0
            await empty.read(moving.check_empty)
            await empty.write(moving.bring, lines, NOON)
            assert await empty.read(people_in) == PEOPLE


async def test_a_file_of_another_version_is_refused(lived: Database, tmp_path: Path) -> None:
    first, *rest = moving_lines = list(
        sealed_file.lines(io.BytesIO(await lived.read(sealed)), PRIVATE)
    )
    assert len(moving_lines) > PEOPLE
    said = json.loads(first)
    said["columns"]["subscriber"].append("shoe_size")
    async with new(f"sqlite:///{tmp_path}/v.db", ContactKeys("", tmp_path / "k")) as empty:
        with pytest.raises(Rejected) as refused:
            await empty.write(moving.bring, [json.dumps(said), *rest], NOON)
        assert refused.value.problems[0].code == "registry_other_version"


async def test_who_was_erased_is_never_forgotten_for_want_of_a_key(
    lived: Database, tmp_path: Path
) -> None:
    file = await lived.read(sealed)
    other = ContactKeys("", tmp_path / "other.keys")
    await asyncio.to_thread(other.make)
    async with new(f"sqlite:///{tmp_path}/other.db", other) as elsewhere:
        with pytest.raises(Rejected) as refused:
            await elsewhere.write(bring, file)
        assert refused.value.problems[0].code == "contact_key_missing"
        assert await elsewhere.read(people_in) == 0


async def test_who_was_erased_stays_erased_after_a_restore_of_an_older_copy(
    db: Database, tmp_path: Path, keys: ContactKeys
) -> None:
    url = db.url.render_as_string(hide_password=False)
    async with new(f"sqlite:///{tmp_path}/one.db", keys) as one, new(url, keys) as restored:
        await one.write(lived_in)
        older = list(sealed_file.lines(io.BytesIO(await one.read(sealed)), PRIVATE))
        for gone in (2, 11):
            await one.write(acts.erase, gone, NOON + timedelta(days=3))
        marks = await one.read(lambda conn: list(erasures.listed(conn)))
        assert not [secret for secret in ("Ada", "example.org", "77009") if secret in str(marks)]
        await restored.write(moving.bring, older, NOON)
        await restored.write(lambda conn: _renamed(conn, 11))
        told = await restored.write(erasures.erase_again, "machine:test", marks, NOON)
        # 11 has another external id here: it is not known to be who was erased
        assert told["erased"] == [2]
        shown = [await restored.read(showing.show, n) for n in (1, 2, 11)]
        assert [s["erased_at"] is not None for s in shown if s] == [False, True, False]
        assert await restored.read(reached.persons_with_address, "sms", number(2)) == []
        again = await restored.write(erasures.erase_again, "machine:test", marks, NOON)
        assert again["erased"] == []
        records = [known(2), known(9)]
        counted = await restored.write(importing.import_records, records, "consent", NOON)
        assert (counted.erased, counted.new) == (2, 0)
        with pytest.raises(Rejected) as refused:
            await restored.write(erasures.erase_again, "machine:test", ['{"mark": 1}'], NOON)
        assert refused.value.problems[0].code == "erased_list_wrong"


def _renamed(conn: Connection, person: int) -> None:
    conn.execute(update(subscriber).where(subscriber.c.id == person).values(external_id="other"))


def test_every_table_that_speaks_of_people_in_the_registry_is_moved() -> None:
    """Whoever adds one has it moved too, else the next installation lacks it."""
    of_people = {table.name for table in metadata.tables.values() if "subscriber_id" in table.c} | {
        "subscriber",
        "organisation",
    }
    assert of_people == set(moving.MOVED)
