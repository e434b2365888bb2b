"""The engine: the loops of one process, by role. Embedded, one process has every role; in a cluster
each has one.

Every loop is woken by events and looks by itself as well: an event lost costs at most the poll
(rule R4).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import structlog
from pyroaring import BitMap
from sqlalchemy import text

from broadcast.events import outbox
from broadcast.events.topics import (
    ALERTS,
    DELIVERIES_ROUTINE,
    DELIVERIES_URGENT,
    EXERCISE_PREFIX,
    RECEIPTS,
)
from broadcast.ledger import claims, liveness, passes, receipts
from broadcast.ledger.receipts import Receipt
from broadcast.messages import publishing, versions
from broadcast.store import replies
from broadcast.store.database import TROUBLE, WORKER_LOCK_CLASS, Connection, Database, database_now
from channels.contract import Channel, Unavailable
from channels.dispatch.measures import Measures
from channels.dispatch.rates import Limiter
from channels.dispatch.sender import Identity, Sender
from config.settings import Settings
from config.wiring import Adapters, rate_of
from service.rendering import StoredRenderings
from subscribers import registry, unsubscribe
from subscribers.matcher import Matcher
from subscribers.stops import recent_stops

log = structlog.get_logger("engine")

SWEEP_SECONDS = 2.0
POLL_SECONDS = 1.0
OUTBOX_POLL_SECONDS = 0.1
SETTLE_AFTER = timedelta(seconds=120)
HUNG_AFTER = timedelta(minutes=5)
"""No turn of a loop takes this long: the largest audience is matched in less."""
SLOW_PROVIDER = timedelta(seconds=60)
"""So long after the deadline of a hand-over a provider may still have begun it."""
STOPS_KEPT = timedelta(minutes=10)
FORGET_EVERY = timedelta(minutes=1)

_PERSON_CHANNELS = ("sms", "voice", "email")


class StopList:
    """Who stopped what in the last minutes, at most a second old: the last look before the wire
    (rule R9).
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._stopped: frozenset[tuple[int, str]] = frozenset()

    def __call__(self, person: int, channel: str) -> bool:
        """Return whether the person stopped this channel since the claim could have seen it."""
        return (person, channel) in self._stopped

    async def refresh(self) -> None:
        """Read the recent stops."""
        self._stopped = frozenset(await self._db.read(recent_stops, datetime.now(UTC) - STOPS_KEPT))


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
        settle_after: timedelta = SETTLE_AFTER,
    ) -> None:
        # Each lane has adapters of its own: a connection that routine waits for is never one that
        # urgent needs.
        self._settings, self._db, self._adapters, self._limiter = settings, db, adapters, limiter
        self.roles = tuple(roles)
        self.stopping = asyncio.Event()
        self.identity = Identity()
        self.healthy_at: datetime | None = None
        self.turns: dict[str, datetime] = {}
        """When each loop last ended a turn, well or in trouble."""
        self._settle_after = settle_after
        self._channels_on = channels_on
        self._matcher = Matcher(db, channels_on) if "match" in self.roles else None
        self._renderings = StoredRenderings(
            db,
            sender_name=settings.sender_name,
            public_url=settings.public_url,
            zone=settings.timezone,
            key=settings.key(),
        )
        self._stops = StopList(db)
        self._match_wake = asyncio.Event()
        self._log_wake = asyncio.Event()
        self.measures = Measures()
        self.senders: list[tuple[str, Sender]] = []
        key = settings.key()
        for lane in ("urgent", "routine"):
            if lane in self.roles:
                self.senders += [
                    (
                        lane,
                        self._sender(
                            lane, channel, key, simulated=adapters[lane].is_simulated(channel)
                        ),
                    )
                    for channel in adapters[lane].all()
                ]
        self._asked: dict[tuple[str, int], datetime] = {}
        self._settled_to: dict[tuple[str, ...], tuple[str, int]] = {}
        self._forget_at: datetime | None = None

    def _sender(self, lane: str, channel: Channel, key: bytes, *, simulated: bool) -> Sender:
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
            contacts=registry.addresses_to_use,
            opted_out=self._stops,
            links=unsubscribe.Links(
                public_url=self._settings.public_url, key=key, simulated=simulated
            ),
        )

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
        loops: list[Coroutine[Any, Any, None]] = [
            self._live(),
            self._every(SWEEP_SECONDS, self.sweep),
        ]
        if self._matcher is not None:
            loops.append(self._woken(self._match_wake, self.match))
        if "log" in self.roles:
            loops.append(self._woken(self._log_wake, self.fold))
        if self.senders:
            loops.append(self._every(POLL_SECONDS, self._stops.refresh))
            loops.append(self._every(5.0, self.settle))
        if (
            self._settings.embedded and self.roles
        ):  # the doors of `up` have none: what they took from the outbox would wake nobody
            loops.append(self._every(OUTBOX_POLL_SECONDS, self.drain_outbox))
        async with asyncio.TaskGroup() as group:
            senders = [group.create_task(sender.run(self.stopping)) for _, sender in self.senders]
            others = [group.create_task(loop) for loop in loops]
            await self.stopping.wait()
            await asyncio.gather(*senders)
            with contextlib.suppress(*TROUBLE):
                await asyncio.wait_for(self._db.write(liveness.leave, self.identity.worker), 1.0)
            for task in others:
                task.cancel()

    # liveness
    # ------------------------------------------------------------

    async def _live(self) -> None:
        """Register, hold the session lock, and send heartbeats; declared dead, begin again under a
        new id (rule R8, R16).
        """
        role = "+".join(self.roles) or liveness.WATCHING
        while True:
            worker, key = liveness.new_worker(role if len(self.roles) == 1 else "up")
            with contextlib.suppress(*TROUBLE):
                if self._db.dialect == "postgresql":
                    async with self._db.engine.connect() as conn:
                        await conn.execution_options(isolation_level="AUTOCOMMIT")
                        await conn.execute(
                            text("SELECT pg_advisory_lock(:class, :key)"),
                            {"class": WORKER_LOCK_CLASS, "key": key},
                        )
                        await self._beat(
                            worker,
                            role,
                            key,
                            lambda c=conn: c.execute(text("SELECT 1")),  # type: ignore[misc]
                        )
                else:
                    await self._beat(worker, role, key, None)
            self.identity.alive = False
            await asyncio.sleep(0.5)

    async def _beat(
        self, worker: str, role: str, key: int, ping: Callable[[], Awaitable[object]] | None
    ) -> None:
        await self._db.write(liveness.register, worker, role, key)
        self.identity.worker, self.identity.alive = worker, True
        log.info("worker.registered", worker=worker, role=role)
        while True:
            await asyncio.sleep(liveness.HEARTBEAT_SECONDS)
            if ping is not None:
                await ping()
            if not await self._db.write(liveness.heartbeat, worker):
                log.warning("worker.declared_dead", worker=worker)
                return

    # loops
    # ------------------------------------------------------------

    async def _every(self, seconds: float, step: Callable[[], Awaitable[object]]) -> None:
        self._turned(step)
        while True:
            await self._guarded(step)
            self._turned(step)
            await asyncio.sleep(seconds)

    async def _woken(self, event: asyncio.Event, step: Callable[[], Awaitable[object]]) -> None:
        self._turned(step)
        while True:
            event.clear()
            await self._guarded(step)
            self._turned(step)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), POLL_SECONDS)

    def _turned(self, step: Callable[[], Awaitable[object]]) -> None:
        self.turns[step.__qualname__] = datetime.now(UTC)

    def hung(self, now: datetime) -> list[str]:
        """Return what is wrong with the loops of this process, for whoever would restart it.

        A database that is away is no reason: a restart would put those in doubt whose outcomes
        are kept in memory.
        """
        if not self.turns:
            return ["engine_not_started: no loop has begun yet"]
        sending = {f"sender {lane} {s.channel.name}": s.turned_at for lane, s in self.senders}
        return [
            f"loop_hung: {loop} has not ended a turn since {at.isoformat()}"
            for loop, at in sorted({**self.turns, **sending}.items())
            if now - at > HUNG_AFTER
        ]

    async def _guarded(self, step: Callable[[], Awaitable[object]], name: str = "") -> None:
        """A step that fails is seen and tried again at the next turn; nothing is lost, for the next
        turn reads the database anew.
        """
        name = name or getattr(step, "__name__", "step")
        try:
            await step()
            self.healthy_at = datetime.now(UTC)
        except TROUBLE as trouble:
            log.warning(
                "step.database_trouble",
                step=name,
                error=type(trouble).__name__,
                detail=str(getattr(trouble, "orig", trouble))[:200],
            )
        except Exception as error:  # noqa: BLE001 - a loop that ends for ever would be worse
            log.error("step.failed", step=name, error=repr(error)[:300])  # noqa: TRY400 - a traceback may hold parameters

    async def match(self) -> None:
        """Freeze and release what is approved."""
        assert self._matcher is not None
        for version_id in await self._db.read(versions.in_states, ("approved",)):
            # one that cannot be matched holds up no other
            await self._guarded(partial(self._matcher.process, version_id), f"match {version_id}")

    async def fold(self) -> None:
        """Fold receipts until none is left that can be."""
        while await self._db.write(receipts.fold_waiting, datetime.now(UTC)):
            await asyncio.sleep(0)

    async def sweep(self) -> None:
        """Compare the database with itself, and cause again what should have been caused."""
        due = await self._db.write(self._sweep_ledger)
        for version_id in due:
            await self._guarded(
                partial(self._db.write, self._make_due, version_id), f"make_due {version_id}"
            )

    def _make_due(self, conn: Connection, version_id: int) -> int:
        # what is off has nobody to hand it over: no one waits there
        on = self._channels_on(versions.get(conn, version_id).status)
        return passes.make_due(
            conn, version_id, contacts=partial(other_contacts, on=on), shared=registry.sharing
        )

    def _sweep_ledger(self, conn: Connection) -> list[int]:
        now = database_now(conn)
        publishing.expire_due(conn, now)
        swept = claims.sweep_slices(conn, dead_workers=liveness.declare_dead(conn), now=now)
        if swept:
            log.warning("slices.swept", slices=len(swept), attempts=swept[:10])
        if self._forget_at is None or now >= self._forget_at:
            replies.forget(conn, now - replies.KEPT)
            self._forget_at = now + FORGET_EVERY
        return passes.due_versions(conn, now)

    async def drain_outbox(self) -> None:
        """Embedded: the outbox itself wakes the processors, whoever committed to it."""

        def drain(conn: Connection) -> list[str]:
            rows = outbox.take(conn, 5000)
            outbox.mark(conn, [row.id for row in rows], datetime.now(UTC))
            return [row.topic for row in rows]

        while await self._db.read(outbox.waiting):
            for topic in set(await self._db.write(drain)):
                self.wake(topic)

    async def settle(self) -> None:
        """Ask the provider's own list about hand-overs in doubt."""
        lane = next(lane for lane in ("routine", "urgent") if lane in self.roles)
        now = datetime.now(UTC)
        self._asked = {key: again for key, again in self._asked.items() if again > now}
        for channel in self._adapters[lane].all():
            await self._guarded(partial(self._settle_page, channel), f"settle {channel.name}")

    async def _settle_page(self, channel: Channel) -> None:
        """Ask about the next page of one adapter's doubts; after the last page comes the first
        again.
        """
        now = datetime.now(UTC)
        statuses = sorted(channel.serves)
        place = (channel.name, *statuses)
        after = self._settled_to.get(place, ("", -1))
        rows = await self._db.read(
            partial(receipts.in_doubt_to_settle, provider=channel.provider),
            channel.name,
            statuses,
            now,
            self._settle_after,
            after,
        )
        for row in rows:
            key = (row.attempt, row.position)
            self._settled_to[place] = (
                key  # before it is asked about: one that fails is not the first again
            )
            if self.stopping.is_set() or key in self._asked:
                continue
            self._asked[key] = now + timedelta(
                seconds=min(3600, 60 + (now - row.at).total_seconds())
            )
            await self._settle_one(channel, row)
        if not rows:
            self._settled_to.pop(place, None)

    async def _settle_one(self, channel: Channel, row: Any) -> None:
        v = await self._db.read(versions.get, row.version_id)
        if v.status not in channel.serves:
            return
        contact = (await self._db.read(registry.contacts, [row.person_id], channel.name)).get(
            row.person_id
        )
        if contact is None or not contact.address:
            return
        try:
            listed = await channel.look_up(contact.address, row.claimed_at - timedelta(seconds=5))
        except Unavailable:
            return
        if not listed:
            return  # not found proves nothing (rule R13)
        bodies = set()
        for repeat in (False, True):
            rendered, _ = await self._renderings.rendered(
                v.id, channel.name, row.language, repeat=repeat
            )
            bodies.add(rendered.body)
        for record in listed:
            if record.body and record.body not in bodies:
                continue
            if record.created > row.deadline + SLOW_PROVIDER:
                # begun too late to be this hand-over: a later call, perhaps one whose own reply is
                # still awaited
                continue
            found = Receipt(
                attempt=row.attempt,
                position=row.position,
                state=record.state,
                code=record.code,
                provider_id=record.provider_id,
                source="look_up",
                provider=channel.provider,
            )

            def keep(conn: Connection, found: Receipt = found) -> bool:
                held = receipts.provider_id_held(conn, found.provider_id, found.provider)
                return not held and receipts.store(conn, found, datetime.now(UTC))

            if await self._db.write(keep):
                log.info(
                    "doubt.settled", attempt=row.attempt, position=row.position, state=found.state
                )
                return


def other_contacts(
    conn: Connection, people: BitMap, *, on: Collection[str] = _PERSON_CHANNELS
) -> dict[str, BitMap]:
    """Return per channel of those that are `on` who of these people has a contact point there that
    they did not stop.
    """
    found: dict[str, BitMap] = {}
    for channel in (c for c in _PERSON_CHANNELS if c in on):
        contacts = registry.contacts(conn, list(people), channel)
        found[channel] = BitMap(
            [
                person
                for person, contact in contacts.items()
                if contact.address and not contact.stopped and not contact.erased
            ]
        )
    return found
