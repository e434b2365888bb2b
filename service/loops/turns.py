"""Turning a loop: woken or by the clock; a turn that fails is seen and tried again, and a loop that
hangs is named.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta

import structlog

from broadcast import failures
from broadcast.store.database import TROUBLE
from broadcast.waiting import until_set

log = structlog.get_logger("engine")

POLL_SECONDS = 1.0
HUNG_AFTER = timedelta(minutes=5)
"""No turn of a loop takes this long: the largest audience is matched in less."""

Step = Callable[[], Awaitable[object]]


class Turns:
    """The loops of one process: when each last ended a turn, and when one last did so without
    trouble.
    """

    def __init__(self) -> None:
        self.healthy_at: datetime | None = None
        self.ended: dict[str, datetime] = {}
        """When each loop last ended a turn, well or in trouble."""

    async def every(self, seconds: float, step: Step) -> None:
        """Turn for ever, with this much time between."""
        self._turned(step)
        while True:
            await self.guarded(step)
            self._turned(step)
            await asyncio.sleep(seconds)

    async def woken(self, event: asyncio.Event, step: Step) -> None:
        """Turn for ever: whenever the event is set, and each second."""
        self._turned(step)
        while True:
            event.clear()
            await self.guarded(step)
            self._turned(step)
            await until_set(event, POLL_SECONDS)

    async def guarded(self, step: Step, name: str = "") -> None:
        """Take one step. One that fails is logged and tried again at the next turn; nothing is
        lost, for the next turn reads the database anew.
        """
        name = name or getattr(step, "__name__", "step")
        try:
            await step()
            self.healthy_at = datetime.now(UTC)
        except TROUBLE as trouble:
            log.warning(
                "step.database_trouble",
                step=name,
                error=type(trouble).__name__,
                # PostgreSQL's next lines show the row that it refused
                detail=str(getattr(trouble, "orig", trouble)).partition("\n")[0][:200],
            )
        except Exception as error:  # noqa: BLE001 - a loop that ends for ever would be worse
            log.error("step.failed", step=name, **failures.told(error))  # noqa: TRY400 - a traceback may hold parameters

    def hung(self, now: datetime, sending: Mapping[str, datetime]) -> list[str]:
        """Return what is wrong with the loops, for whoever would restart the process. `sending`:
        when each sender last ended a turn.

        A database that is away is no reason to restart: that would put the people in doubt whose
        outcomes are still in memory.
        """
        if not self.ended:
            return ["engine_not_started: no loop has begun yet"]
        return [
            f"loop_hung: {loop} has not ended a turn since {at.isoformat()}"
            for loop, at in sorted({**self.ended, **sending}.items())
            if now - at > HUNG_AFTER
        ]

    def _turned(self, step: Step) -> None:
        self.ended[step.__qualname__] = datetime.now(UTC)
