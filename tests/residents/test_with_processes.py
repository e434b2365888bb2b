"""One journey with the real processes: `fasttime up` and the simulator, the pages in a browser."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser

from tests.services.process import free_port

pytestmark = pytest.mark.browser

FASTTIME = str(Path(sys.executable).with_name("fasttime"))
BOROUGHS = Path(__file__).parents[1] / "data" / "geo" / "boroughs.geojson"


ADA = "+447700900321"


class World:
    """A folder with an installation, its processes and its simulator."""

    def __init__(self, folder: Path, ports: tuple[int, int, int]) -> None:
        self.folder = folder
        http, smtp, web = ports
        self.handsets, self.url = f"http://127.0.0.1:{http}", f"http://127.0.0.1:{web}"
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith("FASTTIME_")},
            "FASTTIME_SIMULATOR_HTTP": self.handsets,
            "FASTTIME_SIMULATOR_SMTP": f"smtp://127.0.0.1:{smtp}",
            "FASTTIME_PUBLIC_URL": self.url,
            "FASTTIME_METRICS_LISTEN": "off",
            "FASTTIME_SENDER_NAME": "Met Police",
        }
        self.operators: list[str] = []

    async def run(self, *words: str, **env: str) -> str:
        """Run one command to its end; return what it printed."""
        program = await asyncio.create_subprocess_exec(
            *(FASTTIME, *words),
            cwd=self.folder,
            env={**self.env, **env},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, complained = await program.communicate()
        assert program.returncode == 0, (words, complained)
        return said.decode()

    async def ask(self, path: str, operator: int, body: Any = None) -> Any:
        """Call the API as one of the operators."""
        headers = {"Authorization": f"Bearer {self.operators[operator]}"}
        async with aiohttp.ClientSession(self.url, headers=headers) as client:
            if body is None:
                async with client.get(f"/api/v1{path}") as answer:
                    return await answer.json()
            key = {"Idempotency-Key": path + str(hash(str(body)))}
            async with client.post(f"/api/v1{path}", json=body, headers=key) as answer:
                told = await answer.json()
                assert answer.status < 300, told
                return told

    async def send(self, headline: str, severity: str = "Severe") -> None:
        """Have one person write a message and another approve it; wait until it is released."""
        words = {"headline": headline, "instruction": "Stay indoors."}
        draft = {
            "kind": "incident",
            "status": "Test",
            "severity": severity,
            "areas": ["E09000033"],
            "languages": {"en": words},
        }
        message = (await self.ask("/messages", 0, draft))["id"]
        agreed = (await self.ask(f"/messages/{message}/submit", 0, {}))["content_hash"]
        await self.ask(f"/messages/{message}/approve", 1, {"content_hash": agreed})
        async with asyncio.timeout(60):
            while (await self.ask(f"/messages/{message}", 0))["state"] != "live":
                await asyncio.sleep(0.1)

    async def texts(self) -> list[str]:
        """Return what came to who registered."""
        async with aiohttp.ClientSession() as client, client.get(f"{self.handsets}/ledger") as got:
            ledger = (await got.json(content_type=None))["sms"]
            return [entry["body"] for entry in ledger if entry["to"] == ADA]

    async def text(self, wanted: str) -> str:
        """Wait for a text that holds this; return it."""
        async with asyncio.timeout(60):
            while True:
                for body in reversed(await self.texts()):
                    if wanted in body:
                        return body
                await asyncio.sleep(0.2)


@contextlib.asynccontextmanager
async def process(world: World, *words: str) -> AsyncIterator[None]:
    program = await asyncio.create_subprocess_exec(
        *(FASTTIME, *words),
        cwd=world.folder,
        env=world.env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert program.stdout is not None
        async with asyncio.timeout(60):
            assert (await program.stdout.readline()).startswith(b"http")
        yield
    finally:
        if program.returncode is None:
            program.send_signal(signal.SIGTERM)
            await program.wait()


async def test_register_confirm_choose_receive_stop_start_and_take_along(
    tmp_path: Path, browser: Browser
) -> None:
    http, smtp, web = free_port(), free_port(), free_port()
    world = World(tmp_path, (http, smtp, web))
    await world.run("areas", "import", str(BOROUGHS), "--level", "borough")
    for name, role in (("Sam Author", "author"), ("Kit Approver", "approver")):
        mail = f"{name.partition(' ')[0].lower()}@example.org"
        said = await world.run("operators", "add", name, "--role", role, "--email", mail)
        world.operators.append(said.split()[-1])
    beside = ("--external-id", "x", "--mobile", "07700 900999", "--area", "E09000033")
    await world.run("subscribers", "add", *beside, "--channels", "sms", "--basis", "test")
    simulator = ("simulator", "--http", str(http), "--smtp", str(smtp))
    async with process(world, *simulator), process(world, "up", "--port", str(web)):
        context = await browser.new_context(java_script_enabled=False)
        page = await context.new_page()
        go_on = page.locator("main form[method=post] button").first
        await page.goto(world.url)
        await page.get_by_role("link", name="Get messages").click()
        await page.fill("#place", "westmin")
        await page.keyboard.press("Enter")
        await page.check("input[name=area]")
        await go_on.click()
        await page.check("#topic-incident")
        await go_on.click()
        await page.check("#channel-sms")
        await go_on.click()
        await page.fill("#address", "07700 900321")
        await page.check("#agree")
        await go_on.click()
        code = (await world.text("your code to register")).rpartition("#")[2]
        await page.fill("#code", code)
        await go_on.click()
        assert await page.locator("h1").inner_text() == "You are registered"
        await go_on.click()
        await page.wait_for_url("**saved=sample*")
        assert "this is a sample" in await world.text("this is a sample")
        await world.send("Gas in Bow Street")
        assert "Gas in Bow Street" in await world.text("Gas in Bow Street")

        await page.select_option("#floor", "Extreme")
        await page.locator("#severity button").click()
        await page.wait_for_url("**saved=severity*")
        await world.send("Bins on fire", "Moderate")
        await world.send("Flood at the river", "Extreme")
        await world.text("Flood at the river")
        await page.locator("#stop button").click()
        await page.wait_for_url("**saved=stopped*")
        assert await page.get_by_text("You have stopped all messages").is_visible()
        await world.send("Storm tonight", "Extreme")
        await page.locator("#stop button").click()
        await page.wait_for_url("**saved=started*")
        await world.send("Storm is here", "Extreme")
        await world.text("Storm is here")
        texts = " ".join(await world.texts())
        assert "Bins on fire" not in texts
        assert "Storm tonight" not in texts

        async with asyncio.timeout(30):  # the text may be there before its outcome is recorded
            await page.goto(f"{world.url}/me/messages")
            while await page.locator("article").count() < 3:
                await asyncio.sleep(0.2)
                await page.reload()
        heads = await page.locator("article h2").all_inner_texts()
        told = [h for h in ("Storm is here", "Flood", "Gas in Bow") if any(h in x for x in heads)]
        assert told == ["Storm is here", "Flood", "Gas in Bow"]
        await page.goto(f"{world.url}/me")
        async with page.expect_download() as download:
            await page.get_by_role("link", name="Take it along as JSON").click()
        data: dict[str, Any] = json.loads(Path(await (await download.value).path()).read_text())
        assert data["person"]["mobile"] == ADA
        assert data["person"]["stops"][0]["lifted_by"] == "link"
        await context.close()
