"""People found one by one by who sets up: by external id, number or address, masked, on record."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from broadcast.operators import look_ups, operators
from broadcast.operators.operators import Operator
from broadcast.store.database import Connection
from subscribers.organisations import meant


def find(
    conn: Connection,
    actor: Operator,
    written: Sequence[str],
    *,
    trial_numbers: bool,
    now: datetime,
) -> dict[str, list[dict[str, Any]]]:
    """Return for each of these texts who is meant, masked, as `subscribers.organisations.meant`
    does; for administrators without area. On record by the numbers of who was found, never by what
    was written. Raises Rejected: 403 wrong_role, area_bound; 429 look_ups_limited.
    """
    actor = operators.still(conn, actor, "administer")
    operators.require_everywhere(actor, "who acts for an organisation may live anywhere")
    look_ups.check(conn, actor, look_ups.FOUND, now)
    found = meant.meant(conn, written, trial_numbers=trial_numbers)
    ids = sorted({each["id"] for people in found.values() for each in people})
    look_ups.record(
        conn,
        actor,
        look_ups.FOUND,
        subject=f"{len(ids)} people",
        detail=f"masked: {', '.join(map(str, ids))}" if ids else "",
        now=now,
    )
    return found
