"""import and load: people of a file brought into the registry, and the index made of them, against
the plainest way to move as many rows.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from bench import places
from bench.log.looking import forget_most, held_most
from bench.measure import Block, Result, of_pairs, side_by_side
from broadcast.problems import Rejected
from broadcast.store.database import Connection, Database
from console.processes import migrate
from subscribers.matcher import Matcher
from subscribers.people_file.reading import read_subscribers
from subscribers.people_file.record import COLUMNS
from subscribers.registry import importing

_AT_ONCE = 5_000


async def import_(quick: bool = False) -> tuple[Result, ...]:
    """1,000,000 people of a CSV checked, sealed and stored with their consent, against COPY of the
    same bytes (on SQLite executemany); then the index loaded, against reading its rows.
    """
    people = places.number_of("PEOPLE", 10_000 if quick else 1_000_000)
    pairs = places.number_of("PAIRS", 1 if quick else 3)
    server = places.service("POSTGRES", "import")
    results: list[Result] = []
    with places.a_folder() as folder:
        db = places.a_connection(f"sqlite:///{folder / 'people.db'}", 4)
        await migrate.upgrade(db)
        results += await _on("sqlite", db, people, pairs)
        await db.close()
    async with places.a_database(server) as url, contextlib.AsyncExitStack() as stack:
        db = places.a_connection(url, 4)
        stack.push_async_callback(db.close)
        results += await _on("postgresql", db, people, pairs)
    return tuple(results)


def file_of(people: int, prefix: str) -> bytes:
    """Return a CSV of so many invented people, with a mobile and a mail address each."""
    rows = [",".join(COLUMNS)]
    for n in range(people):
        cells = {
            "external_id": f"{prefix}{n}",
            "name": f"Person {n}",
            "kind": "resident",
            "email": f"person{n}@example.org",
            "mobile": f"07700 9{n % 100_000:05d}",
            "language": "en",
            "lat": f"{51.3 + n % 4000 / 10_000:.4f}",
            "lon": f"{-0.5 + n % 7919 / 10_000:.4f}",
            "channels": "sms;email",
        }
        rows.append(",".join(cells.get(column, "") for column in COLUMNS))
    return "\n".join([*rows, ""]).encode()


async def _on(engine: str, db: Database, people: int, pairs: int) -> list[Result]:
    numbers = itertools.count(1)
    raw = ", ".join(f"{column} text" for column in COLUMNS)
    await db.write(_run, f"CREATE TABLE raw_person ({raw})")
    facts: dict[str, Any] = {"people": people}

    async def ours() -> Block:
        data = file_of(people, f"b{next(numbers)}-")
        forget_most()
        before, began, worked = held_most(), time.perf_counter(), time.process_time()
        found = await asyncio.to_thread(
            read_subscribers,
            data,
            filename="bench.csv",
            allow_trial_numbers=False,
            known_area=lambda _: True,
        )
        if found.problems:
            raise Rejected(found.problems)
        read = time.perf_counter() - began
        stored = await db.write(importing.import_people, found.people, "bench", datetime.now(UTC))
        if stored.new != people:
            raise RuntimeError(f"{stored.new} people stored of {people}")
        facts["read_share"] = round(read / (time.perf_counter() - began), 2)
        facts["us_a_person"] = round(1e6 * (time.process_time() - worked) / people, 1)
        facts["mb"] = round((held_most() - before) / 1024, 1)
        return Block(value=people / (time.perf_counter() - began))

    async def theirs() -> Block:
        data = file_of(people, f"b{next(numbers)}-")
        began = time.perf_counter()
        if engine == "postgresql":
            async with db.engine.connect() as conn:
                driver: Any = (await conn.get_raw_connection()).driver_connection
                await driver.copy_to_table(
                    "raw_person", source=io.BytesIO(data), format="csv", header=True
                )
        else:
            await db.write(_insert_many, data)
        took = time.perf_counter() - began
        await db.write(_run, "DELETE FROM raw_person")
        return Block(value=people / took)

    found = await side_by_side(f"import_{engine}", ours, theirs, pairs=pairs, tries=pairs)
    words = "COPY of the same file" if engine == "postgresql" else "executemany of the same cells"
    imported = of_pairs(
        f"import_{engine}",
        f"people of a file imported / {words}",
        "people/s",
        found,
        wanted=pairs,
        goal=0.1,
        facts=facts,
    )
    return [imported, await _load(engine, db, pairs)]


async def _load(engine: str, db: Database, pairs: int) -> Result:
    """Return how fast the index is made, against reading the rows that it is made of."""
    columns = (
        "id, lat, lon, area, language, channels, topics, kind, quiet_hours, stopped, consented"
    )
    statement = f"SELECT {columns} FROM subscriber"  # noqa: S608 - our own column names
    facts: dict[str, Any] = {}

    async def ours() -> Block:
        forget_most()
        before, began = held_most(), time.perf_counter()
        index, _ = await Matcher(db, lambda _: frozenset({"sms", "email"})).index()
        took = time.perf_counter() - began
        facts.update(people=len(index), mb=round((held_most() - before) / 1024, 1))
        return Block(value=len(index) / took)

    async def theirs() -> Block:
        began = time.perf_counter()
        if engine == "postgresql":
            rows = await _copied_out(db, statement)
        else:
            rows = await db.read(_read_all, statement)
        return Block(value=rows / (time.perf_counter() - began))

    found = await side_by_side(f"load_{engine}", ours, theirs, pairs=pairs, tries=pairs)
    return of_pairs(
        f"load_{engine}",
        "the index loaded / its rows " + ("by COPY" if engine == "postgresql" else "read"),
        "people/s",
        found,
        wanted=pairs,
        goal=0.5,
        facts=facts,
    )


async def _copied_out(db: Database, statement: str) -> int:
    rows = 0

    async def count(data: bytes) -> None:
        nonlocal rows
        rows += data.count(b"\n")

    async with db.engine.connect() as conn:
        driver: Any = (await conn.get_raw_connection()).driver_connection
        await driver.copy_from_query(statement, output=count, format="csv")
    return rows


def _read_all(conn: Connection, statement: str) -> int:
    found = conn.execution_options(yield_per=_AT_ONCE).exec_driver_sql(statement)
    return sum(len(some) for some in found.partitions())


def _run(conn: Connection, statement: str) -> None:
    conn.exec_driver_sql(statement)


def _insert_many(conn: Connection, data: bytes) -> None:
    rows = csv.reader(io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline=""))
    next(rows)
    driver: Any = conn.connection.driver_connection
    marks = ", ".join("?" * len(COLUMNS))
    run: Callable[..., Any] = driver.executemany
    run(f"INSERT INTO raw_person VALUES ({marks})", rows)  # noqa: S608 - question marks alone
