"""Handsets and inboxes for demonstrations, exercises and tests: a provider that reaches nobody and
remembers everything.
"""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from typing import Any

from aiohttp import web

from channels.simulator.api import Api
from channels.simulator.door import Door
from channels.simulator.fate import Fate
from channels.simulator.handsets import Handsets
from channels.simulator.ledger import Entry, Ledger
from channels.simulator.postman import Answer, Postman
from channels.simulator.settings import SimulatorSettings
from channels.simulator.smtp import Inboxes, Line

__all__ = ["Answer", "Entry", "Ledger", "Simulator", "SimulatorSettings", "run_simulator"]


class Simulator:
    """A running simulator. `http_url` speaks Twilio's API and serves GET /ledger and POST /control;
    `smtp_url` takes mails.
    """

    def __init__(self, host: str, fate: Fate, ledger: Ledger, postman: Postman, door: Door) -> None:
        self._door = door
        self.ledger = ledger
        self.http_url = ""
        self.smtp_url = ""
        self.handsets = Handsets(fate, postman, ledger)
        self.inboxes = Inboxes(fate, ledger)
        self._host = host
        self._fate = fate
        self._postman = postman
        self._runner: web.ServerRunner | None = None
        self._smtp: asyncio.Server | None = None

    @property
    def token(self) -> str:
        """What its controls want as bearer token."""
        return self._door.token

    @property
    def settings(self) -> SimulatorSettings:
        """The settings in force."""
        return self._fate.settings

    def control(self, **changes: Any) -> None:
        """Change settings, as POST /control does. Raises Rejected."""
        self._fate.change(self._fate.settings.changed(changes))

    async def reply(self, sender: str, body: str, *, to: str = "", url: str = "") -> Answer:
        """Answer by text from a handset (STOP and the like), as POST /control/inbound does. Raises
        Rejected where it cannot know where to.
        """
        return await self.handsets.reply(sender, to, body, url)

    async def press(self, to: str, digits: str) -> Answer:
        """Press keys in the last call to a number, as POST /control/press does. Raises Rejected."""
        return await self.handsets.press_last(to, digits)

    async def settled(self, seconds: float = 10.0) -> bool:
        """Wait until every callback was delivered or given up; False where that took longer."""
        try:
            async with asyncio.timeout(seconds):
                while self._postman.waiting:
                    await asyncio.sleep(0.01)
        except TimeoutError:
            return False
        return True

    async def open(self, http_port: int, smtp_port: int) -> None:
        """Listen. Raises OSError where a port is taken."""
        await self._postman.start()
        api = Api(self._fate, self.handsets, self.ledger, self._postman, self._door)
        self._runner = web.ServerRunner(
            web.Server(api.answer, access_log=None, keepalive_timeout=75.0), shutdown_timeout=0.5
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, http_port, backlog=1024)
        await site.start()
        self._smtp = await asyncio.get_running_loop().create_server(
            lambda: Line(self.inboxes), self._host, smtp_port, backlog=1024
        )
        shown = f"[{self._host}]" if ":" in self._host else self._host
        self.http_url = f"http://{shown}:{self._runner.addresses[0][1]}"
        self.smtp_url = f"smtp://{shown}:{self._smtp.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """Hang up on everybody and close the ledger's file; callbacks not delivered yet are
        dropped.
        """
        if self._smtp is not None:
            self._smtp.close()
            for line in tuple(self.inboxes.lines):
                line.drop()
        if self._runner is not None:
            await self._runner.cleanup()
        await self._postman.close()
        self.ledger.close()
        await asyncio.sleep(0)  # lets the transports close their sockets


async def run_simulator(
    http_port: int = 0,
    smtp_port: int = 0,
    host: str = "127.0.0.1",
    settings: SimulatorSettings | None = None,
    *,
    ledger_path: Path | None = None,
    token: str = "",
    callback_base: str = "",
) -> Simulator:
    """Start a simulator and return it, listening; port 0 picks a free one. The caller closes it.

    With `ledger_path` the ledger is also a file of JSON lines, which a second start reads and
    continues. `token` "" makes a new one; callbacks go under `callback_base`, "" = to loopback
    only. Raises OSError where a port is taken.
    """
    settings = settings or SimulatorSettings()
    door = Door(token=token or secrets.token_urlsafe(24), callback_base=callback_base.rstrip("/"))
    simulator = Simulator(
        host, Fate(settings), Ledger(ledger_path), Postman(settings.callback_workers, door), door
    )
    try:
        await simulator.open(http_port, smtp_port)
    except BaseException:
        await simulator.close()
        raise
    return simulator
