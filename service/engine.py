"""The engine: the loops of one process, by role. Embedded, one process has every role; in a cluster
each has one.

Every loop is woken by events and looks by itself as well: an event lost costs at most the poll
(rule R4).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from broadcast.answers import links as answers
from broadcast.events import outbox
from broadcast.events.topics import (
    ALERTS,
    DELIVERIES_ROUTINE,
    DELIVERIES_URGENT,
    EXERCISE_PREFIX,
    RECEIPTS,
)
from broadcast.ledger import receipts
from broadcast.messages import versions
from broadcast.store.database import Connection, Database
from channels.contract import Channel
from channels.dispatch.measures import Measures
from channels.dispatch.ports import AnswerLinks
from channels.dispatch.rates import Limiter
from channels.dispatch.sender import Identity, Sender
from channels.twilio.settings import named_senders
from config.settings import Settings
from config.wiring import Adapters, rate_of
from service.loops.bounces import Bounces
from service.loops.doubts import ASK_AFTER, Doubts
from service.loops.heartbeat import Heartbeat
from service.loops.keeping import KEEP_SECONDS, Keeping
from service.loops.leases import Leases
from service.loops.opt_outs import RecentOptOuts
from service.loops.turns import Turns
from service.rendering import StoredRenderings
from service.residents.sending import CODE_SECONDS, Codes, channels_of
from subscribers import unsubscribe
from subscribers.matcher import Matcher, no_longer_for
from subscribers.registration.budgets import Limits
from subscribers.registry import reached

EXPIRE_SECONDS = 2.0
OPT_OUT_SECONDS = 1.0
DOUBT_SECONDS = 5.0
BOUNCE_SECONDS = 5.0
OUTBOX_POLL_SECONDS = 0.1
MATCHED_TOGETHER = 20


class Engine:
    """Runs the loops of the given roles (broadcast.events.topics.ROLES) until it is told to
    stop.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        db: Database,
        adapters: Mapping[str, Adapters],
        limiter: Limiter,
        roles: Iterable[str],
        channels_on: Callable[[str], frozenset[str]],
        ask_after: timedelta = ASK_AFTER,
    ) -> None:
        # Each lane has adapters of its own: a connection that routine waits for is never one that
        # urgent needs.
        self._settings, self._db, self._adapters, self._limiter = settings, db, adapters, limiter
        self._channels_on = channels_on
        self.roles = tuple(roles)
        self.stopping = asyncio.Event()
        self.identity = Identity()
        self.turns = Turns()
        self.measures = Measures()
        self._match_wake, self._log_wake = asyncio.Event(), asyncio.Event()
        self._matcher = Matcher(db, channels_on) if "match" in self.roles else None
        self._renderings = StoredRenderings(
            db,
            no_replies=named_senders(settings.env),
            sender_name=settings.sender_name,
            public_url=settings.public_url,
            zone=settings.timezone,
            key=settings.key(),
        )
        self.heartbeat = Heartbeat(db, self.roles, self.identity, self._rates())
        self.leases = Leases(
            db,
            channels_on,
            self.turns,
            answers_kept=timedelta(days=settings.answers_days) or None,
        )
        self.opt_outs = RecentOptOuts(db)
        self.doubts = Doubts(
            db,
            self._asked_channels,
            self._renderings,
            lambda channel: self._answer_links(self._asked_lane(), channel),
            self.turns,
            self.stopping,
            ask_after=ask_after,
        )
        # where no channel is on it would ask the database nothing, and pass for its good health
        sends_codes = "routine" in self.roles and channels_of(adapters["routine"])[1]
        self._codes = Codes(db, adapters["routine"], limiter, settings) if sends_codes else None
        self._bounces = (
            Bounces(
                db,
                channels_of(adapters["routine"]),
                limits=Limits(day_money=settings.code_budget),
            )
            if "log" in self.roles
            else None
        )
        self.senders = [
            (lane, self._sender(lane, channel))
            for lane in ("urgent", "routine")
            if lane in self.roles
            for channel in adapters[lane].all()
        ]

    def _rates(self) -> dict[str, float]:
        """Return what this process may send a second, by status and channel; 0 is no limit."""
        return {
            f"{status}/{channel.name}": rate_of(channel)
            for lane in ("urgent", "routine")
            if lane in self.roles
            for channel in self._adapters[lane].all()
            for status in channel.serves
        }

    def _sender(self, lane: str, channel: Channel) -> Sender:
        key = self._settings.key()
        return Sender(
            db=self._db,
            lane=lane,
            channel=channel,
            limiter=self._limiter,
            measures=self.measures,
            rate=rate_of(channel),
            identity=self.identity,
            key=key,
            renderings=self._renderings,
            contacts=reached.addresses_to_use,
            no_longer_for=partial(no_longer_for, channels_on=self._channels_on),
            opted_out=self.opt_outs,
            links=unsubscribe.Links(
                public_url=self._settings.public_url,
                key=key,
                simulated=self._adapters[lane].is_simulated(channel),
            ),
            answer_links=self._answer_links(lane, channel),
        )

    def _answer_links(self, lane: str, channel: Channel) -> AnswerLinks:
        return answers.Links(
            public_url=self._settings.public_url,
            key=self._settings.key(),
            simulated=self._adapters[lane].is_simulated(channel),
        )

    def _asked_lane(self) -> str:
        """Return the lane whose adapters are asked about doubts: routine, where it is."""
        return next(lane for lane in ("routine", "urgent") if lane in self.roles)

    def _asked_channels(self) -> Iterable[Channel]:
        """Return the adapters that are asked about doubts."""
        return self._adapters[self._asked_lane()].all()

    @property
    def matcher(self) -> Matcher | None:
        """The matcher of a process that has the role match."""
        return self._matcher

    def wake(self, topic: str) -> None:
        """Say that something happened on a topic; whoever acts on it looks into the database
        (rule R4).
        """
        base = topic.removeprefix(EXERCISE_PREFIX)
        if base == ALERTS:
            self._match_wake.set()
        if base == RECEIPTS:
            self._log_wake.set()
        for lane, sender in self.senders:
            if base == (DELIVERIES_URGENT if lane == "urgent" else DELIVERIES_ROUTINE):
                sender.wake()

    async def run(self) -> None:
        """Run until `stopping` is set; claims stop at once, what is under way is finished within
        its time.
        """
        async with asyncio.TaskGroup() as group:
            senders = [group.create_task(sender.run(self.stopping)) for _, sender in self.senders]
            others = [group.create_task(loop) for loop in self._loops()]
            await self.stopping.wait()
            await asyncio.gather(*senders)
            await self.heartbeat.leave()
            for task in others:
                task.cancel()

    def _loops(self) -> list[Coroutine[Any, Any, None]]:
        turns = self.turns
        loops = [self.heartbeat.run(), turns.every(EXPIRE_SECONDS, self.leases.expire)]
        if self._matcher is not None:
            loops.append(turns.woken(self._match_wake, self.match))
        if "log" in self.roles:
            loops.append(turns.woken(self._log_wake, self.merge_receipts))
            loops.append(turns.every(KEEP_SECONDS, Keeping(self._db).keep))
        if self.senders:
            loops.append(turns.every(OPT_OUT_SECONDS, self.opt_outs.refresh))
            loops.append(turns.every(DOUBT_SECONDS, self.doubts.reconcile))
        if self._bounces is not None:
            loops.append(turns.every(BOUNCE_SECONDS, self._bounces.look))
        if self._codes is not None:
            loops.append(turns.every(CODE_SECONDS, self._codes.send_codes))
        # the doors of `up` have no roles: what they took from the outbox would wake nobody
        if self._settings.embedded and self.roles:
            loops.append(turns.every(OUTBOX_POLL_SECONDS, self.drain_outbox))
        return loops

    def hung(self, now: datetime) -> list[str]:
        """Return what is wrong with the loops of this process, for whoever would restart it."""
        sending = {f"sender {lane} {s.channel.name}": s.turned_at for lane, s in self.senders}
        return self.turns.hung(now, sending)

    async def match(self) -> None:
        """Freeze and release what is approved."""
        assert self._matcher is not None
        done: set[int] = set()
        while waiting := await self._db.read(versions.to_match, done, MATCHED_TOGETHER):
            done.update(waiting)
            try:
                await self._matcher.process_together(waiting)
            except Exception:  # noqa: BLE001 - each is tried again below, and its failure is told there
                for version_id in waiting:  # one that cannot be matched holds up no other
                    await self.turns.guarded(
                        partial(self._matcher.process, version_id), f"match {version_id}"
                    )

    async def merge_receipts(self) -> None:
        """Merge receipts into the outcomes until none is left that can be."""
        while await self._db.write(receipts.merge_waiting, datetime.now(UTC)):
            await asyncio.sleep(0)

    async def drain_outbox(self) -> None:
        """Embedded: the outbox itself wakes the processors, whoever committed to it."""

        def drain(conn: Connection) -> list[str]:
            rows = outbox.take(conn, 5000)
            outbox.mark(conn, [row.id for row in rows], datetime.now(UTC))
            return [row.topic for row in rows]

        while await self._db.read(outbox.waiting):
            for topic in set(await self._db.write(drain)):
                self.wake(topic)
