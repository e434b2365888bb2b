from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from broadcast.operators import audit
from tests.console.site import Site, open_site


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as running:
        yield running


async def test_a_healthy_process_says_so(site: Site) -> None:
    assert (await site.get("/healthz", role=None)).json["ok"] is True
    ready = await site.get("/readyz", role=None)
    assert (ready.status, ready.json) == (200, {"ok": True, "reasons": []})


async def test_healthz_publishes_the_head_of_the_audit_chain_and_answers_without_a_database(
    site: Site,
) -> None:
    await site.submitted()
    head = await site.db.read(audit.head)
    assert head is not None
    assert (await site.get("/healthz", role=None)).json == {
        "ok": True,
        "audit": {"number": head.number, "hash": head.hash},
    }
    await site.db.write(lambda conn: conn.exec_driver_sql("ALTER TABLE audit RENAME TO away"))
    await asyncio.sleep(1.1)  # until it looks again
    answer = await site.get("/healthz", role=None)
    assert (answer.status, answer.json["audit"]["number"]) == (200, head.number)


async def test_an_engine_that_does_not_turn_is_not_ready_and_says_why(site: Site) -> None:
    site.turned = datetime.now(UTC) - timedelta(minutes=1)
    stuck = await site.get("/readyz", role=None)
    assert (stuck.status, stuck.json["ok"]) == (503, False)
    assert stuck.json["reasons"][0].startswith("engine_stuck")
    site.turned = None
    assert (
        (await site.get("/readyz", role=None)).json["reasons"][0].startswith("engine_not_started")
    )
    assert (await site.get("/healthz", role=None)).status == 200


async def test_a_schema_of_another_version_is_not_ready(site: Site) -> None:
    await site.db.write(
        lambda conn: conn.exec_driver_sql("UPDATE alembic_version SET version_num = 'future'")
    )
    answer = await site.get("/readyz", role=None)
    assert answer.status == 503
    assert "schema_newer" in answer.json["reasons"][0]


async def test_a_database_that_is_away_is_503_and_never_a_trace(site: Site) -> None:
    await site.db.write(lambda conn: conn.exec_driver_sql("ALTER TABLE operator RENAME TO away"))
    answer = await site.get("/api/v1/messages")
    assert (answer.status, answer.code) == (503, "database_unavailable")


async def test_a_fault_of_ours_is_a_500_without_its_trace_and_the_log_has_it(site: Site) -> None:
    async def broken(_token: str) -> None:
        raise ZeroDivisionError("the secret words")

    site.context.actor = broken  # type: ignore[assignment, method-assign]
    with capture_logs() as logs:
        answer = await site.get("/api/v1/messages")
    assert (answer.status, answer.code) == (500, "internal")
    assert b"secret" not in answer.body
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["web.failed"]


async def test_metrics_count_what_waits_what_went_out_and_what_was_asked(site: Site) -> None:
    await site.live()
    s = await site.claimed()
    await site.done(s)
    await site.claimed("voice")
    await site.get("/v/SECRETCODE", role=None)
    text = await site.metrics()
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["fasttime_database_up",] == 1
    assert found["fasttime_versions", "live"] == 1
    assert found["fasttime_slices_open",] == 1
    assert found["fasttime_handed_over", "accepted", "sms"] == 30
    assert found["fasttime_outbox_waiting",] > 0
    assert found["fasttime_http_requests_total", "/v/{code}", "404", "GET"] == 1
    assert "SECRETCODE" not in text


async def test_metrics_are_there_when_the_database_is_not(site: Site) -> None:
    await site.db.write(lambda conn: conn.exec_driver_sql("ALTER TABLE slice RENAME TO away"))
    text = await site.metrics()
    assert "fasttime_database_up 0.0" in text


async def test_two_applications_in_one_process_count_apart(site: Site, tmp_path: Path) -> None:
    async with open_site(tmp_path / "other") as other:
        await site.get("/healthz", role=None)
        text = await other.metrics()
    assert 'route="/healthz"' not in text
