"""People found one by one by who sets up: by external id, number or address, masked, on record."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from broadcast.operators import look_ups, operators
from broadcast.problems import refuse
from broadcast.store.database import Connection
from service.setup.who import Who, record_look_up
from subscribers.organisations import meant

MOST_WRITTEN: Final = 200
"""So many texts are looked for in one call."""


def check(written: object) -> list[str]:
    """Return the texts that a program sent; raises Rejected (written_missing, field_type,
    too_many).
    """
    field = "written"
    if written is None or written in ("", []):
        fix = "write an external id, a telephone number or an e-mail address"
        raise refuse("written_missing", "nothing is written", fix, field=field)
    if not isinstance(written, list) or not all(isinstance(text, str) for text in written):
        raise refuse("field_type", "written is no list", "write a list of texts", field=field)
    if len(written) > MOST_WRITTEN:
        detail = f"more than {MOST_WRITTEN} are written"
        raise refuse("too_many", detail, "ask for fewer at a time", field=field)
    return [text.strip() for text in written]


def told(found: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return as JSON who was found for each text: {found: [{written, people}]}."""
    return {"found": [{"written": text, "people": people} for text, people in found.items()]}


def find(
    conn: Connection,
    who: Who,
    written: Sequence[str],
    *,
    trial_numbers: bool,
    now: datetime,
) -> dict[str, list[dict[str, Any]]]:
    """Return for each of these texts who is meant, masked, as `subscribers.organisations.meant`
    does; for the machine's administrator, and for administrators without area. On record by the
    numbers of who was found, never by what was written. Raises Rejected: 403 wrong_role,
    area_bound; 429 look_ups_limited.
    """
    if not isinstance(who, str):
        who = operators.still(conn, who, "administer")
        operators.require_everywhere(who, "whom a number or an address means may live anywhere")
        look_ups.check(conn, who, look_ups.FOUND, now)
    found = meant.meant(conn, written, trial_numbers=trial_numbers)
    ids = sorted({each["id"] for people in found.values() for each in people})
    subject = f"{len(ids)} people"
    detail = f"masked: {', '.join(map(str, ids))}" if ids else ""
    record_look_up(conn, who, look_ups.FOUND, subject=subject, detail=detail, now=now)
    return found
