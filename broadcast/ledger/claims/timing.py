"""How long the ledger waits: from claim to deadline, in doubt, between tries; how many tries."""

from __future__ import annotations

from datetime import timedelta

SETTLING = timedelta(seconds=20)
"""Danger to life: another contact point is tried after this long in doubt."""
HAND_OVER_SECONDS = 20.0
"""From claim to deadline: no attempt of a slice starts later than this minus its time-out
(rule R16).
"""
MAX_TRIES = 12


def backoff(tries: int) -> timedelta:
    """Return the wait before a sure refusal is tried again: 5 s, then doubling, 5 minutes at
    most.
    """
    return timedelta(seconds=min(300, 5 * 2 ** min(tries, 6)))
