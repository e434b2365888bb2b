"""Nobody lost, nobody twice, on the cluster: real Kafka, PostgreSQL and Redis, and kill -9 of
everything.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from service.commands import deciding
from tests.chaos.cluster import KINDS, SENDERS, Cluster, services
from tests.chaos.harness import CAMDEN, LAMBETH, PROVIDER, QUICK, Act, content, running, urgent
from tests.chaos.storm import Plan, prepare, storm
from tests.chaos.verdict import verify

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.redis]


class Story:
    """What the control room does meanwhile: warns, corrects while the warning is half out, cancels
    another message half-way, warns again.
    """

    def __init__(self, system: Cluster) -> None:
        self._system = system
        self._warned: list[int] = []
        self._local: list[int] = []

    async def warn(self) -> None:
        self._warned.append((await self._system.publish(urgent())).message_id)

    async def correct(self) -> None:
        await self._system.publish(
            urgent(headline="The last message was wrong"),
            follows=self._warned[-1],
            action="correct",
        )

    async def local(self) -> None:
        self._local.append(
            (
                await self._system.publish(
                    content(areas=(LAMBETH, CAMDEN), severity="Severe", headline="Power cut")
                )
            ).message_id
        )

    async def cancel(self) -> None:
        await self._system.context.do(
            deciding.cancel, self._system.approver, self._local[-1], "it was repaired"
        )


async def _run(
    system: Cluster,
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
    await system.restart(SENDERS, paced=False)
    await system.finish(finish_within)
    verdict = await verify(system)
    with capsys.disabled():
        print(f"\n{verdict.table(title)}\n")
    assert verdict.faults == []


@pytest.mark.timeout(300)
async def test_a_cluster_under_kills_loses_nobody_and_tells_nobody_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with services() as there:
        system = Cluster(
            tmp_path, *there, rate=20, dropped=0.05, seed=3, provider={**QUICK, "latency": 0.4}
        )
        async with running(system, 500):
            story = Story(system)
            acts: dict[int, Act] = {
                2: system.kill_broker,
                3: story.warn,
                5: system.kill_database,
                6: system.flush_redis,
                7: story.correct,
            }
            plan = Plan(
                seed=3,
                kills=8,
                while_open=4,
                victims=KINDS,
                senders=SENDERS,
                gap=(0.2, 1.0),
                each=1,
                longest=200,
                acts=acts,
                residents=2,
                held=10,
            )
            await _run(
                system,
                plan,
                "cluster, short: kill -9 of every kind of process, 5 % of events dropped",
                finish_within=90,
                capsys=capsys,
            )


@pytest.mark.chaos
@pytest.mark.timeout(2700)
async def test_a_cluster_is_killed_sixty_times_under_twenty_thousand_people(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with services() as there:
        system = Cluster(tmp_path, *there, rate=70, seed=4, provider={**PROVIDER, "latency": 0.4})
        async with running(system, 20_000):
            story = Story(system)
            acts: dict[int, Act] = {
                6: story.warn,
                12: system.kill_broker,
                18: story.correct,
                24: story.local,
                30: system.kill_database,
                36: story.cancel,
                42: system.flush_redis,
                48: story.warn,
            }
            plan = Plan(
                seed=4,
                kills=64,
                while_open=44,
                victims=KINDS,
                senders=SENDERS,
                gap=(0.3, 2.0),
                each=4,
                longest=900,
                acts=acts,
                residents=6,
                held=500,
                held_for=120.0,
            )
            await _run(
                system,
                plan,
                "cluster, long: kill -9 of every kind of process, 20,000 people",
                finish_within=900,
                capsys=capsys,
            )
