"""Rows changed behind the software's back between a draft and its release: each is found, and
nobody is sent to.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pyroaring import BitMap
from sqlalchemy import delete, func, insert, select, update

from broadcast.content.model import Text
from broadcast.ledger import passes
from broadcast.ledger.attempts import new_slice_attempt
from broadcast.ledger.claims import open_batches, recording, taking
from broadcast.ledger.claims.outcomes import Outcome
from broadcast.ledger.claims.tables import batch
from broadcast.messages import resends, versions
from broadcast.messages.tables import decision, resend, version
from broadcast.messages.versions import Version
from broadcast.operators import audit, operators
from broadcast.operators.tables import audit as link
from broadcast.operators.tables import operator
from broadcast.store.database import Connection, Database
from service.commands import deciding, resending, submitting
from tests.ledger.two_persons.room import Room

Make = Callable[[Room], Awaitable[Version]]
Tamper = Callable[[Connection, Room, Version], Any]


async def drafted(room: Room) -> Version:
    return await room.draft("ada")


async def waiting(room: Room) -> Version:
    return await room.submitted("ada")


async def waiting_by_an_approver(room: Room) -> Version:
    return await room.submitted("bea")


async def approved(room: Room) -> Version:
    v = await room.submitted("ada")
    await room.approve("bea", v)
    return await room.read(v)


async def approved_and_blocked(room: Room) -> Version:
    """Approved once, and blocked since."""
    v = await approved(room)
    await room.change(v, approver_id=None)
    assert await room.context.matcher.process(v.id) == "blocked"
    return v


async def approved_and_cancelled(room: Room) -> Version:
    v = await approved(room)
    await room.context.do(deciding.cancel, await room.who("bea"), v.message_id, "over")
    return v


async def approved_and_held(room: Room) -> Version:
    v = await approved(room)
    await room.context.do(deciding.hold, await room.who("bea"), v.message_id)
    return v


async def an_exercise_by_one(room: Room) -> Version:
    room.sit_down("actual")
    v = await room.submitted("bea", status="Exercise")
    await room.approve("bea", v)
    return await room.read(v)


async def by_a_second_account(room: Room) -> Version:
    """What bea wrote by a second account, and approved while the mailbox of that one was written
    over.
    """
    made, room.tokens["other"] = await room.db.write(
        operators.add,
        name="other",
        role="author",
        area=None,
        email="other@example.org",
        now=datetime.now(UTC),
    )
    room.people["other"] = made
    v = await room.submitted("other")
    await room.approve("bea", v)
    return await room.read(v)


def unlike(conn: Connection, room: Room, _v: Version) -> None:
    conn.execute(
        update(operator)
        .where(operator.c.id == room.people["other"].id)
        .values(email="another@example.org")
    )


def sets(**values: Any) -> Tamper:
    def change(conn: Connection, _room: Room, v: Version) -> None:
        conn.execute(update(version).where(version.c.id == v.id).values(**values))

    return change


def as_approved(conn: Connection, room: Room, v: Version) -> None:
    """Write into the row all that an approval by cy would have written."""
    now = datetime.now(UTC)
    by = {
        "approver_id": room.people["cy"].id,
        "approved_at": now,
        "identifier": v.identifier or f"x-{v.id}",
        "sent": now,
    }
    sets(state="approved", shards=2, expires_at=now + timedelta(hours=4), cap=b"<x/>", **by)(
        conn, room, v
    )


def again(conn: Connection, room: Room, v: Version) -> None:
    sets(state="approved", approver_id=v.approver_id, why=None)(conn, room, v)


def with_a_decision(conn: Connection, room: Room, v: Version) -> int:
    """Forge the approval with its decision, without a link."""
    as_approved(conn, room, v)
    taken = {
        "version_id": v.id,
        "action": "approve",
        "operator_id": room.people["cy"].id,
        "at": datetime.now(UTC),
    }
    row = {
        **taken,
        "revision": v.revision,
        "content_hash": v.content_hash,
        "count": v.seen_count,
        "content": versions.canonical(v.content),
    }
    key = conn.execute(insert(decision).values(**row)).inserted_primary_key
    assert key is not None
    return int(key[0])


def with_a_link_that_does_not_hold(conn: Connection, room: Room, v: Version) -> None:
    """Forge the decision, and a link for it in the middle of the chain."""
    number = with_a_decision(conn, room, v)
    row = conn.execute(select(decision).where(decision.c.id == number)).mappings().one()
    last = conn.execute(select(link).order_by(link.c.number.desc()).limit(1)).mappings().one()
    digest = audit.decision_digest(dict(row))
    forged = {
        **last,
        "number": last["number"] + 1,
        "row_id": number,
        "action": "approve",
        "digest": digest,
        "subject": versions.subject_of(v),
        "kind": "decision",
    }
    conn.execute(
        insert(link).values(
            **{
                **forged,
                "previous": "0" * 64,
                "hash": audit.link_hash({**forged, "previous": "0" * 64}),
            }
        )
    )


def another_text_with_its_hash(conn: Connection, room: Room, v: Version) -> None:
    other = replace(v.content, languages={"en": Text(headline="Something else")})
    count, wording = v.seen_count or 0, v.wording_revision or ""
    more: dict[str, Any] = {
        name: getattr(v, name) for name in ("salt", "margin") if hasattr(v, name)
    }
    digest = versions.content_hash(
        v,
        content=other,
        resolved=v.resolved,
        count=count,
        wording_revision=wording,
        level_from=None,
        **more,
    )
    sets(content=versions.canonical(other), content_hash=digest)(conn, room, v)


def of_decisions(action: str, **values: Any) -> Tamper:
    def change(conn: Connection, _room: Room, v: Version) -> None:
        which = (decision.c.version_id == v.id, decision.c.action == action)
        conn.execute(
            update(decision).where(*which).values(**values)
            if values
            else delete(decision).where(*which)
        )

    return change


def without_the_approval(conn: Connection, room: Room, v: Version) -> None:
    """Remove the approval and its link, which was the newest."""
    of_decisions("approve")(conn, room, v)
    conn.execute(
        delete(link).where(link.c.subject == versions.subject_of(v), link.c.action == "approve")
    )


def somebody_else_wrote_it(conn: Connection, room: Room, v: Version) -> None:
    """Let the approver have written it, by the row and by the decision."""
    bea = room.people["bea"].id
    sets(author_id=bea)(conn, room, v)
    of_decisions("draft", operator_id=bea)(conn, room, v)


def one_mailbox(conn: Connection, room: Room, _v: Version) -> None:
    conn.execute(
        update(operator)
        .where(operator.c.id == room.people["ada"].id)
        .values(email="bea@example.org")
    )


def made_actual(conn: Connection, room: Room, v: Version) -> None:
    sets(status="Actual", content=versions.canonical(replace(v.content, status="Actual")))(
        conn, room, v
    )


def excused(conn: Connection, room: Room, v: Version) -> None:
    """Approve one's own Actual message, with the excuse that only an exercise has."""
    bea = room.people["bea"].id
    with_a_decision(conn, room, v)
    sets(approver_id=bea)(conn, room, v)
    of_decisions(
        "approve",
        operator_id=bea,
        why="one_person: enough for this status, because TWO_PERSON is actual",
    )(conn, room, v)


BY_HAND: dict[str, tuple[Make, Tamper, str]] = {
    "state set to approved on a draft": (drafted, as_approved, "content_changed"),
    "state set to approved while it waits": (waiting, as_approved, "not_approved"),
    "all as it was approved, on what was blocked": (approved_and_blocked, again, "not_approved"),
    "all as it was approved, on what was cancelled": (
        approved_and_cancelled,
        again,
        "not_approved",
    ),
    "all as it was approved, on what is held": (approved_and_held, again, "not_resumed"),
    "an approval without a link": (waiting, with_a_decision, "decisions_changed"),
    "an approval with a link that does not follow": (
        waiting,
        with_a_link_that_does_not_hold,
        "decisions_changed",
    ),
    "an approver forged": (
        approved,
        lambda c, r, v: sets(approver_id=r.people["cy"].id)(c, r, v),
        "approver_differs",
    ),
    "no approver": (approved, sets(approver_id=None), "approver_differs"),
    "a submitter forged": (
        approved,
        lambda c, r, v: sets(submitter_id=r.people["dot"].id)(c, r, v),
        "submitter_differs",
    ),
    "no submitter": (approved, sets(submitter_id=None), "submitter_differs"),
    "the approver as author": (
        approved,
        lambda c, r, v: sets(author_id=r.people["bea"].id)(c, r, v),
        "same_person",
    ),
    "the approver as editor": (
        approved,
        lambda c, r, v: sets(editors=json.dumps([r.people["bea"].id]))(c, r, v),
        "same_person",
    ),
    "the approver as author, by the decision too": (
        approved,
        somebody_else_wrote_it,
        "decisions_changed",
    ),
    "one mailbox for both": (approved, one_mailbox, "same_person"),
    "another mailbox of the approver, who wrote it by a second account": (
        by_a_second_account,
        unlike,
        "account_changed",
    ),
    "another text": (
        approved,
        lambda c, r, v: sets(content=versions.canonical(replace(v.content, severity="Minor")))(
            c, r, v
        ),
        "content_changed",
    ),
    "another text with a hash that fits": (approved, another_text_with_its_hash, "not_approved"),
    "another text in the approval": (
        approved,
        of_decisions("approve", content="{}"),
        "decisions_changed",
    ),
    "another time of the approval": (
        approved,
        of_decisions("approve", at=datetime(2020, 1, 1, tzinfo=UTC)),
        "decisions_changed",
    ),
    "a draft by somebody else": (
        approved,
        of_decisions("draft", operator_id=None),
        "decisions_changed",
    ),
    "the submission removed": (approved, of_decisions("submit"), "decisions_changed"),
    "the draft removed": (approved, of_decisions("draft"), "decisions_changed"),
    "the approval removed": (approved, of_decisions("approve"), "decisions_changed"),
    "the approval removed with its link": (approved, without_the_approval, "not_approved"),
    "an exercise by one person made Actual": (an_exercise_by_one, made_actual, "content_changed"),
    "one's own text excused as if it were an exercise": (
        waiting_by_an_approver,
        excused,
        "decisions_changed",
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
async def test_a_row_changed_by_hand_blocks_the_release_with_its_reason(
    db: Database, name: str
) -> None:
    make, tamper, reason = BY_HAND[name]
    room = await Room.make(db)
    v = await make(room)
    await db.write(tamper, room, v)
    assert await room.batches() == 0
    now = await room.read(v)
    assert (now.state, (now.why or "").partition(":")[0]) == ("blocked", reason), now.why
    assert await room.claimed() == []


async def test_what_nobody_touched_is_released_and_an_exercise_by_one_is_excused(
    db: Database,
) -> None:
    room = await Room.make(db)
    await approved(room)
    await an_exercise_by_one(room)
    assert await room.batches() == 2


async def test_what_was_held_and_let_go_on_is_released(db: Database) -> None:
    room = await Room.make(db)
    v = await approved_and_held(room)
    assert await room.batches() == 0
    await room.context.do(deciding.resume, await room.who("cy"), v.message_id)
    assert await room.batches() == 1


@pytest.mark.parametrize("state", ["live", "held"])
async def test_a_state_of_live_or_held_written_by_hand_sends_to_nobody(
    db: Database, state: str
) -> None:
    room = await Room.make(db)
    v = await waiting(room)
    await db.write(as_approved, room, v)
    await room.change(
        v,
        state=state,
        live_at=datetime.now(UTC),
        resume_state="live" if state == "held" else None,
        generation=1,
    )
    if state == "held":
        await room.context.do(deciding.resume, await room.who("cy"), v.message_id)
    assert await room.batches() == 0
    assert await room.claimed() == []


async def test_what_was_blocked_is_released_by_a_new_approval(db: Database) -> None:
    room = await Room.make(db)
    v = await approved(room)
    await room.change(v, approver_id=room.people["cy"].id)
    assert await room.batches() == 0
    assert (await room.read(v)).state == "blocked"
    v, _ = await room.context.do(submitting.submit, await room.who("ada"), v.message_id)
    await room.approve("bea", v)
    assert await room.batches() == 1


async def ordered(room: Room) -> tuple[Version, str]:
    """Order a resend to everybody whom a message did not reach; return its digest too."""
    v = await room.live()
    (c,) = await room.db.read(
        open_batches.candidates, "routine", "sms", ("Actual",), datetime.now(UTC)
    )
    claimed = await room.db.write(
        taking.claim, c, want=32, worker="w", attempts=new_slice_attempt, suppress=lambda *_: {}
    )
    assert claimed is not None
    for s in claimed[0]:
        failed = [Outcome(position=p, person_id=i, state="failed", code="1") for p, i in s.people]
        await room.db.write(recording.record, [(s, failed)], at=datetime.now(UTC))
    await room.context.do(resending.resend, await room.who("ops"), v.message_id, ("failed",))
    order = await room.db.read(resends.waiting, v.message_id)
    assert order is not None
    return v, order.digest or ""


def all_people(conn: Connection, _room: Room, _v: Version) -> None:
    packed = passes.pack({"sms": BitMap(range(1, 41))})
    conn.execute(update(resend).values(members=packed, people=40))


def of_order(**values: Any) -> Tamper:
    return lambda conn, _room, _v: conn.execute(update(resend).values(**values))


RESENDS: dict[str, tuple[bool, Tamper]] = {
    "approved by hand": (False, of_order(state="approved", approved_by=3)),
    "more people after the approval": (True, all_people),
    "another order's digest": (True, of_order(digest="0" * 64)),
    "another approver": (True, lambda c, r, v: of_order(approved_by=r.people["cy"].id)(c, r, v)),
    "another orderer": (True, lambda c, r, v: of_order(ordered_by=r.people["ops_bea"].id)(c, r, v)),
    "the approval removed": (True, of_decisions("approve_resend")),
    "the order removed": (True, of_decisions("resend")),
    "one mailbox for both": (
        True,
        lambda c, r, _: c.execute(
            update(operator)
            .where(operator.c.id == r.people["ops"].id)
            .values(email="BEA@example.org")
        ),
    ),
}


@pytest.mark.parametrize("name", RESENDS)
async def test_a_resend_changed_by_hand_is_not_made(db: Database, name: str) -> None:
    with_approval, tamper = RESENDS[name]
    room = await Room.make(db)
    v, digest = await ordered(room)
    before = await room.db.read(
        lambda conn: conn.execute(select(func.count()).select_from(batch)).scalar_one()
    )
    if with_approval:
        await room.approve("bea", v, digest)
    await db.write(tamper, room, v)
    assert await room.batches() == before
    why = await db.read(
        lambda conn: (
            conn.execute(select(decision.c.why).where(decision.c.action == "block_resend"))
            .scalars()
            .all()
        )
    )
    assert len(why) == 1


async def test_a_resend_that_nobody_touched_is_made(db: Database) -> None:
    room = await Room.make(db)
    v, digest = await ordered(room)
    await room.approve("bea", v, digest)
    assert await room.batches() == 2
