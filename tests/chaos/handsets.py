"""The simulated provider as a process of its own, with its ledger in a file: python -m
tests.chaos.handsets HTTP SMTP LEDGER SETTINGS_JSON.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

from channels.simulator import SimulatorSettings, run_simulator

TOKEN = "handsets-of-the-harness"


async def serve(http_port: int, smtp_port: int, ledger: Path, settings: SimulatorSettings) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    simulator = await run_simulator(
        http_port, smtp_port, settings=settings, ledger_path=ledger, token=TOKEN
    )
    await stop.wait()
    await simulator.close()


if __name__ == "__main__":
    asyncio.run(
        serve(
            int(sys.argv[1]),
            int(sys.argv[2]),
            Path(sys.argv[3]),
            SimulatorSettings(**json.loads(sys.argv[4])),
        )
    )
