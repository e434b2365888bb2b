"""The people of an account are told of in pieces: however many they are, no more of them are held
at once.
"""

from __future__ import annotations

import asyncio
import csv
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial

import pytest
from pyroaring import BitMap

from bench import places
from bench.log import million
from broadcast.ledger import delivery_report
from broadcast.ledger.delivery_report import Account
from broadcast.store.database import Connection, Database
from console import listed
from console.processes import migrate

PIECE = 400
FEW, MANY = 12 * PIECE, 36 * PIECE  # a few fill what is written at once too


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with a message to so many people, of whom nobody was handed anything yet."""
    where = f"sqlite:///{tmp_path_factory.mktemp('listed') / 'log.db'}"

    async def fill() -> None:
        db = places.a_connection(where, 2)
        await migrate.upgrade(db)
        await million.register(db, MANY)
        await million.publish(db, MANY)
        await db.close()

    asyncio.run(fill())
    return where


@pytest.fixture
async def released(url: str) -> AsyncIterator[tuple[Database, Account]]:
    db = places.a_connection(url, 2)
    yield db, await db.read(delivery_report.of_message, 1)
    await db.close()


def held(pieces: Iterator[str]) -> int:
    """Return the most bytes held while these pieces are thrown away one by one."""
    tracemalloc.start()
    for _ in pieces:
        pass
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


Writer = Callable[[Connection, Account, BitMap], Iterator[str]]


@pytest.mark.parametrize(
    "pieces_of",
    [
        lambda _conn, account, wanted: listed.csv_of(account, wanted, at_once=PIECE),
        partial(listed.csv_named, at_once=PIECE),
    ],
    ids=["api and pages", "command line"],
)
async def test_a_csv_of_three_times_as_many_people_holds_no_more_of_them(
    released: tuple[Database, Account], pieces_of: Writer
) -> None:
    db, account = released
    some = BitMap(range(1, FEW + 1))

    def both(conn: Connection) -> tuple[int, int]:
        held(pieces_of(conn, account, some))  # what is made once is not counted
        few = held(pieces_of(conn, account, some))
        return few, held(pieces_of(conn, account, account.addressed))

    few, many = await db.read(both)
    assert many < 1.3 * few


async def test_the_csv_by_outside_name_is_written_while_it_is_read_and_says_how_far_it_is(
    released: tuple[Database, Account],
) -> None:
    db, account = released
    told: list[int] = []

    def write(conn: Connection) -> tuple[list[str], list[tuple[int, int]]]:
        text, ahead = [], []
        for piece in listed.csv_named(
            conn, account, account.addressed, written=told.append, at_once=PIECE
        ):
            text.append(piece)
            ahead.append((told[-1] if told else 0, "".join(text).count("\n") - 1))
        return text, ahead

    text, ahead = await db.read(write)
    rows = list(csv.DictReader("".join(text).splitlines()))
    assert [int(row["person"]) for row in rows] == list(account.addressed)
    assert {row["external_id"] for row in rows} == {f"b{n}" for n in account.addressed}
    assert told == [n * PIECE for n in range(1, MANY // PIECE + 1)]
    assert all(asked <= written + FEW for asked, written in ahead)
