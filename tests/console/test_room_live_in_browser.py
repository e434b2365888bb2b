"""Pages that move, in a browser against `fasttime up`: one stream for all tabs, what stays where it
stands, what is said aloud, and what is said when nothing comes (console checks 30 to 34).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from playwright.async_api import Browser, Page, Route, expect

from broadcast.operators import operators
from tests.console.browser import SHARED, settled, streams_of
from tests.console.browser import shared_browser as browser
from tests.console.up import LONDON, LONG, Up, running_up, seen

pytestmark = [SHARED, pytest.mark.browser, pytest.mark.timeout(300)]

__all__ = ["browser"]
PEOPLE = 40


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running_up(tmp_path_factory.mktemp("up"), PEOPLE, rate=4) as running:
        yield running


def promised(what: str, seconds: float, promise: float) -> None:
    """Print a time beside its promise; here only what is far from it is an error."""
    print(f"{what}: {seconds:.1f} s, promised {promise:g} s")
    assert seconds < 3 * promise + 5, what


WAITING = "#live [data-line=waiting]"
STANDS_STILL = """
const asked = new XMLHttpRequest();
asked.open("GET", "/stands-still", false);
asked.send();
"""


async def test_check_30_twelve_tabs_hold_one_stream_and_another_leads_when_the_leading_one_closes(
    up: Up, browser: Browser
) -> None:
    path = await up.live(area=LONDON)
    first = await up.page(browser, "author")
    context = first.context
    streams = streams_of(context)
    await first.goto(f"{up.url}/room")
    tabs = [first]
    for n in range(11):
        tabs.append(await context.new_page())
        await tabs[-1].goto(up.url + (path if n % 2 else "/room"))
    await settled(streams, 1)
    (stream,) = streams
    assert f"of=%2Froom&of={path.replace('/', '%2F')}" in stream  # both pages, once each
    for tab in tabs:  # each is told all the same
        assert await tab.locator("body.stale").count() == 0
    figures = [await tab.locator(".figures").inner_text() for tab in tabs]
    for tab, before in zip(tabs, figures, strict=True):
        await expect(tab.locator(".figures")).not_to_have_text(before, timeout=LONG)
    began = asyncio.get_running_loop().time()
    await tabs[0].close()
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    async with asyncio.timeout(20):
        while not [url for url in asked if "/events" in url]:
            await asyncio.sleep(0.02)
    promised("30 another tab leads after", asyncio.get_running_loop().time() - began, 3)
    await settled(streams, 1)
    async with up.visitor("approver") as approver:
        await approver.send(await approver.get(path), f"{path}/hold")
    for tab in tabs[1:]:
        where = "#live caption" if path in tab.url else "section[aria-labelledby=live-now]"
        await expect(tab.locator(where)).to_contain_text("held", timeout=LONG)
        await expect(tab.locator("#connection")).to_have_text("")
    await context.close()


async def test_check_30_a_leading_tab_that_stands_still_is_replaced(
    up: Up, browser: Browser
) -> None:
    first = await up.page(browser, "author")
    second = await first.context.new_page()
    await second.goto(f"{up.url}/room")
    await expect(second.locator("#connection")).to_have_text("")
    await asyncio.sleep(1)
    # as an open print dialogue does it: nothing of its script runs until it is let go
    let_go = asyncio.Event()

    async def answer_late(route: Route) -> None:
        await let_go.wait()
        await route.fulfill(body="at last")

    await first.route("**/stands-still", answer_late)
    stuck = asyncio.ensure_future(first.evaluate(STANDS_STILL))
    await expect(second.locator("#connection")).to_contain_text("Connection lost.", timeout=LONG)
    await expect(second.locator("#connection")).to_have_text("", timeout=LONG)
    assert not stuck.done()
    let_go.set()
    await stuck
    await expect(first.locator("#connection")).to_have_text("", timeout=LONG)
    await first.context.close()


async def test_check_30_without_locks_every_tab_has_its_own_stream(
    up: Up, browser: Browser
) -> None:
    first = await up.page(browser, "author")
    context = first.context
    await context.add_init_script("delete Navigator.prototype.locks")
    streams = streams_of(context)
    await first.goto(f"{up.url}/room")
    second = await context.new_page()
    await second.goto(f"{up.url}/room")
    await settled(streams, 2)
    await second.close()
    await settled(streams, 1)
    await context.close()


async def test_check_31_signed_out_the_stream_of_all_tabs_ends_and_does_not_ask_again(
    up: Up, browser: Browser
) -> None:
    async with up.database() as db:
        _, up.tokens["leaver"] = await db.write(
            operators.add,
            name="leaver",
            role="author",
            area=None,
            email=None,
            now=datetime.now(UTC),
        )
    first = await up.page(browser, "leaver")
    second = await first.context.new_page()
    await first.context.clock.install()
    await second.goto(f"{up.url}/room")
    streams = streams_of(first.context)
    await first.reload()
    await settled(streams, 1)
    async with up.database() as db:
        await db.write(operators.disable, "leaver", datetime.now(UTC))
    for page in (first, second):
        await seen(page, "#connection", "Signed out. Figures are from ")
    await settled(streams, 0)
    asked: list[str] = []
    first.context.on("request", lambda request: asked.append(request.url))
    await first.context.clock.fast_forward(20_000)  # longer than a tab waits for a lost connection
    await asyncio.sleep(1.5)
    assert [url for url in asked if "/events" in url] == []
    await first.context.close()


async def test_check_32_focus_marked_text_open_details_and_typed_words_survive_every_update(
    up: Up, browser: Browser
) -> None:
    path = await up.live(area=LONDON)
    page = await up.page(browser, "approver", path)
    await page.locator("summary", has_text="Stop sending").click()
    await page.locator("#why").fill("the wrong str")
    link = page.locator("#live [data-line=delivered] a")
    await link.focus()
    await page.evaluate(
        """() => { window.region = document.getElementById('lines');
          getSelection().selectAllChildren(document.querySelector('#live caption')); }"""
    )
    for _ in range(3):
        told = await page.locator(".figures").text_content()  # what is compared; not inner_text
        await expect(page.locator(".figures")).not_to_have_text(told or "", timeout=LONG)
        await expect(link).to_be_focused()
        assert await page.locator("#why").input_value() == "the wrong str"
        assert await page.locator("details[open] #why").count() == 1
        assert await page.evaluate("getSelection().toString()") != ""
        assert await page.evaluate("window.region === document.getElementById('lines')")
    home = await up.page(browser, "approver")
    number = path.rpartition("/")[2]
    await home.locator(f"#hold-{number}").focus()
    another = await up.live(area=LONDON, **{"headline-0": "Another one"})  # stands before it
    await seen(home, "section[aria-labelledby=live-now]", "Another one")
    await expect(home.locator(f"#hold-{number}")).to_be_focused()
    await home.keyboard.press("Enter")
    await expect(home.get_by_role("button", name="Resume for")).to_be_visible(timeout=LONG)
    assert (await up.version(path)).state == "held"
    assert (await up.version(another)).state == "live"  # what was meant was held, nothing else
    for each in (page, home):
        await each.context.close()


async def test_the_button_of_a_message_s_page_follows_its_state_without_a_reload(
    up: Up, browser: Browser
) -> None:
    path = await up.live(area=LONDON)
    page, other = (
        await up.page(browser, "approver", path),
        await up.page(browser, "approver2", path),
    )
    for each in (page, other):
        await expect(each.get_by_role("button", name="Hold now")).to_be_visible(timeout=LONG)
    await page.get_by_role("button", name="Hold now").click()
    await expect(other.get_by_role("button", name="Resume for")).to_be_visible(timeout=LONG)
    await seen(other, "#live", "already handed over.")
    assert await other.get_by_role("button", name="Hold now").count() == 0
    assert (await up.version(path)).state == "held"
    await other.get_by_role("button", name="Resume for").focus()
    await other.keyboard.press("Enter")
    # the one that pressed too: a profile that is closed while its page is still on the way to
    # another stood still four times, and Playwright sets no limit to that
    for each in (page, other):
        await expect(each.get_by_role("button", name="Hold now")).to_be_visible(timeout=LONG)
    assert (await up.version(path)).state == "live"
    for each in (page, other):
        with contextlib.suppress(TimeoutError):  # all is shown; the browser ends with the module
            async with asyncio.timeout(20):
                await each.context.close()


WRITTEN_DOWN = """() => {
  window.said = [];
  const told = document.getElementById('told');
  new MutationObserver(() => said.push([Date.now(), told.textContent]))
    .observe(told, {childList: true, characterData: true, subtree: true});
}"""


async def test_check_33_numbers_are_said_every_fifteen_seconds_at_most_and_the_last_is_true(
    up: Up, browser: Browser
) -> None:
    page = await up.page(browser, "author")
    path = await up.live(area=LONDON)
    # until the people are chosen "0 waiting" stands there, and is not the end
    await up.until(path, lambda a: len(a.addressed) > 0)
    await page.clock.install()
    await page.goto(up.url + path)
    await page.evaluate(WRITTEN_DOWN)
    moves = 0
    before = ""
    async with asyncio.timeout(90):
        while not re.search(r"\b0 waiting", before) or "being handed over" in before:
            now = await page.locator("#live .held").inner_text()
            moves += now != before
            before = now
            await page.clock.run_for(1_000)
            await asyncio.sleep(0.2)
    await page.clock.run_for(16_000)
    last = await page.locator("#live .held").inner_text()
    told = await page.evaluate("window.said")
    assert moves > 3
    assert len(told) > 1
    for (before_at, before_said), (at, text) in pairwise(told):
        same_state = before_said.rpartition(". ")[2] == text.rpartition(". ")[2]
        # the clock of the page is whole milliseconds
        assert at - before_at >= 14_990 or not same_state, told
    assert told[-1][1].startswith(re.sub(r"\s+", " ", last).strip()), told
    assert len(told) < moves
    assert await page.locator("#live [role=status], #live [aria-live]").count() == 0
    # an error is said too, at once
    await page.context.set_offline(True)
    await page.clock.run_for(6_000)
    await expect(page.locator("#connection[role=status]")).to_contain_text("Connection lost.")
    await page.context.close()


@pytest.mark.parametrize("how", ["refused", "held back"])
async def test_check_34_where_a_proxy_lets_no_stream_through_the_page_says_so_and_refresh_works(
    up: Up, browser: Browser, how: str
) -> None:
    path = await up.live(area=LONDON)
    page = await up.page(browser, "author")

    async def block(route: Route) -> None:
        if how == "refused":
            await route.fulfill(status=502, body="no streams here")
        # else it never answers

    await page.context.route("**/events?*", block)
    await page.goto(up.url + path)
    await seen(page, "#connection", "Connection lost. Figures are from ")
    assert await page.locator("body.stale").count() == 1
    before = await page.locator(WAITING).inner_text()
    account = await up.until(path, lambda a: str(len(a.people["waiting"])) != before)
    await page.get_by_role("link", name="Refresh").click()
    await expect(page.locator(WAITING)).not_to_have_text(before)
    assert int(await page.locator(WAITING).inner_text()) <= len(account.people["waiting"])
    await page.context.close()


async def lines(page: Page) -> list[int]:
    """Return the numbers of the sum line: all, and its parts."""
    told = (await page.locator("#live .held").first.inner_text()).replace(",", "")
    return [int(word) for word in re.findall(r"\d+", told)]


async def cells(page: Page) -> dict[str, int]:
    """Return the table of the account as it stands at one moment: people by line, and the sum that
    is said above it.
    """
    told: dict[str, str] = await page.evaluate(
        """() => Object.fromEntries([
            ["all", document.querySelector("#live .held strong").textContent],
            ...[...document.querySelectorAll("#live [data-line]")].map(
                (e) => [e.dataset.line, e.textContent])])"""
    )
    return {line: int(number.replace(",", "")) for line, number in told.items()}


async def test_check_27_the_lines_add_up_at_every_sample_of_a_message_under_way(
    up: Up, browser: Browser
) -> None:
    path = await up.live(area=LONDON)
    page = await up.page(browser, "author", path)
    moves, before = 0, [0]
    async with asyncio.timeout(90):
        while " 0 waiting" not in await page.locator("#live .held").first.inner_text():
            whole, *parts = now = await lines(page)
            assert whole == sum(parts)
            table = await cells(page)
            assert table.pop("all") == sum(table.values()), table
            moves += now != before
            before = now
            await asyncio.sleep(0.1)
    assert moves > 3
    await page.context.close()
