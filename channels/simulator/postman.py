"""Delivers the simulated provider's callbacks: signed, in time, tried again as asked, by a bounded
number of hands.
"""

from __future__ import annotations

import asyncio
import heapq
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp
import structlog

from channels.simulator.door import Door
from channels.twilio.callbacks import SIGNATURE, Pairs, sign

# all tries of one callback share them:
# https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
TRY_SECONDS = 15.0
ANSWER_SECONDS = 15.0
FIRST_PAUSE = 0.25
_ANSWER_BYTES = 64 * 1024  # TwiML is far shorter; nobody fills the simulator's memory

log = structlog.get_logger(__name__)

Job = Callable[[], Awaitable[None]]

_OVERRIDE = re.compile(r"(?:^|&)(rc|rp)=([^&]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the other side said; status 0 where there was no answer."""

    status: int
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One signed form POST."""

    url: str
    params: Pairs
    token: str


def retry_rule(url: str) -> tuple[int, frozenset[str]]:
    """Return (number of further tries, kinds of failure they are for) as the URL's fragment asks:
    "#rc=5&rp=all". Default: once, no connection.
    """
    asked = dict(_OVERRIDE.findall(url.partition("#")[2]))
    count = int(asked["rc"]) if asked.get("rc", "").isdigit() else 1
    kinds = frozenset(asked.get("rp", "ct").split(","))
    return min(count, 5), frozenset({"4xx", "5xx", "ct", "rt"}) if "all" in kinds else kinds


class Postman:
    """Runs jobs when they are due, `hands` at a time. Nothing is lost while it runs; what is left
    at `close` is dropped.
    """

    def __init__(self, hands: int, door: Door) -> None:
        self._door = door
        self.sent = 0
        self.failed = 0
        self._hands = hands
        self._heap: list[tuple[float, int, Job]] = []
        self._number = 0
        self._due: asyncio.Queue[Job] = asyncio.Queue(maxsize=hands * 2)
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None
        self._busy = 0

    async def start(self) -> None:
        """Begin to work."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._hands, keepalive_timeout=5.0),
            timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self._tasks = [
            asyncio.create_task(self._watch()),
            *(asyncio.create_task(self._work()) for _ in range(self._hands)),
        ]

    def later(self, seconds: float, job: Job) -> None:
        """Run `job` after so many seconds, or as soon as a hand is free."""
        due = asyncio.get_running_loop().time() + seconds
        self._number += 1
        heapq.heappush(self._heap, (due, self._number, job))
        if self._heap[0][1] == self._number:
            self._wake.set()

    def post_later(
        self, seconds: float, letter: Letter, before: Callable[[], object] | None = None
    ) -> None:
        """Post a letter after so many seconds; `before` runs just before its first try, and False
        from it keeps the letter back.
        """

        async def job() -> None:
            if before is not None and before() is False:
                return
            await self._try(letter, *retry_rule(letter.url), pause=FIRST_PAUSE, left=TRY_SECONDS)

        self.later(seconds, job)

    async def post(self, letter: Letter) -> Answer:
        """Post a letter once, now. An address outside the callback base is not called: the answer's
        status is 0.
        """
        assert self._session is not None
        url = letter.url.partition("#")[0]
        if host := self._door.refused_host(url):
            log.warning(
                "simulator.callback_refused",
                host=host[:100],
                allowed=self._door.callback_base or "loopback",
            )
            return Answer(status=0)
        headers = {
            SIGNATURE: sign(letter.token, url, letter.params),
            "User-Agent": "TwilioProxy/1.1 (fasttime simulator)",
        }
        try:
            async with self._session.post(
                url, data=letter.params, headers=headers, allow_redirects=False
            ) as answer:
                body = await answer.content.read(_ANSWER_BYTES)
                while len(body) < _ANSWER_BYTES and (
                    more := await answer.content.read(_ANSWER_BYTES - len(body))
                ):
                    body += more
                self.sent += 1
                return Answer(status=answer.status, body=body)
        except (
            aiohttp.ClientError,
            OSError,
            TimeoutError,
            ValueError,
        ):  # ValueError: an address that is none
            return Answer(status=0)

    def refused_host(self, url: str) -> str:
        """Return the host of an address that is not called, "" where it may be called."""
        return self._door.refused_host(url)

    @property
    def waiting(self) -> int:
        """How many jobs are not done."""
        return len(self._heap) + self._due.qsize() + self._busy

    async def close(self) -> None:
        """Stop; what was not delivered is dropped."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        if self._session is not None:
            await self._session.close()

    async def _try(
        self, letter: Letter, tries: int, kinds: frozenset[str], *, pause: float, left: float
    ) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        status = (await self.post(letter)).status
        failure = "ct" if status == 0 else f"{status // 100}xx" if status >= 400 else ""
        if not failure:
            return
        left -= loop.time() - began + pause
        if tries <= 0 or failure not in kinds or left <= 0:
            self.failed += 1
            return
        self.later(pause, lambda: self._try(letter, tries - 1, kinds, pause=pause * 2, left=left))

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            while self._heap and self._heap[0][0] <= loop.time():
                await self._due.put(heapq.heappop(self._heap)[2])
            wait = self._heap[0][0] - loop.time() if self._heap else None
            try:
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _work(self) -> None:
        while True:
            job = await self._due.get()
            self._busy += 1
            try:
                await job()
            except Exception:  # one callback that cannot be made must not stop all others
                log.exception("simulator.callback_failed")
                self.failed += 1
            finally:
                self._busy -= 1
