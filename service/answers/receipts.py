"""What a provider reports of an attempt: kept, with the opt-out that it may tell of, in one
transaction. Who reports was proven before (`console/server/hooks.py`).
"""

from __future__ import annotations

import re
from datetime import datetime

from broadcast.ledger import attempt_look_up, receipts
from broadcast.ledger.receipts import Receipt
from broadcast.problems import refuse
from broadcast.store.database import Connection
from channels.twilio.callbacks import StatusReceipt
from subscribers.registry import acts, reached

STOPPED = "21610"
"""The person stopped at Twilio itself: https://www.twilio.com/docs/api/errors/21610"""
REAL, SIMULATED = ("Actual", "Exercise"), ("Test", "Exercise")
"""Which CAP statuses a real account tells of, and which the simulator: exercises with senders of
their own are real.
"""


def keep(
    conn: Connection,
    attempt: str,
    position: int,
    told: StatusReceipt,
    to: str,
    now: datetime,
    *,
    provider: str = "",
    simulated: bool = False,
) -> bool:
    """Keep a receipt, and the opt-out it may tell of; return whether its attempt is known. The same
    receipt again changes nothing.

    The simulator stops nobody. Raises Rejected (403 account_mismatch) where the account does not
    send messages of this status.
    """
    assert told.state is not None
    handed = attempt_look_up.handed(conn, attempt, position)
    if handed is not None:
        check_world(handed.status, simulated=simulated)
    source = receipts.SIMULATOR if simulated else "callback"
    fresh = receipts.store(
        conn,
        Receipt(
            attempt=attempt,
            position=position,
            state=told.state,
            code=told.code,
            provider_id=told.provider_id,
            source=source,
            provider=provider,
        ),
        now,
    )
    if fresh and told.code == STOPPED and handed is not None and not simulated:
        acts.stop(conn, sorted({handed.person, *_people_at(conn, to)}), "sms", "provider", now)
    return handed is not None


def check_world(status: str, *, simulated: bool) -> None:
    """Raise Rejected where a real account tells of a test, or the simulator of a real message."""
    if status not in (SIMULATED if simulated else REAL):
        raise refuse(
            "account_mismatch",
            f"this account does not send what has status {status}",
            "it tells of its own messages only",
            field="AccountSid",
            status=403,
        )


def _people_at(conn: Connection, number: str) -> list[int]:
    """Return who has a number; nobody where it is no number."""
    if not re.fullmatch(r"\+[0-9]{5,15}", number, re.ASCII):
        return []
    return reached.persons_with_address(conn, "sms", number)
