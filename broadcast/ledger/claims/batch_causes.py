"""Why a batch was made, and what its cause allows: a repeat, people in doubt, another contact."""

from __future__ import annotations


def retry_of(cause: str) -> str:
    """Return the cause of a further try of a batch: what was allowed to the first by a person's
    order, or by danger to life, is to the second.
    """
    plain = cause.removeprefix("retry_")
    return f"retry_{plain}" if plain in ("resend", "resend_in_doubt", "other_contact") else "retry"


def repeats(cause: str) -> bool:
    """Return whether a person ordered this attempt although there was one before: it is marked
    REPEAT.
    """
    return "resend" in cause


def repeats_doubts(cause: str) -> bool:
    """Return whether it was ordered for those in doubt, so that only a sure arrival stops it."""
    return cause.endswith("resend_in_doubt")


def any_contact(cause: str) -> bool:
    """Return whether a contact point counts although it was not chosen."""
    return cause.endswith("other_contact")
