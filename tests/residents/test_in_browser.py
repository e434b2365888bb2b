"""The pages of residents in a real browser: small, by keyboard, without script, in Arabic."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page

from subscribers.registry import reached, showing
from tests.console.site import Site
from tests.residents.journey import E164, Box

pytestmark = pytest.mark.browser

PHONE = {"width": 320, "height": 640}


async def faults(page: Page) -> list[str]:
    found = await Axe().run(page)
    assert found.response["passes"], "axe has looked at nothing"
    return [
        f"{fault['id']}: {node['html'][:120]}"
        for fault in found.response["violations"]
        for node in fault["nodes"]
    ]


async def sound(page: Page) -> None:
    """Assert that the page that is shown has no fault, fits a phone and has large targets."""
    assert await faults(page) == [], page.url
    assert await page.evaluate("document.documentElement.scrollWidth") == PHONE["width"], page.url
    small = await page.evaluate(
        "[...document.querySelectorAll('main a, button, input:not([type=hidden]), select')]"
        ".filter(e => e.getBoundingClientRect().height < 24).map(e => e.outerHTML)"
    )
    assert small == [], page.url


@pytest.mark.parametrize("lang,dark", [("en", False), ("ar", True), ("cy", False), ("ur", False)])
async def test_53_axe_finds_nothing_on_the_way_through_in_four_languages(
    site: Site, browser: Browser, box: Box, lang: str, dark: bool
) -> None:
    context = await browser.new_context(
        viewport=PHONE,  # type: ignore[arg-type]
        color_scheme="dark" if dark else "light",
        bypass_csp=True,  # axe is a script, and our pages allow none
    )
    page = await context.new_page()
    send = "main form[method=post] button"
    await page.goto(f"{site.url}/join?lang={lang}&place=west")
    assert await page.locator("html").get_attribute("dir") == (
        "rtl" if lang in ("ar", "ur") else "ltr"
    )
    await sound(page)
    await page.check("input[name=area]")
    await page.click(send)
    await page.click(send)  # nothing chosen
    await sound(page)
    await page.check("#topic-incident")
    await page.click(send)
    await sound(page)
    await page.check("#channel-sms")
    await page.click(send)
    await page.fill("#address", "07700 900555")
    await page.click(send)  # not agreed
    await sound(page)
    await page.check("#agree")
    await page.click(send)
    await sound(page)
    await page.fill("#code", await box.code())
    await page.locator(send).first.click()
    await page.wait_for_url("**/join/done*")
    await sound(page)
    [who] = await site.db.read(reached.persons_with_address, "sms", E164)
    assert await site.db.read(showing.language_of, who) == lang
    await page.locator("main a").first.click()
    await page.wait_for_url("**/me*")
    await sound(page)
    for came in ("", "&came=joined", "&came=nobody_else"):
        await page.goto(f"{site.url}/me/registrations?lang={lang}{came}")
        await sound(page)
    for path in ("/me/by-topic?", "/me/places?place=cam&", "/me/place?place=cam&"):
        await page.goto(f"{site.url}{path}lang={lang}")
        await sound(page)
    await page.goto(f"{site.url}/sign-in?lang={lang}")
    await sound(page)
    await page.goto(f"{site.url}/join/topics?lang={lang}")  # done already
    await sound(page)
    await context.close()


async def press(page: Page, until: str) -> None:
    """Go on with Tab until something has the focus."""
    for _ in range(60):
        if await page.locator(f"{until}:focus").count():
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"{until} never has the focus on {page.url}")


async def test_41_by_the_keyboard_alone_and_without_script(
    site: Site, browser: Browser, box: Box
) -> None:
    context = await browser.new_context(viewport=PHONE, java_script_enabled=False)  # type: ignore[arg-type]
    page = await context.new_page()
    key = page.keyboard
    await page.goto(f"{site.url}/join")
    await press(page, "#place")
    await key.type("west")
    await key.press("Enter")
    await press(page, "#area-1")
    await key.press("Space")
    await key.press("Enter")
    await page.wait_for_url("**/join/topics")
    await press(page, "#topic-incident")
    await key.press("Space")
    await key.press("Enter")
    await page.wait_for_url("**/join/channel")
    await press(page, "#channel-sms")
    await key.press("Space")
    await key.press("Enter")
    await page.wait_for_url("**/join/address")
    await press(page, "#address")
    await key.type("07700 900555")
    await press(page, "#agree")
    await key.press("Space")
    await key.press("Enter")
    await page.wait_for_url("**/join/code")
    await press(page, "#code")
    await key.type(await box.code())
    await key.press("Enter")
    await page.wait_for_url("**/join/done")
    await press(page, "main a")
    await key.press("Enter")
    await page.wait_for_url("**/me")
    await press(page, "button.danger")
    await key.press("Enter")
    await page.wait_for_url("**/me?saved=stopped*")
    assert await page.get_by_text("You have stopped all messages").is_visible()
    await press(page, "#stop button")
    await key.press("Enter")
    await page.wait_for_url("**/me?saved=started*")
    contact = await site.db.read(
        lambda conn: reached.contacts(conn, reached.persons_with_address(conn, "sms", E164), "sms")
    )
    assert [c.stopped for c in contact.values()] == [False]
    await context.close()


async def test_58_no_complaint_of_the_browser_and_nothing_from_elsewhere(
    site: Site, browser: Browser, box: Box
) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(f"{site.url}/join?place=west")
    await page.check("input[name=area]")
    await page.click("main form[method=post] button")
    await page.wait_for_url("**/join/topics")
    style = "getComputedStyle(document.querySelector('.choice')).display"
    assert await page.evaluate(style) == "flex"  # the style sheet is there
    assert said == []
    assert [url for url in asked if not url.startswith(site.url)] == []
    await context.close()
