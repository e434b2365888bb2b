"""What one process owes the others: a folder of its own, a stop in good order, and nothing twice
after it stood still.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.chaos.cluster import Cluster, services
from tests.chaos.embedded import embedded
from tests.chaos.harness import DOUBTS_SHOWN_WITHIN, FASTTIME, ROOT, base_env, content, running
from tests.chaos.verdict import verify


async def test_a_second_up_on_the_same_data_folder_ends_with_two_and_the_first_goes_on(
    tmp_path: Path,
) -> None:
    system = embedded(tmp_path, rate=200)
    async with running(system, 60):
        command = [sys.executable, *FASTTIME, "up", "--port", "0"]
        second = await asyncio.to_thread(
            subprocess.run,
            command,
            env={**base_env(), **system.env},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert second.returncode == 2
        assert "data_folder_in_use" in second.stderr
        await system.publish(content())
        await system.finish(60)
        assert (await verify(system)).faults == []


@pytest.mark.timeout(240)
async def test_sigterm_while_it_sends_ends_up_within_ten_seconds_and_everybody_has_a_line(
    tmp_path: Path,
) -> None:
    # A third of all answers come too late for the stop, the others within it.
    system = embedded(tmp_path, rate=40, latency=0.5, slow=0.3, slow_seconds=20.0, seed=5)
    async with running(system, 300):
        v = await system.publish(content())
        up = system.kept["up"]

        async def under_way() -> bool:
            return await system.claimed(v.id) >= 60 and (await system.open_slices("up"))[1] > 0

        await system.until(under_way, 60)
        up.wanted = False
        began = time.monotonic()
        assert up.program.process is not None
        up.program.process.terminate()
        code = await asyncio.to_thread(up.program.process.wait, 30)
        took = time.monotonic() - began
        assert (code, took < 10.5) == (
            0,
            True,
        ), f"exit {code} after {took:.1f} s\n{up.program.log_tail()}"
        found, _ = await system.open_slices("up")
        assert found == ()  # finished, or in doubt: nothing is left for others to find out
        account = await system.account(v.id)
        assert account.adds_up
        assert account.people["waiting"]  # claims stopped at once
        assert account.people["in_doubt"]
        assert not account.people["handing_over"]
        system.handsets.control(slow=0.0, latency=0.0)
        up.wanted = True
        await system.finish(90)
        assert (await verify(system)).faults == []


@pytest.mark.kafka
@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.timeout(240)
async def test_a_worker_that_stood_still_for_twelve_seconds_sends_to_nobody_again(
    tmp_path: Path,
) -> None:
    async with services() as there:
        system = Cluster(tmp_path, *there, rate=30, dropped=1.0, seed=6, provider={"latency": 0.5})
        async with running(system, 400):
            v = await system.publish(content())
            kept = system.kept["routine"]

            async def under_way() -> bool:
                return (
                    await system.claimed(v.id) >= 60
                    and (await system.open_slices("routine"))[1] > 0
                )

            await system.until(under_way, 90)
            worker = kept.worker
            kept.program.freeze()
            since = time.monotonic()
            found, unknown = await system.open_slices("routine")
            assert found, "it was frozen between two slices"

            async def shown() -> bool:
                account = await system.account(v.id)
                return (await system.open_slices("routine"))[0] == () and len(
                    account.people["in_doubt"]
                ) > 0

            await system.until(shown, 60)
            # The heartbeat is judged after six seconds, every two seconds.
            assert time.monotonic() - since < DOUBTS_SHOWN_WITHIN, (
                f"{unknown} people were shown in doubt after {time.monotonic() - since:.1f} s"
            )
            await asyncio.sleep(max(0.0, since + 12 - time.monotonic()))
            assert await system.claimed(v.id) < 400  # else it woke to nothing
            kept.program.thaw()
            await system.finish(90)
            # declared dead, it registered anew before it claimed again
            assert kept.worker != worker
            assert (await verify(system)).faults == []
            codes = await system.stop()
            assert codes == dict.fromkeys(codes, 0)
