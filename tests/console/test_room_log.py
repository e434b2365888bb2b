"""The delivery log in the browser: every number leads to the rows behind it, people are masked,
looks are recorded.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from broadcast.events import outbox
from broadcast.ledger import delivery_report
from console.room.kept import KEPT_SECONDS
from console.room.naming import QUESTIONS, word
from service.commands import explaining
from tests.console.site import CAMDEN, LONDON, WESTMINSTER, Site, open_site
from tests.console.test_explained import CODE_WORDS
from tests.console.visitor import HERE, Visitor


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path, FASTTIME_PUBLIC_URL=HERE) as running:
        yield running


async def lived(site: Site) -> Visitor:
    await site.live(severity="Severe")
    await site.done(await site.claimed(lane="urgent"), "in_doubt")
    await site.done(await site.claimed("voice", "urgent"), "delivered")
    visitor = Visitor(site)
    await visitor.sign_in("operator")
    return visitor


async def chain(site: Site) -> list[Any]:
    answer = await site.get("/api/v1/audit?limit=1000", role="auditor")
    return list(answer.json["links"])


async def test_every_number_of_the_account_leads_to_as_many_people(site: Site) -> None:
    visitor = await lived(site)
    page = await visitor.get("/room/messages/1")
    links = page.tree.xpath("//*[@id='live']//td/a")
    assert len(links) == 8 * 3 + 1  # and the one place
    for link in links:
        log = await visitor.get(link.get("href"))
        assert log.tree.xpath("string(//*[@id='total'])") == link.text, link.get("href")
        assert len(log.tree.xpath("//*[@id='people']/tbody/tr")) == int(link.text)
    (reason,) = page.tree.xpath("//*[@id='live']//p/a")
    log = await visitor.get(reason.get("href"))
    assert "sent to once already" in log.tree.xpath("string(//*[@id='people'])")


async def test_people_are_masked_and_pages_go_on_where_the_last_ended(site: Site) -> None:
    visitor = await lived(site)
    page = await visitor.get("/room/messages/1/log")
    assert "+44" not in page.text
    assert "Person 1" not in page.words
    assert "…001" in page.words
    assert (await visitor.get("/room/messages/1/log?after=30")).words.count("P… ") == 3
    for wrong in ("line=lost", "channel=fax", "line=%00", "channel=%3Cb%3E", "reason=nothing"):
        refused = await visitor.get(f"/room/messages/1/log?{wrong}")
        assert refused.status == 422
        assert "<b>" not in refused.text
    for harmless in ("after=-1", "after=9999999999999", "reason=stale", "version=x"):
        assert (await visitor.get(f"/room/messages/1/log?{harmless}")).status == 200


async def test_people_are_found_by_area_and_by_time_and_the_address_says_which(site: Site) -> None:
    visitor = await lived(site)
    log = "/room/messages/1/log?line=in_doubt"

    async def total(more: str) -> int:
        page = await visitor.get(f"{log}{more}")
        assert page.status == 200, page.words
        return int(page.tree.xpath("string(//*[@id='total'])"))

    everybody = await total("")
    assert everybody > 10
    assert await total("&area=westminster") == await total(f"&area={LONDON}") == everybody
    assert await total(f"&area={CAMDEN}") == 0
    zone = ZoneInfo(site.settings.timezone)
    an_hour_ago, soon = (
        f"{datetime.now(zone) + timedelta(hours=n):%Y-%m-%dT%H:%M}" for n in (-1, 1)
    )
    assert await total(f"&from={an_hour_ago}&until={soon}") == everybody
    assert await total(f"&until={an_hour_ago}") == await total(f"&from={soon}") == 0
    page = await visitor.get(f"{log}&area=westminster&from={an_hour_ago}")
    assert "area=westminster" in page.tree.xpath("string(//a[text()='As CSV, masked']/@href)")
    for wrong in ("area=nowhere", "from=yesterday"):
        assert (await visitor.get(f"{log}&{wrong}")).status == 422
    # with a place of a few streets a drawn shape would tell where few people live
    drawn = await site.live(areas=None, circles=["51.5,-0.14 2"])
    path = f"/room/messages/{drawn}/log"
    assert not (await visitor.get(path)).tree.xpath("//*[@id='f-area']")
    assert (await visitor.get(f"{path}?area={WESTMINSTER}")).status == 422


async def test_check_37_the_csv_is_masked_and_runs_nothing(site: Site) -> None:
    visitor = await lived(site)
    sheet = await visitor.get("/room/messages/1/log?format=csv&line=in_doubt")
    assert sheet.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(sheet.text.removeprefix("\ufeff"))))
    assert {row["line"] for row in rows} == {"in_doubt"}
    assert all(not cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
    assert "+4477" not in sheet.text
    assert [link["action"] for link in await chain(site)].count("deliveries.export") == 1


async def test_check_36_sentences_say_what_the_ledger_knows(site: Site) -> None:
    visitor = await lived(site)
    account = await site.db.read(delivery_report.account, await site.version(1))
    words = {"in_doubt": "in doubt", "delivered": "delivered", "not_sent": "not sent"}
    seen = set()
    for person in (*range(1, 12), 31, 32, 33):
        page = await visitor.get(f"/room/messages/1/people/{person}")
        said = [item.text_content() for item in page.tree.xpath("//ol/li")]
        told = await explaining.explain(site.context, 1, person)
        assert len(said) == len(told["steps"]) + len(told["attempts"]) + 1
        for step, sentence in zip(told["steps"], said, strict=False):
            _, passed, failed = QUESTIONS[step["name"]]
            assert f"? {passed if step['passed'] else failed}. " in sentence
        assert not [sentence for sentence in said if CODE_WORDS.search(sentence)]
        line, reason = account.of_person(person)
        if line is None:
            assert said[-1].startswith("It is not for them: ")
        else:
            assert f"“{words[line]}”" in said[-1]
            assert not reason or word(reason) in said[-1]
        seen.add(line)
    assert {"in_doubt", "delivered", "not_sent", None} <= seen


async def test_a_contact_is_shown_to_who_says_why_and_that_is_recorded(site: Site) -> None:
    visitor = await lived(site)
    page = await visitor.get("/room/messages/1/people/5")
    assert "+447700900005" not in page.text
    path = "/room/messages/1/people/5"
    for why in ("", "   ", "x" * 301):
        refused = await visitor.send(page, path, why=why)
        assert refused.status == 422
        assert "+447700900005" not in refused.text
    shown = await visitor.send(page, path, why="they called and ask")
    assert "+447700900005" in shown.text
    assert shown.headers["Cache-Control"] == "no-store"
    last = [link for link in await chain(site) if link["action"] == "subscribers.show"]
    assert [(e["actor"], e["subject"], e["detail"]) for e in last] == [
        ("operator", "5", "they called and ask")
    ]
    assert "+447700900005" not in (await visitor.get(path)).text


async def test_who_may_not_see_people_sees_none(site: Site) -> None:
    await lived(site)
    author, camden = Visitor(site), Visitor(site)
    await author.sign_in("author")
    await camden.sign_in("camden")
    for visitor in (author, camden):
        for path in ("/room/messages/1/log", "/room/messages/1/people/5"):
            assert (await visitor.get(path)).status == 403


async def test_the_log_says_to_which_event_it_was_counted(site: Site) -> None:
    visitor = await lived(site)
    for _ in range(2):
        newest = await site.db.read(outbox.newest)
        page = await visitor.get("/room/messages/1/log")
        assert newest > 0
        assert f"Counted to event {newest:,}." in page.words
        await site.live()
        await asyncio.sleep(KEPT_SECONDS)  # what was counted is kept for so long
