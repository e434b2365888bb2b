"""A small world for ledger tests: two operators, a message that goes as far as one asks, people by
number.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pyroaring import BitMap

from broadcast.content.model import Content, Text
from broadcast.ledger import audiences, releasing
from broadcast.ledger.attempts import new_slice_attempt
from broadcast.ledger.claims import open_batches, recording, taking
from broadcast.ledger.claims.open_batches import Candidate
from broadcast.ledger.claims.outcomes import Outcome
from broadcast.ledger.claims.slices import Slice
from broadcast.messages import authoring, publishing, versions
from broadcast.messages.publishing import House
from broadcast.messages.versions import Resolved, Version
from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.store.database import Connection, Database


def _document(v: Version, msg_type: str, _references: object, _sent: object) -> bytes:
    return f"<{msg_type} {v.code}>".encode()


def house(shards: int = 1, two_person: str = "always") -> House:
    return House(
        sender="test.fasttime",
        shards=shards,
        two_person=two_person,
        wording="test",
        document=_document,
    )


def content(**changes: Any) -> Content:
    base = Content(
        kind="incident",
        status="Actual",
        urgency="Expected",
        severity="Moderate",
        certainty="Likely",
        languages={"en": Text(headline="Road closed", instruction="Go round.")},
        expires=timedelta(hours=4),
        areas=("E09000033",),
    )
    return replace(base, **changes)


class World:
    """Acts on one database as two people, an author and an approver."""

    def __init__(
        self, db: Database, author: Operator, approver: Operator, second: Operator
    ) -> None:
        self.db, self.author, self.approver, self.second = db, author, approver, second

    @classmethod
    async def make(cls, db: Database) -> World:
        now = datetime.now(UTC)
        people = []
        for name, role in (("Ada", "author"), ("Bea", "approver"), ("Cy", "approver")):
            person, _ = await db.write(
                operators.add, name=name, role=role, area=None, email=None, now=now
            )
            people.append(person)
        return cls(db, *people)

    async def submitted(
        self, *, count: int, message_id: int | None = None, action: str = "new", **changes: Any
    ) -> Version:
        now = datetime.now(UTC)
        if message_id is None:
            v = await self.db.write(authoring.create, self.author, content(**changes), now)
        else:
            v = await self.db.write(
                authoring.follow, self.author, message_id, action, content(**changes), now
            )
        return await self.db.write(
            authoring.submit,
            self.author,
            v.id,
            revision=v.revision,
            resolved=Resolved(targets=("E09000033",)),
            count=count,
            wording_revision="test",
            now=now,
        )

    async def approved(self, *, count: int, shards: int = 1, **more: Any) -> Version:
        v = await self.submitted(count=count, **more)
        return await self.db.write(
            publishing.approve,
            self.approver,
            v.message_id,
            content_hash=v.content_hash,
            house=house(shards),
            now=datetime.now(UTC),
        )

    async def freeze(
        self,
        v: Version,
        send: dict[tuple[str, str], Iterable[int]],
        *,
        shard: int = 0,
        suppressed: dict[str, Iterable[int]] | None = None,
    ) -> bool:
        sets = {key: BitMap(ids) for key, ids in send.items()}
        out = {reason: BitMap(ids) for reason, ids in (suppressed or {}).items()}
        addressed = BitMap().union(*sets.values(), *out.values())
        return await self.db.write(
            audiences.freeze,
            v.id,
            shard,
            audiences.Frozen(addressed=addressed, send=sets, suppressed=out),
            registry_as_of="0",
            now=datetime.now(UTC),
        )

    async def release(self, v: Version, shared: Iterable[Iterable[int]] = ()) -> str:
        groups = [BitMap(g) for g in shared]

        def shared_contacts(conn: Connection, channel: str, ids: BitMap) -> list[BitMap]:
            return [g & ids for g in groups if len(g & ids) > 1]

        return await self.db.write(releasing.release, v.id, shared_contacts=shared_contacts)

    async def live(self, people: Iterable[int], *, channels: str = "sms", **more: Any) -> Version:
        ids = list(people)
        v = await self.approved(count=len(ids), **more)
        await self.freeze(v, {(channels, "en"): ids})
        assert await self.release(v) == "released"
        return await self.db.read(versions.get, v.id)

    async def claim(
        self,
        lane: str = "routine",
        channel: str = "sms",
        *,
        want: int = 32,
        worker: str = "w1",
        skip: dict[int, str] | None = None,
        candidate: Candidate | None = None,
    ) -> list[Slice]:
        if candidate is None:
            found = await self.db.read(
                open_batches.candidates, lane, channel, ("Actual",), datetime.now(UTC)
            )
            if not found:
                return []
            candidate = found[0]
        claimed = await self.db.write(
            taking.claim,
            candidate,
            want=want,
            worker=worker,
            attempts=new_slice_attempt,
            suppress=lambda *_: skip or {},
        )
        return claimed[0] if claimed else []

    async def done(self, s: Slice, state: str = "accepted", **more: Any) -> None:
        outcomes = [
            Outcome(position=p, person_id=person, state=state, **more)
            for p, person in s.people
            if p not in s.skipped
        ]
        await self.db.write(recording.record, [(s, outcomes)], at=datetime.now(UTC))


def no_contacts(conn: Connection, ids: BitMap) -> dict[str, BitMap]:
    """Return that nobody has another contact point."""
    return {}
