"""Everything that touches somebody's name, address or number, done once over HTTP by people who
cannot be mistaken for anybody else: the search for them afterwards is `tests.in_clear`.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from broadcast.answers import links as answers
from subscribers import unsubscribe
from tests.console.site import WESTMINSTER, Site
from tests.console.visitor import Visitor
from tests.in_clear import Search
from tests.residents.journey import choose

API: Final = "/api/v1"
WORD: Final = "Zyzzyvaquill"
MAIL: Final = "ada.zyzzyvaquill@zyzzyvaquill.example.org"
OTHER_MAIL: Final = "zyzzyvaquill.b@example.org"
# of the numbers for plays: people who are brought in, who register, and strangers
BROUGHT, BY_FILE, TEXTED, CALLED, STRANGER, JOINER = (
    "+447700900613",
    "+447700900627",
    "+447700900638",
    "+442079460641",
    "+447700900652",
    "+447700900669",
)
LANDLINE: Final = "+442079460674"
NUMBERS: Final = (BROUGHT, BY_FILE, TEXTED, CALLED, STRANGER, JOINER, LANDLINE)
SEARCH: Final = Search(words=[WORD], numbers=NUMBERS, values=[MAIL, OTHER_MAIL])


@dataclass(frozen=True, slots=True)
class Sent:
    """What a handset or a mailbox got."""

    to: str
    body: str
    attempt: str


@dataclass
class Lives:
    """`inbox` reads what a channel sent so far, `publish` has an appeal sent to everybody in
    Westminster and returns its version once it is finished; hooks are signed for `account` with
    `token` over `public`.
    """

    site: Site
    inbox: Callable[[str], Awaitable[list[Sent]]]
    publish: Callable[[], Awaitable[int]]
    account: str
    token: str
    public: str
    _texts: int = 0

    async def twilio(self, path: str, **params: str) -> Any:
        given = {"AccountSid": self.account, **params}
        got = await self.site.twilio(path, given, sign_url=self.public + path, token=self.token)
        assert got.status < 300, (path, got.body)
        return got

    async def newest(self, channel: str, to: str, having: str = "") -> Sent:
        """Wait for what a channel sends to an address; return the newest."""
        end = time.monotonic() + 15
        while True:
            found = [e for e in await self.inbox(channel) if e.to == to and having in e.body]
            if found and found[-1].body:
                return found[-1]
            assert time.monotonic() < end, f"nothing came to somebody by {channel}"
            await asyncio.sleep(0.1)

    async def code(self, channel: str, to: str) -> str:
        body = (await self.newest(channel, to)).body
        if channel == "voice":
            return "".join(re.findall(r"(\d)[,. ]", body)[:6])
        found = re.search(r"\b\d{6}\b", body)
        assert found, body
        return found[0]

    async def register(self, channel: str, typed: str, address: str) -> Visitor:
        visitor = Visitor(self.site)
        topics = ["incident", "appeal"]
        page = await choose(visitor, channel=channel, topics=topics, area=WESTMINSTER)
        page = await visitor.send(page, "/join/address", address=typed, agree="yes")
        wrong = await visitor.send(page, "/join/code", code="000000")
        assert wrong.url == "/join/code", wrong.words
        page = await visitor.send(page, "/join/code", code=await self.code(channel, address))
        assert page.h1 == "You are registered", page.words
        return visitor

    async def bring_in(self) -> str:
        """Have an administrator bring people in, one by one and by file; return the path of one."""
        site = self.site
        ada = {
            "external_id": "r-1",
            "name": f"Ada {WORD}",
            "mobile": BROUGHT,
            "phone": LANDLINE,
            "email": MAIL.upper(),
            "area": WESTMINSTER,
            "channels": ["sms", "email", "voice"],
            "basis": "consent, form of 1 May 2026",
        }
        added = await site.post(f"{API}/subscribers", ada, role="administrator")
        assert added.status == 201, added.json
        path = f"{API}/subscribers/{added.json['id']}"
        twice = await site.post(f"{API}/subscribers", ada, role="administrator")
        assert twice.status == 409
        rows = f"r-2,{WORD} Bea,{BY_FILE},{WESTMINSTER}\nr-3,{WORD},07700900,{WESTMINSTER}\n"
        for last, status in ((2, 422), (1, 200)):  # with a fault in it, and without
            file = "external_id,name,mobile,area\n" + "".join(rows.splitlines(True)[:last])
            got = await site.call(
                "POST",
                f"{API}/subscribers/import?basis=consent",
                role="administrator",
                data=file.encode(),
                headers={"Content-Type": "text/csv"},
            )
            assert got.status == status, got.body
        shown = await site.get(path, role="administrator")
        assert shown.json["mobile"] == BROUGHT
        changed = {"name": f"Ada {WORD}-Smith", "phone": None}
        edited = await site.call("PATCH", path, role="administrator", json=changed)
        assert edited.status == 200, edited.body
        return path

    async def leave_traces_everywhere(self) -> None:
        """Register, sign in, choose, be sent to, answer, stop, start, take one's data, go."""
        path = await self.bring_in()
        texted = await self.register("sms", "07700 900638", TEXTED)
        called = await self.register("voice", "020 7946 0641", CALLED)
        page = await texted.send(await texted.get("/me/add"), "/me/add", channel="email")
        page = await texted.send(page, "/join/address", address=OTHER_MAIL, agree="yes")
        await texted.send(page, "/join/code", code=await self.code("email", OTHER_MAIL))
        await texted.send(await texted.get("/me"), "/me/channels", channels=["sms", "email"])
        stranger = Visitor(self.site)
        page = await stranger.send(await stranger.get("/sign-in"), "/sign-in", address=STRANGER)
        assert page.url == "/join/code"
        await self.reply(JOINER, "JOIN Westminster")
        await self.hear(await self.publish())
        for end in ("json", "csv"):
            assert OTHER_MAIL in (await texted.get(f"/me/data.{end}")).text
        for page_of_mine in ("/me", "/me/messages", "/me/last-month", "/me/registrations"):
            assert (await texted.get(page_of_mine)).url == page_of_mine
        await self.site.post(f"{path}/stop", {"channel": "email"}, role="administrator")
        await called.send(await called.get("/me"), "/me/stop", channel="all")
        await called.send(await called.get("/me"), "/me/start", channel="voice")
        page = await called.get("/me/delete")
        gone = await called.send(page, "/me/delete", **dict(page.fields("/me/delete")))
        assert (await called.get("/me")).url == "/sign-in", gone.words
        why = {"why": "asked by letter"}
        erased = await self.site.post(f"{path}/erase", why, role="administrator")
        assert erased.status == 200, erased.body

    async def hear(self, version: int) -> None:
        """Answer what came, by every way there is; receipts tell of it too."""
        site, key = self.site, self.site.settings.key()
        text, call = [
            await self.newest(channel, to, having="Zeppelin")
            for channel, to in (("sms", TEXTED), ("voice", CALLED))
        ]
        status = f"/hooks/twilio/status/{text.attempt}"
        await self.twilio(status, MessageSid="SM1", MessageStatus="delivered", To=TEXTED)
        press = f"/hooks/twilio/voice/{call.attempt}"
        await self.twilio(press, CallSid="CA1", To=CALLED)
        await self.twilio(f"{press}?key=1", CallSid="CA1", Digits="1", To=CALLED)
        for number, words in (
            (TEXTED, f"I am {WORD}, call me: 07700 900638"),
            (STRANGER, f"he has a gun. {WORD}, {MAIL}"),
            (BY_FILE, "STOP"),
            (BROUGHT, "HELP"),
            (BY_FILE, "start"),
            (TEXTED, "STOP"),
        ):
            await self.reply(number, words)
        me = int((await site.get(f"{API}/subscribers/r-2", role="administrator")).json["id"])
        own = answers.PATH + answers.token(answers.Link(me, version, simulated=False), key)
        reader = Visitor(site)
        await reader.send(await reader.get(own), own, answer=f"{WORD} saw it. {BY_FILE}")
        leave = f"/u/{unsubscribe.token(me, 'sms', key)}"
        assert (await site.get(leave, role=None)).status == 200
        stopped = await site.post(leave, role=None, key=None)
        assert stopped.status in (200, 303), stopped.body

    async def reply(self, number: str, words: str) -> None:
        self._texts += 1
        sid = f"SM{self._texts}"
        await self.twilio("/hooks/twilio/inbound", MessageSid=sid, From=number, Body=words)
