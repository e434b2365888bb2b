"""The seeded plan of a kill test: who is killed when, and what is done meanwhile."""

from __future__ import annotations

import asyncio
import faulthandler
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from tests.chaos.harness import Act, System

_SETTLE_SECONDS = 120.0
"""Within which everybody who is registering or leaving when the kills end has finished it."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Who is killed when. `acts` happen before the kill of that number. `gap` seconds between
    kills, drawn.

    Every victim is killed at least `each` times; the others go to whoever has a slice open, until
    both totals are there.
    """

    seed: int
    kills: int
    while_open: int
    victims: Sequence[str]
    senders: Sequence[str]
    gap: tuple[float, float]
    each: int = 1
    longest: float = 420
    acts: Mapping[int, Act] = field(default_factory=dict)
    residents: int = 0
    """So many people at a time register, choose and leave meanwhile."""
    held: int = 0
    """So many people of the file have quiet hours, which end after `held_for` seconds."""
    held_for: float = 20.0


async def prepare(system: System, plan: Plan) -> None:
    """Let begin what goes on beside the sending; before the first message is published."""
    if plan.held:
        await system.hold(plan.held, plan.held_for)
    if plan.residents:
        await system.live(plan.residents, plan.seed)


async def storm(system: System, plan: Plan) -> None:
    """Carry out a plan. AssertionError where it could not be carried out in time."""
    # pytest would show where we wait after two minutes; a storm is longer than that
    faulthandler.cancel_dump_traceback_later()
    random = Random(plan.seed)
    began = time.monotonic()
    end = time.monotonic() + plan.longest
    done: set[int] = set()
    while (
        len(system.kills) < plan.kills
        or sum(bool(k.attempts) for k in system.kills) < plan.while_open
        or any(system.kept[v].kills < plan.each for v in plan.victims)
    ):
        number = len(system.kills) + 1
        if number in plan.acts and number not in done:
            done.add(number)
            await plan.acts[number]()
        await asyncio.sleep(random.uniform(*plan.gap))
        name = await _victim(system, plan, random)
        while name is None:
            if time.monotonic() > end:
                raise AssertionError(
                    f"only {len(system.kills)} kills, {sum(bool(k.attempts) for k in system.kills)}"
                    f" with a slice open, in {plan.longest:g} s"
                )
            await asyncio.sleep(0.05)
            name = await _victim(system, plan, random)
        if system.residents is not None and random.random() < 0.5:
            await system.residents.amid(within=1.0)
        if name in plan.senders:
            # Not always in the first moment of a slice: before the wire, on the wire, after it and
            # while it is recorded.
            await asyncio.sleep(random.uniform(0, 0.8))
            if not (await system.open_slices(name))[1]:
                continue
        await system.kill(name)
    system.seconds["under kills"] = time.monotonic() - began
    if system.residents is not None:
        await system.settle(_SETTLE_SECONDS)


async def _victim(system: System, plan: Plan, random: Random) -> str | None:
    """Return who is next, None while nobody fit lives: a process is killed once it has registered,
    a sender once it has claimed.
    """
    up = [
        name
        for name in plan.victims
        if system.kept[name].program.alive and system.kept[name].worker
    ]
    if not up:
        return None
    behind = [
        name for name in up if system.kept[name].kills < plan.each and name not in plan.senders
    ]
    if behind and random.random() < 0.3:
        return random.choice(behind)
    open_now = [
        name for name in plan.senders if name in up and (await system.open_slices(name))[1] > 0
    ]
    return random.choice(open_now) if open_now else None
