"""Nobody lost, nobody twice, on the embedded default: `fasttime up` is killed again and again while
it hands over.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from service.commands import deciding
from tests.chaos.embedded import embedded
from tests.chaos.harness import (
    CAMDEN,
    LAMBETH,
    PROVIDER,
    QUICK,
    Act,
    System,
    content,
    running,
    urgent,
)
from tests.chaos.storm import Plan, prepare, storm
from tests.chaos.verdict import verify


async def _story(system: System, plan_of: dict[str, int]) -> dict[int, Act]:
    """Return acts: an urgent message, then its correction while it is half out, and another message
    cancelled half-way.
    """
    warned: list[int] = []

    async def warn() -> None:
        warned.append((await system.publish(urgent())).message_id)

    async def correct() -> None:
        await system.publish(
            urgent(headline="The last message was wrong"), follows=warned[0], action="correct"
        )

    async def local() -> None:
        warned.append(
            (
                await system.publish(
                    content(areas=(LAMBETH, CAMDEN), severity="Severe", headline="Power cut")
                )
            ).message_id
        )

    async def cancel() -> None:
        await system.context.do(deciding.cancel, system.approver, warned[1], "it was repaired")

    return {
        plan_of["warn"]: warn,
        plan_of["correct"]: correct,
        plan_of["local"]: local,
        plan_of["cancel"]: cancel,
    }


async def _run(
    system: System,
    plan: Plan,
    title: str,
    *,
    finish_within: float,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await prepare(system, plan)
    await system.publish(content())
    await storm(system, plan)
    system.handsets.control(latency=0.0)
    await system.restart(["up"], paced=False)
    await system.finish(finish_within)
    verdict = await verify(system)
    with capsys.disabled():
        print(f"\n{verdict.table(title)}\n")
    assert verdict.faults == []


@pytest.mark.timeout(400)
async def test_the_embedded_service_is_killed_eight_times_and_nobody_is_lost_or_told_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    system = embedded(tmp_path, rate=20, latency=0.4, seed=1, **QUICK)
    async with running(system, 500):
        acts = await _story(system, {"warn": 2, "correct": 4, "local": 5, "cancel": 7})
        plan = Plan(
            seed=1,
            kills=8,
            while_open=6,
            victims=("up",),
            senders=("up",),
            gap=(0.2, 1.2),
            longest=150,
            acts=acts,
            residents=2,
            held=10,
        )
        await _run(
            system,
            plan,
            "embedded, short: kill -9 of `fasttime up`",
            finish_within=60,
            capsys=capsys,
        )


@pytest.mark.chaos
@pytest.mark.timeout(2700)
async def test_the_embedded_service_is_killed_sixty_times_under_twenty_thousand_people(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    system = embedded(tmp_path, rate=45, latency=0.4, seed=2, **PROVIDER)
    async with running(system, 20_000):
        acts = await _story(system, {"warn": 10, "correct": 20, "local": 30, "cancel": 40})
        plan = Plan(
            seed=2,
            kills=62,
            while_open=60,
            victims=("up",),
            senders=("up",),
            gap=(0.5, 3.0),
            longest=900,
            acts=acts,
            residents=6,
            held=500,
            held_for=120.0,
        )
        await _run(
            system,
            plan,
            "embedded, long: kill -9 of `fasttime up`, 20,000 people",
            finish_within=900,
            capsys=capsys,
        )
