"""The steps of a hand-over, in order: pick, render, tokens, claim, send, record (DESIGN 3.3 to
3.4).

One Sender per (lane, channel, statuses). It decides nothing about people: the claim does, in the
database.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from broadcast.events import dead_letters
from broadcast.ledger import attempts, audiences, claims
from broadcast.ledger.claims import (
    HAND_OVER_SECONDS,
    SETTLING,
    SLICE_SIZE,
    Candidate,
    Outcome,
    Slice,
)
from broadcast.store.database import TROUBLE, Connection, Database
from broadcast.wording.rendered import Rendered
from channels.contract import Channel, Delivery, InDoubt, Refused, Unavailable
from channels.dispatch.limits import Limiter
from subscribers import registry, unsubscribe

log = structlog.get_logger("deliver")

SEND_SECONDS = 8.0
"""One hand-over's time-out; also what a stopping process gives those under way."""
CLAIM_PEOPLE = 4 * SLICE_SIZE
"""So many people are claimed ahead of a slow wire; the next claim waits until half of them are
gone, for it costs the same for 32 people as for 128.
"""
AHEAD_SECONDS = 0.05
"""A fast wire has as much claimed ahead as it takes in this time, at most four times
CLAIM_PEOPLE: a claim is several round trips of a busy loop.
"""
CANDIDATES_SECONDS = 0.1
"""So long the list of batches may be used again, unless an event says that there are new ones."""
PACE_SECONDS = 0.1
RECORD_SECONDS = 0.01
"""So long a finished slice waits for others to be committed with."""
IDLE_SECONDS = 1.0
PARTIAL_SECONDS = 1.0
_STOPPED_BY_ANSWER = ("sms", "voice")  # people answer STOP or press a key there: no link is made


class Renderings(Protocol):
    """Gives the rendering of a batch; made once per version, channel and language."""

    async def rendered(
        self, version_id: int, channel: str, language: str, *, repeat: bool
    ) -> tuple[Rendered, datetime]:
        """Return the rendering and when the version expires."""
        ...


def boot_time() -> float:
    """Return seconds on a clock that counts a suspended machine's sleep too (guarantee R16)."""
    return (
        time.clock_gettime(time.CLOCK_BOOTTIME)
        if hasattr(time, "CLOCK_BOOTTIME")
        else time.monotonic()
    )


@dataclass(slots=True)
class _Open:
    """A slice between its claim and its record."""

    slice: Slice
    candidate: Candidate
    rendered: Rendered
    expires_at: datetime
    addresses: dict[int, str]
    started: float  # boot clock, before the claim was sent
    started_wall: float
    outcomes: list[Outcome] = field(default_factory=list)
    kept: int = 0  # how many of the outcomes are committed already
    left: int = 0


@dataclass(kw_only=True)
class Identity:
    """Under which worker id slices are claimed; changes where the worker was declared dead and
    registered anew.
    """

    worker: str = ""
    alive: bool = False


def suppression(
    conn: Connection,
    people: Sequence[int],
    channel: str,
    addresses: dict[int, str],
    *,
    any_contact: bool = False,
) -> dict[int, str]:
    """Return whom not to hand over to, and why, as it stands in this transaction; fills in the
    addresses of the others.

    `any_contact`: danger to life, and the chosen channel is in doubt: a contact point counts
    although it was not chosen (DESIGN 3.5).
    """
    found = registry.contacts(conn, people, channel)
    skipped: dict[int, str] = {}
    for person in people:
        contact = found.get(person)
        reason = registry.reason_not_to_send(contact)
        if reason == "no_consent" and any_contact and contact is not None and contact.address:
            reason = None
        if reason is not None:
            skipped[person] = reason
        elif contact is not None and contact.address is not None:
            addresses[person] = contact.address
    return skipped


class Sender:
    """Hands over what is claimable on one lane and channel until it is told to stop."""

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
        stops: Callable[[int, str], bool],
        public_url: str = "",
        send_seconds: float = SEND_SECONDS,
        simulated: bool = False,
    ) -> None:
        self._db, self._lane, self._channel, self._limiter, self._rate = (
            db,
            lane,
            channel,
            limiter,
            rate,
        )
        self._identity, self._key, self._renderings, self._stops = identity, key, renderings, stops
        self._public_url, self._send_seconds, self._simulated = public_url, send_seconds, simulated
        self._links = bool(public_url) and channel.name not in _STOPPED_BY_ANSWER
        self._found: list[Candidate] = []
        self._found_until = 0.0
        self._statuses = tuple(sorted(channel.serves))
        self._bucket = f"{channel.name}:{channel.sender}"
        self._wake = asyncio.Event()
        self._items: asyncio.Queue[tuple[_Open, int, int]] = asyncio.Queue()
        self._finished: list[_Open] = []
        self._parts: list[tuple[Slice, list[Outcome]]] = []
        self._to_record = asyncio.Event()
        self._by_id: dict[int, _Open] = {}
        self._outstanding = 0
        self._room_done = asyncio.Event()
        self._ahead = CLAIM_PEOPLE
        self._done, self._done_since = 0, boot_time()
        self._last_room = ""
        self._pause_until = 0.0
        self._refused_in_a_row = 0
        self._stopping = False
        self._broken: dict[tuple[int, str, str], float] = {}

    def wake(self) -> None:
        """Look for work now instead of at the next poll."""
        self._found_until = 0.0
        self._wake.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Claim and hand over until `stopping`; then finish what is under way, within its time-out,
        and record it.
        """
        workers = [asyncio.create_task(self._work()) for _ in range(self._channel.concurrency)]
        recorder = asyncio.create_task(self._record())
        keeper = asyncio.create_task(self._keep_partial())
        stop_waiter = asyncio.create_task(stopping.wait())
        try:
            while not stopping.is_set():
                for part in (recorder, keeper, *workers):
                    if part.done():
                        # it failed: claiming on would put everybody in doubt without a word
                        part.result()
                try:
                    claimed = await self._claim_some()
                except TROUBLE as trouble:
                    log.warning(
                        "claim.database_trouble",
                        channel=self._channel.name,
                        lane=self._lane,
                        error=type(trouble).__name__,
                    )
                    await _first(stop_waiter, asyncio.sleep(0.5))
                    continue
                if claimed:
                    continue
                self._wake.clear()
                await _first(stop_waiter, self._wait_for_work())
        finally:
            self._stopping = True
            self._return_queued()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._drained(), self._send_seconds)
            for task in (*workers, stop_waiter, keeper):
                task.cancel()
            await asyncio.gather(*workers, stop_waiter, keeper, return_exceptions=True)
            self._doubt_the_rest()
            self._to_record.set()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(recorder, 1.0)

    async def _wait_for_work(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(
                self._wake.wait(), IDLE_SECONDS if not self._outstanding else 0.2
            )

    async def _drained(self) -> None:
        while self._outstanding:
            self._room_done.clear()
            await self._room_done.wait()

    # claim
    # ------------------------------------------------------------

    async def _claim_some(self) -> bool:
        """Claim one batch's next people; return False where there is nothing to do right now."""
        self._look_at_the_pace()
        room = self._room()
        if room < self._ahead // 2:
            self._room_done.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._room_done.wait(), 0.5)
            return not self._stopping
        pause = self._pause_until - boot_time()
        if pause > 0:
            await asyncio.sleep(min(pause, 0.25))
            return True
        if not self._identity.alive:
            return False
        chosen = self._next(await self._candidates())
        if chosen is None:
            return False
        try:
            rendered, expires_at = await self._renderings.rendered(
                chosen.version_id,
                chosen.channel,
                chosen.language,
                repeat=claims.repeats(chosen.cause),
            )
        except TROUBLE:
            raise
        except Exception as error:  # noqa: BLE001 - a bug in a rendering must stop this batch only, and be seen
            self._broken[chosen.version_id, chosen.channel, chosen.language] = boot_time() + 30
            self._found_until = 0.0  # what stands behind it in its room is looked for now
            log.error(  # noqa: TRY400 - a traceback could hold words or addresses
                "render.failed",
                version=chosen.version_id,
                channel=chosen.channel,
                language=chosen.language,
                error=type(error).__name__,
            )
            where = f"{chosen.version_id}/{chosen.channel}/{chosen.language}"
            await self._db.write(
                dead_letters.park, "render.failed", where, type(error).__name__, datetime.now(UTC)
            )
            return True
        want = min(room, self._ahead, max(1, int(self._rate)) if self._rate else self._ahead)
        if self._refused_in_a_row >= SLICE_SIZE:
            want = (
                1  # the provider refuses everything: feel for its return with one person at a time
            )
        tokens = await self._limiter.take(
            self._bucket, want, self._rate, urgent=self._lane == "urgent"
        )
        if tokens <= 0:
            await asyncio.sleep(0.02 if not self._rate else min(0.25, 1 / self._rate))
            return True
        return await self._claim(chosen, tokens, rendered, expires_at)

    def _room(self) -> int:
        return self._channel.concurrency + self._ahead - self._outstanding

    def _look_at_the_pace(self) -> None:
        """Set how many people are claimed ahead of the wire by how fast it takes them: what is
        claimed and not sent is in doubt after a kill.
        """
        now = boot_time()
        if now - self._done_since >= PACE_SECONDS:
            pace = self._done / (now - self._done_since)
            self._done, self._done_since = 0, now
            self._ahead = min(4 * CLAIM_PEOPLE, max(CLAIM_PEOPLE, int(pace * AHEAD_SECONDS)))

    async def _candidates(self) -> list[Candidate]:
        """Return the batches to choose from, at most a tenth of a second old; what became of them
        meanwhile the claim sees.
        """
        began = boot_time()
        if not self._found or began > self._found_until:
            self._found_until = (
                began + CANDIDATES_SECONDS
            )  # before the read: an event that comes meanwhile makes it old again
            self._broken = {key: until for key, until in self._broken.items() if until > began}
            without = [(version_id, language) for version_id, _, language in self._broken]
            self._found = await self._db.read(
                claims.candidates,
                self._lane,
                self._channel.name,
                self._statuses,
                datetime.now(UTC),
                without,
            )
        return self._found

    def _next(self, found: list[Candidate]) -> Candidate | None:
        now = boot_time()
        found = [
            c for c in found if self._broken.get((c.version_id, c.channel, c.language), 0.0) < now
        ]
        if not found:
            return None
        best = [
            c
            for c in found
            if (c.severity_rank, c.correction) == (found[0].severity_rank, found[0].correction)
        ]
        best.sort(key=lambda c: c.room)
        chosen = next((c for c in best if c.room > self._last_room), best[0])  # round the rooms
        self._last_room = chosen.room
        return chosen

    async def _claim(
        self, chosen: Candidate, want: int, rendered: Rendered, expires_at: datetime
    ) -> bool:
        started, started_wall = boot_time(), time.time()
        made: list[str] = []
        addresses: dict[int, str] = {}

        def new_attempt() -> str:
            made.append(attempts.new_slice_attempt())
            return made[-1]

        def claim(conn: Connection) -> tuple[list[Slice], datetime] | None:
            made.clear()
            addresses.clear()
            return claims.claim(
                conn,
                chosen,
                want=want,
                worker=self._identity.worker,
                attempts=new_attempt,
                suppress=lambda c, ids, channel: suppression(
                    c, ids, channel, addresses, any_contact=claims.any_contact(chosen.cause)
                ),
            )

        try:
            claimed = await self._db.write(claim)
        except TROUBLE:
            await self._settle_lost_claim(list(made))
            raise
        handed_out = (
            0 if claimed is None else sum(len(s.people) - len(s.skipped) for s in claimed[0])
        )
        if handed_out < want and self._rate:
            await self._limiter.give_back(self._bucket, want - handed_out, self._rate)
        if claimed is None or claimed[0][-1].hi - claimed[0][0].lo < want:
            self._found_until = 0.0  # that batch is finished
        if claimed is None:
            return True
        for s in claimed[0]:
            opened = _Open(s, chosen, rendered, expires_at, addresses, started, started_wall)
            wanted = [
                (position, person) for position, person in s.people if position not in s.skipped
            ]
            opened.left = len(wanted)
            self._outstanding += len(wanted)
            self._by_id[id(opened)] = opened
            if not wanted:
                self._finish(opened)
            for position, person in wanted:
                self._items.put_nowait((opened, position, person))
        return True

    async def _settle_lost_claim(self, made: list[str]) -> None:
        """The commit's reply was lost: whatever is stored after all was surely not sent, so it goes
        back to waiting (guarantee R3).
        """
        for attempt in made:
            while True:
                try:
                    s = await self._db.read(claims.read_slice, attempt)
                    if s is not None:
                        back = [
                            Outcome(
                                position=p,
                                person_id=person,
                                state="not_started",
                                due_at=datetime.now(UTC),
                            )
                            for p, person in s.people
                            if p not in s.skipped
                        ]
                        await self._db.write(claims.record, [(s, back)], at=datetime.now(UTC))
                    break
                except TROUBLE:
                    await asyncio.sleep(0.5)

    # send
    # ------------------------------------------------------------

    async def _work(self) -> None:
        while True:
            opened, position, person = await self._items.get()
            outcome = await self._hand_over(opened, position, person)
            self._note(opened, outcome)

    def _link(self, person: int, channel: str) -> str:
        token = unsubscribe.token(person, channel, self._key, simulated=self._simulated)
        return f"{self._public_url}/u/{token}"

    def _note(self, opened: _Open, outcome: Outcome) -> None:
        opened.outcomes.append(outcome)
        opened.left -= 1
        self._outstanding -= 1
        self._done += 1
        if not self._outstanding or self._room() >= self._ahead // 2:
            self._room_done.set()
        if not opened.left:
            self._finish(opened)

    def _finish(self, opened: _Open) -> None:
        self._by_id.pop(id(opened), None)
        self._finished.append(opened)
        self._to_record.set()

    async def _hand_over(self, opened: _Open, position: int, person: int) -> Outcome:
        """Hand over to one person; every way this can end is one outcome (guarantee R17)."""
        if self._stopping or not self._in_time(opened):
            return Outcome(
                position=position, person_id=person, state="not_started", due_at=datetime.now(UTC)
            )
        if self._stops(person, opened.candidate.channel):
            return Outcome(
                position=position,
                person_id=person,
                state="skipped",
                code="stopped",
                due_at=datetime.now(UTC),
            )
        if opened.expires_at <= datetime.now(UTC):
            return Outcome(position=position, person_id=person, state="skipped", code="expired")
        attempt = attempts.person_attempt(opened.slice.attempt, position, self._key)
        link = self._link(person, opened.candidate.channel) if self._links else ""
        delivery = Delivery(
            attempt=attempt,
            to=opened.addresses[person],
            rendered=opened.rendered,
            status=opened.candidate.status,
            expires_at=opened.expires_at,
            unsubscribe_url=link,
        )
        try:
            accepted = await self._channel.send(delivery, timeout=self._send_seconds)
        except Refused as refused:
            self._refused_in_a_row = 0
            log.info(
                "person.failed",
                attempt=attempt,
                channel=opened.candidate.channel,
                code=refused.code,
            )
            return Outcome(
                position=position,
                person_id=person,
                state="failed",
                code=refused.code,
                due_at=datetime.now(UTC),
            )
        except Unavailable as unavailable:
            self._refused_in_a_row += 1
            wait = self._slow_down(unavailable)
            due = datetime.now(UTC) + max(
                timedelta(seconds=wait), audiences.backoff(0)
            )  # the record makes it longer with each try
            return Outcome(
                position=position,
                person_id=person,
                state="refused",
                code=unavailable.code,
                due_at=due,
            )
        except InDoubt as doubt:
            return self._doubt(opened, position, person, attempt, doubt.code)
        except asyncio.CancelledError:
            self._note(opened, self._doubt(opened, position, person, attempt, "stopped_meanwhile"))
            raise
        except Exception as error:  # noqa: BLE001 - whatever an adapter forgot to translate: it may have been taken
            log.error(  # noqa: TRY400 - a traceback could hold words or addresses
                "adapter.failed",
                channel=opened.candidate.channel,
                attempt=attempt,
                error=type(error).__name__,
            )
            return self._doubt(opened, position, person, attempt, "adapter_error")
        self._refused_in_a_row = 0
        return Outcome(
            position=position, person_id=person, state="accepted", provider_id=accepted.provider_id
        )

    def _doubt(self, opened: _Open, position: int, person: int, attempt: str, code: str) -> Outcome:
        log.warning("person.in_doubt", attempt=attempt, channel=opened.candidate.channel, code=code)
        return Outcome(
            position=position,
            person_id=person,
            state="in_doubt",
            code=code,
            due_at=datetime.now(UTC) + SETTLING,
        )

    def _in_time(self, opened: _Open) -> bool:
        latest = HAND_OVER_SECONDS - self._send_seconds
        return boot_time() - opened.started < latest and time.time() - opened.started_wall < latest

    def _slow_down(self, unavailable: Unavailable) -> float:
        """Pause claims on this channel: as long as the provider asked for, longer the more it
        refuses; one greylisted inbox pauses nobody else.
        """
        wait = unavailable.retry_after
        if self._refused_in_a_row >= SLICE_SIZE:
            wait = max(wait, min(30.0, 0.5 * 2 ** min(6, self._refused_in_a_row - SLICE_SIZE)))
        elif unavailable.only_this:
            return wait
        if wait:
            self._pause_until = max(self._pause_until, boot_time() + min(wait, 60.0))
        return wait

    def _return_queued(self) -> None:
        """Stopping: what was claimed and never begun goes back to waiting."""
        while not self._items.empty():
            opened, position, person = self._items.get_nowait()
            self._note(
                opened,
                Outcome(
                    position=position,
                    person_id=person,
                    state="not_started",
                    due_at=datetime.now(UTC),
                ),
            )

    def _doubt_the_rest(self) -> None:
        for opened in list(self._by_id.values()):
            known = {o.position for o in opened.outcomes}
            for position, person in opened.slice.people:
                if position not in known and position not in opened.slice.skipped:
                    opened.outcomes.append(
                        self._doubt(
                            opened, position, person, opened.slice.attempt, "stopped_meanwhile"
                        )
                    )
            self._finish(opened)

    # record
    # ------------------------------------------------------------

    async def _record(self) -> None:
        """Commit outcomes, as many slices as are finished at a time, until it worked: what is known
        here is kept (guarantee R8).

        One writer for parts and ends: a slice must never be closed before all that was known of it
        is committed.
        """
        while True:
            await self._to_record.wait()
            if self._by_id and not self._stopping:
                await asyncio.sleep(RECORD_SECONDS)
            self._to_record.clear()
            finished, self._finished = self._finished, []
            parts, self._parts = self._parts, []
            if finished or parts:
                at = datetime.now(
                    UTC
                )  # the same at every try: by it a commit whose reply was lost is known again
                ends = [(o.slice, o.outcomes[o.kept :]) for o in finished]
                await self._until_kept(
                    lambda conn, parts=parts, ends=ends, at=at: _keep(conn, parts, ends, at)  # type: ignore[misc]
                )
                for opened in finished:
                    _log_slice(opened)
            if self._stopping and not self._by_id and not self._finished:
                return

    async def _keep_partial(self) -> None:
        while True:
            await asyncio.sleep(PARTIAL_SECONDS / 2)
            now = boot_time()
            for opened in list(self._by_id.values()):
                known = len(opened.outcomes)
                if known > opened.kept and now - opened.started > PARTIAL_SECONDS and opened.left:
                    self._parts.append((opened.slice, opened.outcomes[opened.kept : known]))
                    opened.kept = known
                    self._to_record.set()

    async def _until_kept(self, write: Callable[[Connection], object]) -> None:
        wait = 0.1
        while True:
            try:
                await self._db.write(write)
            except TROUBLE as trouble:
                log.warning(
                    "record.database_trouble",
                    channel=self._channel.name,
                    error=type(trouble).__name__,
                )
            else:
                return
            await asyncio.sleep(wait)
            wait = min(wait * 2, 2.0)


async def _first(*awaitables: Awaitable[object]) -> None:
    """Return when the first is done; the others are left (a task) or dropped (a coroutine)."""
    tasks = [asyncio.ensure_future(a) for a in awaitables]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks[1:]:
        if not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def _keep(
    conn: Connection,
    parts: Sequence[tuple[Slice, list[Outcome]]],
    ends: Sequence[tuple[Slice, list[Outcome]]],
    at: datetime,
) -> None:
    for s, some in parts:
        claims.record_some(conn, s, some, at=at)
    if ends:
        claims.record(conn, ends, at=at)


def _log_slice(opened: _Open) -> None:
    counts = {
        state: sum(o.state == state for o in opened.outcomes)
        for state in ("accepted", "failed", "in_doubt", "refused", "not_started")
    }
    log.info(
        "slice.done",
        attempt=opened.slice.attempt,
        version=opened.slice.version_id,
        channel=opened.slice.channel,
        skipped=len(opened.slice.skipped),
        **counts,
    )
