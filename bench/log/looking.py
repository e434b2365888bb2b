"""Each way of looking at the log of one version, by the very functions that the pages, the API and
the command line call; and the plainest statement that reads the same rows.

`python -m bench.log.looking URL WHAT TIMES` looks in a process of its own and prints as JSON how
long each took and how much memory it took at most.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection, select, text

from bench import places
from broadcast.events.tables import outbox
from broadcast.ledger import delivery_report
from broadcast.ledger.claims.tables import outcome
from broadcast.messages import versions
from broadcast.messages.versions import Version
from broadcast.replay import comparison, past
from broadcast.store.database import Database
from console import listed
from console.listed import Filter

Look = Callable[[Database, Version], Awaitable[int]]
PAGE = 50
MOMENTS = 60
"""As many as the page draws its curve of."""


async def counts(db: Database, v: Version) -> int:
    """Everybody by line, by channel and by reason."""
    return int((await db.read(delivery_report.account, v)).shown()["addressed"])


async def page(db: Database, v: Version) -> int:
    """The first people of all, by outside name, with their lines and a provider's codes."""
    return await _page(db, v, Filter(), 0)


async def filtered(db: Database, v: Version) -> int:
    """Who failed by text: how many, and a page from the middle of them."""
    return await _page(db, v, Filter(state="failed", channel="sms"), 500_000)


async def reason(db: Database, v: Version) -> int:
    """Who was not sent to because they had stopped: how many, and the first page of them."""
    return await _page(db, v, Filter(reason="stopped"), 0)


async def _page(db: Database, v: Version, asked: Filter, after: int) -> int:
    account = await db.read(delivery_report.account, v)
    wanted = asked.of(account)
    people, _ = listed.page(wanted, min(after, len(account.addressed) // 2), PAGE)
    rows = await db.read(listed.named, account, people, people)
    return len(rows)


async def export(db: Database, v: Version) -> int:
    """Everybody as CSV, as the API and the pages give it."""
    account = await db.read(delivery_report.account, v)
    return sum(piece.count("\n") for piece in listed.csv_of(account, account.addressed)) - 1


async def export_named(db: Database, v: Version) -> int:
    """Everybody as CSV by outside name, as the command line writes it."""
    account = await db.read(delivery_report.account, v)

    def write(conn: Connection) -> int:
        pieces = listed.csv_named(conn, account, account.addressed)
        return sum(piece.count("\n") for piece in pieces) - 1

    return await db.read(write)


async def curve(db: Database, v: Version) -> int:
    """How everybody stood at as many moments as the page draws its curve of."""
    ends = await db.read(past.span, v)
    if ends is None:
        raise RuntimeError("nothing of this version was recorded")
    first, last = ends
    step = (last - first) / MOMENTS
    moments = [first + step * n for n in range(1, MOMENTS + 1)]
    return len(await db.read(past.at, v.message_id, moments))


async def replay(db: Database, _: Version) -> int:
    """Everything rebuilt from the recorded facts and compared."""
    return int((await comparison.run(db))["events"])


LOOKS: dict[str, Look] = {
    "counts": counts,
    "page": page,
    "filtered": filtered,
    "reason": reason,
    "export": export,
    "export_named": export_named,
    "curve": curve,
    "replay": replay,
}


# The plainest code that reads the same rows


def count_rows(conn: Connection, v: Version) -> int:
    """Count the outcomes of a version by channel and state, in one statement."""
    query = text(
        "SELECT channel, state, count(*) FROM outcome WHERE version_id = :v GROUP BY channel, state"
    )
    return sum(row[2] for row in conn.execute(query, {"v": v.id}))


def write_rows(conn: Connection, v: Version) -> int:
    """Write the outcomes of a version as CSV: COPY on PostgreSQL is for `copy_rows`."""
    o = outcome.c
    query = select(o.person_id, o.channel, o.state, o.code).where(o.version_id == v.id)
    plain = str(query.compile(conn, compile_kwargs={"literal_binds": True}))
    written = 0
    for some in conn.execution_options(yield_per=5_000).exec_driver_sql(plain).partitions():
        page_of = io.StringIO()
        csv.writer(page_of).writerows(some)
        written += len(some)
    return written


async def copy_rows(db: Database, v: Version) -> int:
    """COPY the outcomes of a version out of PostgreSQL as CSV."""
    rows = 0

    async def count(data: bytes) -> None:
        nonlocal rows
        rows += data.count(b"\n")

    async with db.engine.connect() as conn:
        raw = (await conn.get_raw_connection()).driver_connection
        await raw.copy_from_query(  # type: ignore[union-attr]
            f"SELECT person_id, channel, state, code FROM outcome WHERE version_id = {v.id:d}",  # noqa: S608
            output=count,
            format="csv",
        )
    return rows


def read_rows(conn: Connection, v: Version) -> int:
    """Read every event and every outcome once, and look at none."""
    seen = 0
    for query in (
        select(outbox.c.type, outbox.c.payload),
        select(outcome.c.attempt, outcome.c.position, outcome.c.person_id, outcome.c.state).where(
            outcome.c.version_id == v.id
        ),
    ):
        for some in conn.execute(query.execution_options(yield_per=5_000)).partitions():
            seen += len(some)
    return seen


# In a process of its own


def held_most() -> int:
    """Return the most memory that this process held, in kB; 0 where the system does not say."""
    with suppress(OSError):
        status = Path("/proc/self/status").read_text(encoding="ascii")
        if found := re.search(r"VmHWM:\s+(\d+)", status):
            return int(found.group(1))
    return 0


def forget_most() -> None:
    """Let the most memory held count from now on."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


async def main(url: str, what: str, times: int) -> None:
    """Look so many times; the memory that the process held before is not counted."""
    db = places.a_connection(url, 2)
    v = await db.read(lambda conn: versions.of_message(conn, 1)[-1])
    seconds, worked, seen = [], [], 0
    forget_most()
    before = held_most()
    for _ in range(times):
        began, at = time.perf_counter(), time.process_time()
        seen = await LOOKS[what](db, v)
        seconds.append(time.perf_counter() - began)
        worked.append(time.process_time() - at)
    told = {"seconds": seconds, "processor": worked, "seen": seen, "kb": held_most() - before}
    sys.stdout.write(json.dumps(told) + "\n")
    await db.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
