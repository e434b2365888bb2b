"""What became of one attempt: the states of an attempt, and which evidence beats which: a
state only moves up (rule R12).
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, case

RANK: dict[str, int] = {
    "skipped": 0,  # not sent to, decided at the claim; the code says why
    "in_doubt": 1,
    "not_started": 2,  # the worker knows that it never began: back to waiting
    "refused": 2,  # surely not taken, may be tried again
    "accepted": 3,
    "sent": 4,
    "failed": 5,  # surely not delivered, final for this attempt
    "delivered": 6,
}
"""Evidence replaces what stands only where its rank is higher. A sure refusal settles a doubt;
nothing unsettles it.
"""

LINES = (
    "waiting",
    "handing_over",
    "accepted",
    "delivered",
    "failed",
    "not_sent",
    "expired",
    "in_doubt",
)
"""The lines a control room sees; `sent` is shown as accepted."""

BEST_FIRST = (
    "delivered",
    "accepted",
    "in_doubt",
    "handing_over",
    "waiting",
    "failed",
    "expired",
    "not_sent",
)
"""A person's own line is the best of their channels."""

REACHED = ("accepted", "sent", "delivered")
MAY_HAVE_REACHED = ("in_doubt", *REACHED)

SUPPRESSION_REASONS = (
    "erased",
    "stopped",
    "no_consent",
    "discreet",
    "not_chosen",
    "provider_off",
    "below_severity",
    "quiet_hours",
    "budget",
    "no_channel",
    "duplicate_person",
    "moved_away",
    "stale",
    "withdrawn",
)
"""Why an addressed person was not sent to, in the order in which one reason is chosen."""


def rank_of(column: ColumnElement[str]) -> ColumnElement[int]:
    """Return the SQL expression of a state's rank."""
    return case(RANK, value=column, else_=-1)
