"""A message to very many people, and what became of each: made by the ledger's own functions, with
nobody sent to.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from pyroaring import BitMap
from sqlalchemy import insert, select

from bench.measure import note
from bench.places import ControlRoom
from broadcast.ledger import audiences, receipts, releasing
from broadcast.ledger.attempts import new_slice_attempt
from broadcast.ledger.claims import recording, taking
from broadcast.ledger.claims.open_batches import Candidate
from broadcast.ledger.claims.outcomes import Outcome
from broadcast.ledger.claims.slices import Slice
from broadcast.ledger.claims.tables import batch
from broadcast.ledger.receipts import Receipt
from broadcast.messages.tables import version
from broadcast.messages.versions import Version
from broadcast.store.database import Connection, Database
from subscribers.registry.tables import subscriber

PROVIDER = "bench"
WORKER = "bench-worker"
_TOGETHER = 20
"""So many batches of 500 are claimed and recorded in one transaction."""
_OUTCOMES = ("accepted", "failed", "in_doubt", "refused")
_WEIGHTS = (96, 2, 1, 1)
_CODES = {"failed": ("30003", "30005", "21610"), "refused": ("20429",)}
_STOPPED = 0.01


async def publish(db: Database, people: int) -> Version:
    """Release a routine message to so many people: six of ten by text and then by mail, the others
    by mail alone, one of a hundred suppressed.
    """
    room = await ControlRoom.open(db)
    v = await room.approve(await room.submit(people - people // 100, ("sms", "email")))
    everybody = BitMap(range(1, people + 1))
    suppressed = BitMap(range(100, people + 1, 100))
    texts = BitMap([n for n in everybody if n % 10 < 6]) - suppressed
    frozen = audiences.Frozen(
        addressed=everybody,
        send={
            ("sms>email", "en"): texts,
            ("email", "en"): everybody - suppressed - texts,
        },
        suppressed={"no_channel": suppressed},
    )
    await db.write(audiences.freeze, v.id, 0, frozen, registry_as_of="0", now=datetime.now(UTC))
    told = await db.write(releasing.release, v.id, shared_contacts=lambda *_: ())
    if told != "released":
        raise RuntimeError(f"{told}, not released")
    return v


async def register(db: Database, people: int) -> None:
    """Write these people into the registry, by number and outside name alone."""
    now = datetime.now(UTC)
    for start in range(1, people + 1, 20_000):
        rows: list[dict[str, Any]] = [
            {
                "id": n,
                "external_id": f"b{n}",
                "kind": "resident",
                "created_at": now,
                "updated_at": now,
                "change": 1,
            }
            for n in range(start, min(start + 20_000, people + 1))
        ]
        await db.write(_insert, rows)


def _insert(conn: Connection, rows: list[dict[str, Any]]) -> None:
    conn.execute(insert(subscriber), rows)


async def hand_over(
    db: Database, v: Version, *, seed: int = 7, told: float = 0.1, quiet: bool = False
) -> None:
    """Claim everybody of a version and record what became of them, by a seeded die. Of so many
    slices that were taken (`told`) the provider then says that all arrived.
    """
    dice = random.Random(seed)
    waiting = await db.read(_candidates, v.id)
    for start in range(0, len(waiting), _TOGETHER):
        await db.write(_some, waiting[start : start + _TOGETHER], dice, told)
        while await db.write(receipts.merge_waiting, datetime.now(UTC)):
            pass
        if start % 400 == 0 and not quiet:
            note(f"  {start * 500:,} of {len(waiting) * 500:,} handed over")


def _candidates(conn: Connection, version_id: int) -> list[Candidate]:
    b = batch.c
    columns = (
        b.version_id,
        b.generation,
        b.status,
        b.channel,
        b.language,
        b.cause,
        b.room,
        b.severity_rank,
        b.correction,
        b.size,
        b.not_before,
        version.c.approved_at,
    )
    query = (
        select(b.id.label("batch_id"), *columns)
        .join(version, version.c.id == b.version_id)
        .where(b.version_id == version_id, b.next < b.size)
        .order_by(b.id)
    )
    return [Candidate(**row._mapping) for row in conn.execute(query)]  # noqa: SLF001 - its public name


def _some(conn: Connection, several: list[Candidate], dice: random.Random, told: float) -> None:
    now = datetime.now(UTC)

    def stopped(_: Connection, people: list[int], __: str) -> dict[int, str]:
        return {person: "stopped" for person in people if dice.random() < _STOPPED}

    for c in several:
        done = taking.claim(
            conn,
            c,
            want=c.size,
            worker=WORKER,
            attempts=new_slice_attempt,
            suppress=stopped,
            now=now,
            provider=PROVIDER,
        )
        if done is None:
            continue
        finished = [(s, list(_outcomes(s, dice, now))) for s in done[0]]
        recording.record(conn, finished, at=now)
        for s, outcomes in finished:
            if s.channel == "sms" and dice.random() < told:
                for o in outcomes:
                    if o.state == "accepted":
                        receipts.store(conn, _arrived(s, o), now)


def _outcomes(s: Slice, dice: random.Random, now: datetime) -> Iterator[Outcome]:
    for position, person in s.people:
        if position in s.skipped:
            continue
        (state,) = dice.choices(_OUTCOMES, _WEIGHTS)
        more: dict[str, Any] = {}
        if state == "accepted":
            more["provider_id"] = f"SM{s.attempt[:24]}{position:02d}"
        if state == "refused":
            more["due_at"] = now + timedelta(hours=1)
        yield Outcome(
            position=position,
            person_id=person,
            state=state,
            code=dice.choice(_CODES.get(state, ("",))),
            **more,
        )


def _arrived(s: Slice, o: Outcome) -> Receipt:
    return Receipt(
        attempt=s.attempt,
        position=o.position,
        state="delivered",
        provider_id=o.provider_id,
        provider=PROVIDER,
    )
