"""`fasttime relay` whose Kafka loses a share of the events after it acknowledged them: python -m
tests.chaos.lossy_relay SHARE SEED.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from random import Random

from broadcast.events.outbox import OutboxRow
from broadcast.events.relay import KafkaCarrier
from config import settings as settings_module
from console.processes import cluster


class LossyCarrier:
    """Says of every event that it is kept, and drops some."""

    def __init__(self, inner: KafkaCarrier, share: float, random: Random) -> None:
        self._inner, self._share, self._random = inner, share, random

    async def ready(self) -> None:
        await self._inner.ready()

    async def send(self, rows: Sequence[OutboxRow]) -> list[int]:
        kept = [row for row in rows if self._random.random() >= self._share]
        sent = set(await self._inner.send(kept)) if kept else set()
        lost = {row.id for row in rows} - {row.id for row in kept}
        print(f"dropped {len(lost)} of {len(rows)}", flush=True)
        return [row.id for row in rows if row.id in sent or row.id in lost]

    async def close(self) -> None:
        await self._inner.close()


if __name__ == "__main__":
    settings = settings_module.load(os.environ)
    sys.exit(
        cluster.relay(
            settings,
            carrier=LossyCarrier(
                KafkaCarrier(settings.kafka_bootstrap), float(sys.argv[1]), Random(int(sys.argv[2]))
            ),
        )
    )
