"""What is counted of sending: attempts by outcome, errors by code, and the times from approval."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from broadcast.ledger.claims.outcomes import Outcome
from broadcast.messages import versions
from broadcast.store.database import Database
from channels.contract import InDoubt, Refused, Unavailable
from channels.dispatch.measures import CODES, Measures
from channels.memory import MemoryChannel, fails_with, slow
from console.server.metrics import Metrics
from subscribers.registry import importing
from tests.chaos.harness import people
from tests.ledger.sending import sender_of
from tests.ledger.test_retries import Renderings
from tests.ledger.world import World


async def test_each_attempt_is_counted_by_outcome_and_timed_from_approval(db: Database) -> None:
    world = await World.make(db)
    forty = [
        r._replace(channels="sms", mobile=f"+447700900{n:03d}") for n, r in enumerate(people(40))
    ]
    await db.write(importing.import_records, forty, "test", datetime.now(UTC))
    v = await world.live(range(1, 41))
    approved = (await db.read(versions.get, v.id)).approved_at
    assert approved is not None
    channel = MemoryChannel(
        "sms",
        by_call={
            0: slow(0.06),
            3: fails_with(Refused("21610")),
            4: fails_with(Unavailable("20429", retry_after=60.0, only_this=True)),
            5: fails_with(InDoubt("timeout")),
        },
    )
    measures = Measures()
    sender = sender_of(db, channel, Renderings(), measures=measures)
    stopping = asyncio.Event()
    began = datetime.now(UTC)
    running = asyncio.create_task(sender.run(stopping))
    async with asyncio.timeout(20):
        while measures.attempts.total() < 40:
            await asyncio.sleep(0.02)
    stopping.set()
    await running
    at_most = (datetime.now(UTC) - approved).total_seconds()

    metrics = Metrics(role="urgent", gauges=False, measures=measures)
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(generate_latest(metrics.registry).decode())
        for sample in family.samples
    }
    counted = {
        outcome: found["fasttime_delivery_attempts_total", *sorted((outcome, *labels))]
        for labels in [("Actual", "memory:memory", "sms")]
        for outcome in ("accepted", "failed", "refused", "in_doubt")
    }
    assert counted == {"accepted": 37, "failed": 1, "refused": 1, "in_doubt": 1}
    for code in ("21610", "20429", "timeout"):
        assert found["fasttime_provider_errors_total", *sorted((code, "memory:memory", "sms"))] == 1
    assert found["fasttime_provider_seconds_count", "memory:memory", "sms"] == 40
    assert found["fasttime_provider_seconds_bucket", "0.05", "memory:memory", "sms"] < 40
    for name in ("first", "last"):
        family = f"fasttime_approval_to_{name}_attempt_seconds"
        assert found[f"{family}_count", "Actual", "sms"] == 1
        waited = found[f"{family}_sum", "Actual", "sms"]
        assert (began - approved).total_seconds() <= waited <= at_most
    assert not any(name.startswith("fasttime_outbox") for name, *_ in found)
    assert found["process_resident_memory_bytes",] > 0
    build = next(key for key in found if key[0] == "fasttime_build_info")
    assert "urgent" in build


def test_codes_of_a_provider_are_bounded_and_a_code_that_is_a_sentence_is_not_shown() -> None:
    measures, channel = Measures(), MemoryChannel("email")
    measures.expects(channel)

    def failed(code: str) -> None:
        measures.ended(
            channel, "Actual", Outcome(position=0, person_id=1, state="failed", code=code), 0.1
        )

    for n in range(CODES + 5):
        failed(str(n))
    failed("no mailbox of ann@example.org")
    errors = {code: n for (_, _, code), n in measures.errors.items()}
    assert len(errors) == CODES + 1
    assert errors["other"] == 6
