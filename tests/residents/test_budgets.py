"""What codes may cost: hostile sign-ups stay under the money, honest ones get through."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from broadcast.problems import Rejected
from broadcast.store.database import Database
from subscribers.registration import budgets
from subscribers.registration.budgets import POUND, Code, Limits
from tests import schema
from tests.console.site import open_site
from tests.console.visitor import HERE
from tests.keys import database as open_database
from tests.ledger.conftest import database_url, db
from tests.residents.attack import MORNING, a_day, over_http
from tests.residents.journey import Box

__all__ = ["database_url", "db"]

LIMITS = Limits()
BEHIND_A_PROXY = {
    "FASTTIME_PUBLIC_URL": HERE,
    "FASTTIME_TWILIO_API_BASE": "http://127.0.0.1:9",
    "FASTTIME_TRUSTED_PROXY": "127.0.0.1",  # so that each asker has a network of their own
}


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[Database]:
    database = open_database(schema.sqlite_at(tmp_path / "x.db"))
    yield database
    await database.close()


def code(n: int = 0, **more: Any) -> Code:
    base = {"channel": "sms", "address": f"a{n}", "prefix": f"p{n}", "network": f"n{n}"}
    return Code(**{**base, "cost": 4000, **more})


async def take(db: Database, which: Code, limits: Limits = LIMITS, **later: float) -> str:
    """Return "" where a code may be sent, else why not; undone as its transaction is."""
    try:
        await db.write(budgets.take, which, limits, MORNING + timedelta(**later))
    except Rejected as rejected:
        return rejected.problems[0].code
    return ""


@pytest.mark.parametrize("channel", ["sms", "email"])
async def test_hostile_sign_ups_stay_under_the_cap_and_the_honest_get_through(
    sqlite: Database, channel: str
) -> None:
    day = await sqlite.write(a_day, hostile=5_000, honest=200, channel=channel)
    assert day.spent <= LIMITS.day_money * POUND
    assert day.spent == await sqlite.read(budgets.spent, MORNING)
    assert day.honest_sent >= 0.95 * day.honest, day
    if channel == "sms":
        assert day.hostile_sent <= 200 * LIMITS.prefix_day


async def test_hostile_sign_ups_over_http_stay_under_the_cap_and_the_honest_get_through(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_site(tmp_path, FASTTIME_CODE_BUDGET="10", **BEHIND_A_PROXY) as site:
        box = Box(site)
        day = await over_http(site, box, hostile=300, honest=60, networks=100, prefixes=20)
        with capsys.disabled():
            print(f"\n{day} of 10")
        assert day.hostile_sent + day.hostile_refused == day.hostile
        assert day.hostile_sent <= 20 * LIMITS.prefix_day
        assert len(box.got()) * budgets.PRICES["sms"] == day.spent <= 10 * POUND
        assert day.share >= 0.95, day


async def test_an_address_has_three_codes_in_ten_minutes_and_six_a_day(db: Database) -> None:
    said = [await take(db, code(network=f"n{n}", prefix=f"p{n}"), seconds=n) for n in range(4)]
    assert said == ["", "", "", "too_many_codes"]
    said = [
        await take(db, code(network=f"m{n}", prefix=f"q{n}"), minutes=20, seconds=n)
        for n in range(4)
    ]
    assert said == ["", "", "", "too_many_codes"]
    assert await take(db, code(network="z", prefix="z"), minutes=60) == "too_many_codes"
    assert await take(db, code(network="z", prefix="z"), days=1) == ""


async def test_what_is_typed_in_is_given_back_to_its_neighbours_but_never_the_money(
    db: Database,
) -> None:
    for n in range(4 * LIMITS.prefix_day):
        assert await take(db, code(n, prefix="p", network="n")) == ""
        await db.write(budgets.typed_in, "p", "n", MORNING)
    assert await db.read(budgets.spent, MORNING) == 4 * LIMITS.prefix_day * 4000
    for n in range(100, 100 + LIMITS.prefix_day):
        assert await take(db, code(n, prefix="p")) == ""
    assert await take(db, code(999, prefix="p")) == "too_many_codes"


async def test_the_money_of_a_day_is_never_overdrawn_by_two_at_a_time(db: Database) -> None:
    import asyncio

    limits = Limits(day_money=1)  # 22 texts of 4p are 90 % of it
    said = await asyncio.gather(*(take(db, code(n), limits) for n in range(60)))
    assert said.count("") <= 22
    assert await db.read(budgets.spent, MORNING) <= POUND
    more = [await take(db, code(n), limits) for n in range(100, 130)]
    assert said.count("") + more.count("") == 22
    assert "codes_spent" in more
    mail = code(500, channel="email", prefix="", cost=10)
    assert await take(db, mail, limits) == ""
    assert await take(db, code(501), Limits(day_money=0)) == "codes_spent"


async def test_counts_that_no_longer_count_are_forgotten(db: Database) -> None:
    assert await take(db, code()) == ""
    await db.write(budgets.forget, MORNING + timedelta(hours=23))
    assert await db.read(budgets.spent, MORNING) == 4000
    await db.write(budgets.forget, MORNING + timedelta(days=3))
    assert await db.read(budgets.spent, MORNING) == 0
