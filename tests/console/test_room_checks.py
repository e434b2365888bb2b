"""Console checks 10, 19, 20, 26, 60 and 62, in pages without script."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pyroaring import BitMap

from broadcast.ledger import delivery_report
from subscribers.registry.importing import import_records
from tests.console.site import WESTMINSTER, Site, open_site, person
from tests.console.test_room_thin_path import WORDS, submitted, two, written
from tests.console.visitor import HERE, Seen, Visitor

MOST_BYTES = 100_000
NOT_OURS = ("GDS Transport", "GOV.UK", "govuk-", "crown", "crest", "royal-arms")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path, FASTTIME_PUBLIC_URL=HERE) as running:
        yield running


async def approve(approver: Visitor, path: str) -> Seen:
    page = await approver.get(f"{path}/approve")
    typed = page.tree.xpath("string(//label[@for='phrase']/strong)")
    done = await approver.send(page, f"{path}/approve", phrase=typed)
    assert done.url == path, done.words
    return done


async def live(site: Site) -> tuple[Visitor, Visitor, str]:
    """Send a message by text; return its author, its approver and its address."""
    author, approver = await two(site)
    path = await submitted(author, channels=["sms"])
    await approve(approver, path)
    await site.release(1)
    return author, approver, path


async def more_people(site: Site, **choices: Any) -> None:
    """Bring in twenty more people of Westminster."""
    people = [person(n, mobile=f"+447700901{n:03d}", **choices) for n in range(101, 121)]
    await site.db.write(import_records, people, "test", datetime.now(UTC))


async def every_page(visitor: Visitor) -> dict[str, Seen]:
    """Follow every link from the first page; return what came, by its address."""
    found: dict[str, Seen] = {}
    waiting = ["/room", "/", "/join", "/sign-in"]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found[path] = await visitor.get(path)
        if "html" not in found[path].headers.get("Content-Type", ""):
            continue
        for href in found[path].tree.xpath("//a/@href | //link/@href | //script/@src"):
            address = str(href).partition("#")[0]
            if address.startswith("/") and "lang=" not in address and "version=" not in address:
                waiting.append(address)
    return found


async def test_check_10_every_language_is_shown_in_its_own_way_and_what_lacks_is_named(
    site: Site,
) -> None:
    await more_people(site, language="cy")
    author, approver = await two(site)
    both = {"tag-1": "ar", "headline-1": "تسرب غاز", "instruction-1": "ابق في الداخل."}
    check = await written(author, **both)
    shown = {
        (str(each.get("lang")), str(each.get("dir")))
        for each in check.tree.xpath("//main//*[@lang and @dir]")
    }
    assert {("en", "ltr"), ("ar", "rtl")} <= shown
    path = check.url.removesuffix("/check")
    assert "Welsh [cy]" in check.words  # 20 of 51 would read another language instead
    kept = await author.send(check, f"{path}/submit", accept=["language_lacking"])
    assert kept.url == path, kept.words
    page = await approver.get(f"{path}/approve")
    assert "Many read another language" in page.words
    assert page.tree.xpath("//*[@aria-label='Text message, ar']//*[@dir='rtl']") or (
        page.tree.xpath("//*[@aria-label='Text message, ar' and @dir='rtl']")
    )


async def test_check_19_stopping_says_who_waits_and_who_has_it_as_it_is_at_the_press(
    site: Site,
) -> None:
    await more_people(site)  # more than are handed over at once
    _author, approver, path = await live(site)
    await site.done(await site.claimed(lane="urgent"), "accepted")
    page = await approver.get(path)
    account = await site.db.read(delivery_report.account, await site.version(1))
    waiting = len(account.people["waiting"])
    reached = len(account.people["accepted"])
    assert (waiting, reached) == (18, 32)
    assert f"{waiting} people will not get it. {reached} already have it" in page.words
    assert f"Stop for the {waiting} still waiting" in page.words
    held = await approver.send(page, f"{path}/hold")
    assert f"Held: {waiting} people are waiting, {reached} already handed over." in held.words
    assert f"Resume for {waiting} people" in (await approver.get("/room")).words
    stopped = await approver.send(page, f"{path}/cancel", why="wrong street", reason="in_error")
    assert "cancelled" in stopped.words
    after = await site.db.read(delivery_report.account, await site.version(1))
    assert len(after.people["accepted"]) == reached
    assert len(after.people["not_sent"]) >= waiting


async def test_check_20_a_correction_takes_three_steps_and_reaches_everybody_who_was_reached(
    site: Site,
) -> None:
    author, approver, path = await live(site)
    first = await site.claimed(lane="urgent")
    await site.done(first, "accepted")
    reached = BitMap(who for _, who in first.people)
    # who moves away afterwards is told as well
    await site.db.write(
        import_records, [person(1, lat=51.55, lon=-0.14)], "test", datetime.now(UTC)
    )
    page = await author.get(path)
    correct = page.tree.xpath("//a[text()='Correct']/@href")
    form = await author.get(str(correct[0]))  # 1
    assert form.h1 == f"Correct what {len(reached)} people got"
    over = await author.get(f"{path}/all-clear")
    assert f"Goes to the {len(reached)} people who were told." in over.words
    check = await author.send(  # 2
        form, f"{path}/correct", {"headline-0": "Not Strutton Ground"}, note="wrong street"
    )
    sent = await author.send(check, f"{path}/submit")  # 3
    assert sent.url == path, sent.words
    await approve(approver, path)
    await site.release(1)
    version = await site.version(1)
    account = await site.db.read(delivery_report.account, version)
    told = account.people["waiting"] | account.people["handing_over"] | account.people["accepted"]
    assert version.number == 2
    assert reached <= told
    again = await site.claimed(lane="urgent")  # there is somebody to hand over to at once
    assert again.people


async def test_check_26_a_form_of_practice_is_refused_at_a_live_address_and_the_other_way(
    site: Site,
) -> None:
    author, _ = await two(site)
    for mine, other in (("/exercise", "/room"), ("/room", "/exercise")):
        page = await author.get(f"{mine}/new")
        named = {"exercise": "Blue Heron"} if mine == "/exercise" else {}
        fields: dict[str, Any] = {**WORDS, **named, "areas": [WESTMINSTER], "do": "check"}
        pairs = [(k, v) for k, v in page.fields(f"{mine}/new") if k not in fields]
        for name, value in fields.items():
            pairs += [(name, each) for each in (value if isinstance(value, list) else [value])]
        refused = await author.ask("POST", f"{other}/new", pairs)
        assert refused.status == 403, refused.words
    assert (await site.get("/api/v1/messages")).json["messages"] == []


async def test_checks_60_and_62_no_page_looks_like_the_government_s_or_weighs_much(
    site: Site,
) -> None:
    author, approver = await two(site)
    path = await submitted(author)
    await approve(approver, path)
    await submitted(author, headline="Another")
    administrator = Visitor(site)
    await administrator.sign_in("administrator")
    found: dict[str, Seen] = {}
    for visitor in (approver, author, administrator, Visitor(site)):
        found |= await every_page(visitor)
    assert len(found) > 30, sorted(found)
    own = sum(len(found[at].text.encode()) for at in found if at.partition("?")[0].endswith(".css"))
    assert own > 5_000  # styles and scripts were looked at too
    for at, page in found.items():
        there = [word for word in NOT_OURS if word in page.text]
        assert not there, (at, there)
        if "/vendor/" not in at and "html" in page.headers.get("Content-Type", ""):
            assert len(page.text.encode()) <= MOST_BYTES, at
