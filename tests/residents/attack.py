"""A day of sign-ups, hostile and honest, on the budgets alone, by a clock that is handed in."""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from broadcast.problems import Rejected
from broadcast.store.database import Connection
from subscribers.registration import budgets
from subscribers.registration.budgets import Code, Limits

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
