"""`fasttime up` itself, as the tests of the control room's pages use it: one process with its
children on SQLite, invented people, an operator of every role, a provider that reaches nobody.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
from playwright.async_api import Browser, Page, expect

from broadcast.ledger import delivery_report
from broadcast.ledger.delivery_report import Account
from broadcast.messages import versions
from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.places import stored_areas
from broadcast.store.database import Database
from config import settings as settings_module
from config import wiring
from console.processes import migrate
from subscribers.demo_world import demo_areas
from subscribers.people_file.choices import TOPICS
from subscribers.people_file.record import SubscriberRecord
from subscribers.registry import importing
from tests.chaos.harness import FASTTIME, ROOT, Handsets, base_env, people
from tests.console.browser import signed_in
from tests.console.site import Site
from tests.console.visitor import Visitor
from tests.services import Program, free_port
from tests.services.apart import run_apart
from tests.services.process import accepts

WESTMINSTER, LONDON = "E09000033", "E12000007"
ROLES = ("author", "author2", "approver", "approver2", "operator", "administrator", "auditor")
LONG = 30_000
"""Milliseconds that a test waits: a machine that does much else is slow, and no error."""


class Up:
    """A running `fasttime up`; `tokens` by role."""

    def __init__(self, folder: Path, *, rate: float, **provider: Any) -> None:
        self.handsets = Handsets(folder, **provider)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.env = {
            "FASTTIME_DATA": str(folder / "data"),
            "FASTTIME_TWILIO_API_BASE": f"http://127.0.0.1:{self.handsets.http}",
            "FASTTIME_TWILIO_ACCOUNT_SID": "AC" + "c" * 32,
            "FASTTIME_TWILIO_AUTH_TOKEN": "kept0between0us0and0the0handsets",
            "FASTTIME_TWILIO_FROM": "+447700900998",
            "FASTTIME_SMTP_URL": f"smtp://127.0.0.1:{self.handsets.smtp}",
            "FASTTIME_MAIL_FROM": "Police alerts <alerts@example.org>",
            "FASTTIME_PUBLIC_URL": self.url,
            "FASTTIME_SECRET_KEY": "a-key-for-the-tests-and-nothing-else",
            "FASTTIME_SENDER_NAME": "Met Police",
        }
        self.tokens: dict[str, str] = {}
        paced = {"FASTTIME_SMS_RATE": str(rate), "FASTTIME_MAIL_RATE": str(rate)}
        self.program = Program(
            "up",
            [sys.executable, *FASTTIME, "up", "--port", str(port)],
            env={**base_env(), **self.env, **paced},
            cwd=ROOT,
            ready=lambda: accepts(port),
        )

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        """Open the database beside the process, as the command line does."""
        db = wiring.database(settings_module.load(self.env), pool_size=2)
        try:
            yield db
        finally:
            await db.close()

    async def fill(self, n: int) -> None:
        """Make the schema, the areas, n people and the operators."""
        now = datetime.now(UTC)
        async with self.database() as db:
            await migrate.upgrade(db)
            await db.write(stored_areas.store_areas, demo_areas(), now, source="test")
            await db.write(importing.import_records, _people(n), "test", now)
            for role in ROLES:
                _, self.tokens[role] = await db.write(
                    operators.add, name=role, role=role.rstrip("2"), area=None, email=None, now=now
                )

    async def version(self, path: str) -> Version:
        """Return the newest version of the message that has this address."""
        async with self.database() as db:
            return (await db.read(versions.of_message, int(path.rpartition("/")[2])))[-1]

    async def account(self, path: str) -> Account:
        """Return what became of the newest version of a message."""
        async with self.database() as db:
            return await db.read(delivery_report.account, await self.version(path))

    async def until(
        self, path: str, true: Callable[[Account], bool], seconds: float = 60
    ) -> Account:
        """Wait until something is true of a message's account; return that."""
        async with asyncio.timeout(seconds):
            while not true(account := await self.account(path)):
                await asyncio.sleep(0.1)
        return account

    @asynccontextmanager
    async def visitor(self, role: str) -> AsyncIterator[Visitor]:
        """Sign somebody in who has no script."""
        # what is not answered is told by the request that waits for it, and not by a test's end
        patience = aiohttp.ClientTimeout(total=60)
        async with aiohttp.ClientSession(timeout=patience) as client:
            site = SimpleNamespace(url=self.url, client=client, tokens=self.tokens)
            found = Visitor(cast("Site", site))
            await found.sign_in(role)
            yield found

    async def page(self, browser: Browser, role: str, path: str = "/room", **more: Any) -> Page:
        """Open a page in a browser profile of its own."""
        page = await signed_in(browser, self.url, self.tokens[role], **more)
        if path != "/room":
            await page.goto(self.url + path)
        return page

    async def submitted(self, *, base: str = "/room", area: str = WESTMINSTER, **words: str) -> str:
        """Write a message without script and submit it; return its address."""
        async with self.visitor("author") as author:
            page = await author.get(f"{base}/new")
            fields = {
                "headline-0": "Gas leak",
                "instruction-0": "Stay indoors.",
                "severity": "Severe",
                "urgency": "Immediate",
                **({"exercise": "Blue Heron"} if base == "/exercise" else {}),
                **words,
            }
            check = await author.send(page, f"{base}/new", fields, areas=[area], do="check")
            path = check.url.removesuffix("/check")
            warned = [str(code) for code in check.tree.xpath("//input[@name='accept']/@value")]
            sent = await author.send(check, f"{path}/submit", accept=warned)
            assert sent.url == path, sent.words
            return path

    async def approve(self, path: str) -> None:
        """Approve by page without script, typing what it asks for."""
        async with self.visitor("approver") as approver:
            page = await approver.get(f"{path}/approve")
            typed = page.tree.xpath("string(//label[@for='phrase']/strong)")
            sent = await approver.send(page, f"{path}/approve", phrase=typed)
            assert sent.url == path, sent.words

    async def live(self, **more: str) -> str:
        """Write, submit and approve; return the address of the message."""
        path = await self.submitted(**more)
        await self.approve(path)
        return path


def _people(n: int) -> list[SubscriberRecord]:
    """Return invented people, every fourth of whom is enrolled for exercises."""
    return [
        p._replace(topics=";".join(TOPICS) if i % 4 == 0 else "") for i, p in enumerate(people(n))
    ]


@contextmanager
def running_up(folder: Path, n: int, *, rate: float, **provider: Any) -> Iterator[Up]:
    """Run `fasttime up` for n people until the block ends."""
    (folder / "data").mkdir(parents=True)
    up = Up(folder, rate=rate, **provider)
    run_apart(lambda: up.fill(n))
    with up.handsets.program, up.program:
        yield up


async def seen(page: Page, where: str, text: str) -> None:
    """Wait until a part of a page holds a text."""
    await expect(page.locator(where).first).to_contain_text(text, timeout=LONG)
