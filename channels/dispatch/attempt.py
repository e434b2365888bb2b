"""One delivery attempt to one person: every way it can end is one outcome."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from broadcast import traces
from broadcast.ledger import attempts
from broadcast.ledger.claims.outcomes import Outcome
from broadcast.ledger.claims.timing import HAND_OVER_SECONDS, backoff
from channels.contract import Channel, Delivery, InDoubt, Refused, Unavailable
from channels.dispatch.clock import Clock
from channels.dispatch.measures import Measures
from channels.dispatch.pace import Pace
from channels.dispatch.ports import AnswerLinks, OptOutLinks, OptOuts
from channels.dispatch.under_way import STOPPED, OpenSlice, UnderWay, in_doubt, not_started

log = structlog.get_logger("deliver")

SEND_SECONDS = 8.0
"""The time-out of one attempt; also what a stopping process gives those under way."""


class Attempts:
    """Sends to one person after the other; several tasks share it."""

    def __init__(
        self,
        *,
        channel: Channel,
        key: bytes,
        under_way: UnderWay,
        pace: Pace,
        opted_out: OptOuts,
        links: OptOutLinks,
        answer_links: AnswerLinks,
        clock: Clock,
        send_seconds: float,
        measures: Measures,
    ) -> None:
        self._channel, self._key, self._under_way, self._pace = channel, key, under_way, pace
        self._opted_out, self._links, self._clock = opted_out, links, clock
        self._answer_links = answer_links
        self._send_seconds, self._measures = send_seconds, measures
        measures.expects(channel)
        self.stopping = False

    async def run(self) -> None:
        """Take people from the queue until cancelled."""
        while True:
            opened, position, person = await self._under_way.queue.get()
            self._under_way.note(opened, await self.send(opened, position, person))

    async def send(self, opened: OpenSlice, position: int, person: int) -> Outcome:
        """Send to one person and return what became of it."""
        if left_out := self._left_out(opened, position, person):
            return left_out
        at = self._clock.now()
        self._measures.begins(opened, position, at)
        began = self._clock.boot()
        outcome: Outcome | None = None
        try:
            outcome = await self._try(opened, position, person)
        finally:
            if outcome is None:  # it was cut off
                outcome = in_doubt(position, person, STOPPED, self._clock.now())
            status = opened.candidate.status
            self._measures.ended(self._channel, status, outcome, self._clock.boot() - began)
            if traces.on():
                traces.told(
                    "attempt",
                    opened.slice.version_id,
                    at,
                    self._clock.now(),
                    status=status,
                    channel=self._channel.name,
                    state=outcome.state,
                    code=outcome.code,
                )
        return outcome

    def _left_out(self, opened: OpenSlice, position: int, person: int) -> Outcome | None:
        """Return the outcome of somebody who is not sent to after all: the last look before the
        wire.
        """
        now = self._clock.now()
        if self.stopping or not self._in_time(opened):
            return not_started(position, person, now)
        if self._opted_out(person, opened.candidate.channel, claimed=opened.claimed):
            return Outcome(
                position=position, person_id=person, state="skipped", code="stopped", due_at=now
            )
        if opened.expires_at <= now:
            return Outcome(position=position, person_id=person, state="skipped", code="expired")
        if opened.words_for(person) is None:  # better another way than words that give them away
            return Outcome(
                position=position,
                person_id=person,
                state="failed",
                code="no_discreet_words",
                due_at=now,
            )
        return None

    async def _try(self, opened: OpenSlice, position: int, person: int) -> Outcome:
        attempt = attempts.person_attempt(opened.slice.attempt, position, self._key)
        channel = opened.candidate.channel
        words = opened.words_for(person) or opened.rendered
        delivery = Delivery(
            attempt=attempt,
            to=opened.addresses[person],
            rendered=words,
            status=opened.candidate.status,
            expires_at=opened.expires_at,
            unsubscribe_url=self._links(person, channel),
            answer_url=(
                self._answer_links(person, opened.slice.version_id) if words.answer else ""
            ),
        )
        try:
            accepted = await self._channel.send(delivery, timeout=self._send_seconds)
        except Refused as refused:
            self._pace.answered()
            log.info(
                "person.failed",
                attempt=attempt,
                channel=channel,
                provider=self._channel.provider,
                code=refused.code,
            )
            return Outcome(
                position=position,
                person_id=person,
                state="failed",
                code=refused.code,
                due_at=self._clock.now(),
            )
        except Unavailable as unavailable:
            wait = timedelta(seconds=self._pace.unavailable(unavailable))
            return Outcome(
                position=position,
                person_id=person,
                state="refused",
                code=unavailable.code,
                # The record makes it longer with each try.
                due_at=self._clock.now() + max(wait, backoff(0)),
            )
        except InDoubt as doubt:
            return self._doubt(channel, attempt, position, person, doubt.code)
        except asyncio.CancelledError:
            cut_off = self._doubt(channel, attempt, position, person, STOPPED)
            self._under_way.note(opened, cut_off)
            raise
        except Exception as error:  # noqa: BLE001 - the adapter translated it not: it may have been taken
            log.error(  # noqa: TRY400 - a traceback could hold words or addresses
                "adapter.failed", channel=channel, attempt=attempt, error=type(error).__name__
            )
            return self._doubt(channel, attempt, position, person, "adapter_error")
        self._pace.answered()
        return Outcome(
            position=position, person_id=person, state="accepted", provider_id=accepted.provider_id
        )

    def _doubt(self, channel: str, attempt: str, position: int, person: int, code: str) -> Outcome:
        log.warning(
            "person.in_doubt",
            attempt=attempt,
            channel=channel,
            provider=self._channel.provider,
            code=code,
        )
        return in_doubt(position, person, code, self._clock.now())

    def _in_time(self, opened: OpenSlice) -> bool:
        """Whether an attempt that begins now ends before the slice may be put in doubt."""
        latest = HAND_OVER_SECONDS - self._send_seconds
        return (
            self._clock.boot() - opened.claimed < latest
            and self._clock.wall() - opened.claimed_wall < latest
        )
