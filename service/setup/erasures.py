"""Who was erased, as a list of keyed marks to be kept apart from every backup; after a restore of
an older one they are erased again by it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from broadcast.operators import operators
from broadcast.problems import Rejected, refuse
from broadcast.store import plain_rows
from broadcast.store.database import Connection
from service.setup import people
from service.setup.who import Who, allowed
from subscribers.contact import erased, moving
from subscribers.contact.tables import erased_mark

WHY = "erased before, and brought back by a restore"


def listed(conn: Connection) -> Iterator[str]:
    """Yield the marks of everybody erased, a line of JSON each. Nobody without the contact keys can
    tell whom they stand for.
    """
    for row in moving.erased(conn):
        yield json.dumps({name: plain_rows.to_json(value) for name, value in row.items()}) + "\n"


def erase_again(
    conn: Connection, who: Who, lines: Iterable[str | bytes], now: datetime
) -> dict[str, Any]:
    """Erase again whom a list names and a restore brought back, and keep the marks that it took
    away; return {marks, erased: numbers}. In one transaction; a second time it does nothing.

    Somebody is known by their number and the mark of their external id together. Raises Rejected:
    422 erased_list_wrong; contact_key_missing where a key that made marks is not here.
    """
    actor = allowed(conn, who, everywhere=True)
    rows = list(_read(lines))
    back = erased.back(conn, rows)
    for person in back:
        people.erase_known(conn, actor, person, WHY, now)
    added = erased.add_missing(conn, rows)
    operators.log_admin(
        conn,
        actor=actor,
        action="subscribers.erase_again",
        subject="list",
        detail=f"marks={len(rows)} added={added} erased={len(back)}",
        now=now,
    )
    return {"marks": len(rows), "erased": back}


def _read(lines: Iterable[str | bytes]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, 1):
        try:
            said = json.loads(line)
            if set(said) != set(moving.ERASED):
                raise _wrong(number)
            yield plain_rows.from_json(erased_mark, list(said), list(said.values()))
        except (ValueError, TypeError):
            raise _wrong(number) from None


def _wrong(number: int) -> Rejected:
    return refuse(
        "erased_list_wrong",
        f"line {number} is no mark of somebody erased",
        "give a file that `fasttime subscribers erased` wrote",
        field="FILE",
    )
