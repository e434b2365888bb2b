"""People who register, confirm, choose, stop, start and leave over HTTP while everything is killed.
What each of them was told is kept, for the verdict (`registry_verdict.py`).

A call that a kill left unanswered may have been carried out or not: nobody knows, and whoever asked
asks again, as people do.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from subscribers.registry import reached
from tests.chaos.quiet import hours_until

if TYPE_CHECKING:
    from tests.chaos.harness import System

API: Final = "/api/residents"
TOPICS: Final = ["incident", "advice"]
WAYS: Final = (
    "stays",
    "never",  # somebody else's number: the code is never typed in
    "leaves",
    "quiet",
    "stops",
    "moves",
    "comes back",
    "starts again",
    "quiet and leaves",
)
"""What people do, by turns."""
CODE_WITHIN: Final = 15.0
"""Seconds after which somebody has another code sent."""
_ANSWER_SECONDS: Final = 20.0
_QUIET_FOR: Final = timedelta(seconds=12)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Stay:
    """Somebody stood in the registry with this number and area, for certain, from `since` until
    they asked for a change at `until`.
    """

    person: int
    area: str
    since: datetime
    until: datetime | None = None

    def covers(self, begin: datetime, end: datetime) -> bool:
        return self.since <= begin and (self.until is None or end <= self.until)


@dataclass(slots=True)
class Resident:
    """One telephone and who holds it. `silences`: spans in which nothing may be claimed for it:
    from the answer to a stop or an erasure until its holder asks for messages again.
    """

    number: str
    network: str
    area: str
    way: str
    silences: list[tuple[datetime | None, datetime | None]] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)
    persons: list[int] = field(default_factory=list)
    erased: list[int] = field(default_factory=list)
    there: bool | None = False
    """Whether somebody is registered with it; None: a call was left unanswered."""

    def hears(self) -> None:
        """Note that messages may come from now on."""
        if not self.silences:
            self.silences.append((None, None))
        begin, end = self.silences[-1]
        if end is None:
            self.silences[-1] = (begin, _now())

    def is_silent(self) -> None:
        """Note that nothing may come from now on: its holder was told so."""
        self.silences.append((_now(), None))

    def moved(self, person: int, area: str) -> None:
        self.stays.append(Stay(person, area, _now()))

    def asks(self) -> None:
        """Note that its holder asks for a change: what they had is not certain any more."""
        if self.stays and self.stays[-1].until is None:
            self.stays[-1].until = _now()

    def must_be_silent(self, at: datetime) -> bool:
        """Return whether nothing may be claimed for it at a moment."""
        return not self.silences or any(
            (begin is None or begin < at) and (end is None or at < end)
            for begin, end in self.silences
        )


class Inbox:
    """Reads the codes that came to telephones from the provider's ledger, as it grows."""

    def __init__(self, system: System) -> None:
        self._path, self._offset, self._rest = system.handsets.ledger_path, 0, b""
        self.codes: dict[str, list[str]] = {}

    def look(self) -> None:
        if not self._path.exists():
            return
        with self._path.open("rb") as ledger:
            ledger.seek(self._offset)
            data = self._rest + ledger.read()
            self._offset = ledger.tell()
        *lines, self._rest = data.split(b"\n")
        for line in lines:
            row = json.loads(line)
            if "heard" in row or row["attempt"] or not row["taken"]:
                continue
            if found := re.search(r"\b\d{6}\b", row["body"]):
                self.codes.setdefault(row["to"], []).append(found[0])


class Residents:
    """So many people at a time live their lives until `stop`; every way is gone at least once."""

    def __init__(self, system: System, *, lanes: int, seed: int, areas: tuple[str, str]) -> None:
        self._system, self._lanes, self._areas = system, lanes, areas
        self._random = Random(seed)
        self._inbox = Inbox(system)
        self._over = False
        self._begun, self._answered = asyncio.Event(), asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.all: list[Resident] = []
        self.faults: list[str] = []
        self.facts: Counter[str] = Counter()

    async def start(self) -> None:
        self._client = aiohttp.ClientSession(
            self._system.env["FASTTIME_PUBLIC_URL"],
            timeout=aiohttp.ClientTimeout(total=_ANSWER_SECONDS),
            # a killed process leaves dead connections behind, which would count as unanswered
            connector=aiohttp.TCPConnector(force_close=True),
        )
        self._tasks = [asyncio.create_task(self._live()) for _ in range(self._lanes)]

    async def end(self, within: float) -> None:
        """Let everybody finish what they began, and every way be gone once. AssertionError where it
        takes too long.
        """
        self._over = True
        _, late = await asyncio.wait(self._tasks, timeout=within)
        assert not late, f"residents are not done in {within:g} s: {self.facts}"
        for task in self._tasks:
            task.result()
        await self.close()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._tasks:
            await self._client.close()

    async def amid(self, within: float = 5.0) -> None:
        """Wait until calls are answered and another one is under way, so that a kill meets it; so
        long at most.
        """
        try:
            async with asyncio.timeout(within):
                for event in (self._answered, self._begun):
                    event.clear()
                    await event.wait()
        except TimeoutError:
            self.facts["kills that met nobody's call"] += 1
            return
        self.facts["kills amid somebody's call"] += 1
        await asyncio.sleep(self._random.uniform(0, 0.03))

    # lives
    # ------------------------------------------------------------

    async def _live(self) -> None:
        while not self._over or len(self.all) < len(WAYS):
            n = len(self.all)
            resident = Resident(
                # each with a prefix and a network of their own, as honest people have
                number=f"+9997{n:04d}0000",
                network=f"10.{n // 250 % 250}.{n % 250}.9",
                area=self._areas[0],
                way=WAYS[n % len(WAYS)],
            )
            self.all.append(resident)
            await self._one(resident)
            await asyncio.sleep(self._random.uniform(0, 0.3))

    async def _one(self, r: Resident) -> None:
        session = await self._register(r)
        if not session:
            return
        if r.way.startswith("quiet"):
            hours, _ = hours_until(_now() + _QUIET_FOR)
            await self._act(r, "PATCH", "/me", session, quiet_hours=hours)
        if r.way == "moves":
            r.asks()
            if await self._act(r, "PATCH", "/me", session, area=self._areas[1]):
                r.moved(r.persons[-1], self._areas[1])
        stops = r.way in ("stops", "starts again")
        if stops and await self._act(r, "POST", "/me/stop", session, channel="all"):
            r.is_silent()
        if r.way == "starts again":
            r.hears()
            await self._act(r, "POST", "/me/start", session, channel="all")
        if r.way in ("leaves", "comes back", "quiet and leaves"):
            await self._leave(r, session)
        if r.way == "comes back":
            await self._register(r)

    async def _leave(self, r: Resident, session: str) -> None:
        r.asks()
        r.there = None
        # once they are gone their session is, too: 401 says that an unanswered call was carried out
        status, _ = await self._ask("POST", "/me/delete", {}, r, session)
        if status not in (200, 401):
            self._wrong(r, f"erasing themselves was answered {status}")
            return
        r.there = False
        r.is_silent()
        r.erased.append(r.persons[-1])
        self.facts["erased"] += 1

    async def _act(self, r: Resident, method: str, path: str, session: str, **body: Any) -> bool:
        status, _ = await self._ask(method, path, body, r, session)
        if status != 200:
            self._wrong(r, f"{path} was answered {status}")
        self.facts[f"{method} {path}"] += 1
        return status == 200

    async def _register(self, r: Resident) -> str:
        """Register; return the session, "" where somebody has none in the end."""
        wanted = {"area": r.area, "topics": TOPICS, "channel": "sms", "address": r.number}
        begun = await self._ask("POST", "/registrations", {**wanted, "agree": True}, r)
        if begun[0] == 429:  # what was asked for and never answered counts, too
            self.facts["refused by the budgets"] += 1
            return ""
        if begun[0] != 202:
            self._wrong(r, f"registering was answered {begun[0]}")
            return ""
        form = begun[1]["registration"]
        if r.way == "never":
            await self._code(r, form, set())
            self.facts["never confirmed"] += 1
            return ""
        old: set[str] = set()
        while code := await self._code(r, form, old):
            old.add(code)
            outcome = await self._type(r, form, code, old)
            if outcome is not None:
                await self._found(r)
                self.facts["registered"] += 1
                return outcome or await self._sign_in(r, old)
        self.facts["gave up without a code"] += 1
        return ""

    async def _found(self, r: Resident) -> None:
        """Look who is registered with a number that was confirmed: one person, and no other."""
        r.there = True
        who = await self._system.read(reached.persons_with_address, "sms", r.number)
        if len(who) != 1 or who[0] in r.persons:
            self._wrong(r, f"somebody was told that they are registered, and there is {who}")
            return
        r.persons += who
        r.moved(who[0], r.area)

    async def _type(self, r: Resident, form: str, code: str, old: set[str]) -> str | None:
        """Type a code in, a wrong one first, then from two windows at once; return the session, ""
        where its answer was lost, None where the code was not the newest.
        """
        if len(old) == 1:  # five tries are all that a code has, and the last may be an older one
            wrong = {"registration": form, "code": f"{(int(code) + 1) % 1_000_000:06d}"}
            if (await self._ask("POST", "/registrations/confirm", wrong, r))[0] == 200:
                self._wrong(r, "a wrong code was taken")
        right = {"registration": form, "code": code}
        r.there = None
        r.hears()
        both = await asyncio.gather(
            *(self._once("POST", "/registrations/confirm", right, r) for _ in range(2))
        )
        taken = [answer for status, answer in both if status == 200]
        if len(taken) > 1:
            self._wrong(r, "a code was used twice at the same time")
        # a kill may have taken the answers along: what became of it, the next try says
        status, answer = await self._ask("POST", "/registrations/confirm", right, r)
        if status == 200 and not taken and any(s == 0 for s, _ in both):
            taken.append(answer)
            status, _ = await self._ask("POST", "/registrations/confirm", right, r)
        if status in (422, 429) and not taken:
            return None  # a newer code is on its way, or one is to be asked for
        if status != 410:
            self._wrong(r, f"a used code was answered {status}")
        return str(taken[0]["session"]) if taken else ""

    async def _sign_in(self, r: Resident, old: set[str]) -> str:
        status, answer = await self._ask("POST", "/sign-in", {"address": r.number}, r)
        if status != 202:
            return ""
        form = answer["registration"]
        while code := await self._code(r, form, old):
            old.add(code)
            right = {"registration": form, "code": code}
            status, answer = await self._ask("POST", "/registrations/confirm", right, r)
            if status == 200:
                return str(answer["session"])
            if status != 422:
                return ""
        return ""

    async def _code(self, r: Resident, form: str, old: set[str]) -> str:
        """Wait for a code that was not typed in yet, and have it sent anew where none comes; ""
        once no more are sent.
        """
        while True:
            end = asyncio.get_running_loop().time() + CODE_WITHIN
            while asyncio.get_running_loop().time() < end:
                self._inbox.look()
                for code in reversed(self._inbox.codes.get(r.number, [])):
                    if code not in old:
                        return code
                await asyncio.sleep(0.1)
            again = {"registration": form}
            status, _ = await self._ask("POST", "/registrations/again", again, r)
            if status != 202:
                return ""
            self.facts["codes asked for again"] += 1

    # calls
    # ------------------------------------------------------------

    async def _ask(
        self, method: str, path: str, body: Any, r: Resident, session: str = ""
    ) -> tuple[int, Any]:
        """Call until it is answered by somebody who lives."""
        while True:
            status, answer = await self._once(method, path, body, r, session)
            if status:
                return status, answer
            await asyncio.sleep(0.2)

    async def _once(
        self, method: str, path: str, body: Any, r: Resident, session: str = ""
    ) -> tuple[int, Any]:
        """Call once; return (0, nothing) where no answer came, or that somebody cannot answer."""
        headers = {"X-Forwarded-For": r.network}
        headers |= {"Authorization": f"Bearer {session}"} if session else {}
        self._begun.set()
        try:
            async with self._client.request(
                method, API + path, json=body, headers=headers
            ) as response:
                text = await response.read()
                status = response.status
        except aiohttp.ClientConnectorError:
            return 0, None  # nobody was there to carry it out
        except (aiohttp.ClientError, TimeoutError, OSError):
            self.facts["calls cut off by a kill"] += 1
            return 0, None
        self._answered.set()
        if status >= 500:
            self.facts["calls that met no database"] += 1
            return 0, None
        return status, json.loads(text) if text else None

    def _wrong(self, r: Resident, what: str) -> None:
        self.faults.append(f"resident {r.number[-8:]} ({r.way}): {what}")
