"""The way of somebody who registers: pages filled in, codes read from channels in memory."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from channels.dispatch.rates import MemoryLimiter
from channels.memory import MemoryChannel
from config.wiring import Adapters
from service.residents.sending import Codes
from tests.console.site import WESTMINSTER, Site
from tests.console.visitor import Seen, Visitor

MOBILE = "07700 900555"
E164 = "+447700900555"


@dataclass
class Box:
    """Every handset and inbox. `late` holds what is sent until `deliver` is called."""

    site: Site
    channels: dict[str, MemoryChannel] = field(
        default_factory=lambda: {name: MemoryChannel(name) for name in ("sms", "voice", "email")}
    )

    def sender(self, now: Any = None) -> Codes:
        more = {} if now is None else {"now": now}
        return Codes(
            self.site.db,
            Adapters({"Actual": dict(self.channels)}),
            MemoryLimiter(),
            self.site.settings,
            **more,
        )

    async def deliver(self) -> None:
        await self.sender().send_codes()

    def got(self, channel: str = "sms") -> list[str]:
        return [entry.body for entry in self.channels[channel].ledger]

    async def code(self, channel: str = "sms") -> str:
        """Return the code of the newest message."""
        await self.deliver()
        body = self.got(channel)[-1]
        if channel == "voice":
            return "".join(re.findall(r"(\d)[,. ]", body)[:6])
        found = re.search(r"\b\d{6}\b", body)
        assert found, body
        return found[0]


async def choose(
    visitor: Visitor, *, area: str = WESTMINSTER, topics: Any = "incident", channel: str = "sms"
) -> Seen:
    """Fill in the first pages; return that of the address."""
    found = await visitor.get("/join?place=west")
    page = await visitor.send(found, "/join", area=area)
    assert page.url == "/join/topics", page.words
    page = await visitor.send(page, "/join/topics", topics=topics)
    page = await visitor.send(page, "/join/channel", channel=channel)
    assert page.url == "/join/address", page.words
    return page


async def to_code(visitor: Visitor, address: str = MOBILE, **chosen: Any) -> Seen:
    """Fill in everything up to the address; return the page of the code."""
    page = await choose(visitor, **chosen)
    page = await visitor.send(page, "/join/address", address=address, agree="yes")
    assert page.url == "/join/code", page.words
    return page


async def register(
    site: Site, box: Box, address: str = MOBILE, **chosen: Any
) -> tuple[Visitor, Seen]:
    """Register somebody; return their browser and the last page."""
    visitor = Visitor(site)
    page = await to_code(visitor, address, **chosen)
    code = await box.code(chosen.get("channel", "sms"))
    return visitor, await visitor.send(page, "/join/code", code=code)
