"""`fasttime demo --stay` ends with two links: who presses what its tour says sends a message.
Without it the public pages stay as files, and open as its last lines say.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shlex
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
from lxml import html

from tests.console.cli import ENTRY, process_env
from tests.console.site import WESTMINSTER, Site
from tests.console.visitor import Visitor


@contextlib.asynccontextmanager
async def demonstration(folder: Path) -> AsyncIterator[str]:
    """Run it until the block ends; yield what it printed up to its tour's last line."""
    program = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("fasttime")),
        *("demo", "--people", "300", "--stay"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert program.stdout is not None
        said = await asyncio.wait_for(program.stdout.readuntil(b"Ctrl-C ends it."), 100)
        yield said.decode()
        program.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(program.wait(), 20) == 0
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()


async def test_the_links_of_the_demonstration_let_two_people_send_a_message(tmp_path: Path) -> None:
    async with demonstration(tmp_path) as said, aiohttp.ClientSession() as client:
        assert "It adds up" in said
        url, author_link, approver_link = re.findall(r"http://\S+?:\d+(?=/)(?!/ledger)\S*", said)[
            :3
        ]
        url = url.rstrip("/")
        site = cast("Site", SimpleNamespace(url=url, client=client))
        author, approver = Visitor(site), Visitor(site)
        for person, link in ((author, author_link), (approver, approver_link)):
            page = await person.get(link.removeprefix(url))
            inside = await person.send(page, link.removeprefix(url))
            assert inside.h1 == "Control room"
        page = await author.get("/room/new")
        words: dict[str, Any] = {"headline-0": "My own appeal", "kind": "appeal"}
        check = await author.send(page, "/room/new", words, areas=[WESTMINSTER], do="check")
        path = check.url.removesuffix("/check")
        await author.send(check, f"{path}/submit")
        page = await approver.get(f"{path}/approve")
        phrase = page.tree.xpath("string(//label[@for='phrase']/strong)")
        sent = await approver.send(page, f"{path}/approve", phrase=phrase)
        assert sent.url == path, sent.words
        async with asyncio.timeout(20):
            while not int((await arrived(author, path)).get("delivered", 0)):
                await asyncio.sleep(0.2)
        numbers = await arrived(author, path)
        addressed = (await author.get(path)).tree.xpath("string(//*[@id='live']//strong)")
        assert sum(numbers.values()) == int(addressed)
        async with client.get(url) as public:
            assert "My own appeal" in await public.text()


async def arrived(author: Visitor, path: str) -> dict[str, int]:
    page = await author.get(path)
    return {
        str(cell.get("data-line")): int(cell.text_content())
        for cell in page.tree.xpath("//td[@data-line]")
    }


async def test_the_page_that_the_demonstration_names_opens_with_all_of_it_stopped(
    tmp_path: Path,
) -> None:
    pipe = asyncio.subprocess.PIPE
    program = await asyncio.create_subprocess_exec(
        *(*ENTRY, "demo", "--people", "300"), cwd=tmp_path, env=process_env({}), stdout=pipe
    )
    said = (await asyncio.wait_for(program.communicate(), 100))[0].decode()
    assert program.returncode == 0, said
    assert [path.name for path in (tmp_path / ".fasttime").iterdir()] == ["demo-pages"]
    assert "then open http://127.0.0.1:8080/" in said
    assert not re.findall(r"http://(?!127\.0\.0\.1:8080/)\S+", said), "nothing else can be opened"
    (command,) = re.findall(r"^  python3 (-m http\.server .*) 8080$", said, re.MULTILINE)
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-u", *shlex.split(command), "0"),
        cwd=tmp_path,
        stdout=pipe,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert server.stdout is not None
        told = (await asyncio.wait_for(server.stdout.readline(), 20)).decode()
        url = re.findall(r"\((http://127\.0\.0\.1:\d+)/\)", told)[0]
        async with aiohttp.ClientSession() as client:
            async with client.get(f"{url}/") as answer:
                front = html.fromstring(await answer.text())
            links = {str(link) for link in front.xpath("//@href")}
            assert len([link for link in links if link.startswith("/messages/")]) >= 2
            for link in links:
                if link.startswith("/"):
                    async with client.get(f"{url}{link}") as answer:
                        assert answer.status == 200, link
        assert "threat level" in front.text_content().casefold()
    finally:
        server.terminate()
        await server.wait()
