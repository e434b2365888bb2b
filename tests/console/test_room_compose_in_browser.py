"""Writing in a real browser: the preview while typing, places by few keys, the map by mouse and by
keyboard, and what happens when the server is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.console.browser import SHARED
from tests.console.browser import shared_browser as browser
from tests.console.site import CAMDEN, WESTMINSTER, Site, open_site
from tests.console.test_face_in_browser import faults
from tests.console.test_room_in_browser import profile, tab_to
from tests.console.visitor import HERE

pytestmark = [SHARED, pytest.mark.browser]

__all__ = ["browser"]


@pytest_asyncio.fixture(loop_scope="session")
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path, FASTTIME_PUBLIC_URL=HERE) as running:
        yield running


async def writing(site: Site, browser: Browser) -> tuple[Page, list[str]]:
    """Open the page of writing as the author; return it, and what its console says."""
    page = await profile(site, browser, "author")
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda r: None if r.url.startswith(site.url) else said.append(r.url))
    await page.goto(f"{site.url}/room/new")
    await expect(page.locator("path.border")).to_have_count(2)
    return page, said


async def corners_on_map(page: Page, *shares: tuple[float, float]) -> None:
    """Press on the map, at shares of its width and height; no mouse is moved while it is down."""
    box = await page.locator(".drawing").bounding_box()
    assert box is not None
    for x, y in shares:
        at = {"x": box["width"] * x, "y": box["height"] * y}
        await page.locator(".drawing").click(position=at)  # type: ignore[arg-type]


async def test_check_13_a_ward_is_found_by_name_or_code_and_added_in_three_keys_after_typing(
    site: Site, browser: Browser
) -> None:
    page, said = await writing(site, browser)
    for typed, name in (("camd", "Camden"), (WESTMINSTER, "Westminster")):
        await page.locator("#search").focus()
        await page.keyboard.type(typed)
        await expect(page.locator("#found button")).to_have_text(f"Add {name}")
        presses = await tab_to(page, "#found button", 3) + 1
        await page.keyboard.press("Enter")
        await expect(page.locator("#chosen")).to_contain_text(name)
        assert presses <= 3
    assert said == []
    await page.context.close()


async def test_check_15_the_preview_follows_the_text_and_a_reload_brings_it_back(
    site: Site, browser: Browser
) -> None:
    page, _ = await writing(site, browser)
    await page.locator("#headline-0").fill("Gas leak in Strutton Ground")
    await expect(page.locator("#saved")).to_contain_text("Saved ", timeout=2_000)
    await expect(page.locator("#preview")).to_contain_text("Not complete yet")
    await page.locator("path.border").first.focus()
    await page.keyboard.press("Space")
    await page.locator("#instruction-0").fill("Stay indoors.")
    await expect(page.locator("#preview")).to_contain_text("Would be sent to")
    await expect(page.locator("#preview")).to_contain_text(
        "Gas leak in Strutton Ground. Stay indoors."
    )
    assert "kept=" in page.url
    await page.reload()
    assert await page.locator("#headline-0").input_value() == "Gas leak in Strutton Ground"
    assert await page.locator("#chosen input").count() == 1
    await page.context.close()


async def test_check_8_a_preview_that_fails_says_that_it_is_out_of_date(
    site: Site, browser: Browser
) -> None:
    page, _ = await writing(site, browser)
    await page.locator("#headline-0").fill("One")
    await expect(page.locator("#saved")).to_contain_text("Saved ")
    await page.context.set_offline(True)
    await page.locator("#headline-0").fill("Two")
    await expect(page.locator("#saved")).to_contain_text("Not saved: no connection.")
    await expect(page.locator("#saved")).to_contain_text("The preview is out of date.")
    await expect(page.locator("#preview")).to_have_class("old")
    await page.context.set_offline(False)
    await expect(page.locator("#saved")).to_contain_text("Saved ", timeout=5_000)
    await expect(page.locator("#preview")).to_have_class("")
    assert await page.locator("#headline-0").input_value() == "Two"
    await page.context.close()


async def test_check_11_a_click_on_the_map_a_tick_in_the_tree_and_a_search_give_one_content(
    site: Site, browser: Browser
) -> None:
    contents = []
    for way in ("map", "tree", "search"):
        page, _ = await writing(site, browser)
        await page.locator("#headline-0").fill("Gas leak")
        await page.locator("#instruction-0").fill("Stay indoors.")
        if way == "map":
            await page.get_by_role("button", name="Camden, 1 person").click()
            await expect(page.get_by_role("button", name="Camden, 1 person")).to_have_attribute(
                "aria-pressed", "true"
            )
        elif way == "tree":
            await page.get_by_text("Choose from the tree of places").click()
            await page.get_by_text("2 in London").click()
            await page.get_by_role("checkbox", name="Camden").check()
        else:
            await page.locator("#search").fill("camd")
            await page.get_by_role("button", name="Add Camden").click()
        await page.get_by_role("button", name="Go on to check and submit").click()
        await page.wait_for_url("**/check")
        number = int(page.url.split("/")[-2])
        content = (await site.version(number)).content
        assert content.areas == (CAMDEN,)
        contents.append(content)
        await page.context.close()
    assert contents[0] == contents[1] == contents[2]


async def test_check_12_a_shape_is_drawn_by_clicks_undone_cancelled_and_a_crossing_is_named(
    site: Site, browser: Browser
) -> None:
    page, said = await writing(site, browser)
    box, line = page.locator("#corners"), page.locator("#draw [role=status]")
    await page.get_by_role("button", name="Draw a shape").click()
    await corners_on_map(page, (0.3, 0.3), (0.6, 0.3))
    await page.get_by_role("button", name="Finish the shape").click()
    await expect(line).to_contain_text("three corners at least; this one has 2")
    await corners_on_map(page, (0.3, 0.6), (0.6, 0.6))
    await page.get_by_role("button", name="Finish the shape").click()
    await expect(line).to_contain_text("cross")
    assert await box.input_value() == ""  # named, not repaired
    await page.get_by_role("button", name="Undo a corner").click()
    await page.get_by_role("button", name="Finish the shape").click()
    await expect(line).to_contain_text("Drawn")
    drawn = await box.input_value()
    assert len(drawn.splitlines()) == 3
    await page.get_by_role("button", name="Draw a shape").click()
    await corners_on_map(page, (0.5, 0.5))
    await page.keyboard.press("Escape")
    await expect(line).to_contain_text("Cancelled")
    assert await box.input_value() == drawn
    assert said == []
    await page.context.close()


async def unnamed(page: Page) -> list[str]:
    """Return the shapes of the map without a name, a role or a state."""
    found: list[str] = await page.evaluate(
        "[...document.querySelectorAll('path.border')].filter(p => p.getAttribute('role') !=="
        " 'button' || !/, [\\d,]+ (person|people)$/.test(p.getAttribute('aria-label') || '') ||"
        " !p.hasAttribute('aria-pressed')).map(p => p.outerHTML.slice(0, 80))"
    )
    return found


async def test_check_54_every_shape_of_the_map_has_a_name_and_one_tab_stop_leads_to_all(
    site: Site, browser: Browser
) -> None:
    page, _ = await writing(site, browser)
    assert await unnamed(page) == []
    stops = page.locator("path.border[tabindex='0']")
    assert await stops.count() == 1
    await stops.focus()
    names = set()
    for _ in range(2):
        names.add(await page.evaluate("document.activeElement.getAttribute('aria-label')"))
        await page.keyboard.press("ArrowRight")
    assert names == {"Camden, 1 person", "Westminster, 32 people"}
    assert await stops.count() == 1
    await page.keyboard.press("Space")
    await expect(page.locator("path.border:focus")).to_have_attribute("aria-pressed", "true")
    await page.evaluate(
        "document.querySelectorAll('path.border').forEach(p => p.removeAttribute('aria-label'))"
    )
    assert len(await unnamed(page)) == 2  # the test sees names that are gone
    await page.context.close()


async def test_check_53_and_55_the_page_with_its_preview_has_no_fault_and_fits_a_phone(
    site: Site, browser: Browser
) -> None:
    for size, scheme in (((320, 640), "light"), ((1280, 900), "dark")):
        page = await profile(
            site,
            browser,
            "author",
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            bypass_csp=True,
        )
        await page.goto(f"{site.url}/room/new")
        await page.locator("#headline-0").fill("Gas leak")
        await page.get_by_role("button", name="Westminster, 32 people").press("Enter")
        await expect(page.locator("#preview")).to_contain_text("Would be sent to")
        await page.locator("#search").fill("e0")
        await expect(page.locator("#found button")).to_have_count(2)
        for each in await page.locator("details > summary").all():
            await each.click()
        assert await faults(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") == size[0]
        await page.context.close()


async def test_check_59_without_the_vendors_folder_only_drawing_is_missing(
    site: Site, browser: Browser
) -> None:
    page = await profile(site, browser, "author")
    await page.route("**/leaflet.*", lambda route: route.abort())
    await page.goto(f"{site.url}/room/new")
    await page.locator("#headline-0").fill("Gas leak")
    await page.locator("#corners").fill("51.49,-0.16\n51.49,-0.12\n51.51,-0.12\n51.51,-0.16")
    await expect(page.locator("#preview")).to_contain_text("Would be sent to")
    assert await page.locator(".drawing").count() == 0
    await page.context.close()


async def test_a_form_that_is_sent_while_it_is_being_kept_waits_for_that(
    site: Site, browser: Browser
) -> None:
    page, _ = await writing(site, browser)
    await page.locator("#headline-0").fill("Gas leak")
    await expect(page.locator("#saved")).to_contain_text("Saved ")

    async def slow(route: Any) -> None:
        answer = await route.fetch()  # kept by the server, not known by the page yet
        await asyncio.sleep(1)
        await route.fulfill(response=answer)

    await page.route("**/room/new", slow, times=1)
    await page.locator("#corners").fill("51.49,-0.16\n51.49,-0.12\n51.51,-0.12\n51.51,-0.16")
    await asyncio.sleep(0.5)
    await page.get_by_role("button", name="Go on to check and submit").click()
    await page.wait_for_url("**/check")
    await page.context.close()
