"""Answers already given to requests that name an Idempotency-Key, kept in the transaction of the
act that they tell of.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from broadcast.problems import refuse
from broadcast.store.tables import idempotency

TAKE_OVER_AFTER = timedelta(seconds=60)
"""A reservation this old belongs to a process that died, or to one that is stuck: another request
may take it over. Either way the act is done once: the answer is stored in the act's own
transaction, and only for who still holds the reservation.
"""

IN_FLIGHT = "key_in_flight"
"""The code of the refusal of a request that is being answered already."""

KEPT = timedelta(hours=24)
"""How long an answer is given again; after that the key is as good as new."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it was given: HTTP status and body, byte for byte."""

    status: int
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """The right to answer one key of one operator. `at` tells it from an earlier one that was taken
    over.
    """

    operator_id: int
    key: str
    at: datetime


def reserve(
    conn: Connection, *, operator_id: int, key: str, digest: str, now: datetime
) -> Reply | Reservation:
    """Return the answer that was given already, or the right to give it.

    Raises Rejected: 422 key_reused (another request had this key), 409 key_in_flight (it is being
    answered at this moment).
    """
    into: Any = (
        pg_insert(idempotency) if conn.dialect.name == "postgresql" else sqlite_insert(idempotency)
    )
    mine = Reservation(operator_id=operator_id, key=key, at=now)
    if (
        conn.execute(
            into.values(
                operator_id=operator_id, key=key, digest=digest, at=now
            ).on_conflict_do_nothing()
        ).rowcount
        == 1
    ):
        return mine
    row = conn.execute(
        select(idempotency).where(
            idempotency.c.operator_id == operator_id, idempotency.c.key == key
        )
    ).one()
    if row.digest != digest:
        raise refuse(
            "key_reused",
            "this Idempotency-Key was used for another request",
            "use a new key for every new request",
            field="Idempotency-Key",
        )
    if row.status is not None:
        return Reply(row.status, row.body or "")
    stale = row.at <= now - TAKE_OVER_AFTER
    if (
        stale
        and conn.execute(
            update(idempotency)
            .where(*_held(Reservation(operator_id=operator_id, key=key, at=row.at)))
            .values(at=now)
        ).rowcount
        == 1
    ):
        return mine
    raise in_flight()


def finish(
    conn: Connection, reservation: Reservation, reply: Reply, person: int | None = None
) -> None:
    """Store the answer, and which person it is about; raises Rejected (409 key_in_flight), which
    undoes the act, where somebody took the reservation over.
    """
    if (
        conn.execute(
            update(idempotency)
            .where(*_held(reservation))
            .values(status=reply.status, body=reply.body, person=person)
        ).rowcount
        != 1
    ):
        raise in_flight()


def release(conn: Connection, reservation: Reservation) -> None:
    """Give the key back unanswered: nothing was done, and the same request may try again at
    once.
    """
    conn.execute(delete(idempotency).where(*_held(reservation)))


def replace_about(conn: Connection, person: int, reply: Reply) -> None:
    """Put another answer in the place of each that is about this person, who is erased."""
    told = update(idempotency).where(idempotency.c.person == person)
    conn.execute(told.values(status=reply.status, body=reply.body, person=None))


def forget(conn: Connection, before: datetime) -> int:
    """Delete what was reserved or answered before that time; return how many. An act still under
    way then is undone as if taken over.
    """
    return conn.execute(delete(idempotency).where(idempotency.c.at < before)).rowcount


def in_flight() -> Exception:
    """Return (to be raised) the refusal of a request that is being answered already."""
    return refuse(
        IN_FLIGHT,
        "a request with this Idempotency-Key is being answered",
        "repeat it in a moment, with the same key",
        field="Idempotency-Key",
        status=409,
    )


def _held(r: Reservation) -> tuple[Any, ...]:
    return (
        idempotency.c.operator_id == r.operator_id,
        idempotency.c.key == r.key,
        idempotency.c.status.is_(None),
        idempotency.c.at == r.at,
    )
