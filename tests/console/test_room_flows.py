"""How much is pressed: clicks, loads of pages and keys of the control room's flows, measured in a
browser and printed beside their targets (console flows 1, 2, 4 to 8, 13 and 14).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from broadcast.ledger.claims import recording
from broadcast.ledger.claims.outcomes import Outcome
from tests.console.browser import SHARED
from tests.console.browser import shared_browser as browser
from tests.console.site import Site, open_site
from tests.console.test_room_in_browser import profile, tab_to
from tests.console.visitor import HERE

pytestmark = [SHARED, pytest.mark.browser]

__all__ = ["browser"]

DOCUMENTED = Path(__file__).parents[2] / "docs" / "browser-checks.md"


@pytest_asyncio.fixture(loop_scope="session")
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path, FASTTIME_PUBLIC_URL=HERE) as running:
        yield running


@dataclass
class Hand:
    """Somebody at a page, whose presses are counted."""

    page: Page
    clicks: int = 0
    loads: int = 0

    def watch(self) -> None:
        self.page.on("load", lambda _page: setattr(self, "loads", self.loads + 1))

    async def press(self, what: Locator) -> None:
        self.clicks += 1
        await what.click()

    def link(self, name: str) -> Locator:
        return self.page.get_by_role("link", name=name).first

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name).first


def written_down() -> dict[tuple[str, str], list[str]]:
    """Return the table of docs/browser-checks.md: by flow and what is counted, the figure, the
    target, and what others need.
    """
    found = {}
    for line in (
        DOCUMENTED.read_text(encoding="utf-8").partition("## How much is pressed")[2].splitlines()
    ):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 5 and cells[2].isdigit():
            found[cells[0], cells[1]] = cells[2:]
    return found


def told(flow: str, measured: int, what: str = "clicks") -> None:
    """Print a measured flow beside its target and what others need; fail where the target is
    missed, or another figure is written down.
    """
    written, target, others = written_down()[flow, what]
    print(f"{flow}: {measured} {what}, target {target}; {others}")
    assert measured <= int(target), flow
    assert measured == int(written), f"write {measured} into docs/browser-checks.md: {flow}"


async def at(site: Site, browser: Browser, role: str, path: str = "/room") -> Hand:
    page = await profile(site, browser, role)
    await page.goto(site.url + path)
    hand = Hand(page)
    hand.watch()
    return hand


async def test_flows_1_and_2_from_a_template_to_people(site: Site, browser: Browser) -> None:
    first = await at(site, browser, "author", "/room/new")
    page = first.page
    await page.locator("#headline-0").fill("Gas leak")
    await page.locator("#instruction-0").fill("Stay indoors.")
    await page.get_by_text("Keep this as a template").click()
    await page.locator("#skeleton").fill("Gas leak")
    await first.button("Keep as a template").click()
    await expect(page.get_by_text("Start from a template")).to_be_visible()  # it is kept
    await page.context.close()
    hand = await at(site, browser, "author")
    await hand.press(hand.link("Gas leak"))
    await hand.page.locator("#search").fill("westm")
    await hand.press(hand.button("Add Westminster"))
    await hand.press(hand.button("Submit for approval"))
    await hand.page.wait_for_url("**/messages/1")
    told("1 new message from a template", hand.clicks)
    told("1 new message from a template", hand.loads, "loads")
    await hand.page.context.close()
    hand = await at(site, browser, "approver")
    await hand.press(hand.link("Gas leak"))
    await hand.press(hand.link("Read it and decide"))
    await hand.page.get_by_label("Type SEND 31").fill("SEND 31")
    await hand.page.keyboard.press("Enter")
    await expect(hand.button("Hold now")).to_be_visible()
    told("2 approve, beside the phrase", hand.clicks)
    await hand.page.context.close()


async def test_flows_4_to_7_correct_hold_stop_and_resend(site: Site, browser: Browser) -> None:
    await site.live(severity="Severe")
    hand = await at(site, browser, "approver")
    await hand.press(hand.button("Hold now"))
    await expect(hand.button("Resume for")).to_be_visible()
    told("5 hold from the first page", hand.clicks)
    hand.clicks = 0
    await hand.press(hand.page.locator("summary", has_text="Stop sending"))
    await hand.page.get_by_label("Why, for the record").fill("wrong street")
    await hand.press(hand.button("Stop for the"))
    await expect(hand.page.locator("main .tag").first).to_contain_text("cancelled")
    told("6 stop for good", hand.clicks)
    await hand.page.context.close()

    await site.live(severity="Severe")
    hand = await at(site, browser, "author", "/room/messages/2")
    await hand.press(hand.link("Correct"))
    await hand.page.locator("#headline-0").fill("Strand is open")
    await hand.page.locator("#note").fill("the wrong street")
    # what is submitted before its preview came is read on the page of the check first
    await expect(hand.page.locator("#preview:not(.old)")).to_contain_text("the wrong street")
    await hand.press(hand.button("Submit correction to"))
    await hand.page.wait_for_url("**/messages/2")
    told("4 correct", hand.clicks)
    await hand.page.context.close()


async def test_flow_7_who_did_not_get_it_is_sent_to_again(site: Site, browser: Browser) -> None:
    await site.live(severity="Severe")
    s = await site.claimed(lane="urgent")
    failed = [Outcome(position=p, person_id=n, state="failed") for p, n in s.people]
    await site.db.write(recording.record, [(s, failed)], at=datetime.now(UTC))
    hand = await at(site, browser, "operator", "/room/messages/1")
    await hand.press(hand.page.locator("[data-line=failed] a"))
    await hand.press(hand.button(f"Submit resend to {len(failed)} people"))
    await expect(hand.page.locator("main")).to_contain_text("waits for approval")
    told("7 who did not get it, sent again", hand.clicks)
    await hand.page.context.close()


async def test_flow_8_the_level_is_changed(site: Site, browser: Browser) -> None:
    hand = await at(site, browser, "author")
    await hand.press(hand.link("Set the threat level"))
    await hand.page.locator("#level").select_option("SEVERE")
    hand.clicks += 1
    assert await hand.page.locator("#scope").input_value() == "UK"
    await hand.page.locator("#headline-0").fill("The UK threat level is now SEVERE")
    await hand.page.locator("#instruction-0").fill("Be alert.")
    await hand.press(hand.button("Submit change to SEVERE"))
    await hand.page.wait_for_url("**/messages/1")
    assert (await site.version(1)).state == "pending_approval"
    told("8 change the level", hand.clicks)
    told("8 change the level", hand.loads, "loads")
    await hand.page.context.close()


async def test_flow_13_explain_one_person(site: Site, browser: Browser) -> None:
    await site.live(severity="Severe")
    s = await site.claimed(lane="urgent")
    failed = [Outcome(position=p, person_id=n, state="failed") for p, n in s.people]
    await site.db.write(recording.record, [(s, failed)], at=datetime.now(UTC))
    hand = await at(site, browser, "operator", "/room/messages/1")
    await hand.press(hand.page.locator("[data-line=failed] a"))
    await hand.press(hand.page.locator("#people a").first)
    await expect(hand.page.locator("ol.explained li").last).to_contain_text("failed")
    told("13 explain one person", hand.clicks)
    await hand.page.context.close()


async def skip(page: Page) -> int:
    """Skip what every page begins with; return how many keys that takes."""
    pressed = await tab_to(page, "a.skip", 2)
    await page.keyboard.press("Enter")
    return pressed + 1


async def test_check_57_flow_14_by_keyboard_alone_a_message_is_written_and_submitted(
    site: Site, browser: Browser
) -> None:
    page = await profile(site, browser, "author")
    keys = [await tab_to(page, "a[href='/room/new']"), 1]
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/room/new")
    keys.append(await skip(page))
    for field, text in (("#headline-0", "Gas leak"), ("#instruction-0", "Stay indoors.")):
        keys.append(await tab_to(page, field))
        await page.keyboard.type(text)
    keys.append(await tab_to(page, "#search"))
    await page.keyboard.type("westm")
    await expect(page.locator("#found button")).to_have_text("Add Westminster")
    keys += [await tab_to(page, "#found button", 3), 1]
    await page.keyboard.press("Enter")
    await expect(page.locator("#chosen")).to_contain_text("Westminster")
    # the search is there for the next place; Enter in it while it is empty goes on
    await expect(page.locator("#search")).to_be_focused()
    keys.append(1)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/check")
    keys += [await skip(page), await tab_to(page, "main form button"), 1]
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/messages/1")
    told("14 a message by keyboard, beside text", sum(keys), "keys")
    await page.context.close()


async def test_flow_14_by_keyboard_alone_it_is_approved_held_and_explained(
    site: Site, browser: Browser
) -> None:
    message, _ = await site.submitted(severity="Severe", urgency="Immediate")
    path = f"/room/messages/{message}"
    page = await profile(site, browser, "approver")

    async def follow(selector: str, url: str) -> int:
        """Go to something by Tab, press Enter; return how many keys that takes."""
        pressed = await tab_to(page, selector)
        await page.keyboard.press("Enter")
        await page.wait_for_url(url)
        return pressed + 1

    keys = [await follow(f"main a[href='{path}']", f"**{path}"), await skip(page)]
    keys += [await follow(f"a[href='{path}/approve']", f"**{path}/approve"), await skip(page)]
    keys += [await tab_to(page, "a[href='#decide']"), 1]
    await page.keyboard.press("Enter")
    keys += [await tab_to(page, "#phrase"), 1]
    await page.keyboard.type(await page.locator("label[for=phrase] strong").inner_text())
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Hold now")).to_be_visible()
    told("14 approve by keyboard, beside the phrase", sum(keys), "keys")
    await site.release(message)
    await page.goto(f"{site.url}/room")
    keys = [await skip(page), await tab_to(page, f"#hold-{message}"), 1]
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Resume for")).to_be_visible()
    told("14 hold by keyboard", sum(keys), "keys")
    await page.goto(site.url + path)
    keys = [await skip(page), await follow("[data-line=waiting] a", "**/log?*"), await skip(page)]
    keys += [await follow("#people a", "**/people/*")]
    told("14 explain by keyboard", sum(keys), "keys")
    await page.context.close()
