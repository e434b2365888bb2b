"""What was stopped at a contact point stays stopped there for whoever others bring in with it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text

from broadcast.content.model import PERSONAL_CHANNELS
from subscribers.contact import points
from subscribers.contact.keys import ring_of
from subscribers.registry import acts

_MANY: Final = 1_000
"""From so many new people on it is asked first whether anybody stopped anything."""


def newest(conn: Connection) -> int:
    """Return the highest number of a person so far; who comes in this transaction has a higher
    one.
    """
    return int(conn.execute(text("SELECT coalesce(max(id), 0) FROM subscriber")).scalar_one())


def keep(conn: Connection, last: int, new: int, now: datetime) -> int:
    """Stop, for the `new` people with numbers after `last`, each channel whose contact point
    everybody who was reached there before has stopped; return how many channels of people.

    Who said STOP there stopped everybody at that contact, and would be sent to again under another
    external id. Whoever is among the new people may start it, and so may who holds the contact.
    """
    if new >= _MANY and not _anybody_stopped(conn, last):
        return 0
    keys = ring_of(conn).in_force(conn)
    if keys is None:
        return 0
    stopped = 0
    for channel in PERSONAL_CHANNELS:
        sql = f"""SELECT n.subscriber_id FROM contact_point n
            JOIN contact_point o ON o.{keys.column} = n.{keys.column}
            JOIN subscriber s ON s.id = o.subscriber_id
            WHERE n.subscriber_id > :last AND o.subscriber_id <= :last
                AND {points.used(channel, "n")} AND {points.used(channel, "o")}
            GROUP BY n.subscriber_id
            HAVING min(CASE WHEN ';' || s.stopped || ';' LIKE :stopped THEN 1 ELSE 0 END) = 1
            ORDER BY 1"""  # noqa: S608 - constants
        found = conn.execute(text(sql), {"last": last, "stopped": f"%;{channel};%"}).scalars()
        stopped += len(acts.stop(conn, list(found), channel, "same_contact", now))
    return stopped


def _anybody_stopped(conn: Connection, last: int) -> bool:
    sql = "SELECT 1 FROM subscriber WHERE stopped <> '' AND id <= :last LIMIT 1"
    return conn.execute(text(sql), {"last": last}).first() is not None
