"""`fasttime bench` measures what it says, refuses what it cannot measure, and counts only what
arrived exactly once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bench import places
from bench.log import looking, million
from bench.measure import Block, Result, of_pairs, percentile, quartiles, side_by_side
from bench.sink import MARK, Books, Sink
from broadcast.events.tables import outbox
from broadcast.ledger.kept import folding
from console.processes import migrate
from tests.services import PostgreSQL
from tests.services.bench import _NEEDS

ROOT = Path(__file__).parents[2]


def bench(*words: str, **env: str) -> tuple[int, Any, str]:
    mine = {**{k: v for k, v in os.environ.items() if not k.startswith("FASTTIME_")}, **env}
    done = subprocess.run(
        [sys.executable, "-m", "console.cli", "bench", *words, "--json"],
        cwd=ROOT,
        env=mine,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    return done.returncode, json.loads(done.stdout), done.stderr


@pytest.mark.parametrize("name", ["nonsense", ""])
def test_an_unknown_name_is_refused_and_every_name_is_listed(name: str) -> None:
    code, answer, _ = bench(*([name] if name else []))
    (problem,) = answer["problems"]
    assert (code, problem["code"]) == (2, "bench_unknown")
    assert all(known in problem["fix"] for known in _NEEDS)


def test_a_service_that_is_not_named_is_exit_69_with_the_way_to_have_it() -> None:
    code, answer, _ = bench("email")
    assert (code, answer["problems"][0]["field"]) == (69, "FASTTIME_TEST_POSTGRES")
    assert "make bench NAME=email" in answer["problems"][0]["fix"]


@pytest.mark.parametrize("name", ["segments", "signing"])
def test_a_bench_without_services_gives_its_ratio_with_all_samples(name: str) -> None:
    code, answer, _ = bench(name, FASTTIME_TEST_BENCH_QUICK="1", FASTTIME_TEST_BENCH_PAIRS="2")
    (found,) = answer["benches"]
    assert code == 0
    assert 2 <= len(found["pairs"]) <= 4
    assert found["quartiles"][0] <= found["median"] <= found["quartiles"][1]
    assert all(
        pair["ratio"] == pytest.approx(pair["ours"] / pair["theirs"], rel=1e-3)
        for pair in found["pairs"]
    )


@pytest.mark.postgres
@pytest.mark.parametrize("name", ["sms", "email"])
def test_a_few_people_go_the_whole_way_and_each_is_counted_at_both_ends(
    postgres: PostgreSQL, name: str
) -> None:
    env = {
        "FASTTIME_TEST_POSTGRES": postgres.url,
        "FASTTIME_TEST_BENCH_PEOPLE": "200",
        "FASTTIME_TEST_BENCH_PAIRS": "1",
    }
    code, answer, told = bench(name, **env)
    assert code in (0, 1), told  # a goal is not for a machine that runs a suite
    (found,) = answer["benches"]
    for pair in found["pairs"]:
        assert (
            pair["ours_facts"]["people"],
            pair["ours_facts"]["ids"],
            pair["ours_facts"]["sink_counted"],
        ) == (200, [1, 200], 200)
        assert pair["ours"] > 0 < pair["theirs"]


async def test_each_way_of_looking_at_the_log_sees_what_the_bare_statements_see(
    tmp_path: Path,
) -> None:
    db = places.a_connection(f"sqlite:///{tmp_path / 'log.db'}", 2)
    await migrate.upgrade(db)
    await million.register(db, 1_200)
    v = await million.publish(db, 1_200)
    await million.hand_over(db, v, quiet=True)
    while await db.write(folding.fold, datetime.now(UTC)):
        pass
    seen = {name: await look(db, v) for name, look in looking.LOOKS.items()}
    stored = await db.read(looking.count_rows, v)
    events = await db.read(lambda conn: len(conn.execute(select(outbox.c.id)).all()))
    assert await db.read(looking.write_rows, v) == stored == 1_200 - 12
    assert await db.read(looking.read_rows, v) == stored + events
    stopped = seen.pop("reason")
    assert 0 < stopped < 50
    assert seen == {
        "counts": 1_200,
        "page": looking.PAGE,
        "filtered": seen["filtered"],
        "export": 1_200,
        "export_named": 1_200,
        "curve": looking.MOMENTS,
        "replay": events,
    }
    await db.close()


async def test_pairs_are_measured_in_the_order_abba() -> None:
    order: list[str] = []

    async def side(name: str, value: float) -> Block:
        order.append(name)
        return Block(value=value)

    found = await side_by_side(
        "order", lambda: side("ours", 3.0), lambda: side("bare", 2.0), pairs=2, tries=2
    )
    assert order == ["ours", "bare", "bare", "ours"]
    assert [pair.ratio for pair in found] == [1.5, 1.5]


@pytest.mark.parametrize(
    ("ratios", "goal", "at_most", "met"),
    [
        ((0.9, 0.9, 0.9), 0.8, False, True),
        ((0.5, 0.81, 0.82), 0.8, False, False),  # the lower quartile is too low: luck
        ((0.79, 0.79, 0.79), 0.8, False, False),
        ((1.1, 1.1), 1.15, True, True),
        ((1.2, 1.2), 1.15, True, False),
        ((1.0,), None, False, None),
    ],
)
def test_a_goal_is_met_by_the_median_and_the_worse_quartile(
    ratios: tuple[float, ...], goal: float | None, at_most: bool, met: bool | None
) -> None:
    assert Result(name="x", what="", unit="", ratios=ratios, goal=goal, at_most=at_most).met is met


async def test_disturbed_pairs_count_only_where_there_are_too_few_others() -> None:
    async def one() -> Block:
        return Block(value=1.0)

    pairs = await side_by_side("x", one, one, pairs=1, tries=1)
    result = of_pairs("x", "", "", pairs, wanted=5, goal=None, facts={})
    assert (len(result.ratios), result.quiet) == (1, False)


def test_quartiles_and_percentiles_are_those_of_the_book() -> None:
    assert quartiles([1.0, 2.0, 3.0, 4.0, 5.0]) == (2.0, 3.0, 4.0)
    assert quartiles([7.0]) == (7.0, 7.0, 7.0)
    assert [percentile([5.0, 1.0, 3.0, 2.0, 4.0], share) for share in (0.2, 0.5, 0.99)] == [
        1.0,
        3.0,
        5.0,
    ]


class Wire:
    """What the sink writes to."""

    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data


def post(number: int, words: str = "") -> bytes:
    body = f"Body={words}&To=%2B999{number:09d}".encode()
    return b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


@pytest.mark.parametrize("cut", [1, 7, 60, 10_000])
def test_the_sink_counts_each_number_wherever_the_bytes_are_cut(cut: int) -> None:
    books, wire = Books(), Wire()
    sink = Sink(books)
    sink.connection_made(wire)  # type: ignore[arg-type]
    data = b"".join(post(n, MARK.decode() + "000007") for n in (1, 2, 3, 2))
    for start in range(0, len(data), cut):
        sink.data_received(data[start : start + cut])
    assert wire.written.count(b"201 Created") == 4
    told = json.loads(books.tell().split(b"\r\n\r\n", 1)[1])
    assert (told["requests"], told["people"], told["least"], told["greatest"]) == (
        4,
        3,
        "000000001",
        "000000003",
    )
    assert list(told["first"]) == ["trial000007"]
