"""Looking after the machine: what was put aside is closed by an administrator, who says why, or
handed to its processor again; what is kept for looking is thrown away where it is not what the
outcomes say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from broadcast.events import dead_letters
from broadcast.events.dead_letters import DeadLetter
from broadcast.ledger.claims import open_batches
from broadcast.ledger.kept import folding
from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.problems import refuse
from broadcast.store.database import Connection
from service.setup.people import check_reason
from service.setup.who import Who, allowed


def close_dead_letter(
    conn: Connection, who: Who, number: int, *, why: str, now: datetime
) -> DeadLetter:
    """Close what was put aside. Raises Rejected: why_missing, 403 wrong_role, and what
    `dead_letters.close` raises.
    """
    said = check_reason(why, "why")
    actor = allowed(conn, who, everywhere=True)
    closed = dead_letters.close(conn, number, by=actor, why=said, now=now)
    operators.log_admin(
        conn,
        actor=actor,
        action="dead_letters.close",
        subject=str(number),
        detail=f"{closed.what} {closed.key}: {said}",
        now=now,
    )
    return closed


def retry_dead_letter(conn: Connection, who: Who, number: int, *, now: datetime) -> DeadLetter:
    """Hand what was put aside to its processor again. The letter is closed by it, and the audit
    chain says so, in the same transaction as the event that wakes the processor: whoever dies
    before has done nothing, and the event is handed on however often anybody dies after. What
    fails again is put aside under a new number, so a retry is done once and hides nothing.

    Raises Rejected: 403 wrong_role, what `dead_letters.close` raises, 409 dead_letter_notice
    (nothing failed, so nothing can be tried again), dead_letter_over (nobody waits for it now).
    """
    actor = allowed(conn, who, everywhere=True)
    closed = dead_letters.close(conn, number, by=actor, why=dead_letters.HANDED_OVER, now=now)
    hand_over = PROCESSORS.get(closed.what)
    if hand_over is None:
        raise refuse(
            "dead_letter_notice",
            "this is a notice: nothing failed that could be tried again",
            "look into it, then close it and say what you found",
            status=409,
        )
    if not hand_over(conn, closed, now):
        raise refuse(
            "dead_letter_over",
            "nobody waits for it now: the message has ended or is held, or everybody was sent to",
            "close it and say so; a message that is resumed is tried again by itself",
            status=409,
        )
    operators.log_admin(
        conn,
        actor=actor,
        action="dead_letters.retry",
        subject=str(number),
        detail=f"{closed.what} {closed.key}",
        now=now,
    )
    return closed


def _lay_out_again(conn: Connection, letter: DeadLetter, now: datetime) -> bool:
    """Have the senders lay out a text again now, not only when their 30 seconds are over."""
    version_id, _, text = letter.key.partition("/")
    channel, _, language = text.partition("/")
    if not version_id.isdigit():
        return False
    return open_batches.announce_again(conn, int(version_id), channel, language, letter.id, now)


PROCESSORS: Final[dict[str, Callable[[Connection, DeadLetter, datetime], bool]]] = {
    dead_letters.RENDER_FAILED: _lay_out_again,
}
"""How each kind of dead letter is handed over again: False where nobody waits for it. What is not
here is a notice.
"""


def forget_kept(
    conn: Connection, who: Who, v: Version, found: Sequence[str], *, now: datetime
) -> None:
    """Throw away what is kept of a version, in which these differences were found; it is made anew.
    Raises Rejected: 403 wrong_role.
    """
    actor = allowed(conn, who, everywhere=True)
    folding.forget(conn, v.id)
    operators.log_admin(
        conn,
        actor=actor,
        action="deliveries.recount",
        subject=str(v.message_id),
        detail=f"version={v.number}: {len(found)} differences, the first: {found[0]}",
        now=now,
    )
