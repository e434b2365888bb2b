"""One unit of work: the writes of one act or of several, and what is told of them, in one
transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Concatenate, Generic, ParamSpec, TypeVar

from broadcast.messages.rooms import Guard
from broadcast.operators.operators import Operator
from broadcast.store.database import Connection, Database

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Act(Generic[T]):
    """What a command still has to write once everything slow is done.

    `write` takes the connection of a transaction, checks again there what the act was allowed on,
    and raises Rejected where that no longer holds. Nothing is done until it is committed.
    """

    write: Callable[[Connection], T]


def guarded(
    guard: Guard,
    write: Callable[Concatenate[Connection, Operator, P], T],
    *args: P.args,
    **more: P.kwargs,
) -> Act[T]:
    """Return the act that writes this, after a look in its own transaction at what allowed it: the
    operator, the areas and the text as they stand there.
    """
    return Act(lambda conn: write(conn, guard.check(conn), *args, **more))


async def commit(db: Database, act: Act[T]) -> T:
    """Do an act; raises Rejected, and then nothing was written."""
    return await db.write(act.write)


async def commit_all(db: Database, acts: Sequence[Act[T]]) -> list[T]:
    """Do several acts in one transaction, in this order: all of them, or none (Rejected)."""

    def write(conn: Connection) -> list[T]:
        return [act.write(conn) for act in acts]

    return await db.write(write)
