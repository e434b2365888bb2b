"""Sign-ups, hostile and honest: a day of them on the budgets alone, by a clock that is handed in,
and thousands over HTTP.
"""

from __future__ import annotations

import heapq
import random
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from broadcast.problems import Rejected
from broadcast.store.database import Connection
from console.residents.api import PREFIX
from subscribers.registration import budgets
from subscribers.registration.budgets import POUND, Code, Limits
from tests.console.site import WESTMINSTER, Answer, Site
from tests.residents.journey import Box

MORNING = datetime(2026, 7, 1, 0, 0, 1, tzinfo=UTC)


@dataclass
class Day:
    """What became of one day. Money in thousandths of a penny."""

    hostile_sent: int = 0
    honest_sent: int = 0
    honest: int = 0
    spent: int = 0


def a_day(
    conn: Connection,
    *,
    hostile: int,
    honest: int,
    channel: str = "sms",
    networks: int = 10_000,
    prefixes: int = 200,
    limits: Limits | None = None,
    seed: int = 1,
) -> Day:
    """Let a botnet ask for `hostile` codes from so many networks for numbers of so many prefixes,
    none of which is typed in, while `honest` people register from all over: one in fifty from a
    network, one in fifty with a prefix of the botnet's; nine in ten type their code in.
    """
    dice, day, limits = random.Random(seed), Day(honest=honest), limits or Limits()
    cost = budgets.cost(channel, island=False)
    at_honest = sorted(dice.uniform(0, 86_000) for _ in range(honest))
    typed: list[tuple[float, int, Code]] = []
    step, done = 86_000 / max(1, hostile), 0

    def code(address: str, prefix: str, network: str) -> Code:
        mail = channel == "email"
        return Code(
            channel=channel,
            address=address,
            prefix="" if mail else prefix,
            network=network,
            cost=cost,
        )

    def asked(which: Code, at: float) -> bool:
        while typed and typed[0][0] <= at:
            when, _, honest_code = heapq.heappop(typed)
            moment = MORNING + timedelta(seconds=when - 30)
            budgets.typed_in(conn, honest_code.prefix, honest_code.network, moment)
        try:
            budgets.take(conn, which, limits, MORNING + timedelta(seconds=at))
        except Rejected:
            return False
        day.spent += which.cost
        return True

    for n in range(hostile):
        at = n * step
        while done < honest and at_honest[done] <= at:
            day.honest_sent += _honest(
                dice, done, at_honest[done], prefixes, networks, code, asked, typed
            )
            done += 1
        prefix, network = n % prefixes, n * 7 % networks
        # numbers are never used twice: the budget of one address is in nobody's way
        day.hostile_sent += asked(code(f"b{n}", f"p{prefix}", f"n{network}"), at)
    while done < honest:
        day.honest_sent += _honest(
            dice, done, at_honest[done], prefixes, networks, code, asked, typed
        )
        done += 1
    return day


def _honest(dice, number, at, prefixes, networks, code, asked, typed) -> bool:
    theirs = dice.random() < 0.02
    prefix = f"p{dice.randrange(prefixes)}" if theirs else f"h{dice.randrange(30_000)}"
    shared = dice.random() < 0.02
    network = f"n{dice.randrange(networks)}" if shared else f"m{dice.randrange(2_000)}"
    mine = code(f"a{number}", prefix, network)
    if not asked(mine, at):
        return False
    if dice.random() < 0.9:
        heapq.heappush(typed, (at + 30, number, mine))
    return True


@dataclass(kw_only=True)
class OverHttp:
    """What became of sign-ups over HTTP. Money in thousandths of a penny."""

    hostile: int
    honest: int
    hostile_sent: int = 0
    hostile_refused: int = 0
    honest_registered: int = 0
    spent: int = 0

    @property
    def share(self) -> float:
        """The share of honest people who got through."""
        return self.honest_registered / self.honest

    def __str__(self) -> str:
        return (
            f"{self.hostile:,} hostile sign-ups over HTTP, {self.hostile_sent:,} codes sent,"
            f" {self.hostile_refused:,} refused; honest {self.honest_registered:,} of"
            f" {self.honest:,} registered ({self.share:.1%}); {self.spent / POUND:.2f} pounds"
        )


async def over_http(
    site: Site, box: Box, *, hostile: int, honest: int, networks: int, prefixes: int, seed: int = 1
) -> OverHttp:
    """Let a botnet ask for codes as `a_day` does, over HTTP, and honest people register among it,
    who type their codes in: one in fifty from a network of the botnet's, one in fifty with a
    prefix of its.
    """
    dice, seen = random.Random(seed), OverHttp(hostile=hostile, honest=honest)
    askers = ["hostile"] * hostile + ["honest"] * honest
    dice.shuffle(askers)
    bots = people = 0
    for asker in askers:
        if asker == "hostile":
            number = f"+9991{bots % prefixes:04d}{bots // prefixes:04d}"
            asked = await _ask(site, number, _network(11, bots * 7 % networks))
            seen.hostile_sent += asked.status == 202
            seen.hostile_refused += asked.status == 429
            bots += 1
            continue
        theirs, shared = dice.random() < 0.02, dice.random() < 0.02
        number = f"+9992{people:04d}0000"
        if theirs:
            number = f"+9991{dice.randrange(prefixes):04d}{9999 - people}"
        network = _network(11, dice.randrange(networks)) if shared else _network(60, people)
        seen.honest_registered += await _register(site, box, number, network)
        people += 1
    await box.deliver()
    seen.spent = await site.db.read(budgets.spent, site.context.now())
    return seen


def _network(first: int, n: int) -> str:
    return f"{first}.{n // 250 % 250}.{n % 250}.9"


async def _ask(site: Site, number: str, network: str) -> Answer:
    wanted = {"area": WESTMINSTER, "topics": ["incident"], "channel": "sms", "address": number}
    return await site.call(
        "POST",
        f"{PREFIX}/registrations",
        role=None,
        key=None,
        json={**wanted, "agree": True},
        headers={"X-Forwarded-For": network},
    )


async def _register(site: Site, box: Box, number: str, network: str) -> bool:
    asked = await _ask(site, number, network)
    if asked.status != 202:
        return False
    await box.deliver()
    told = [entry.body for entry in box.channels["sms"].ledger if entry.to == number][-1]
    code = re.search(r"\b\d{6}\b", told)
    assert code is not None
    typed = {"registration": asked.json["registration"], "code": code[0]}
    done = await site.call(
        "POST",
        f"{PREFIX}/registrations/confirm",
        role=None,
        key=None,
        json=typed,
        headers={"X-Forwarded-For": network},
    )
    return bool(done.status == 200 and done.json["outcome"] == "registered")
