"""One message traced from its approval to what the provider says afterwards; nobody is in it."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import select

from broadcast import traces
from broadcast.ledger import receipts
from broadcast.ledger.claims.tables import slice_
from broadcast.ledger.receipts import Receipt
from broadcast.store.database import Connection
from channels.contract import Refused
from channels.dispatch.rates import MemoryLimiter
from channels.memory import MemoryChannel, fails_with
from config.tracing import recorder
from config.wiring import Adapters
from service.engine import Engine
from tests.console.cli import ENTRY, Cli, process_env
from tests.console.site import Site, open_site

SECRETS = ("447700", "Person", "Road closed", "Go round", "A long story", "51.5", "p1")
AT = datetime(2026, 11, 26, 12, tzinfo=UTC)


def words_of(span: ReadableSpan) -> str:
    """All a span says apart from its own numbers: a time of 51.5 seconds is nobody's place."""
    told = json.loads(span.to_json())
    for own in ("context", "parent_id", "start_time", "end_time"):
        del told[own]
    for event in told["events"]:
        del event["timestamp"]
    for link in told["links"]:
        del link["context"]
    return json.dumps(told)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as running:
        yield running


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """What this process records, as another process of the installation would."""
    kept = InMemorySpanExporter()
    traces.record_by(recorder(SimpleSpanProcessor(kept), b"key of the installation"))
    yield kept
    traces.record_by(None)


async def sent(site: Site, sms: MemoryChannel, people: int) -> None:
    """Hand the waiting people over, until the channel has been asked for all of them."""
    engine = Engine(
        settings=site.settings,
        db=site.db,
        adapters={"routine": Adapters({"Actual": {"sms": sms}})},
        limiter=MemoryLimiter(),
        roles=("routine",),
        channels_on=lambda _status: frozenset({"sms"}),
    )
    running = asyncio.create_task(engine.run())
    async with asyncio.timeout(30):
        while len(sms.ledger) < people:
            await asyncio.sleep(0.02)
    engine.stopping.set()
    await running


def first_attempt(conn: Connection) -> str:
    return str(conn.execute(select(slice_.c.attempt).order_by(slice_.c.attempt)).scalars().first())


def by_name(found: InMemorySpanExporter) -> dict[str, list[ReadableSpan]]:
    told: dict[str, list[ReadableSpan]] = {}
    for span in found.get_finished_spans():
        told.setdefault(span.name, []).append(span)
    return told


async def test_a_message_is_one_trace_from_approval_to_receipt_without_anybody_s_data(
    site: Site, spans: InMemorySpanExporter
) -> None:
    message = await site.approved()
    await site.release(message)
    counts = (await site.get(f"/api/v1/messages/{message}/counts")).json
    texts = counts["channels"]["sms"]["waiting"]
    sms = MemoryChannel(by_call={0: fails_with(Refused("21211"))})
    await sent(site, sms, texts)
    attempt = await site.db.read(first_attempt)
    evidence = Receipt(attempt=attempt, position=1, state="delivered", provider=sms.provider)
    now = datetime.now(UTC)
    assert await site.db.write(receipts.store, evidence, now)
    assert await site.db.write(receipts.merge_waiting, now + timedelta(seconds=1)) == 1

    told = by_name(spans)
    assert {name: len(found) for name, found in told.items()} == {
        "approve": 1,
        "match": 1,
        "claim": len(told["claim"]),
        "attempt": texts,
        "receipt": 1,
    }
    (root,) = told["approve"]
    assert root.parent is None
    for span in spans.get_finished_spans():
        assert span.context.trace_id == root.context.trace_id
        assert span is root or (span.parent and span.parent.span_id == root.context.span_id)
        assert span.start_time is not None
        assert span.end_time is not None
        assert span.end_time >= span.start_time
    begun = [told[name][0].start_time for name in traces.STEPS]
    assert begun == sorted(begun, key=lambda at: at or 0)
    assert dict(root.attributes or {}) == {
        "fasttime.message": message,
        "fasttime.version": (await site.version(message)).id,
        "fasttime.status": "Actual",
        "fasttime.result": "approved",
    }
    assert (told["match"][0].attributes or {})["fasttime.result"] == "released"
    assert sum((s.attributes or {})["fasttime.people"] for s in told["claim"]) == texts  # type: ignore[misc]
    states = [(s.attributes or {}).get("fasttime.state") for s in told["attempt"]]
    assert sorted(map(str, states)) == ["accepted"] * (texts - 1) + ["failed"]
    said = "".join(words_of(span) for span in spans.get_finished_spans())
    assert "approve" in said
    assert "accepted" in said
    assert not [secret for secret in (*SECRETS, attempt) if secret in said]


async def test_what_is_approved_in_another_version_is_another_trace(
    site: Site, spans: InMemorySpanExporter
) -> None:
    await site.approved()
    await site.approved()
    one, other = by_name(spans)["approve"]
    assert one.context.trace_id != other.context.trace_id


def test_only_known_facts_are_told_and_a_providers_words_are_not(
    spans: InMemorySpanExporter,
) -> None:
    traces.told("attempt", 1, AT, AT, code="30006: +447700900001 is a landline")
    (span,) = spans.get_finished_spans()
    assert (span.attributes or {})["fasttime.code"] == "other"
    with pytest.raises(ValueError, match="mobile"):
        traces.told("attempt", 1, AT, AT, mobile="+447700900001")


def test_a_recorder_that_fails_undoes_no_step() -> None:
    def fails(_step: traces.Step) -> None:
        raise RuntimeError("no collector")

    traces.record_by(fails)
    traces.told("claim", 1, AT, AT, people=1)
    traces.record_by(None)


def test_without_the_setting_nothing_is_loaded_and_with_it_alone_the_extra_is_named(
    cli: Cli,
) -> None:
    assert cli("message", "list").code == 0
    assert not traces.on()
    ran = cli("message", "list", TRACES="http://127.0.0.1:4318/v1/traces")
    assert ran.code == 2
    assert "pip install 'fasttime[otel]'" in ran.err
    look = (
        "import sys\nfrom console.cli import main\nmain(['message', 'list'])\n"
        "sys.exit(bool([m for m in sys.modules if m.startswith('opentelemetry')]))"
    )
    done = subprocess.run(
        [ENTRY[0], "-c", look],
        cwd=cli.folder,
        env=process_env(cli.environment()),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
