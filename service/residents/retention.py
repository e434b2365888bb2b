"""How long what is kept of a person stays, for the pages that tell them: from the same settings
that the sweep goes by.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from broadcast.sessions import store as sessions
from broadcast.store import replies
from subscribers.registration import pending
from subscribers.weekly import using


def kinds(answers_days: int, backup_days: int) -> Mapping[str, timedelta | None]:
    """Return how long each kind of data of a person stays; None: until they delete their
    registration, or for good, as the phrase of that kind says. `answers_days`,
    `backup_days`: the settings.
    """
    days, copies = timedelta(days=answers_days), timedelta(days=backup_days)
    return {
        "you": None,
        "consents": None,
        "messages": None,
        **({"answers": days} if days else {"answers_ever": None}),
        "form": pending.LASTS,
        "codes": None,  # until the end of the next day: subscribers/registration/budgets.py
        "week": using.WEEK,
        "sessions": sessions.KEPT,
        "requests": replies.KEPT,
        "staff": None,
        "mark": None,
        **({"copies_days": copies} if copies else {"copies": None}),
    }
