"""The public pages in a real browser, small and large, light and dark, with and without script."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page

from subscribers import unsubscribe
from tests.console.browser import SHARED
from tests.console.browser import shared_browser as browser
from tests.console.site import Site, open_site
from tests.console.test_face import exercise, set_level
from tests.console.test_planned_exercises import approved as planned_exercise

pytestmark = [SHARED, pytest.mark.browser]

__all__ = ["browser"]

PHONE, DESK = {"width": 320, "height": 640}, {"width": 1200, "height": 800}
ARABIC = {"headline": "تسرب غاز في شارع فيكتوريا", "instruction": "ابقوا في الداخل."}

CUT = """[...document.querySelectorAll('body *')].filter(e => {
  const s = getComputedStyle(e);
  return s.overflowX === 'hidden' && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0;
}).map(e => e.outerHTML.slice(0, 100))"""
"""What shows less than it holds."""
LOST = """[
  ...[...document.querySelectorAll('.mark, .tag, .card, .level, .step, button, input[type=text]')]
    .filter(e => ['none', 'hidden'].includes(getComputedStyle(e).borderTopStyle)),
  ...[...document.querySelectorAll('main a')].filter(e => !e.closest('del'))
    .filter(e => !getComputedStyle(e).textDecorationLine.includes('underline')),
  ...[...document.querySelectorAll('del')]
    .filter(e => !getComputedStyle(e).textDecorationLine.includes('line-through')),
  ...[...document.querySelectorAll('.step.present')]
    .filter(e => getComputedStyle(e).outlineStyle !== 'solid'),
].map(e => e.outerHTML.slice(0, 100))"""
"""What only a colour told, and forced colours take away."""


@pytest_asyncio.fixture(loop_scope="session")
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as running:
        yield running


async def filled(site: Site) -> dict[str, str]:
    """Fill the pages with one message of each sort; return the address of every page."""
    await set_level(site)
    await exercise(site)
    await planned_exercise(site)
    live = await site.live(severity="Severe", languages={"en": {"headline": "Gas"}, "ar": ARABIC})
    await site.follow(
        live, "update", languages={"en": {"headline": "Gas, more of it"}, "ar": ARABIC}
    )
    over = await site.live(languages={"en": {"headline": "W" * 150}})
    await site.post(
        f"/api/v1/messages/{over}/cancel", {"why": "x", "reason": "in_error"}, role="approver"
    )
    code, ended = (await site.version(live)).code, (await site.version(over)).code
    return {
        "front": "/",
        "Welsh": "/?lang=cy",
        "message": f"/messages/{code}",
        "Arabic": f"/messages/{code}?lang=ar",
        "cancelled": f"/messages/{ended}",
        "ours": f"/v/{code}",
        "not ours": "/v/NOTHING",
        "check": "/check",
        "no code": "/check?code=",
        "past": "/past",
        "what to do": "/what-to-do",
        "poster": f"/messages/{code}/poster",
        "press text, over": f"/messages/{ended}/press",
    }


async def faults(page: Page) -> list[str]:
    """Return what axe finds wrong on the page that is shown."""
    found = await Axe().run(page)
    assert found.response["passes"], "axe has looked at nothing"
    return [
        f"{fault['id']}: {node['html'][:120]}"
        for fault in found.response["violations"]
        for node in fault["nodes"]
    ]


async def test_axe_finds_nothing_and_nothing_is_wider_than_a_phone(
    site: Site, browser: Browser
) -> None:
    pages = await filled(site)
    for scheme, size in (("light", PHONE), ("dark", DESK)):
        context = await browser.new_context(
            viewport=size,  # type: ignore[arg-type]
            color_scheme=scheme,  # type: ignore[arg-type]
            bypass_csp=True,  # axe is a script, and our pages allow none
        )
        page = await context.new_page()
        for name, path in pages.items():
            await page.goto(site.url + path)
            assert await faults(page) == [], (scheme, name)
            width = await page.evaluate("document.documentElement.scrollWidth")
            assert width == size["width"], (scheme, name)
            small = await page.evaluate(
                "[...document.querySelectorAll('nav a, button, input[type=text]')]"
                ".filter(e => e.getBoundingClientRect().height < 24).map(e => e.outerHTML)"
            )
            assert small == [], (scheme, name)
        await context.close()


async def test_a_code_is_looked_up_by_the_keyboard_alone_and_without_script(
    site: Site, browser: Browser
) -> None:
    code = (await site.version(await site.live())).code
    context = await browser.new_context(viewport=PHONE, java_script_enabled=False)  # type: ignore[arg-type]
    page = await context.new_page()
    await page.goto(site.url)
    await page.keyboard.press("Tab")
    assert "Skip" in await page.locator(":focus").inner_text()
    for _ in range(40):
        await page.keyboard.press("Tab")
        if await page.locator("#code:focus").count():
            break
    await page.keyboard.type(f"{code[:4].lower()} {code[4:]}")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/v/{code}")
    assert await page.locator("h1").inner_text() == "Yes, this message is ours"
    await context.close()


async def test_pages_load_nothing_from_elsewhere_and_the_browser_complains_of_nothing(
    site: Site, browser: Browser
) -> None:
    pages = await filled(site)
    context = await browser.new_context()
    page = await context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    for name in ("front", "message", "Arabic", "cancelled", "ours", "check", "what to do"):
        await page.goto(site.url + pages[name])
        styled = await page.evaluate("getComputedStyle(document.body).maxWidth")
        assert styled != "none", name  # the style sheet is there
    assert said == []
    assert [url for url in asked if not url.startswith(site.url)] == []
    await context.close()


async def test_on_paper_and_in_forced_colours_an_exercise_is_still_one(
    site: Site, browser: Browser
) -> None:
    await exercise(site)
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(site.url)
    settings: tuple[dict[str, Any], ...] = ({"media": "print"}, {"forced_colors": "active"})
    for emulated in settings:
        await page.emulate_media(**emulated)
        assert await page.get_by_text("EXERCISE: this is practice").is_visible()
        style = "getComputedStyle(document.querySelector('.exercise')).borderTopStyle"
        assert await page.evaluate(style) == "dashed"
    await page.emulate_media(media="print", forced_colors="none")
    assert not await page.locator("header nav").is_visible()
    await context.close()


async def all_states(site: Site) -> dict[str, tuple[str, int]]:
    """Return the pages of every state that a reader may meet, with the status of each."""
    pages = {
        name: (path, 404 if path == "/v/NOTHING" else 200)
        for name, path in (await filled(site)).items()
    }
    gone = await site.live(languages={"en": {"headline": "Over", "instruction": "Stay in."}})
    await site.follow(gone, "all-clear", languages={"en": {"headline": "All is well"}})
    private = await site.version(await site.live(visibility="private"))
    practice = await site.version(await exercise(site))
    key = site.settings.key()
    way_out = f"/u/{unsubscribe.token(1, 'sms', key)}"
    stopped = f"/u/{unsubscribe.token(2, 'sms', key)}"
    assert (await site.call("POST", stopped, role=None, key=None, data=b"")).status == 200
    return pages | {
        "exercise": (f"/messages/{practice.code}", 200),
        "all clear": (f"/messages/{(await site.version(gone)).code}", 200),
        "ours, not public": (f"/v/{private.code}", 200),
        "malformed": ("/v/%3Cb%3E%20%20", 404),
        "no such page": ("/nowhere", 404),
        "way out": (way_out, 200),
        "stopped": (stopped, 200),
        "no such link": ("/u/nonsense", 404),
    }


async def test_every_state_holds_at_twice_the_text_size_in_forced_colours_and_without_script(
    site: Site, browser: Browser
) -> None:
    context = await browser.new_context(viewport={"width": 640, "height": 800}, bypass_csp=True)
    page = await context.new_page()
    for path in ("/", "/past", "/?lang=ur"):  # nothing has gone out yet
        await page.goto(site.url + path)
        assert await faults(page) == [], path
    states = await all_states(site)
    for name, (path, status) in states.items():
        answer = await page.goto(site.url + path)
        assert answer is not None
        assert answer.status == status, name
        assert await faults(page) == [], name
        # WCAG 1.4.4: at 200 % nothing is cut off, and nobody has to scroll sideways.
        await page.add_style_tag(content="html { font-size: 200% }")
        assert await page.evaluate("document.documentElement.scrollWidth") == 640, name
        assert await page.evaluate(CUT) == [], name
        await page.emulate_media(forced_colors="active")
        assert await page.evaluate(LOST) == [], name
        await page.emulate_media(forced_colors="none")
    await context.close()
    context = await browser.new_context(viewport=PHONE, java_script_enabled=False)  # type: ignore[arg-type]
    page = await context.new_page()
    for name, (path, _) in states.items():
        await page.goto(site.url + path)
        assert await page.locator("h1").is_visible(), name
        assert await page.locator("h1").count() == 1, name
    await context.close()


async def test_everything_is_reached_by_the_keyboard_in_reading_order_and_seen_when_it_is(
    site: Site, browser: Browser
) -> None:
    pages = await filled(site)
    context = await browser.new_context(viewport=PHONE)  # type: ignore[arg-type]
    page = await context.new_page()
    for name in ("front", "Arabic", "check"):
        await page.goto(site.url + pages[name])
        wanted = await page.evaluate(
            "(window.all = [...document.querySelectorAll('a[href], button, input')]"
            ".filter(e => e.type !== 'hidden')).length"
        )
        for number in range(wanted):
            await page.keyboard.press("Tab")
            at, outline, tall = await page.evaluate(
                "(() => { const e = document.activeElement, s = getComputedStyle(e);"
                " return [window.all.indexOf(e), s.outlineStyle, e.getBoundingClientRect().height]"
                " })()"
            )
            assert (at, outline) == (number, "solid"), name
            assert tall > 0, name
    await context.close()


async def test_when_the_fault_is_ours_the_page_still_stands(site: Site, browser: Browser) -> None:
    await site.db.close()
    context = await browser.new_context(
        viewport=PHONE,  # type: ignore[arg-type]
        bypass_csp=True,
        locale="pl-PL",
    )
    page = await context.new_page()
    answer = await page.goto(site.url)
    assert answer is not None
    assert answer.status >= 500
    assert await page.get_attribute("html", "lang") == "pl"
    assert await faults(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth") == 320
    assert "999" in await page.inner_text("main")
    await context.close()
