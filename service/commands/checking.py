"""What looks at the whole record: bounded in time, and one at a time, for it may be asked for over
HTTP while messages go out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from broadcast.deadline import Deadline, held_to
from broadcast.problems import Rejected, refuse
from broadcast.store.database import Connection
from service.commands.context import Context

T = TypeVar("T")

SECONDS = 10.0


async def held(
    context: Context, work: Callable[[Connection], T], *, by_hand: str, seconds: float = SECONDS
) -> T:
    """Return what the work reads. Raises Rejected: what the work refuses; 503 busy where another
    such check is under way; 422 too_costly where it takes longer, `by_hand` names the command that
    may take its time.
    """
    if context.checking.locked():
        raise refuse(
            "busy",
            "another check of the record is under way",
            "try again in a moment",
            status=503,
        )
    deadline = Deadline(seconds)

    def bounded(conn: Connection) -> T:
        with held_to(deadline):
            return work(conn)

    async with context.checking:
        try:
            return await context.db.read(bounded)
        except Rejected as rejected:
            if rejected.problems[0].code != "too_costly":
                raise
            raise refuse(
                "too_costly",
                f"the record is too long to check in {seconds:g} s",
                f"run `{by_hand}` on the machine",
                status=422,
            ) from None
        finally:  # whoever asked may have gone: the work ends at its next step
            deadline.expire()
