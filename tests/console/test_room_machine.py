"""Health, what was put aside, files brought in, who is enrolled for exercises."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from broadcast.events import dead_letters
from broadcast.events.topics import ROLES
from broadcast.ledger import gauges, liveness
from console.room import naming
from subscribers.registry.importing import import_records
from tests.console.site import Site, open_site, person
from tests.console.visitor import HERE, Visitor

INTERFACES = Path(__file__).parents[2] / "docs" / "interfaces.md"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path, FASTTIME_PUBLIC_URL=HERE) as running:
        yield running


async def administrator(site: Site) -> Visitor:
    visitor = Visitor(site)
    await visitor.sign_in("administrator")
    return visitor


async def test_health_says_channels_processes_and_what_waits(site: Site) -> None:
    await site.live(severity="Severe")
    await site.claimed(lane="urgent")
    page = await (await administrator(site)).get("/room/health")
    assert "Sending: running" in page.words
    assert "Telephone call ✓ on ✓ on ✓ on" in page.words
    waiting = await site.db.read(gauges.look, datetime.now(UTC))
    assert waiting.outbox_waiting > 0
    assert f"Steps waiting to be handed on (outbox) {waiting.outbox_waiting}" in page.words
    assert "of these: messages approved (message.approved) 1" in page.words
    assert "Groups of people being handed over (slices) 1" in page.words
    assert "of these: text message 1" in page.words
    assert "+44" not in page.text


def test_everything_that_waits_and_every_process_has_a_plain_name() -> None:
    events = INTERFACES.read_text().partition("## Topics and events")[2].partition("\n## ")[0]
    types = {
        type_
        for line in events.splitlines()
        if line.startswith(("| alerts", "| deliveries", "| receipts"))
        for type_ in re.findall(r"`([a-z_]+\.[a-z_]+)`", line.split("|")[2])
    }
    assert set(naming.EVENTS) == types
    assert all(naming.does(role) != role for role in (*ROLES, liveness.WATCHING))
    assert naming.does("match+log") == "finds who gets a message; reads what providers tell"


async def test_what_was_put_aside_is_closed_with_a_reason_and_comes_back_if_it_fails_again(
    site: Site,
) -> None:
    now = datetime.now(UTC)
    for _ in range(2):
        await site.db.write(dead_letters.park, "render.failed", "7/sms/en", "KeyError", now)
    visitor = await administrator(site)
    assert "Put aside: 1 to look at" in (await visitor.get("/room")).words
    page = await visitor.get("/room/health")
    action = "/room/dead-letters/1/close"
    assert page.forms().count(action) == 1
    silent = await visitor.send(page, action, why="")
    assert (silent.status, "why_missing" in silent.words) == (422, True)
    looked = await visitor.get("/room/health")
    closed = await visitor.send(silent, action, why="The text was mended.")
    assert "Closed by operator" in closed.words
    assert "The text was mended." in closed.words
    assert action not in closed.forms()
    assert "Put aside: nothing" in closed.words
    again = await visitor.send(looked, action, why="A second time.")  # opened before the first
    assert (again.status, "somebody closed it already" in again.words) == (409, True)
    await site.db.write(dead_letters.park, "render.failed", "7/sms/en", "KeyError", now)
    assert "/room/dead-letters/2/close" in (await visitor.get("/room/health")).forms()
    auditor = Visitor(site)
    await auditor.sign_in("auditor")
    told = await auditor.get("/room/audit?kind=admin&subject=1")
    assert "dead letters close" in told.words
    looking = await auditor.get("/room/health")
    assert "/room/dead-letters/2/close" not in looking.forms()


async def test_what_was_put_aside_is_tried_again_by_one_press_or_the_page_says_why_not(
    site: Site,
) -> None:
    await site.live()
    now = datetime.now(UTC)
    await site.db.write(dead_letters.park, "render.failed", "1/sms/en", "KeyError", now)
    await site.db.write(dead_letters.park, "render.failed", "9/sms/en", "KeyError", now)
    await site.db.write(dead_letters.park, "look_ups", "operator 5", "20 shapes", now)
    visitor = await administrator(site)
    page = await visitor.get("/room/health")
    first, gone, notice = (f"/room/dead-letters/{n}/retry" for n in (1, 2, 3))
    assert notice not in page.forms()
    assert "A notice: nothing failed that could be tried again." in page.words
    assert (
        "1: A text could not be laid out: message 1 version 1, text message, English [en],"
        " fault KeyError" in page.words
    )
    assert "3: One person looked at many shapes: 20 shapes" in page.words
    over = await visitor.send(page, gone)
    assert (over.status, "nobody waits for it now" in over.words) == (409, True)
    tried = await visitor.send(page, first)
    assert "Closed by operator 5 ( administrator )" in tried.words
    assert ": handed over again" in tried.words
    assert first not in tried.forms()
    repeated = await visitor.send(page, first)  # the same form once more: it was done once
    assert (repeated.status, "handed over again" in repeated.words) == (200, True)
    told = await visitor.get("/room/health")
    assert "of these: texts to be laid out again (batch.retry) 1" in told.words


async def test_dead_letters_over_the_api_once_for_each_key(site: Site) -> None:
    await site.live()
    now = datetime.now(UTC)
    for key in ("1/sms/en", "9/sms/en"):
        await site.db.write(dead_letters.park, "render.failed", key, "KeyError", now)
    path = "/api/v1/dead-letters"
    assert (await site.get(path, role="operator")).status == 403
    listed = (await site.get(path, role="auditor")).json["dead_letters"]
    assert [(each["id"], each["retry"]) for each in listed] == [(2, True), (1, True)]
    for role in ("auditor", "operator", "approver"):
        for act in ("retry", "close"):
            answer = await site.post(f"{path}/1/{act}", {}, role=role)
            assert (answer.status, answer.code) == (403, "wrong_role")
    done = await site.post(f"{path}/1/retry", role="administrator", key="k1")
    assert (done.status, done.json["why"], done.json["retry"]) == (200, "handed over again", False)
    again = await site.post(f"{path}/1/retry", role="administrator", key="k1")
    assert (again.body, again.headers["Idempotency-Replayed"]) == (done.body, "true")
    other = await site.post(f"{path}/1/retry", role="administrator")
    assert (other.status, other.code) == (409, "dead_letter_closed")
    assert (await site.post(f"{path}/2/retry", role="administrator")).code == "dead_letter_over"
    assert (await site.post(f"{path}/x/retry", role="administrator")).status == 404
    silent = await site.post(f"{path}/2/close", {}, role="administrator")
    assert (silent.status, silent.code) == (422, "why_missing")
    closed = await site.post(f"{path}/2/close", {"why": "It ended."}, role="administrator")
    assert (closed.status, closed.json["closed_by"][:9]) == (200, "operator ")


HEAD = "external_id,name,kind,email,mobile,phone,language,postcode,lat,lon,area"


async def test_people_are_brought_in_or_every_error_of_the_file_is_a_row(site: Site) -> None:
    visitor = await administrator(site)
    page = await visitor.get("/room/import")
    wrong = f"{HEAD}\nn1,A,resident,,+447700900201,,en,,99,0,\nn2,B,ghost,,123,,en,,,,"
    action = "/room/import/people"
    bad = await visitor.send(page, action, file=wrong, basis="consent")
    assert bad.status == 422
    rows = bad.tree.xpath("//*[@id='faults']/tbody/tr")
    assert len(rows) >= 3
    assert {row.xpath("string(td[1])") for row in rows} >= {"lat", "kind", "mobile"}
    # each error says on which line it is
    lines = {row.xpath("string(th)") for row in rows}
    assert lines == {"the pasted file:2", "the pasted file:3"}
    assert dict(bad.fields(action))["basis"] == "consent"
    assert "basis_missing" not in bad.words
    nameless = await visitor.send(bad, action, file=wrong, basis="")
    assert "no basis is named" in nameless.words
    right = f"{HEAD}\nn1,A,resident,,+447700900201,,en,,51.5,-0.14,"
    tried = await visitor.send(nameless, action, file=right, basis="consent", do="try")
    assert "nothing was stored. It would be: 1 new" in tried.words, tried.words
    kept = dict(tried.fields(action))
    assert (kept["file"], kept["basis"]) == (right, "consent")
    done = await visitor.send(tried, action)
    assert "Brought in: 1 new" in done.words, done.words
    assert dict(done.fields(action))["file"] == ""
    assert "+447700900201" not in done.text


async def test_areas_are_brought_in_or_refused(site: Site) -> None:
    visitor = await administrator(site)
    page = await visitor.get("/room/import")
    action = "/room/import/areas"
    bad = await visitor.send(page, action, file="{}", level="ward")
    assert bad.status == 422
    assert bad.tree.xpath("//*[@id='faults']/tbody/tr")
    ring = "[[-0.14,51.49],[-0.13,51.49],[-0.13,51.5],[-0.14,51.49]]"
    shape = f'{{"type":"Polygon","coordinates":[{ring}]}}'
    text = (
        '{"type":"FeatureCollection","features":[{"type":"Feature","properties":'
        f'{{"code":"E05000644","name":"St James’s"}},"geometry":{shape}}}]}}'
    )
    done = await visitor.send(bad, action, file=text, level="ward")
    assert "Brought in: 1 new" in done.words, done.words
    author = Visitor(site)
    await author.sign_in("author")
    assert "St James’s" in (await author.get("/room/places?q=james")).words


async def test_exercises_say_how_many_are_enrolled(site: Site) -> None:
    more = [person(101, mobile="+447700901101", topics="exercise;incident", kind="partner")]
    await site.db.write(import_records, more, "test", datetime.now(UTC))
    page = await (await administrator(site)).get("/exercise")
    assert "1 person is enrolled: 1 partner. Nobody else gets an exercise." in page.words
    assert "EXERCISE" in page.h1
