"""The sender of one lane and channel: choose, take tokens, claim, send, record.

It decides nothing about people: the claim does, in the database. Each stage is a module of this
package, and opens in this order: choose, pace, claim, attempt, record.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from dataclasses import dataclass

import structlog

from broadcast import traces
from broadcast.ledger.claims.open_batches import Candidate
from broadcast.store.database import TROUBLE, Database
from broadcast.waiting import until_set
from channels.contract import Channel
from channels.dispatch import clock as clocks
from channels.dispatch.attempt import SEND_SECONDS, Attempts
from channels.dispatch.choose_batch import Chooser
from channels.dispatch.claim import Claimer
from channels.dispatch.clock import Clock
from channels.dispatch.measures import Measures
from channels.dispatch.pace import Pace
from channels.dispatch.ports import (
    AnswerLinks,
    Contacts,
    NoLongerFor,
    OptOutLinks,
    OptOuts,
    Renderings,
)
from channels.dispatch.rates import Limiter
from channels.dispatch.record import Recorder
from channels.dispatch.under_way import UnderWay

log = structlog.get_logger("deliver")

IDLE_SECONDS = 1.0
"""How often an idle sender looks for work without being woken."""


@dataclass(kw_only=True)
class Identity:
    """Under which worker id slices are claimed. It changes where the worker was declared dead and
    registered anew.
    """

    worker: str = ""
    alive: bool = False


def no_answers(person: int, version_id: int) -> str:  # noqa: ARG001 - keeps AnswerLinks
    """Return no link: the default of a sender that sends no links to answer by."""
    return ""


class Sender:
    """Sends what is claimable on one lane and channel until it is told to stop."""

    def __init__(
        self,
        *,
        db: Database,
        lane: str,
        channel: Channel,
        limiter: Limiter,
        rate: float,
        identity: Identity,
        key: bytes,
        renderings: Renderings,
        contacts: Contacts,
        no_longer_for: NoLongerFor,
        opted_out: OptOuts,
        links: OptOutLinks,
        answer_links: AnswerLinks = no_answers,
        send_seconds: float = SEND_SECONDS,
        clock: Clock = clocks.SYSTEM,
        measures: Measures | None = None,
    ) -> None:
        self._lane, self.channel, self._limiter, self._rate = lane, channel, limiter, rate
        self.links = links
        self._identity, self._send_seconds, self._clock = identity, send_seconds, clock
        self._bucket = f"{channel.name}:{channel.sender}"
        self._wake = asyncio.Event()
        self.turned_at = clock.now()
        """When it last looked for work, whatever came of it."""
        self._under_way = UnderWay(clock)
        self._pace = Pace(self._under_way, channel.concurrency, clock)
        self._chooser = Chooser(db, lane, channel, renderings, clock)
        self._claimer = Claimer(db, contacts, no_longer_for, clock)
        self._attempts = Attempts(
            channel=channel,
            key=key,
            under_way=self._under_way,
            pace=self._pace,
            opted_out=opted_out,
            links=links,
            answer_links=answer_links,
            clock=clock,
            send_seconds=send_seconds,
            measures=measures or Measures(),
        )
        self._recorder = Recorder(db, channel.name, self._under_way, clock)

    def wake(self) -> None:
        """Look for work now instead of at the next poll."""
        self._chooser.look_again()
        self._wake.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Claim and send until `stopping`; then finish what is under way, within its time-out, and
        record it.
        """
        workers = [
            asyncio.create_task(self._attempts.run()) for _ in range(self.channel.concurrency)
        ]
        recorder = asyncio.create_task(self._recorder.run())
        keeper = asyncio.create_task(self._recorder.keep_partial())
        stop_waiter = asyncio.create_task(stopping.wait())
        try:
            while not stopping.is_set():
                for part in (recorder, keeper, *workers):
                    if part.done():
                        # It failed: to go on claiming would put everybody in doubt.
                        part.result()
                await self._turn(stop_waiter)
                self.turned_at = self._clock.now()
        finally:
            await self._stop(recorder, [*workers, stop_waiter, keeper])

    async def _turn(self, stop_waiter: asyncio.Task[bool]) -> None:
        try:
            if await self._claim_some():
                return
        except TROUBLE as trouble:
            log.warning(
                "claim.database_trouble",
                channel=self.channel.name,
                lane=self._lane,
                error=type(trouble).__name__,
            )
            await _first(stop_waiter, self._clock.sleep(0.5))
            return
        self._wake.clear()
        seconds = 0.2 if self._under_way.outstanding else IDLE_SECONDS
        await _first(stop_waiter, until_set(self._wake, seconds))

    async def _claim_some(self) -> bool:
        """Claim the next people of one batch; return False where there is nothing to do now."""
        self._pace.measure()
        if self._pace.is_full:
            self._under_way.freed.clear()
            await until_set(self._under_way.freed, 0.5)
            return True
        if self._pace.pause > 0:
            await self._clock.sleep(min(self._pace.pause, 0.25))
            return True
        if not self._identity.alive:
            return False
        chosen = await self._chooser.choose()
        if chosen is None:
            return False
        words = await self._chooser.words(chosen)
        if words is None:
            return True
        tokens = await self._limiter.take(
            self._bucket,
            self._pace.people_to_claim(self._rate),
            self._rate,
            urgent=self._lane == "urgent",
        )
        if tokens <= 0:
            await self._clock.sleep(0.02 if not self._rate else min(0.25, 1 / self._rate))
            return True
        began = self._clock.now()
        slices = await self._claimer.claim(
            chosen,
            want=tokens,
            worker=self._identity.worker,
            provider=self.channel.provider,
            rendered=words[0],
            expires_at=words[1],
        )
        for opened in slices:
            self._under_way.add(opened)
        people = sum(len(opened.slice.people) for opened in slices)
        skipped = sum(len(opened.slice.skipped) for opened in slices)
        traces.told(
            "claim",
            chosen.version_id,
            began,
            self._clock.now(),
            status=chosen.status,
            channel=chosen.channel,
            lane=self._lane,
            cause=chosen.cause,
            people=people,
        )
        await self._return_tokens(chosen, tokens, people - skipped, people)
        return True

    async def _return_tokens(
        self, chosen: Candidate, tokens: int, sendable: int, claimed: int
    ) -> None:
        if claimed < tokens:
            self._chooser.look_again()  # that batch is finished
        if sendable < tokens and self._rate:
            await self._limiter.give_back(self._bucket, tokens - sendable, self._rate)

    async def _stop(self, recorder: asyncio.Task[None], others: list[asyncio.Task[object]]) -> None:
        self._attempts.stopping = self._recorder.stopping = True
        self._under_way.return_queued()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._under_way.drained(), self._send_seconds)
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for opened, outcome in self._under_way.doubt_the_rest():
            log.warning(
                "person.in_doubt",
                attempt=opened.slice.attempt,
                channel=opened.candidate.channel,
                code=outcome.code,
            )
        self._under_way.to_record.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(recorder, 1.0)


async def _first(*awaitables: Awaitable[object]) -> None:
    """Return when the first is done; the others are left (a task) or dropped (a coroutine)."""
    tasks = [asyncio.ensure_future(a) for a in awaitables]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks[1:]:
        if not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
