"""The control room in a real browser: two profiles, with script and without, by keyboard, on a
phone, and live.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from sqlalchemy import update

from broadcast.events import dead_letters
from broadcast.operators import operator_requests
from broadcast.operators.tables import operator_request
from broadcast.places.areas import AreaRecord
from broadcast.places.stored_areas import store_areas
from subscribers.organisations import rows
from subscribers.organisations.record import OrganisationRecord
from tests.console.browser import SHARED
from tests.console.browser import shared_browser as browser
from tests.console.site import CAMDEN, WESTMINSTER, Site, open_site
from tests.console.test_face_in_browser import faults
from tests.console.visitor import HERE

pytestmark = [SHARED, pytest.mark.browser]

__all__ = ["browser"]

ROOT = Path(__file__).parents[2]
PHONE, DESK = {"width": 320, "height": 640}, {"width": 1200, "height": 800}


@pytest_asyncio.fixture(loop_scope="session")
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path, FASTTIME_PUBLIC_URL=HERE) as running:
        yield running


async def profile(site: Site, browser: Browser, role: str, **more: Any) -> Page:
    """Open a browser profile and sign somebody in, by keyboard."""
    context = await browser.new_context(**{"viewport": DESK, **more})
    page = await context.new_page()
    page.set_default_timeout(10_000)
    await page.goto(f"{site.url}/room")
    await page.get_by_label("Your personal token").focus()
    await page.keyboard.type(site.tokens[role])
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_have_text("Control room")
    return page


async def tab_to(page: Page, wanted: str, most: int = 40) -> int:
    """Press Tab until the focus is there; return how often."""
    for n in range(1, most + 1):
        await page.keyboard.press("Tab")
        if await page.locator(f"{wanted}:focus").count():
            return n
    raise AssertionError(f"{wanted} is not reached in {most} presses")


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
async def test_check_1_two_people_write_approve_and_watch_by_keyboard(
    site: Site, browser: Browser, script: bool
) -> None:
    author = await profile(site, browser, "author", java_script_enabled=script)
    approver = await profile(site, browser, "approver", java_script_enabled=script)
    said: list[str] = []
    asked: list[str] = []
    for page in (author, approver):
        page.on("console", lambda message: said.append(message.text))
        page.on("request", lambda request: asked.append(request.url))
    presses = 0
    await author.get_by_role("link", name="New message").press("Enter")
    await author.wait_for_url("**/room/new")
    await author.locator("#headline-0").fill("Gas leak in Strutton Ground")
    presses += await tab_to(author, "#instruction-0")
    await author.keyboard.type("Stay indoors.")
    presses += await tab_to(author, "#search")
    await author.keyboard.type("westm")
    if not script:
        await author.keyboard.press("Enter")
    place = author.locator("#found button")
    await expect(place).to_have_text("Add Westminster")
    presses += await tab_to(author, "#found button", 3) if script else 2
    await place.focus()
    await author.keyboard.press("Enter")
    await expect(author.locator("#chosen")).to_contain_text("Westminster")
    await expect(author.locator("#preview")).to_contain_text("Would be sent to")
    await author.get_by_role("button", name="Go on to check and submit").press("Enter")
    await author.wait_for_url("**/check")
    presses += 6
    await author.get_by_role("button", name="Submit for approval").press("Enter")
    await author.wait_for_url("**/room/messages/1")
    assert presses <= 40
    # check 2
    assert await author.get_by_role("button", name=re.compile("Send now")).count() == 0
    assert await author.get_by_role("link", name="Read it and decide").count() == 0

    await approver.goto(f"{site.url}/room")
    await approver.get_by_role("link", name="Gas leak in Strutton Ground").first.press("Enter")
    await approver.get_by_role("link", name="Read it and decide").press("Enter")
    await approver.get_by_label("Type SEND 31").fill("send 31")
    await approver.keyboard.press("Enter")
    await expect(approver.get_by_role("button", name="Hold now")).to_be_visible()
    await site.release(1)
    if not script:
        await (
            author.get_by_role("link", name="Refresh")
            .or_(author.get_by_role("link", name="Home"))
            .first.press("Enter")
        )
        await author.goto(f"{site.url}/room/messages/1")
    else:
        await author.reload()
    waiting = author.locator("[data-line=waiting]")
    await expect(waiting).to_have_text("31")
    await site.done(await site.claimed(lane="urgent"))
    if not script:
        await asyncio.sleep(1)  # figures are kept for all who watch, for less than that
        await author.get_by_role("link", name="Refresh").press("Enter")
    await expect(author.locator("[data-line=accepted]")).not_to_have_text("0", timeout=5_000)
    numbers = await author.locator("[data-line]").all_inner_texts()
    assert sum(map(int, numbers)) == 32
    assert said == []
    assert [url for url in asked if not url.startswith(site.url)] == []
    for page in (author, approver):
        await page.context.close()


async def test_check_38_the_replay_moves_by_keyboard_and_asks_nobody_anything(
    site: Site, browser: Browser
) -> None:
    await site.live(severity="Severe")
    await site.done(await site.claimed(lane="urgent"))
    page = await profile(site, browser, "auditor")
    await page.goto(f"{site.url}/room/messages/1/replay", wait_until="networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    accepted = page.locator("[data-of=accepted]")
    assert int(await accepted.inner_text()) > 0
    await page.get_by_role("slider").focus()
    await page.keyboard.press("Home")
    await expect(accepted).to_have_text("0")
    await expect(page.locator("[data-of=state]")).to_have_text("approved, being prepared")
    ward = page.locator("path[data-place]").first
    await expect(ward).to_have_attribute("fill", "none")
    await expect(page.locator("td[data-place]").first).to_have_text("0 %")
    await page.get_by_role("button", name="100×").press("Enter")
    await expect(page.locator("[data-of=state]")).to_have_text("live")
    await expect(accepted).not_to_have_text("0")
    await expect(ward).to_have_attribute("fill", re.compile("hatch"))
    await expect(page.locator("td[data-place]").first).not_to_have_text("0 %")
    assert asked == []
    await page.context.close()


async def test_check_53_axe_finds_nothing_and_nothing_is_wider_than_a_phone(
    site: Site, browser: Browser
) -> None:
    await site.live(severity="Severe", languages={"en": {"headline": "W" * 150}})
    await site.submitted(severity="Severe")
    await site.drafted()
    await site.claimed(lane="urgent")
    now = datetime.now(UTC)
    await site.db.write(dead_letters.park, "render.failed", "1/sms/en", "KeyError", now)
    registry = {"kind": "registry", "to": "1f" * 32}
    for _ in range(2):
        asked = await site.post("/api/v1/operator-requests", registry, role="administrator")
        assert asked.status == 201
    agreed = update(operator_request).where(operator_request.c.id == 1)
    agreed = agreed.values(state="approved", decided_at=now, decided_by=1)
    await site.db.write(lambda conn: conn.execute(agreed))
    pages = {
        "author": (
            "/room",
            "/room/new",
            "/exercise",
            "/exercise/new",
            "/room/messages/1",
            "/room/messages/3",
        ),
        "approver": (
            "/room/messages/2/approve",
            "/room/messages/1/correct",
            "/room/sessions",
            "/room/messages/1/replay",
        ),
    }
    more = {
        "author": (
            "/room/messages/1/pictures",
            "/room/messages/3/check",
            "/room/messages/3/edit",
            "/room/messages/77",
        )
    }
    organisation = OrganisationRecord("o-1", "W" * 60, "I", "micro", "51.5,-0.14", ("p1",))
    await site.db.write(rows.save, [organisation], now)
    organisations = ("/room/organisations", "/room/organisations/one?id=o-1")
    on_a_phone = {
        "administrator": ("/room/health", "/room/operators", *organisations),
        "auditor": organisations,
    }
    for scheme, size, wanted in (("light", PHONE, pages | on_a_phone), ("dark", DESK, pages)):
        for role, paths in wanted.items():
            page = await profile(
                site, browser, role, viewport=size, color_scheme=scheme, bypass_csp=True
            )
            for path in (*paths, *more.get(role, ())):
                await page.goto(site.url + path)
                await page.evaluate(
                    "[...document.querySelectorAll('section details, .invented')].slice(0, 5)"
                    ".forEach(e => { e.open = true; })"
                )
                assert await faults(page) == [], (scheme, path)
                width = await page.evaluate("document.documentElement.scrollWidth")
                assert width == size["width"], (scheme, path)
                small = await page.evaluate(
                    "[...document.querySelectorAll('nav a, button:not(.first), input:not([type="
                    "hidden]), select, summary, .button')].filter(e => e.checkVisibility() &&"
                    " e.getBoundingClientRect().height < 24).map(e => e.outerHTML)"
                )
                assert small == [], (scheme, path)
                tiny = await page.evaluate(
                    "[...document.querySelectorAll('svg text')].filter(e =>"
                    " e.getBoundingClientRect().height < 10).map(e => e.textContent)"
                )
                assert tiny == [], (scheme, path)
            await page.context.close()


async def well_made(page: Page) -> None:
    assert await faults(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
async def test_places_and_people_are_found_and_chosen_on_a_phone(
    site: Site, browser: Browser, script: bool
) -> None:
    now = datetime.now(UTC)
    wards = [
        AreaRecord(code=f"E0500000{n}", level="ward", name="Abbey " + "W" * 30, parent=parent)
        for n, parent in enumerate((WESTMINSTER, CAMDEN), 1)
    ]
    await site.db.write(store_areas, wards, now, source="test")
    bell = OrganisationRecord("o-1", "The Bell", "I", "micro", WESTMINSTER, ("p1",))
    await site.db.write(rows.save, [bell], now)
    more: dict[str, Any] = {"viewport": PHONE, "java_script_enabled": script, "bypass_csp": True}
    page = await profile(site, browser, "administrator", **more)
    await page.goto(f"{site.url}/room/organisations/one?id=o-1")
    await page.get_by_label("More sites").fill("abbey\natlantis\nSW1A 2AA")
    await page.get_by_label("More who act for it").fill("07700 900002\nZoë Webb")
    await page.get_by_label("More single points of contact").fill("camden=p1\nminst=p1")
    await page.get_by_role("button", name="Find these sites").press("Enter")
    await expect(page.get_by_text("Nothing was found for “atlantis”.")).to_be_visible()
    await expect(page.get_by_label("Camden (E09000007): p1")).to_be_checked()
    await expect(page.get_by_text("Nobody was found for “Zoë Webb”.")).to_be_visible()
    await expect(page.get_by_label("P… 2…, …002 (p2)")).to_be_checked()
    await page.get_by_label("More who act for it").fill("")
    if script:
        await well_made(page)
    await page.get_by_label("(ward in Camden, E05000002)").press("Space")
    await page.get_by_label("Westminster (borough in London, E09000033): p1").press("Space")
    await page.get_by_role("button", name="Save this organisation").press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text('no area is called "atlantis"')
    if script:
        await well_made(page)
    await page.get_by_label("More sites").fill("")
    # Enter in a line saves, as the last button does
    await page.get_by_label("Name", exact=True).press("Enter")
    await expect(page.get_by_text("Saved.")).to_be_visible()
    (kept,) = await site.db.read(lambda conn: list(rows.everyone(conn)))
    assert kept.sites.split(";") == [WESTMINSTER, "SW1A 2AA", "E05000002"]
    assert set(kept.contacts) == {(CAMDEN, "p1"), (WESTMINSTER, "p1")}
    assert kept.people == ("p1", "p2")
    await page.goto(f"{site.url}/room/operators")
    await page.get_by_label("Area, by its name or code").fill("abbey")
    await page.get_by_role("button", name="Find the area").press("Enter")
    await expect(page.get_by_text("2 found for “abbey”: choose one")).to_be_visible()
    if script:
        await well_made(page)
    await page.get_by_role("button", name="(ward in Camden, E05000002)").press("Enter")
    await expect(page.get_by_label("Area, by its name or code")).to_have_value("E05000002")
    await page.get_by_label("The person's name").fill("New Person")
    await page.get_by_label("Role, of a new one").select_option("author")
    await page.get_by_label("Their own address, of a new one").fill("new@example.org")
    # Enter in a line asks for it, as the last button does
    await page.get_by_label("Their own address, of a new one").press("Enter")
    await expect(page.get_by_text("E05000002", exact=False).first).to_be_visible()
    assert len(await site.db.read(operator_requests.listed)) == 1
    if script:
        await well_made(page)
    await page.context.close()

    page = await profile(site, browser, "author", **more)
    await page.goto(f"{site.url}/room/new?kind=threat_level_change")
    await page.get_by_label("New level").select_option("SEVERE")
    await page.get_by_label("For", exact=True).select_option("")
    await page.get_by_label("Name or code of the place").fill("abbey")
    await page.get_by_role("button", name="Find the place").press("Enter")
    await expect(page.get_by_text("2 found for “abbey”: choose one")).to_be_visible()
    if script:
        await well_made(page)
    await page.get_by_role("button", name="(ward in Camden, E05000002)").press("Enter")
    await expect(page.get_by_label("Name or code of the place")).to_have_value("E05000002")
    await expect(page.get_by_label("New level")).to_have_value("SEVERE")
    if script:
        await well_made(page)
    await page.context.close()


BOTTOMS = """() => {
  const y = e => e.getBoundingClientRect().bottom + scrollY;
  return {
    texts: [...document.querySelectorAll('.reads .words')].map(y),
    counts: y(document.querySelector('.counts')),
    button: y(document.querySelector('button.danger')),
  };
}"""


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
async def test_an_approver_reads_everything_before_the_button_which_a_desk_has_beside_it(
    site: Site, browser: Browser, size: dict[str, int]
) -> None:
    words = {"headline": "Gas leak in Victoria Street", "instruction": "Stay indoors."}
    message, _ = await site.submitted(
        severity="Severe", urgency="Immediate", languages={"en": words, "cy": words}
    )
    page = await profile(site, browser, "approver", viewport=size)
    await page.goto(f"{site.url}/room/messages/{message}/approve")
    where = await page.evaluate(BOTTOMS)
    if size == PHONE:
        assert max(*where["texts"], where["counts"]) < where["button"]
    else:
        assert where["button"] < min(where["counts"], size["height"])
    # as it is read aloud, the order is the same everywhere
    await expect(page.locator(".lead").last).to_contain_text("For 31 people")
    headings = await page.locator(".approval h2").all_inner_texts()
    assert headings == ["What arrives", "Who gets it", "Where", "Decide"]
    await page.context.close()


FOCUSED = """() => {
  const e = document.activeElement, s = getComputedStyle(e), b = e.getBoundingClientRect();
  const boxes = [...e.getClientRects()];
  const first = boxes[0] || b;
  const down = Math.min(first.height / 2, 20);  // of what is taller than the screen its top
  const top = document.elementFromPoint(first.x + first.width / 2, first.y + down);
  return {at: window.all.indexOf(e), outline: s.outlineStyle, html: e.outerHTML.slice(0, 120),
          seen: !!top && (top === e || e.contains(top) || top.contains(e))};
}"""


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
async def test_check_56_what_has_the_focus_is_marked_and_never_covered(
    site: Site, browser: Browser, size: dict[str, int]
) -> None:
    await site.live(severity="Severe")
    await site.submitted(severity="Severe")
    wrong = []
    pages = {
        "approver": (
            "/room",
            "/room/messages/1",
            "/room/messages/2/approve",
            "/room/sessions",
            "/room/messages/1/log",
        ),
        "administrator": ("/room/operators", "/room/health", "/room/organisations"),
    }
    for role, path in [(role, path) for role, paths in pages.items() for path in paths]:
        if path == pages[role][0]:
            page = await profile(site, browser, role, viewport=size)
        await page.goto(site.url + path)
        wanted = await page.evaluate(
            "(window.all = [...document.querySelectorAll('a[href], button:not(.first), input,"
            " select, summary,"
            " textarea, [tabindex=\"0\"]')].filter(e => e.type !== 'hidden' &&"
            " e.checkVisibility())).length"
        )
        assert wanted > 5, path
        for number in range(wanted):
            await page.keyboard.press("Tab")
            now = await page.evaluate(FOCUSED)
            right = now["at"] == number and now["outline"] == "solid" and now["seen"]
            wrong += [] if right else [(path, number, now)]
    assert wrong == []


async def test_an_exercise_is_planned_by_keyboard_alone_on_a_phone_and_every_field_is_seen(
    site: Site, browser: Browser
) -> None:
    page = await profile(site, browser, "author", viewport=PHONE, locale="en-US")
    await page.goto(f"{site.url}/exercise")
    day = datetime.now(ZoneInfo("Europe/London")) + timedelta(days=3)
    typed = {
        "name": ("Winter Oak",),
        "area": ("Westminster",),
        "from": (f"{day:%m%d%Y}", "0900AM"),  # as the browser of the tests asks for it
        "until": (f"{day:%m%d%Y}", "0530PM"),
    }
    for name, keys in typed.items():
        await tab_to(page, f"#{name}")
        box = await page.locator(f"#{name}").bounding_box()
        assert box is not None
        assert box["x"] >= 0, name
        assert box["x"] + box["width"] <= PHONE["width"], name
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert await page.evaluate(outline) == "solid", name
        for n, part in enumerate(keys):
            if n:
                await page.keyboard.press("ArrowRight")  # from the year to the hour
            await page.keyboard.type(part)
    await tab_to(page, "button.practise")
    await page.keyboard.press("Enter")
    plan = page.get_by_label("Plan 1", exact=True)
    await expect(plan).to_contain_text("Winter Oak, Westminster")
    await expect(plan).to_contain_text("waits for another person")
    await page.context.close()


async def test_checks_5_17_and_18_the_first_page_moves_by_itself_and_holds_by_one_press(
    site: Site, browser: Browser
) -> None:
    live = await site.live(severity="Severe")
    author = await profile(site, browser, "author")
    approver = await profile(site, browser, "approver")
    needs = approver.locator("section[aria-labelledby=needs]")
    await expect(needs).to_contain_text("Nothing.")
    message, _ = await site.submitted()
    await expect(needs).to_contain_text("To approve (1)", timeout=2_000)
    answer = await site.post(
        f"/api/v1/messages/{message}/return", {"why": "Say where"}, role="approver"
    )
    assert answer.status == 200
    await expect(author.locator("section[aria-labelledby=needs]")).to_contain_text(
        "Returned to you (1)", timeout=2_000
    )
    hold = approver.locator(f"#hold-{live}")
    await hold.focus()
    await site.done(await site.claimed(lane="urgent"))  # the part is told again meanwhile
    await expect(approver.locator("section[aria-labelledby=live-now]")).to_contain_text(
        "handed over", timeout=3_000
    )
    await expect(hold).to_be_focused()  # check 32
    await approver.keyboard.press("Enter")
    await expect(approver.get_by_role("button", name=re.compile("Resume for"))).to_be_visible(
        timeout=2_000
    )
    assert (await site.version(live)).state == "held"
    await expect(author.locator("section[aria-labelledby=live-now]")).to_contain_text(
        "held", timeout=2_000
    )
    for page in (author, approver):
        await page.context.close()
