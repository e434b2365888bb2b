from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from broadcast.levels.history import Fact
from tests import past_levels
from tests.console.site import CAMDEN, WESTMINSTER, Site, open_site


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as running:
        yield running


async def test_deliveries_come_by_page_each_person_on_one_line_with_the_reason(site: Site) -> None:
    message = await site.live()
    await site.done(await site.claimed(), "delivered")
    people, cursor = [], ""
    while True:
        page = (
            await site.get(f"/api/v1/messages/{message}/deliveries?limit=7{cursor}", role="auditor")
        ).json
        people += page["deliveries"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert [p["person"] for p in people] == sorted({p["person"] for p in people})
    assert len(people) == page["addressed"] == 32
    lines = [p["line"] for p in people]
    assert (lines.count("delivered"), lines.count("waiting"), lines.count("not_sent")) == (30, 1, 1)
    assert people[0] == {
        "person": 1,
        "line": "delivered",
        "channels": {"sms": "delivered"},
        "reason": None,
    }
    assert [p["reason"] for p in people if p["line"] == "not_sent"] == ["duplicate_person"]
    counts = (await site.get(f"/api/v1/messages/{message}/counts")).json
    assert sum(counts["people"].values()) == counts["addressed"] == 32


async def test_deliveries_are_chosen_by_line_and_channel(site: Site) -> None:
    message = await site.live()
    waiting = (
        await site.get(
            f"/api/v1/messages/{message}/deliveries?channel=voice&state=waiting", role="operator"
        )
    ).json["deliveries"]
    assert len(waiting) == 1
    for query, code in (
        ("state=lost", "state_unknown"),
        ("channel=pigeon", "channel_unknown"),
        ("reason=nobody", "reason_unknown"),
    ):
        assert (
            await site.get(f"/api/v1/messages/{message}/deliveries?{query}", role="operator")
        ).code == code
    assert (
        await site.get(f"/api/v1/messages/{message}/deliveries?version=9", role="operator")
    ).code == "version_unknown"


async def test_deliveries_are_chosen_by_the_reason_why_somebody_was_not_sent_to(
    site: Site,
) -> None:
    message = await site.live()
    path = f"/api/v1/messages/{message}/deliveries"
    everybody = (await site.get(path, role="operator")).json["deliveries"]
    reasons = {each["reason"] for each in everybody} - {None}
    assert reasons
    for reason in reasons:
        chosen = (await site.get(f"{path}?reason={reason}", role="operator")).json["deliveries"]
        assert chosen == [each for each in everybody if each["reason"] == reason]
        other = await site.get(f"{path}?reason={reason}&state=delivered", role="operator")
        assert other.json["deliveries"] == []


async def test_a_cursor_is_good_for_its_own_list_only(site: Site) -> None:
    message = await site.live()
    cursor = (
        await site.get(f"/api/v1/messages/{message}/deliveries?limit=1", role="operator")
    ).json["next"]
    for path in ("/api/v1/messages", f"/api/v1/messages/{message}/deliveries?state=waiting"):
        answer = await site.get(
            f"{path}{'&' if '?' in path else '?'}cursor={cursor}", role="operator"
        )
        assert (answer.status, answer.code) == (400, "cursor_invalid")


async def test_deliveries_as_csv_are_whole_and_no_spreadsheet_runs_them(site: Site) -> None:
    message = await site.live()
    answer = await site.get(
        f"/api/v1/messages/{message}/deliveries", role="operator", headers={"Accept": "text/csv"}
    )
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))
    assert len(rows) == 32
    assert rows[0] == {
        "person": "1",
        "line": "waiting",
        "reason": "",
        "sms": "waiting",
        "voice": "",
        "email": "",
        "web": "",
    }
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())


async def test_explain_says_why_for_one_person(site: Site) -> None:
    message = await site.live()
    told = (await site.get(f"/api/v1/messages/{message}/explain/p1", role="operator")).json
    assert (told["subscriber"], told["line"]) == (1, "waiting")
    assert {
        "name": "area",
        "passed": True,
        "detail": "the place lies in E09000033 (Westminster)",
        "why": "inside",
        "of": {"shapes": [], "areas": ["E09000033"]},
    } in told["steps"]
    elsewhere = (await site.get(f"/api/v1/messages/{message}/explain/p31", role="operator")).json
    assert (elsewhere["line"], elsewhere["reason"]) == (None, "out_of_area")
    for nobody in ("p99", "0", "%00", "x" * 500, "%F0%9F%98%80"):
        answer = await site.get(f"/api/v1/messages/{message}/explain/{nobody}", role="operator")
        assert (answer.status, answer.code) == (404, "subscriber_unknown"), nobody


async def test_threat_levels_now_then_and_at_a_place(site: Site) -> None:
    def at(day: int) -> datetime:
        return datetime(2026, 1, day, tzinfo=UTC)

    facts = [
        Fact(scope="UK", level="MODERATE", at=at(1), source="import"),
        Fact(scope="UK", level="SUBSTANTIAL", at=at(5), source="import"),
        Fact(scope=WESTMINSTER, level="SEVERE", at=at(7), source="import"),
    ]
    await site.db.write(past_levels.import_facts, facts, datetime.now(UTC))
    unset = (await site.get("/api/v1/threat-levels")).json
    # a file of the past is not the present
    assert [(e["scope"], e["level"]) for e in unset] == [("UK", None)]
    later = "as_of=2026-01-20T00:00:00%2B00:00"
    now = (await site.get(f"/api/v1/threat-levels?{later}")).json
    assert [(e["scope"], e["level"], e["rank"], e["from"]) for e in now] == [
        ("UK", "SUBSTANTIAL", 3, ["UK"]),
        (WESTMINSTER, "SEVERE", 4, [WESTMINSTER]),
    ]
    assert now[0]["meaning"] == "an attack is likely"
    assert now[0]["since"] == "2026-01-05T00:00:00+00:00"
    then = (await site.get("/api/v1/threat-levels?as_of=2026-01-03T00:00:00+00:00")).json
    assert [(e["scope"], e["level"]) for e in then] == [("UK", "MODERATE")]
    here = (await site.get(f"/api/v1/threat-levels?area={WESTMINSTER}&{later}")).json
    assert [(e["level"], e["from"]) for e in here] == [("SEVERE", [WESTMINSTER])]
    there = (await site.get(f"/api/v1/threat-levels?area={CAMDEN}&{later}")).json
    assert [(e["level"], e["from"]) for e in there] == [("SUBSTANTIAL", ["UK"])]
    wrong = {
        "as_of=yesterday": "time_invalid",
        "as_of=2026-02-31": "time_invalid",
        "as_of=2026-01-03T00:00:00": "time_zone_missing",
        "area=E99999999": "area_unknown",
    }
    for query, code in wrong.items():
        assert (await site.get(f"/api/v1/threat-levels?{query}")).code == code


async def test_a_level_that_was_never_set_is_there_and_empty(site: Site) -> None:
    assert (await site.get("/api/v1/threat-levels")).json == [
        {"scope": "UK", "level": None, "rank": None, "meaning": None, "since": None, "from": []}
    ]


async def test_areas_are_listed(site: Site) -> None:
    areas = (await site.get("/api/v1/areas")).json
    assert {
        "code": WESTMINSTER,
        "name": "Westminster",
        "level": "borough",
        "parent": "E12000007",
    } in areas


async def test_subscribers_are_masked_by_page_and_only_for_those_who_look_after_them(
    site: Site,
) -> None:
    for role in ("author", "approver", "operator"):
        assert (await site.get("/api/v1/subscribers", role=role)).code == "wrong_role"
    first = await site.get("/api/v1/subscribers?limit=20", role="administrator")
    assert b"+4477009" not in first.body
    assert first.json["subscribers"][0]["mobile"] == "…001"
    assert first.json["subscribers"][0]["name"] == "P… 1…"
    second = (
        await site.get(f"/api/v1/subscribers?limit=20&cursor={first.json['next']}", role="auditor")
    ).json
    assert (len(first.json["subscribers"]), len(second["subscribers"]), second["next"]) == (
        20,
        13,
        None,
    )


async def _next(stream: aiohttp.StreamReader, name: str) -> dict[str, object]:
    async with asyncio.timeout(10):
        while True:
            line = (await stream.readline()).decode().strip()
            if line == f"event: {name}":
                found: dict[str, object] = json.loads(
                    (await stream.readline()).decode().removeprefix("data: ")
                )
                return found


async def test_events_tell_what_is_open_and_then_every_change(site: Site) -> None:
    message = await site.drafted()
    async with site.client.get(
        site.url + "/api/v1/events", headers={"Authorization": f"Bearer {site.tokens['operator']}"}
    ) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        first = await _next(response.content, "state")
        assert (first["message"], first["state"]) == (message, "draft")
        agreed = (await site.post(f"/api/v1/messages/{message}/submit")).json["content_hash"]
        assert (await _next(response.content, "state"))["state"] == "pending_approval"
        await site.approve(message, agreed)
        await site.release(message)
        while (await _next(response.content, "state"))["state"] != "live":
            pass
        counts = await _next(response.content, "counts")
        assert counts["channels"]["sms"]["size"] == 30  # type: ignore[index]
        other = await site.drafted()
        await _next(response.content, "state")
        await site.post(f"/api/v1/messages/{other}/reject", {"why": "no"}, role="approver")
        assert (await _next(response.content, "state"))["state"] == "rejected"
    assert (await site.get("/api/v1/events", role=None)).code == "token_missing"


async def test_streams_end_when_the_process_stops(site: Site) -> None:
    async with site.client.get(
        site.url + "/api/v1/events", headers={"Authorization": f"Bearer {site.tokens['operator']}"}
    ) as response:
        await response.content.readline()
        site.app.state.close()
        async with asyncio.timeout(2):
            await response.content.read()


async def test_a_draft_of_hostile_but_legal_text_is_kept_as_written(site: Site) -> None:
    text = "<script>alert(1)</script> {{7*7}} ${x} %n"
    message = await site.drafted(languages={"en": {"headline": "Road closed", "description": text}})
    assert (await site.get(f"/api/v1/messages/{message}")).json["content"]["languages"]["en"][
        "description"
    ] == text


async def test_auditors_read_the_audit_chain_by_page_and_nobody_else(site: Site) -> None:
    await site.submitted()
    for role in ("author", "approver", "operator", "administrator"):
        assert (await site.get("/api/v1/audit", role=role)).code == "wrong_role"
    first = (await site.get("/api/v1/audit?limit=1", role="auditor")).json
    assert (len(first["links"]), first["next"]) == (1, 1)
    rest = (await site.get("/api/v1/audit?after=1", role="auditor")).json
    assert rest["next"] is None
    assert {link["kind"] for link in [*first["links"], *rest["links"]]} == {
        "admin",
        "decision",
        "look_up",
    }
    assert rest["links"][-1]["hash"] == rest["head"]["hash"]
    for wrong in ("x", "-1", "1" * 20):
        assert (
            await site.get(f"/api/v1/audit?after={wrong}", role="auditor")
        ).code == "cursor_invalid"
