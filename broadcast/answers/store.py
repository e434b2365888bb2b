"""Answers as rows: kept once, acknowledged once, listed without words, handed out sealed,
erased.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, func, insert, or_, select, update

from broadcast.answers.tables import answer
from broadcast.events import outbox
from broadcast.events.topics import RECEIPTS, topic_for
from broadcast.messages.tables import version
from broadcast.problems import Rejected, refuse
from broadcast.store.database import lock_name

KEY_LETTERS: Final = 12
"""With how many letters a sender's mark says which key made it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """An answer to keep; `sealed` holds its words and its sender, and nothing else here does."""

    channel: str
    kind: str
    provider: str
    provider_id: str
    joined: str
    status: str
    simulated: bool = False
    message_id: int | None = None
    version_id: int | None = None
    attempt: str | None = None
    person_id: int | None = None
    mark: str = field(default="", repr=False)
    urgent: bool = False
    key_id: str
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What became of it: its number, whether it is new, and whether this one is acknowledged."""

    id: int
    fresh: bool
    acknowledge: bool
    urgent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer as it may be listed: no words, no number."""

    id: int
    at: datetime
    channel: str
    kind: str
    joined: str
    message_id: int | None
    version: int | None
    status: str
    simulated: bool
    person: int | None
    urgent: bool
    acknowledged: bool
    read: bool
    erased: bool
    key_id: str
    sealed: bytes | None = field(repr=False)

    def shown(self) -> dict[str, Any]:
        """Return what a list tells of it."""
        return {
            "id": self.id,
            "at": self.at.isoformat(),
            "message": self.message_id,
            "version": self.version,
            "joined": self.joined,
            "status": self.status,
            "simulated": self.simulated,
            "channel": self.channel,
            "kind": self.kind,
            "person": self.person,
            "urgent": self.urgent,
            "acknowledged": self.acknowledged,
            "read": self.read,
            "erased": self.erased,
        }


def keep(conn: Connection, new: New, now: datetime, *, may_acknowledge: bool) -> Kept:
    """Keep an answer with its event, once for its provider's id.

    The first of a number for a message is the one to acknowledge, of unsorted ones the first on
    each day (UTC). The same answer told again is acknowledged as it was the first time: a provider
    repeats where our answer did not come back to it.
    """
    digest = _sha("answer", new.provider, new.provider_id)
    about = new.message_id if new.message_id is not None else f"{now:%Y-%m-%d}"
    sender = new.mark or digest
    lock_name(conn, f"answer {_sha(sender)[:16]}")  # two texts of one number at once
    known = conn.execute(select(answer).where(answer.c.digest == digest)).first()
    if known is not None:
        return Kept(
            id=known.id, fresh=False, acknowledge=known.ack_key is not None, urgent=known.urgent
        )
    ack_key = _sha("ack", sender, str(about)) if may_acknowledge else None
    if (
        ack_key is not None
        and conn.execute(select(answer.c.id).where(answer.c.ack_key == ack_key)).first()
    ):
        ack_key = None
    row = {
        "at": now,
        "digest": digest,
        "ack_key": ack_key,
        **{
            name: getattr(new, name)
            for name in (
                "channel",
                "kind",
                "joined",
                "message_id",
                "version_id",
                "attempt",
                "status",
                "simulated",
                "person_id",
                "mark",
                "urgent",
                "key_id",
                "sealed",
            )
        },
    }
    number = int(conn.execute(insert(answer).values(**row).returning(answer.c.id)).scalar_one())
    event = {
        "answer": number,
        "message": new.message_id,
        "version_id": new.version_id,
        "joined": new.joined,
        "channel": new.channel,
        "kind": new.kind,
        "urgent": new.urgent,
    }
    topic = topic_for(RECEIPTS, "Exercise" if new.simulated else new.status)
    outbox.append(conn, topic, f"answer {number}", "answer.received", event, at=now)
    return Kept(id=number, fresh=True, acknowledge=ack_key is not None, urgent=new.urgent)


def is_kept(conn: Connection, provider: str, provider_id: str) -> bool:
    """Return whether an answer is there already, by its provider's id."""
    digest = _sha("answer", provider, provider_id)
    return conn.execute(select(answer.c.id).where(answer.c.digest == digest)).first() is not None


def of_message(conn: Connection, message_id: int, after: int, limit: int) -> list[Answer]:
    """Return the answers to a message behind number `after`, the oldest first."""
    return _page(conn, _rows().where(answer.c.message_id == message_id), after, limit)


def unsorted(conn: Connection, after: int, limit: int) -> list[Answer]:
    """Return the answers that belong to no message, behind number `after`, the oldest first."""
    return _page(conn, _rows().where(answer.c.message_id.is_(None)), after, limit)


def of_person(conn: Connection, person: int) -> list[Answer]:
    """Return the answers that this person alone can have sent, the oldest first."""
    rows = conn.execute(_rows().where(answer.c.person_id == person).order_by(answer.c.id))
    return [_answer(row) for row in rows]


def one(conn: Connection, number: int) -> Answer:
    """Return an answer; raises Rejected (404 answer_unknown)."""
    row = conn.execute(_rows().where(answer.c.id == number)).first()
    if row is None:
        raise unknown()
    return _answer(row)


def message_of(conn: Connection, version_id: int) -> int:
    """Return the message that a version is of."""
    query = select(version.c.message_id).where(version.c.id == version_id)
    return int(conn.execute(query).scalar_one())


def unknown() -> Rejected:
    """Return (to be raised) that there is no such answer."""
    return refuse(
        "answer_unknown",
        "there is no such answer",
        "see `fasttime answers list`",
        field="answer",
        status=404,
    )


def mark_read(conn: Connection, number: int, now: datetime) -> None:
    """Remember when somebody first read it."""
    unread = (answer.c.id == number) & answer.c.first_read_at.is_(None)
    conn.execute(update(answer).where(unread).values(first_read_at=now))


def counts(conn: Connection, message_id: int) -> dict[str, int]:
    """Return how many answers a message has: in all, urgent, urgent and not read by anybody."""
    urgent = func.sum(answer.c.urgent.cast(_INTEGER))
    open_ = answer.c.urgent & answer.c.first_read_at.is_(None) & answer.c.erased_at.is_(None)
    row = conn.execute(
        select(func.count(), urgent, func.sum(open_.cast(_INTEGER))).where(
            answer.c.message_id == message_id
        )
    ).one()
    return {"answers": row[0], "urgent": int(row[1] or 0), "urgent_unread": int(row[2] or 0)}


def urgent_unread(conn: Connection) -> dict[int | None, int]:
    """Return how many urgent answers nobody has read yet, by message; None are the unsorted.
    Answers by the simulator are not among them.
    """
    waiting = (
        answer.c.urgent
        & answer.c.first_read_at.is_(None)
        & answer.c.erased_at.is_(None)
        & ~answer.c.simulated
    )
    query = select(answer.c.message_id, func.count()).where(waiting).group_by(answer.c.message_id)
    return {row[0]: row[1] for row in conn.execute(query)}


def marked_with(conn: Connection) -> list[str]:
    """Return the ids of the keys by which the senders of answers are marked."""
    return sorted(marks_by_key(conn))


def marks_by_key(conn: Connection) -> dict[str, int]:
    """Return how many answers have a sender that is marked with which key, by its id."""
    key_id = func.substr(answer.c.mark, 1, KEY_LETTERS)
    query = select(key_id, func.count()).where(answer.c.mark != "").group_by(key_id)
    return {row[0]: row[1] for row in conn.execute(query)}


def erase(
    conn: Connection, now: datetime, *, marks: Collection[str] = (), person: int | None = None
) -> int:
    """Erase the words and the sender of every answer from these numbers (`marks`, as
    `service.answers.keeping.mark_of` makes them) or of this person; return of how many.

    That there was an answer, when, and to which message stays: counts and the account still add up.
    """
    theirs: ColumnElement[bool] = answer.c.mark.in_([mark for mark in marks if mark])
    if person is not None:
        theirs = or_(theirs, answer.c.person_id == person)
    gone = {"sealed": None, "mark": "", "person_id": None, "erased_at": now}
    return conn.execute(
        update(answer).where(theirs, answer.c.erased_at.is_(None)).values(**gone)
    ).rowcount


def erase_old(conn: Connection, before: datetime, now: datetime, most: int = 1_000) -> int:
    """Erase the words and the sender of answers that came before a moment, the oldest first and so
    many at most; return of how many. As for `erase`, that there was one stays.
    """
    old = select(answer.c.id).where(answer.c.at < before, answer.c.erased_at.is_(None))
    gone = {"sealed": None, "mark": "", "person_id": None, "erased_at": now}
    chosen = answer.c.id.in_(old.order_by(answer.c.id).limit(most).scalar_subquery())
    return conn.execute(update(answer).where(chosen).values(**gone)).rowcount


_INTEGER = answer.c.id.type


def _rows() -> Select[Any]:
    return select(answer, version.c.number.label("number")).outerjoin(
        version, version.c.id == answer.c.version_id
    )


def _page(conn: Connection, query: Select[Any], after: int, limit: int) -> list[Answer]:
    found = query.where(answer.c.id > after).order_by(answer.c.id).limit(limit)
    return [_answer(row) for row in conn.execute(found)]


def _answer(row: Row[Any]) -> Answer:
    return Answer(
        id=row.id,
        at=row.at,
        channel=row.channel,
        kind=row.kind,
        joined=row.joined,
        message_id=row.message_id,
        version=row.number,
        status=row.status,
        simulated=bool(row.simulated),
        person=row.person_id,
        urgent=bool(row.urgent),
        acknowledged=row.ack_key is not None,
        read=row.first_read_at is not None,
        erased=row.erased_at is not None,
        key_id=row.key_id,
        sealed=row.sealed,
    )


def _sha(*parts: str) -> str:
    return hashlib.sha256("|".join(parts).encode()).hexdigest()
