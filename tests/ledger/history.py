"""A messy history for one database, by a seeded die: whatever can happen to a message happens, in
any order.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from pyroaring import BitMap
from sqlalchemy import select

from broadcast.ledger import delivery_report, passes, receipts
from broadcast.ledger.claims import leases, open_batches, recording
from broadcast.ledger.claims.outcomes import Outcome
from broadcast.ledger.claims.slices import Slice
from broadcast.ledger.claims.tables import outcome
from broadcast.ledger.receipts import Receipt
from broadcast.levels.history import Fact
from broadcast.messages import authoring, publishing, versions
from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.problems import Rejected
from broadcast.store.database import Connection, Database
from tests import past_levels
from tests.ledger.world import World, house

_ORDERS = ("sms", "email", "sms>email", "email>sms>voice", "voice>sms")
_CHANNELS = ("sms", "voice", "email")


class History:
    """Acts on a World by the die. `refused` counts what the rules did not allow at that moment."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.db, self.chance = world, world.db, random.Random(seed)
        self.open: list[Slice] = []
        self.closed: list[Slice] = []
        self.messages: list[int] = []
        self.done: dict[str, int] = {}
        self.operator: Any = None
        self.recorded: set[tuple[str, int]] = set()  # by record_some
        self.told: set[tuple[str, int]] = set()  # of whom the provider said something

    @classmethod
    async def make(cls, db: Database, seed: int) -> History:
        history = cls(await World.make(db), seed)
        history.operator, _ = await db.write(
            operators.add, name="Op", role="operator", area=None, email=None, now=datetime.now(UTC)
        )
        return history

    async def steps(self, n: int) -> None:
        """Take n steps; what a rule refuses is counted and left."""
        acts: list[tuple[Callable[[], Awaitable[object]], int]] = [
            (self.new, 3), (self.claim, 30), (self.record, 20), (self.record_some, 6),
            (self.sweep, 4), (self.receipt, 25), (self.fold, 8), (self.make_due, 8),
            (self.hold, 1), (self.resume, 3), (self.cancel, 1), (self.follow, 2), (self.resend, 3),
            (self.expire, 1), (self.answer, 2), (self.level, 2),
        ]  # fmt: skip
        for _ in range(n):
            (act,) = self.chance.choices([a for a, _ in acts], [weight for _, weight in acts])
            try:
                await act()
            except Rejected as rejected:
                name = f"{act.__name__}: {rejected.problems[0].code}"
                self.done[name] = self.done.get(name, 0) + 1
            else:
                self.done[act.__name__] = self.done.get(act.__name__, 0) + 1

    async def new(self, **more: Any) -> None:
        urgent = {"severity": "Extreme"} if self.chance.random() < 0.4 else {}
        status = {"status": "Exercise"} if self.chance.random() < 0.2 else {}
        await self._publish(**urgent, **status, **more)

    async def _publish(self, **more: Any) -> None:
        """Approve, freeze in two shards, release: perhaps blocked first, perhaps held meanwhile."""
        people = list(range(1, self.chance.randint(60, 900)))
        self.chance.shuffle(people)
        out = {"stopped": people[:9], "no_consent": people[9:12], "quiet_hours": people[12:13]}
        rest = people[13:]
        n = len(rest)
        v = await self.world.submitted(count=n, **more)
        v = await self._approve(v)
        if self.chance.random() < 0.15:
            await self._freeze(v, rest * 2, {}, range(1000, 1000 + n))
            assert await self.world.release(v) == "blocked"
            if self.chance.random() < 0.3:
                await self.db.write(
                    publishing.cancel,
                    self.world.approver,
                    v.message_id,
                    why="wrong",
                    house=house(2),
                    now=self.now,
                )
                return
            again: dict[str, Any] = {
                "revision": v.revision,
                "resolved": v.resolved,
                "count": n,
                "wording_revision": "test",
                "now": self.now,
            }
            v = await self.db.write(authoring.submit, self.world.author, v.id, **again)
            v = await self._approve(v)
        await self._freeze(v, rest, out, ())
        if self.chance.random() < 0.1:
            await self.db.write(publishing.hold, self.world.approver, v.message_id, self.now)
            await self.db.write(publishing.resume, self.world.approver, v.message_id, self.now)
        shared = [sorted(self.chance.sample(rest, 3)) for _ in range(4)]
        assert await self.world.release(v, shared=shared) == "released"
        if v.message_id not in self.messages:
            self.messages.append(v.message_id)

    async def _approve(self, v: Version) -> Version:
        return await self.db.write(
            publishing.approve,
            self.world.approver,
            v.message_id,
            content_hash=v.content_hash,
            house=house(2),
            now=self.now,
        )

    async def _freeze(
        self, v: Version, people: list[int], out: dict[str, list[int]], more: range | tuple[()]
    ) -> None:
        dice = random.Random(len(people))
        placed = {p: (dice.choice(_ORDERS), dice.choice(("en", "cy"))) for p in [*people, *more]}
        for shard in (0, 1):
            send: dict[tuple[str, str], Any] = {}
            for person, key in placed.items():
                if person % 2 == shard:
                    send.setdefault(key, []).append(person)
            await self.world.freeze(
                v,
                send,
                shard=shard,
                suppressed={why: [p for p in ids if p % 2 == shard] for why, ids in out.items()},
            )

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    async def claim(self) -> None:
        lane, channel = self.chance.choice(("urgent", "routine")), self.chance.choice(_CHANNELS)
        status = self.chance.choice((("Actual",), ("Exercise",)))
        found = await self.db.read(open_batches.candidates, lane, channel, status, self.now)
        if not found:
            return
        skip = {
            person: self.chance.choice(("stopped", "erased", "no_channel", "expired", "reached"))
            for person in self.chance.sample(range(1, 900), 60)
        }
        skip = {p: why for p, why in skip.items() if why != "reached"}
        self.open += await self.world.claim(
            candidate=self.chance.choice(found),
            want=self.chance.randint(1, 90),
            worker=self.chance.choice(("w1", "w2")),
            skip=skip,
        )

    def _outcome(self, s: Slice, position: int, person: int) -> Outcome:
        taken = (
            s.attempt,
            position,
        ) in self.told  # what a provider gives receipts for it did not refuse
        state = self.chance.choice(
            ("accepted", "in_doubt")
            if taken
            else ("accepted",) * 5 + ("failed", "refused", "in_doubt", "not_started", "skipped")
        )
        due = (
            self.now - timedelta(seconds=1)
            if state in ("failed", "refused", "in_doubt", "not_started", "skipped")
            else None
        )
        code = {"failed": "21211", "refused": "20429", "skipped": "stopped"}.get(state, "")
        return Outcome(
            position=position,
            person_id=person,
            state=state,
            code=code,
            provider_id=f"SM{s.attempt[:6]}{position}" if state == "accepted" else "",
            due_at=due,
        )

    async def record(self) -> None:
        """Close one to three slices; one of them may be closed already, by the sweep."""
        work = []
        for s in self._take(self.chance.randint(1, 3)):
            work.append(
                (
                    s,
                    [
                        self._outcome(s, p, person)
                        for p, person in s.people
                        if p not in s.skipped and (s.attempt, p) not in self.recorded
                    ],
                )
            )
            self.closed.append(s)
        if work:
            await self.db.write(recording.record, work, at=self.now)

    def _take(self, n: int) -> list[Slice]:
        return [
            self.open.pop(self.chance.randrange(len(self.open)))
            for _ in range(min(n, len(self.open)))
        ]

    async def record_some(self) -> None:
        if not self.open:
            return
        s = self.chance.choice(self.open)
        some = [
            (p, person)
            for p, person in s.people
            if p not in s.skipped
            and (s.attempt, p) not in self.recorded
            and self.chance.random() < 0.3
        ]
        if some:
            self.recorded |= {(s.attempt, p) for p, _ in some}
            await self.db.write(
                recording.record_some,
                s,
                [self._outcome(s, p, person) for p, person in some],
                at=self.now,
            )

    async def sweep(self) -> None:
        worker = self.chance.choice(("w1", "w2"))
        swept = await self.db.write(leases.expire_leases, dead_workers=[worker], now=self.now)
        # Half of the dead turn up again with what they know, the others never.
        self.open = [s for s in self.open if s.attempt not in swept or self.chance.random() < 0.5]

    async def receipt(self) -> None:
        """Receipts in any order, some twice; only of what may have been handed over: a provider has
        none of what it refused.
        """
        known = [*self.closed, *self.open]
        if not known:
            return
        s = self.chance.choice(known)
        states = dict(await self.db.read(_states, s.attempt))
        for position, _ in self.chance.sample(s.people, min(5, len(s.people))):
            if states.get(position, "in_doubt") not in (
                "in_doubt",
                "accepted",
                "sent",
                "delivered",
            ):
                continue
            self.told.add((s.attempt, position))
            for state in self.chance.sample(
                ("accepted", "sent", "failed", "delivered"), self.chance.randint(1, 3)
            ):
                await self.db.write(
                    receipts.store,
                    Receipt(
                        attempt=s.attempt,
                        position=position,
                        state=state,
                        provider_id=f"SM{position}",
                    ),
                    self.now,
                )

    async def fold(self) -> None:
        await self.db.write(receipts.merge_waiting, self.now, self.chance.choice((3, 500)))

    async def make_due(self) -> None:
        for version_id in await self.db.read(passes.due_versions, self.now):
            await self.db.write(passes.make_due, version_id, contacts=_contacts)

    def _any(self) -> int:
        return self.chance.choice(self.messages)

    async def hold(self) -> None:
        if self.messages:
            await self.db.write(publishing.hold, self.world.approver, self._any(), self.now)

    async def resume(self) -> None:
        if self.messages:
            await self.db.write(publishing.resume, self.world.approver, self._any(), self.now)

    async def cancel(self) -> None:
        if self.messages:
            await self.db.write(
                publishing.cancel,
                self.world.approver,
                self._any(),
                why="over",
                house=house(2),
                now=self.now,
            )

    async def follow(self) -> None:
        if not self.messages:
            return
        message_id = self._any()
        status = (await self.db.read(versions.of_message, message_id))[0].status
        action, kind = self.chance.choice(
            (("update", "incident"), ("correct", "correction"), ("all_clear", "all_clear"))
        )
        await self._publish(message_id=message_id, action=action, kind=kind, status=status)

    async def resend(self) -> None:
        if not self.messages:
            return
        message_id, only = (
            self._any(),
            self.chance.choice((("failed",), ("in_doubt",), ("failed", "in_doubt"))),
        )
        await self.fold()

        def order(conn: Connection) -> str:
            v = versions.newest_published(versions.of_message(conn, message_id))
            assert v is not None
            wanted = passes.resend_members(
                conn,
                v,
                only,
                delivery_report.account(conn, v).channels,
                self.now + timedelta(minutes=10),
            )
            people = len(BitMap().union(*wanted.values())) if wanted else 0
            members = passes.pack(wanted)
            return publishing.order_resend(
                conn,
                self.operator,
                message_id,
                only=",".join(only),
                members=members,
                people=people,
                now=self.now,
            )

        digest = await self.db.write(order)
        if self.chance.random() < 0.8:
            await self.db.write(
                publishing.approve,
                self.world.approver,
                message_id,
                content_hash=digest,
                house=house(2),
                now=self.now,
            )

    async def expire(self) -> None:
        if self.chance.random() < 0.2:
            await self.db.write(publishing.expire_due, self.now + timedelta(hours=5))

    async def answer(self) -> None:
        if self.closed:
            s = self.chance.choice(self.closed)
            kind, value = self.chance.choice((("keypress", "1"), ("stop", ""), ("text", "")))
            said: dict[str, Any] = {
                "kind": kind,
                "channel": s.channel,
                "value": value,
                "digest": f"{kind}{self.chance.random()}",
            }
            who: dict[str, Any] = {
                "person_id": s.people[0][1],
                "version_id": s.version_id,
                "attempt": s.attempt,
            }
            await self.db.write(receipts.store_response, now=self.now, **said, **who)

    async def level(self) -> None:
        scope, level = (
            self.chance.choice(("UK", "E12000007")),
            self.chance.choice(("LOW", "SEVERE", "CRITICAL")),
        )
        if self.chance.random() < 0.5:
            day = datetime(self.chance.randint(2007, 2024), 1, 1, tzinfo=UTC)
            await self.db.write(
                past_levels.import_facts,
                [Fact(scope=scope, level=level, at=day, source="import")],
                self.now,
            )
        else:
            await self.new(kind="threat_level_change", scope=scope, level=level, areas=())


def _contacts(_: Connection, people: BitMap) -> dict[str, BitMap]:
    return {"email": people, "voice": people & BitMap(range(0, 900, 7))}


def _states(conn: Connection, attempt: str) -> list[tuple[int, str]]:
    return [
        (r.position, r.state)
        for r in conn.execute(
            select(outcome.c.position, outcome.c.state).where(outcome.c.attempt == attempt)
        )
    ]
