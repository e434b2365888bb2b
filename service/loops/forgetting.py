"""Deleting what is kept for so long only. Each table's own package does it; how long each kind of
data stays, and what stays for good, is the table in docs/operations.md under Retention.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

import structlog

from broadcast.answers import store as answers
from broadcast.drafts import unfinished
from broadcast.sessions import store as sessions
from broadcast.store import replies
from broadcast.store.database import Connection
from service import sign_in
from subscribers.registration import pending
from subscribers.weekly import using

log = structlog.get_logger("engine")

Step = Callable[[Connection, datetime], object]


def steps(answers_kept: timedelta | None) -> Mapping[str, Step]:
    """Return what deletes each kind of data that has been kept for its time, by name: each for a
    transaction of its own, so that none holds up another. `answers_kept`: how long words and
    senders of answers stay; None = until the person is erased.
    """
    found: dict[str, Step] = {
        "idempotency": lambda conn, now: replies.forget(conn, now - replies.KEPT),
        "weekly_use": using.forget,
        "registration": pending.forget,
        "unfinished": unfinished.forget,
        "session": partial(sessions.forget, first_stays=sign_in.KIND),
    }
    if answers_kept is not None:
        found["answer"] = partial(_answers, answers_kept)
    return found


def _answers(kept: timedelta, conn: Connection, now: datetime) -> None:
    forgotten = answers.erase_old(conn, now - kept, now)
    if forgotten:
        log.info("answers.forgotten", answers=forgotten)
