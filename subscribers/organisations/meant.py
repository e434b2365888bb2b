"""Who is meant to act for an organisation by an external id, a telephone number or an e-mail
address that somebody writes.

Names are sealed one by one, so nobody is found by name: that would open everybody's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection

from broadcast.problems import Rejected
from subscribers.contact import points
from subscribers.people_file.email_address import normalise_email
from subscribers.people_file.telephone import normalise_number
from subscribers.registry import listing

MOST_FOUND: Final = 20
"""So many people are offered at most of those who share a number or an address."""
_LONGEST: Final = 254


def meant(
    conn: Connection, written: Sequence[str], *, trial_numbers: bool
) -> dict[str, list[dict[str, Any]]]:
    """Return for each of these texts who is meant, as `listing.of_external_ids` shows them: who has
    that external id, else who has that number or address, `MOST_FOUND` of them at most; [] where
    nobody has it.
    """
    texts = [text for text in written if len(text) <= _LONGEST and text.isprintable()]
    named = {each["external_id"]: [each] for each in listing.of_external_ids(conn, texts)}
    reached = {
        text: _who_has(conn, text, trial_numbers=trial_numbers)
        for text in texts
        if text not in named
    }
    numbers = sorted({number for found in reached.values() for number in found})
    people = {each["id"]: each for each in listing.of_numbers(conn, numbers)}
    shared = {text: [people[n] for n in found if n in people] for text, found in reached.items()}
    return {text: named.get(text) or shared.get(text, []) for text in written}


def _who_has(conn: Connection, text: str, *, trial_numbers: bool) -> list[int]:
    kind = "email" if "@" in text else "phone"
    try:
        address = (
            normalise_email(text)
            if kind == "email"
            else normalise_number(text, mobile=False, allow_trial_numbers=trial_numbers)
        )
    except Rejected:  # another word than a contact: nobody has it
        return []
    return points.who_has(conn, kind, address, MOST_FOUND)
