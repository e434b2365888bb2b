"""A file of people is worked through in pieces: what comes out is what one piece would give, and
memory does not grow with the file.
"""

from __future__ import annotations

import io
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import text

from broadcast.files import csv_files
from broadcast.files.sealed_shelf import SealedShelf
from broadcast.problems import Rejected
from broadcast.store.database import Connection, Database
from migrations.tables import metadata
from service.setup import people_by_file
from subscribers.contact import points
from subscribers.people_file import people
from subscribers.people_file.people import Given
from subscribers.people_file.reading import ImportResult, read_subscribers
from subscribers.people_file.record import SubscriberRecord, Untold
from subscribers.registry.acts import erase, stop
from subscribers.registry.importing import import_people
from tests.keys import database as open_database
from tests.rows import registered
from tests.subscribers.lives.town import MACHINE
from tests.subscribers.test_registry import ids, person

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


def read(data: bytes, **more: Any) -> ImportResult:
    return read_subscribers(
        more.pop("source", data),
        filename="people.csv",
        allow_trial_numbers=False,
        known_area=lambda code: code == "E1",
        **more,
    )


def a_file(chance: random.Random, *, wrong: bool) -> bytes:
    """Return a file with people who stand there twice or thrice, and perhaps with errors."""
    lines = ["external_id,name,mobile,area,postcode,sectors,channels"]
    for _ in range(chance.randint(1, 40)):
        who = chance.choice(["a", "b", *(f"p{n}" for n in range(60))])
        mobile = chance.choice(["", f"07700 9000{chance.randint(10, 99)}"])
        if wrong and chance.random() < 0.1:
            mobile = "12"
        area, code = chance.choice(["", "E1", "E2"]), chance.choice(["", "SW1A 2AA"])
        sector = chance.choice(["", "Food", "food;Retail", "Éclair"])
        row = [who, chance.choice(["", "Ann", "Zoë"]), mobile, area, code, sector, ""]
        lines.append(",".join(row[: chance.choice([7, 7, 7, 6])] if wrong else row))
    return chance.choice(["\n", "\r\n"]).join([*lines, ""]).encode()


@pytest.mark.parametrize("seed", range(60))
def test_a_file_read_in_pieces_says_what_it_says_at_once(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = a_file(random.Random(seed), wrong=seed % 3 == 0)
    whole = read(data)
    monkeypatch.setattr(people, "PIECE", 3)
    monkeypatch.setattr(csv_files, "_PIECE", 5)
    with SealedShelf(in_memory=100) as shelf:
        pieces = read(data, source=io.BytesIO(data), shelf=shelf)
        assert pieces.records == whole.records
        assert len(pieces.people) == len(whole.records)
        assert pieces.problems == whole.problems
        assert pieces.warnings == whole.warnings
        assert pieces.merged == whole.merged
        assert pieces.untold == whole.untold
        assert pieces.people.summary == whole.people.summary
    assert bool(whole.merged) <= (len({r.external_id for r in whole.records}) == len(whole.records))


def test_who_stands_in_two_pieces_is_one_person_where_they_stood_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(people, "PIECE", 2)
    found = read(b"external_id,name,sectors\na,Ann,Food\nb,,\nc,,\nd,,\na,Zoe,Retail\na,,\n")
    assert [(r.external_id, r.name, r.sectors) for r in found.records] == [
        ("a", "Zoe", "Food;Retail"),
        *((who, "", "") for who in "bcd"),
    ]
    assert [w.line() for w in found.warnings if w.code == "merged"] == [
        f"people.csv:{line}: merged: a stood at line 2 already; the two rows are one person"
        for line in (6, 7)
    ]


@pytest.mark.parametrize(
    "data, where",
    [
        (b"external_id,name\n" + b"a,b\n" * 9 + b"c,\xff\n", "people.csv:11"),
        (b"external_id,name\n" + b"a,b\n" * 9 + b"c,\xc3", "people.csv:11"),
    ],
)
def test_an_open_file_that_ceases_to_be_text_is_refused_where_it_does(
    data: bytes, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_files, "_PIECE", 4)
    found = read(data, source=io.BytesIO(data))
    assert [(p.code, p.where) for p in found.problems] == [("bad_encoding", where)]
    assert found.records == []


def test_an_open_file_without_a_line_break_is_refused_before_it_fills_the_memory() -> None:
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1) -> bytes:
            self.given += size
            return b"external_id,name\n" if self.given == size else b"x" * size

    endless: Any = Endless()
    found = read(b"", source=endless)
    assert [p.code for p in found.problems] == ["line_too_long"]
    assert endless.given <= 4 << 20


def test_what_is_put_aside_is_sealed_and_comes_back_in_order(tmp_path: Path) -> None:
    pieces = [f"Ann {n} +447700900001".encode() * 50 for n in range(30)]
    kept = tempfile.tempdir
    tempfile.tempdir = str(tmp_path)
    try:
        with SealedShelf(in_memory=3_000) as shelf:
            for piece in pieces:
                shelf.append(piece)
            assert shelf[29] == pieces[29]
            assert list(shelf) == pieces
            file: Any = shelf._file
            file.flush()
            file.seek(0)
            on_disk = file.read()
            assert len(on_disk) > 20_000
            assert b"+4477" not in on_disk
            assert list(tmp_path.iterdir()) == []  # the file has no name
            file.seek(100)
            file.write(bytes([on_disk[100] ^ 1]))
            with pytest.raises(InvalidTag):
                list(shelf)
            with pytest.raises(IndexError):
                shelf[30]
    finally:
        tempfile.tempdir = kept


def all_of(conn: Connection) -> dict[str, Any]:
    """Return what is in the registry, contact points opened."""
    told = {
        table: sorted(tuple(r) for r in conn.execute(text(f"SELECT {columns} FROM {table}")))
        for table, columns in (
            ("subscriber", "id, external_id, reached_by, stopped, consented, sectors"),
            ("consent", "subscriber_id, channels, basis, withdrawn_at IS NULL"),
            ("stop", "subscriber_id, channel, source, lifted_at IS NULL"),
            ("community_or_sector", "kind, key, name"),
        )
    }
    known = points.known(conn, ids(conn).values())
    return {**told, "known": known}


def some_people(chance: random.Random, most: int) -> list[SubscriberRecord]:
    """Return people of a small world, in which many share a number."""
    found = {}
    for _ in range(most):
        who = f"p{chance.randint(0, 25)}"
        found[who] = person(
            who,
            name=chance.choice(["", "Ann"]),
            mobile=chance.choice([None, *(f"+44770090000{n}" for n in range(6))]),
            email=chance.choice([None, "a@example.org", "b@example.org"]),
            sectors=chance.choice(["", "food", "Food;retail"]),
            channels=chance.choice(["sms", "sms;email"]),
        )
    return list(found.values())


async def _lived(db: Database, seed: int) -> tuple[list[Any], dict[str, Any]]:
    """Let a registry live: files come in, people stop and are erased."""
    chance = random.Random(seed)
    counts = []
    for round_ in range(5):
        file = Given(some_people(chance, 20))
        at = NOON + timedelta(days=round_)
        counts.append(await db.write(import_people, file, f"basis {chance.randint(1, 2)}", at))
        here = list((await db.read(ids)).values())
        for channel in ("sms", "email"):
            silent = chance.sample(here, len(here) * 3 // 4)
            await db.write(stop, silent, channel, "operator", at)
        await db.write(erase, chance.choice(here), at)
    return counts, await db.read(all_of)


@pytest.mark.parametrize("seed", range(6))
async def test_people_stored_in_pieces_are_those_stored_at_once(
    db: Database, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a contact moves from a person of one piece to one of another, and was stopped."""
    other = open_database(f"sqlite:///{tmp_path}/other.db")
    await other.write(metadata.create_all)
    whole = await _lived(other, seed)
    await other.close()
    monkeypatch.setattr(people, "PIECE", 2)
    assert await _lived(db, seed) == whole
    assert "same_contact" in {source for _, _, source, _ in whole[1]["stop"]}


async def test_a_file_is_stored_whole_or_not_at_all_whichever_piece_fails(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "PIECE", 2)
    told: list[int] = []

    def failing(done: int) -> None:
        told.append(done)
        if done == 5:
            raise RuntimeError("the power goes")

    five = Given([person(f"p{n}", mobile="+447700900001", sectors="food") for n in range(5)])
    with pytest.raises(RuntimeError):
        await db.write(import_people, five, "consent", NOON, stored=failing)
    assert told == [2, 4, 5]
    assert await db.read(registered) == 0
    assert await db.read(lambda conn: conn.execute(text("SELECT 1 FROM contact_point")).all()) == []
    assert (await db.write(import_people, five, "consent", NOON)).new == 5
    assert (await db.write(import_people, five, "consent", NOON)).unchanged == 5


async def test_what_is_tried_leaves_nothing_and_its_transaction_goes_on(db: Database) -> None:
    found = read(b"external_id,mobile,sectors\np1,07700 900001,food\np2,07700 900002,\n")

    def twice(conn: Connection) -> list[dict[str, int]]:
        do: dict[str, Any] = {"basis": "consent", "name": "f", "now": NOON}
        tried = people_by_file.try_in(conn, MACHINE, found, **do)
        assert registered(conn) == 0
        return [tried, people_by_file.bring_in(conn, MACHINE, found, **do)]

    tried, done = await db.write(twice)
    assert tried == done
    assert (done["new"], await db.read(registered)) == (2, 2)


async def test_what_cannot_be_together_is_told_of_every_piece(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "PIECE", 2)
    officers = [person(f"p{n}", kind="officer", area="E1", channels="sms") for n in range(5)]
    await db.write(import_people, Given(officers), "consent", NOON)
    before = await db.read(all_of)
    wrong: Sequence[SubscriberRecord] = [
        r._replace(kind="resident", places="work E1" if r.external_id in ("p0", "p4") else "")
        for r in officers
    ]
    with pytest.raises(Rejected) as refused:
        await db.write(
            import_people,
            Given([*wrong, person("new")], Untold(frozenset({"kind"}))),
            "other",
            LATER,
        )
    assert [(p.code, p.where) for p in refused.value.problems] == [
        ("places_by_area", "p0"),
        ("places_by_area", "p4"),
    ]
    assert await db.read(all_of) == before


GROWTH = """
import asyncio, sys
from pathlib import Path
from bench.log.looking import forget_most, held_most
from bench.registry import file_of
from broadcast.files.sealed_shelf import SealedShelf
from datetime import UTC, datetime
from migrations.tables import metadata
from subscribers.people_file.reading import read_subscribers
from subscribers.registry.importing import import_people
from tests.keys import database

async def main(folder, people):
    path = Path(folder) / f"{people}.csv"
    path.write_bytes(file_of(people, f"f{people}-"))
    db = database(f"sqlite:///{folder}/{people}.db")
    await db.write(metadata.create_all)
    # what SQLite keeps of its file in memory is no memory of ours
    await db.write(lambda conn: conn.exec_driver_sql("PRAGMA cache_size=-2000"))
    async def bring(file):
        with SealedShelf(in_memory=1_000_000) as shelf, file.open("rb") as opened:
            found = read_subscribers(
                opened, filename="f", allow_trial_numbers=False, known_area=lambda _: True,
                shelf=shelf,
            )
            return await db.write(import_people, found.people, "consent", datetime.now(UTC))
    first = Path(folder) / f"first-{people}.csv"
    first.write_bytes(file_of(5_000, "first-"))
    assert (await bring(first)).new == 5_000  # libraries are loaded, the first piece was held
    forget_most()
    before = held_most()
    assert (await bring(path)).new == people
    print(held_most() - before)
    await db.close()

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """In memory as Python objects 30,000 people more take some 70 MB."""
    grown = {}
    for count in (10_000, 40_000):
        ran = subprocess.run(
            [sys.executable, "-c", GROWTH, str(tmp_path), str(count)],
            check=True,
            capture_output=True,
            text=True,
            timeout=300,
        )
        grown[count] = int(ran.stdout) / 1024
    assert grown[40_000] < grown[10_000] + 12, grown
