"""The public face as files: whole, current, and there when nothing else is."""

from __future__ import annotations

import asyncio
import resource
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from html import escape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import aiohttp
import pytest
from lxml import html
from playwright.async_api import Browser
from sqlalchemy import Engine, event

from broadcast.problems import Rejected
from broadcast.wording.pack import fill
from broadcast.wording.times import local_time
from console.pages.phrases import PHRASES
from console.pages.static_site import MARK, Before, Built, Stored, build, keep_current
from tests.console.cli import Cli
from tests.console.site import Site, open_site
from tests.console.test_face import exercise, set_level


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as running:
        yield running


def stored(site: Site) -> Stored:
    return Stored(site.settings, site.db, site.context, site.context.now)


def file_of(folder: Path, address: str) -> Path:
    """Return the file that a plain web server answers an address with."""
    found = folder / unquote(urlsplit(address).path).strip("/")
    return found / "index.html" if found.is_dir() else found


async def test_every_link_of_every_file_leads_to_a_file_and_nothing_needs_a_server(
    site: Site, tmp_path: Path
) -> None:
    await set_level(site)
    await exercise(site)
    message = await site.live(languages={"en": {"headline": "Gas"}, "ar": {"headline": "غاز"}})
    code = (await site.version(message)).code
    folder = tmp_path / "www"
    built = await build(stored(site), folder)
    await site.db.close()
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) == built.files
    for path in files:
        if path.suffix != ".html":
            continue
        root = html.document_fromstring(path.read_text())
        (form,) = root.findall(".//form") or [None]
        if form is not None:  # sheets to print have none
            for address in (form.get("action"), form.get("data-none")):
                assert file_of(folder, address).is_file(), (path, address)
        for address in root.xpath("//a/@href | //link/@href"):
            if address.startswith("/"):
                assert file_of(folder, address).is_file(), (path, address)
    front = file_of(folder, "/").read_text()
    assert "As of" in front
    assert "Gas" in front
    assert "غاز" in (folder / "ar" / "messages" / code / "index.html").read_text()
    assert (
        html.fromstring((folder / "cy" / "index.html").read_text())
        .getroottree()
        .getroot()
        .get("lang")
        == "cy"
    )


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def plain_server(folder: Path) -> Iterator[str]:
    """Serve a folder by Python's own http.server, which knows nothing of us; yield its address."""
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


async def test_with_the_database_closed_any_web_server_answers_and_says_as_of_when(
    site: Site, tmp_path: Path
) -> None:
    folder = tmp_path / "www"
    code = (await site.version(await site.live())).code
    built = await build(stored(site), folder)
    await site.db.close()
    at = datetime.fromisoformat(built.as_of)
    with plain_server(folder) as address:
        async with aiohttp.ClientSession() as client:
            for lang, path, told in (
                ("en", "/", "Road closed"),
                ("en", f"/messages/{code}/", "Go round."),
                ("en", f"/v/{code}/", "Yes, this message is ours"),
                ("cy", f"/cy/v/{code}/", "gennym ni"),
                ("ar", "/ar/", "الرسائل الآن"),
                ("en", "/404.html", "There is no such page"),
            ):
                async with client.get(address + path) as answer:
                    body = await answer.text()
                assert answer.status == 200, path
                assert told in body, path
                as_of = fill(
                    PHRASES[lang]["as_of"], time=local_time(at, lang, site.settings.timezone)
                )
                assert escape(as_of) in body, (path, as_of)
            for unknown in ("/v/ZZZZZZ/", "/cy/messages/ZZZZZZ/", "/../fasttime.db"):
                async with client.get(address + unknown) as answer:
                    assert answer.status == 404, unknown
    gone = html.document_fromstring((folder / "404.html").read_text())
    switch = gone.xpath("//footer//a[@hreflang]")
    assert {a.get("hreflang"): a.get("href") for a in switch} == {
        tag: "/" if tag == "en" else f"/{tag}/" for tag in PHRASES
    }
    assert gone.xpath("//header//a[@aria-current]") == []


async def test_of_a_message_that_is_not_public_the_files_say_only_that_it_is_ours(
    site: Site, tmp_path: Path
) -> None:
    v = await site.version(await site.live(visibility="private"))
    await build(stored(site), tmp_path / "www")
    assert "Yes, this message is ours" in file_of(tmp_path / "www", f"/v/{v.code}").read_text()
    assert not (tmp_path / "www" / "messages").exists()
    for path in (tmp_path / "www").rglob("*"):
        if path.is_file():
            assert b"Road closed" not in path.read_bytes(), path


async def test_a_test_message_leaves_no_file(site: Site, tmp_path: Path) -> None:
    v = await site.version(await site.live(status="Test"))
    await build(stored(site), tmp_path / "www")
    assert not any(v.code in str(path) for path in (tmp_path / "www").rglob("*"))


async def test_what_an_earlier_build_wrote_goes_and_a_strangers_folder_is_left_alone(
    site: Site, tmp_path: Path
) -> None:
    folder = tmp_path / "www"
    await build(stored(site), folder)
    (folder / "v" / "OLD").mkdir(parents=True)
    (folder / "v" / "OLD" / "index.html").write_text("old")
    await build(stored(site), folder)
    assert not (folder / "v").exists()
    strange = tmp_path / "theirs"
    strange.mkdir()
    (strange / "thesis.txt").write_text("x")
    with pytest.raises(Rejected) as refused:
        await build(stored(site), strange)
    assert refused.value.problems[0].code == "folder_not_ours"
    assert [path.name for path in strange.iterdir()] == ["thesis.txt"]


async def test_a_change_is_in_the_files_within_5_s_and_a_database_that_is_away_keeps_them(
    site: Site, tmp_path: Path
) -> None:
    folder, told, ends = tmp_path / "www", list[str](), asyncio.Event()
    keeping = asyncio.create_task(keep_current(stored(site), folder, told.append, ends=ends))
    front = folder / "index.html"

    async def within_5_s(words: str) -> None:
        since = time.monotonic()
        while not front.exists() or words not in front.read_text():
            assert time.monotonic() - since < 5, words
            await asyncio.sleep(0.05)

    try:
        await within_5_s("There is no message")
        message = await site.live()
        await within_5_s("Road closed")
        await site.post(
            f"/api/v1/messages/{message}/cancel", {"why": "x", "reason": "over"}, role="approver"
        )
        await within_5_s("CANCELLED.")
    finally:
        ends.set()
        await keeping
    assert told == []


async def test_a_folder_that_cannot_be_written_is_told_once_and_mended_by_itself(
    site: Site, tmp_path: Path
) -> None:
    folder, told, ends = tmp_path / "www", list[str](), asyncio.Event()
    firsts: list[Built] = []
    folder.mkdir()
    (folder / MARK).touch()
    (folder / "static").write_text("a file in the way")
    looking = keep_current(
        stored(site), folder, told.append, first=firsts.append, ends=ends, look_seconds=0.02
    )
    keeping = asyncio.create_task(looking)
    try:
        await asyncio.sleep(0.3)  # it has tried several times
        assert told == ["the files stay as they are: File exists"]
        assert not firsts
        (folder / "static").unlink()
        while len(told) < 2 and not keeping.done():
            await asyncio.sleep(0.02)
    finally:
        ends.set()
        await keeping
    assert told[1:] == ["the files are current again"]
    (built,) = firsts
    assert built.files == sum(path.is_file() for path in folder.rglob("*"))


async def test_a_disk_that_is_full_leaves_no_half_file_and_the_folder_stays_ours(
    site: Site, tmp_path: Path
) -> None:
    folder = tmp_path / "www"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))  # as if there were no more room
    try:
        with pytest.raises(OSError, match="File too large"):
            await build(stored(site), folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(folder.iterdir()) == []
    await build(stored(site), folder)
    assert (folder / "index.html").is_file()


@pytest.mark.browser
async def test_a_code_is_looked_up_in_the_files_with_script_and_without(
    site: Site, browser: Browser, tmp_path: Path
) -> None:
    folder = tmp_path / "www"
    public = (await site.version(await site.live())).code
    private = await site.version(
        await site.live(visibility="private", languages={"en": {"headline": "For few"}})
    )
    await build(stored(site), folder)
    await site.db.close()
    script = folder / "static" / "lookup.js"
    assert script.stat().st_size <= 1024
    with plain_server(folder) as address:
        context = await browser.new_context()
        page = await context.new_page()
        said: list[str] = []
        page.on("pageerror", lambda error: said.append(str(error)))
        for start, typed, path, heading in (
            ("/", f" {public[:4].lower()} {public[4:]}", f"/v/{public}/", PHRASES["en"]["yes"]),
            ("/check/", private.code, f"/v/{private.code}/", PHRASES["en"]["yes"]),
            ("/ur/", public, f"/ur/v/{public}/", PHRASES["ur"]["yes"]),
            ("/", "ZZZZZZ", "/check/not-ours/", PHRASES["en"]["no"]),
            ("/pl/", "../../x", "/pl/check/not-ours/", PHRASES["pl"]["no"]),
            ("/cy/", " ", "/cy/check/", PHRASES["cy"]["check"]),
        ):
            await page.goto(address + start)
            await page.fill("#code", typed)
            await page.press("#code", "Enter")
            await page.wait_for_url(f"{address}{path}*")
            assert await page.inner_text("h1") == heading, typed
        # Of a message that is not public: that it is ours, and when. Nothing of its words.
        await page.goto(f"{address}/v/{private.code}/")
        told = await page.inner_text("main")
        sent = local_time(private.live_at or site.context.now(), "en", site.settings.timezone)
        assert sent in told
        assert "For few" not in told
        ran = await page.evaluate(
            "() => { const e = document.createElement('script'); e.textContent = 'window.ran = 1';"
            " document.head.append(e); return window.ran === 1; }"
        )
        assert not ran  # the page's own policy allows no script within it
        assert said == []
        await context.close()
        context = await browser.new_context(java_script_enabled=False)
        page = await context.new_page()
        await page.goto(f"{address}/cy/")
        await page.fill("#code", public)
        await page.press("#code", "Enter")
        await page.wait_for_url(f"{address}/cy/check/*")
        assert await page.locator(f'a[href="/cy/v/{public}/"]').count() == 1
        assert await page.locator(f'a[href="/cy/v/{private.code}/"]').count() == 1
        await context.close()


async def test_a_change_does_not_wait_for_messages_that_have_not_changed(
    site: Site, tmp_path: Path
) -> None:
    folder, source = tmp_path / "www", stored(site)
    first, second = [(await site.version(await site.live())).code for _ in range(2)]
    earlier = Before()
    kept = earlier.messages
    await build(source, folder, earlier)
    before = {code: one.written for code, one in kept.items()}
    assert set(before) == {first, second}
    message = await site.live(languages={"en": {"headline": "Third"}})
    third = (await site.version(message)).code
    await build(source, folder, earlier)
    # The new one first; of those that have not changed one at least after it, the others' files
    # stay meanwhile.
    assert kept[third].written < max(kept[first].written, kept[second].written)
    await site.post(
        f"/api/v1/messages/{message}/cancel", {"why": "x", "reason": "over"}, role="approver"
    )
    await build(source, folder, earlier)
    assert "CANCELLED" in file_of(folder, f"/messages/{third}/").read_text()
    whole = await build(source, tmp_path / "whole")
    assert whole.files == sum(path.is_file() for path in folder.rglob("*"))


async def test_what_a_build_needs_is_read_once_however_many_languages_there_are(
    site: Site, tmp_path: Path
) -> None:
    """The number of pages on which a fact stands must not multiply the reading."""
    for n in range(3):
        await site.live(languages={"en": {"headline": f"Gas {n}"}})
    statements: Counter[str] = Counter()

    def count(*about: Any) -> None:
        statements[about[2].split(" WHERE ")[0]] += 1

    event.listen(Engine, "before_cursor_execute", count)
    try:
        built = await build(stored(site), tmp_path / "www")
    finally:
        event.remove(Engine, "before_cursor_execute", count)
    assert built.files > 3 * 4 * len(PHRASES)
    per_message = sum(statements.values()) / 3
    assert per_message < 2 * len(PHRASES), statements.most_common(5)


async def test_a_file_that_is_gone_from_a_later_build_of_the_same_process_is_taken_away(
    site: Site, tmp_path: Path
) -> None:
    folder, before = tmp_path / "www", Before()
    message = await site.live(languages={"en": {"headline": "Gas"}, "de": {"headline": "Gas"}})
    code = (await site.version(message)).code
    await build(stored(site), folder, before)
    assert (folder / "de" / "messages" / code).is_dir()
    await site.follow(message, "update", languages={"en": {"headline": "Gas still"}})
    built = await build(stored(site), folder, before)
    assert not (folder / "de").exists()
    assert built.files == sum(path.is_file() for path in folder.rglob("*"))


def test_the_command_writes_the_files_and_says_how_many(cli: Cli, tmp_path: Path) -> None:
    ran = cli("site", "build", tmp_path / "www", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["files"] == sum(p.is_file() for p in (tmp_path / "www").rglob("*"))
    assert (tmp_path / "www" / "index.html").is_file()
    (tmp_path / "www" / "robots.txt").unlink()
    (tmp_path / "www" / "robots.txt").mkdir()
    stuck = cli("site", "build", tmp_path / "www", "--json")
    assert (stuck.code, stuck.codes) == (2, ["file_not_written"])
    again = cli("site", "build", tmp_path, "--json")
    assert (again.code, again.codes) == (2, ["folder_not_ours"])
