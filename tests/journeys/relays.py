"""Relays that misbehave: `python -m tests.journeys.relays lose|die` stands in for `fasttime
relay`.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

from broadcast.events.outbox import OutboxRow
from broadcast.events.relay import KafkaCarrier
from config.settings import load
from console.processes.cluster import relay


class Loses(KafkaCarrier):
    """Says of every event that Kafka has it, and gives it none."""

    async def send(self, rows: Sequence[OutboxRow]) -> list[int]:
        """Drop everything."""
        return [row.id for row in rows]


class Dies(KafkaCarrier):
    """Is killed between Kafka's acknowledgement of an approval and its mark; what earlier tests
    left behind is moved as ever.
    """

    async def send(self, rows: Sequence[OutboxRow]) -> list[int]:
        """Send, then die if an approval was among it."""
        sent = await super().send(rows)
        if any(row.type == "message.approved" for row in rows):
            os.kill(os.getpid(), signal.SIGKILL)
        return sent


if __name__ == "__main__":
    settings = load(os.environ)
    sys.exit(
        relay(settings, carrier={"lose": Loses, "die": Dies}[sys.argv[1]](settings.kafka_bootstrap))
    )
