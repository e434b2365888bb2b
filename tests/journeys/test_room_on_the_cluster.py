"""The control room in a browser against the cluster's processes: what was read is what is sent,
once; held at once; numbers that add up while they move; doors killed or frozen (console checks 3,
5, 18, 27 to 31).

ROOM_PEOPLE=10000 (`make test-room`) is the full size of check 27; the suite has 200 people.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page
from playwright.async_api import expect as expect_quickly
from sqlalchemy import Connection, func, select

from broadcast.events.topics import ROLES
from broadcast.ledger.claims.tables import batch
from broadcast.messages import versions
from broadcast.operators import audit, operators
from broadcast.store.database import Database
from tests.console.browser import SHARED, settled, signed_in, streams_of
from tests.console.browser import shared_browser as browser
from tests.console.site import Site
from tests.console.visitor import Seen, Visitor
from tests.journeys.cluster import Cluster
from tests.services import Kafka, PostgreSQL, Program, Redis, free_port
from tests.services.apart import run_apart
from tests.services.kafka import delete_topics
from tests.services.outside import OutsideKafka, OutsidePostgreSQL, OutsideRedis
from tests.services.process import accepts

pytestmark = [
    SHARED,
    pytest.mark.browser,
    pytest.mark.kafka,
    pytest.mark.postgres,
    pytest.mark.redis,
    pytest.mark.timeout(900),  # of a machine that does much else; an idle one needs a minute
]

__all__ = ["browser"]
PEOPLE = int(os.environ.get("ROOM_PEOPLE", "200"))
RATE = max(6, PEOPLE // 40)
"""People of one channel in a second: a message is under way for some seconds."""
LONDON, WESTMINSTER = "E12000007", "E09000033"
LONG = 30_000


class Expect:
    """Playwright's expectations with time for a busy machine: what is late is printed."""

    def __init__(self, what: Locator) -> None:
        self._what = expect_quickly(what)

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self._what, name)
        return lambda *given: asked(*given, timeout=LONG)


expect = Expect


class Doors:
    """The cluster with two web processes: whoever is at one sees what happens at the other."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.tokens = cluster.tokens
        port = free_port()
        self.second = cluster.program(
            "web-2", "web", "--port", str(port), ready=lambda: accepts(port)
        )
        self.urls = [f"http://127.0.0.1:{p}" for p in (cluster.web_port, port)]

    @property
    def first(self) -> Program:
        return self.cluster.programs["web"]


@pytest.fixture(scope="module")
def doors(
    kafka: Kafka | OutsideKafka,
    postgres: PostgreSQL | OutsidePostgreSQL,
    redis: Redis | OutsideRedis,
) -> Iterator[Doors]:
    delete_topics(kafka.bootstrap)
    redis.flush()
    settings = {"FASTTIME_SMS_RATE": str(RATE), "FASTTIME_MAIL_RATE": str(RATE)}
    with Cluster(kafka, postgres, redis, people=PEOPLE, settings=settings) as cluster:
        run_apart(lambda: _more_operators(cluster))
        found = Doors(cluster)
        with found.second:
            yield found


async def _more_operators(cluster: Cluster) -> None:
    async with cluster.database() as db:
        for name, role in (("Other", "approver"), ("Leaver", "author")):
            _, cluster.tokens[name.lower()] = await db.write(
                operators.add, name=name, role=role, area=None, email=None, now=datetime.now(UTC)
            )


@pytest_asyncio.fixture(loop_scope="session")
async def db(doors: Doors) -> AsyncIterator[Database]:
    async with doors.cluster.database() as found:
        yield found


@asynccontextmanager
async def visitor(doors: Doors, name: str) -> AsyncIterator[Visitor]:
    """Sign somebody in by pages without script, at the second web process."""
    async with aiohttp.ClientSession() as client:
        site = SimpleNamespace(url=doors.urls[1], client=client, tokens=doors.tokens)
        found = Visitor(cast("Site", site))
        await found.sign_in(name)
        yield found


async def submitted(author: Visitor, headline: str, area: str = WESTMINSTER) -> str:
    """Write a message, submit it, return its address."""
    page = await author.get("/room/new")
    words = {
        "headline-0": headline,
        "instruction-0": "Stay indoors.",
        "severity": "Severe",
        "urgency": "Immediate",
    }
    check = await author.send(page, "/room/new", words, areas=[area], do="check")
    assert check.url.endswith("/check"), check.words
    path = check.url.removesuffix("/check")
    sent = await submit(author, check, path)
    assert sent.url == path, sent.words
    return path


async def submit(author: Visitor, check: Seen, path: str) -> Seen:
    """Submit, taking upon oneself whatever was warned of."""
    warned = check.tree.xpath("//input[@name='accept']/@value")
    return await author.send(check, f"{path}/submit", accept=list(map(str, warned)))


async def phrase(page: Page) -> str:
    """Return what the page asks its reader to type."""
    return await page.locator("label[for=phrase] strong").inner_text()


async def version_of(db: Database, path: str) -> versions.Version:
    number = int(path.rpartition("/")[2])
    return (await db.read(versions.of_message, number))[-1]


async def approved(doors: Doors, db: Database, headline: str) -> tuple[str, versions.Version]:
    """Write to all of London, submit and approve by pages; return the address of the message, and
    its version.
    """
    async with visitor(doors, "author") as author, visitor(doors, "approver") as approver:
        path = await submitted(author, headline, LONDON)
        page = await approver.get(f"{path}/approve")
        typed = page.tree.xpath("string(//label[@for='phrase']/strong)")
        sent = await approver.send(page, f"{path}/approve", phrase=typed)
        assert sent.url == path, sent.words
    return path, await version_of(db, path)


async def at(
    doors: Doors, browser: Browser, name: str, path: str = "/room", url: str = "", **more: Any
) -> Page:
    """Open a page in a profile of its own, at the first web process or at the one named."""
    where = url or doors.urls[0]
    page = await signed_in(browser, where, doors.tokens[name], **more)
    if path != "/room":
        await page.goto(where + path)
    return page


def promised(what: str, seconds: float, promise: float) -> None:
    """Print a time beside its promise. What it is on an idle machine, `fasttime bench pages` says;
    here only what is far from it is an error.
    """
    print(f"{what}: {seconds:.1f} s, promised {promise:g} s")
    assert seconds < 3 * promise + 5, what


def _claimed(conn: Connection, version_id: int) -> int:
    """Return how many people of a version were claimed so far."""
    total = func.coalesce(func.sum(batch.c.next), 0)
    return int(conn.execute(select(total).where(batch.c.version_id == version_id)).scalar_one())


async def test_check_3_what_changed_after_it_was_read_is_not_sent(
    doors: Doors, db: Database, browser: Browser
) -> None:
    async with visitor(doors, "author") as author, visitor(doors, "other") as other:
        path = await submitted(author, "Gas leak in Strutton Ground")
        page = await at(doors, browser, "approver", f"{path}/approve")
        look = await other.get(f"{path}/approve")
        await other.send(look, f"{path}/return", why="one letter")
        edit = await author.get(f"{path}/edit")
        words = {"headline-0": "Gas leak in Stratton Ground"}
        check = await author.send(edit, f"{path}/edit", words, do="check")
        await submit(author, check, path)
        await page.locator("#phrase").fill(await phrase(page))
        async with page.expect_response(f"**{path}/approve") as answered:
            await page.keyboard.press("Enter")
        assert (await answered.value).status == 409
        await expect(page.locator("h1")).to_have_text("This is not what you read")
        v = await version_of(db, path)
        assert v.state == "pending_approval"
        assert await db.read(_claimed, v.id) == 0
        assert "Strutton" not in json.dumps(doors.cluster.handsets())
        await page.get_by_role("link", name="Read the new version").click()
        await page.get_by_role("link", name="Read it and decide").click()
        await page.locator("#phrase").fill(await phrase(page))
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("button", name="Hold now")).to_be_visible()
    account = await doors.cluster.finished(db, v.id)
    await doors.cluster.agrees(db, account)
    said = json.dumps(doors.cluster.handsets())
    assert "Stratton" in said
    assert "Strutton" not in said
    await page.context.close()


async def test_check_5_pressed_twice_by_two_and_again_after_going_back_it_is_sent_once(
    doors: Doors, db: Database, browser: Browser
) -> None:
    async with visitor(doors, "author") as author:
        path = await submitted(author, "Water main burst")
    one = await at(doors, browser, "approver", f"{path}/approve")
    two = await at(doors, browser, "other", f"{path}/approve", url=doors.urls[1])
    for page in (one, two):
        await page.locator("#phrase").fill(await phrase(page))

    async def enter_twice() -> None:
        await two.keyboard.press("Enter", delay=0)
        await two.keyboard.press("Enter", delay=0)

    await asyncio.gather(one.locator("form button.danger").dblclick(), enter_twice())
    for page in (one, two):
        await page.wait_for_load_state()
        assert path in page.url
    await expect(one.get_by_role("button", name="Hold now")).to_be_visible()
    await one.go_back()
    if await one.locator("#phrase").count():
        await one.locator("#phrase").fill("SEND")
        await one.locator("#phrase").press("Enter")
    v = await version_of(db, path)
    account = await doors.cluster.finished(db, v.id)
    await doors.cluster.agrees(db, account)
    subject = f"message {v.message_id} version {v.number}"
    links = await db.read(audit.listed, subject=subject, limit=100)
    assert [str(each["action"]) for each in links].count("approve") == 1
    for page in (one, two):
        await page.context.close()


SAMPLE = """() => {
  window.samples = [];
  setInterval(() => {
    const told = document.querySelector('#live .held').innerText.replaceAll(',', '');
    const lines = [...document.querySelectorAll('#live [data-line]')]
      .map(cell => Number(cell.innerText.replaceAll(',', '')));
    window.samples.push({sentence: (told.match(/\\d+/g) || []).map(Number), lines});
  }, 100);
}"""


async def test_checks_18_and_27_held_by_one_press_and_lines_that_add_up_at_every_sample(
    doors: Doors, db: Database, browser: Browser
) -> None:
    keys = await at(doors, browser, "approver")
    plain = await at(doors, browser, "other", java_script_enabled=False)
    watcher = await at(doors, browser, "author")
    path, v = await approved(doors, db, "Smoke over Vauxhall")
    number = path.rpartition("/")[2]
    await watcher.goto(doors.urls[0] + path)
    await watcher.evaluate(SAMPLE)
    await _until_claimed(db, v.id, 10)
    await expect(keys.locator(f"#hold-{number}")).to_be_visible()  # it came by itself
    await held(doors, db, keys, path, "by keyboard")
    await plain.reload()
    await plain.get_by_role("button", name="Resume").first.press("Enter")
    await _until_claimed(db, v.id, 10)
    await plain.goto(f"{doors.urls[0]}/room")
    await held(doors, db, plain, path, "without script")
    await keys.goto(f"{doors.urls[0]}/room")
    await keys.locator(f"#resume-{number}").press("Enter")
    account = await doors.cluster.finished(db, v.id, 60 + PEOPLE / RATE * 2)
    await doors.cluster.agrees(db, account)
    await expect(watcher.locator("#live [data-line=waiting]")).to_have_text("0")
    told = [s for s in await watcher.evaluate("window.samples") if s["sentence"]]
    for sample in told:
        whole, *parts = sample["sentence"]
        assert whole == sum(parts) == sum(sample["lines"]), sample
    moved = sum(a["lines"] != b["lines"] for a, b in pairwise(told))
    print(f"27: {len(told)} samples of {len(account.addressed)} people, {moved} moves")
    assert moved >= 5  # by itself
    assert told[-1]["sentence"][0] == len(account.addressed)
    for page in (keys, plain, watcher):
        await page.context.close()


async def held(doors: Doors, db: Database, page: Page, path: str, how: str) -> None:
    """Hold a message from the first page by one press of Enter; see that claims stop."""
    clock = asyncio.get_running_loop().time
    await page.locator(f"#hold-{path.rpartition('/')[2]}").focus()
    began = clock()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Resume").first).to_be_visible()
    promised(f"18 held {how}: on screen after", clock() - began, 1)
    v = await version_of(db, path)
    assert v.state == "held"
    await asyncio.sleep(max(0.0, 2 - (clock() - began)))
    then = await db.read(_claimed, v.id)
    await asyncio.sleep(1)
    assert await db.read(_claimed, v.id) == then
    account = await doors.cluster.account(db, v.id)
    assert len(account.people["waiting"]) > 0


async def _until_claimed(db: Database, version_id: int, more: int) -> None:
    """Wait until so many more people are claimed."""
    wanted = await db.read(_claimed, version_id) + more
    async with asyncio.timeout(30):
        while await db.read(_claimed, version_id) < wanted:
            await asyncio.sleep(0.05)


async def test_checks_28_and_29_doors_that_are_gone_are_said_and_nothing_is_missed(
    doors: Doors, db: Database, browser: Browser
) -> None:
    clock = asyncio.get_running_loop().time
    path, v = await approved(doors, db, "Power cut in Pimlico")
    pages = {
        "kill -9": await at(doors, browser, "author", path),
        "SIGSTOP": await at(doors, browser, "author", path, url=doors.urls[1]),
    }
    outline = "getComputedStyle(document.querySelector('.figures')).outlineStyle"
    for page in pages.values():
        await expect(page.locator("#lines")).to_be_visible()
        await expect(page.locator("#connection")).to_have_text("")
        assert await page.evaluate(outline) != "dashed"
    await asyncio.sleep(1)
    began = clock()
    doors.first.kill9()
    doors.second.freeze()  # no error ever comes
    try:
        for blow, page in pages.items():
            lost = "Connection lost. Figures are from "
            await expect(page.locator("#connection")).to_contain_text(lost)
            promised(f"{blow}: said after", clock() - began, 6)
            assert await page.evaluate(outline) == "dashed"
        await doors.cluster.cancel(db, v.message_id)
    finally:
        doors.first.launch()  # not by a thread: with its end the process would end
        doors.second.thaw()
    began = clock()
    await expect(pages["SIGSTOP"].locator("#connection")).to_have_text("")
    promised("SIGSTOP: back after", clock() - began, 3)
    await asyncio.to_thread(doors.first.wait_ready)
    began = clock()
    await expect(pages["kill -9"].locator("#connection")).to_have_text("")
    promised("kill -9: back after", clock() - began, 3)
    account = await doors.cluster.finished(db, v.id)
    for page in pages.values():
        assert await page.evaluate(outline) != "dashed"
        await expect(page.locator("#lines caption")).to_contain_text("cancelled")
        told = (await page.locator("[data-line=not_sent]").inner_text()).replace(",", "")
        assert int(told) == len(account.people["not_sent"]) > 0
        await page.context.close()
    await doors.cluster.agrees(db, account)


async def test_check_30_twelve_tabs_hold_one_stream_and_hear_what_happens_at_the_other_door(
    doors: Doors, db: Database, browser: Browser
) -> None:
    clock = asyncio.get_running_loop().time
    path, v = await approved(doors, db, "Flood in Millbank")
    first = await at(doors, browser, "author")
    context = first.context
    streams = streams_of(context)
    await first.reload()
    tabs = [first]
    for n in range(11):
        tabs.append(await context.new_page())
        await tabs[-1].goto(doors.urls[0] + (path if n % 2 else "/room"))
    await settled(streams, 1, LONG / 1000)
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    began = clock()
    await first.close()  # it was the first, and so it led
    async with asyncio.timeout(LONG / 1000):
        while not [url for url in asked if "/events" in url]:
            await asyncio.sleep(0.02)
    promised("30 another tab leads after", clock() - began, 3)
    await settled(streams, 1, LONG / 1000)
    async with visitor(doors, "approver") as approver:
        await approver.send(await approver.get(path), f"{path}/hold")
    for tab in tabs[1:]:
        where = "#live caption" if path in tab.url else "section[aria-labelledby=live-now]"
        await expect(tab.locator(where)).to_contain_text("held")
        await expect(tab.locator("#connection")).to_have_text("")
    await settled(streams, 1, LONG / 1000)
    await doors.cluster.cancel(db, v.message_id)
    await doors.cluster.finished(db, v.id)
    await context.close()


async def test_check_31_a_disabled_operator_s_streams_end_at_all_doors_and_ask_no_more(
    doors: Doors, db: Database, browser: Browser
) -> None:
    clock = asyncio.get_running_loop().time
    pages = [await at(doors, browser, "leaver", url=url) for url in doors.urls]
    for page in pages:
        await expect(page.locator("#live-now, #live")).not_to_have_count(0)
    command = doors.cluster.program("disable", "operators", "disable", "Leaver", "--yes")
    asked: list[str] = []
    await asyncio.sleep(0.5)
    command.launch()
    assert command.process is not None
    assert await asyncio.to_thread(command.process.wait, 30) == 0, command.log_tail()
    began = clock()
    for page in pages:
        await expect(page.locator("#connection")).to_contain_text("Signed out.")
    promised("31 disabled: ended at both doors after", clock() - began, 1)
    command.close()
    for page in pages:
        page.on("request", lambda request: asked.append(request.url))
    await asyncio.sleep(2.5)
    assert [url for url in asked if "/events" in url] == []
    for page in pages:
        await page.goto(page.url)
        await expect(page.locator("h1")).to_have_text("Sign in to the control room")
        await page.context.close()


async def test_every_process_of_the_cluster_took_part(doors: Doors) -> None:
    names = {"web", "relay", *(f"worker-{role}" for role in ROLES)}
    assert set(doors.cluster.programs) == names
    assert all(program.alive for program in [*doors.cluster.programs.values(), doors.second])
