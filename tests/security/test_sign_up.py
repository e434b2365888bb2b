"""Strangers at the registration: a million sign-ups against the budgets, ten thousand over HTTP,
and what the time of an answer tells.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from broadcast.store.database import Connection
from subscribers.contact import points
from subscribers.registration import budgets
from subscribers.registration.budgets import POUND, Limits
from subscribers.registry import importing, reached
from tests import schema
from tests.console.site import WESTMINSTER, Site, open_site, person
from tests.console.visitor import HERE, Visitor
from tests.keys import database as open_database
from tests.residents.attack import MORNING, a_day, over_http
from tests.residents.journey import Box

pytestmark = pytest.mark.security

SIGN_UPS = int(os.environ.get("SIGN_UPS", "1000000"))
OVER_HTTP = int(os.environ.get("SIGN_UPS_OVER_HTTP", "10000"))
PAIRS = 1_000
ENV = {
    "FASTTIME_PUBLIC_URL": HERE,
    "FASTTIME_TWILIO_API_BASE": "http://127.0.0.1:9",
    "FASTTIME_TRUSTED_PROXY": "127.0.0.1",  # so that each asker has a network of their own
}


def auc(longer: list[float], shorter: list[float]) -> float:
    """Return how often one of the first takes longer than one of the second: 0.5 tells nothing."""
    ranked = sorted([(t, 1) for t in longer] + [(t, 0) for t in shorter])
    ranks = sum(rank for rank, (_, which) in enumerate(ranked, 1) if which)
    n, m = len(longer), len(shorter)
    return (ranks - n * (n + 1) / 2) / (n * m)


@pytest.mark.parametrize("channel", ["sms", "email"])
async def test_a_million_hostile_sign_ups_stay_under_the_cap_and_the_honest_get_through(
    tmp_path: Path, channel: str
) -> None:
    db, limits = open_database(schema.sqlite_at(tmp_path / "x.db")), Limits()
    began = time.monotonic()
    day = await db.write(a_day, hostile=SIGN_UPS, honest=1_000, channel=channel)
    spent = await db.read(budgets.spent, MORNING)
    await db.close()
    print(
        f"\n{channel}: {SIGN_UPS} hostile, {day.hostile_sent} sent; honest {day.honest_sent} of"
        f" {day.honest}; {spent / POUND:.2f} of {limits.day_money} pounds;"
        f" {time.monotonic() - began:.0f} s"
    )
    assert spent <= limits.day_money * POUND
    assert day.honest_sent >= 0.95 * day.honest


async def test_ten_thousand_sign_ups_over_http_stay_under_the_cap_and_the_honest_get_through(
    tmp_path: Path,
) -> None:
    honest = OVER_HTTP // 10
    async with open_site(tmp_path, **ENV) as site:
        box, began = Box(site), time.monotonic()
        day = await over_http(
            site, box, hostile=OVER_HTTP - honest, honest=honest, networks=1_000, prefixes=200
        )
        limit = site.settings.code_budget
        print(f"\n{day} of {limit}; {time.monotonic() - began:.0f} s")
        assert day.hostile_sent + day.hostile_refused == day.hostile
        assert day.hostile_sent <= 200 * Limits().prefix_day
        assert len(box.got()) * budgets.PRICES["sms"] == day.spent <= limit * POUND
        assert day.share >= 0.95


def network(n: int) -> str:
    return f"{n // 65536 % 200 + 11}.{n // 256 % 256}.{n % 256}.9"


async def test_the_time_of_an_answer_does_not_tell_who_is_registered(tmp_path: Path) -> None:
    """The look-up is made where the code is sent, so no page can take longer by it."""
    dice = random.Random(7)
    async with open_site(tmp_path, FASTTIME_CODE_BUDGET="100000", **ENV) as site:
        box = Box(site)
        people = [
            person(1000 + n, mobile=None, email=f"known{n}@example.org", channels="email")
            for n in range(PAIRS)
        ]
        await site.db.write(importing.import_records, people, "test", site.context.now())
        await site.db.write(confirm_all, site)
        times: dict[tuple[str, bool], list[float]] = {}
        for n in range(PAIRS):
            asked = [f"known{n}@example.org", f"other{n}@example.org"]
            for address in dice.sample(asked, 2):
                for what, taken in await timed(site, address, network(n), dice):
                    times.setdefault((what, address in asked[:1]), []).append(taken)
            await box.deliver()
        told = box.got("email")
        assert sum("you are registered" in body for body in told) == PAIRS
        for what in ("sign in", "register", "wrong code"):
            found = auc(times[what, True], times[what, False])
            print(f"\n{what}: AUC {found:.3f}, n {len(times[what, True])} each")
            assert 0.45 <= found <= 0.55, what


def confirm_all(conn: Connection, site: Site) -> None:
    for n in range(PAIRS):
        address = f"known{n}@example.org"
        [who] = reached.persons_with_address(conn, "email", address)
        points.prove(conn, who, "email", address, "code", site.context.now())


async def timed(
    site: Site, address: str, asker: str, dice: random.Random
) -> list[tuple[str, float]]:
    """Return how long the answers to one address took, in a random order."""
    found = []
    for what in dice.sample(["sign in", "register"], 2):
        visitor = Visitor(site)
        if what == "sign in":
            path, fields = "/sign-in", [("address", address)]
        else:
            # the network is that of the first form
            place = [("area", WESTMINSTER)]
            page = await visitor.ask("POST", "/join", place, X_Forwarded_For=asker)
            page = await visitor.send(page, "/join/topics", topics="advice")
            page = await visitor.send(page, "/join/channel", channel="email")
            path = "/join/address"
            fields = [(k, v) for k, v in page.fields(path) if k not in ("address", "agree")]
            fields += [("address", address), ("agree", "yes")]
        began = time.perf_counter()
        seen = await visitor.ask("POST", path, fields, follow=False, X_Forwarded_For=asker)
        found.append((what, time.perf_counter() - began))
        assert seen.status == 303, (what, seen.words)
        if what == "register":
            page = await visitor.get("/join/code")
            fields = [*page.fields("/join/code"), ("code", "12345")]
            fields = [(k, v) for k, v in fields if k != "code" or v]
            began = time.perf_counter()
            await visitor.ask("POST", "/join/code", fields, follow=False)
            found.append(("wrong code", time.perf_counter() - began))
    return found
