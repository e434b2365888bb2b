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
"""From so many new people on it is asked first whether anybody stopped anything, and so many are
stopped in one statement.
"""


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
    if new >= _MANY:
        if not _anybody_stopped(conn, last):
            return 0
        if conn.dialect.name == "postgresql":
            # it knows nothing yet of what this transaction wrote, and would look through all of it
            # for each of them
            conn.execute(text("ANALYZE contact_point"))
            conn.execute(text("ANALYZE subscriber"))
    keys = ring_of(conn).in_force(conn)
    if keys is None:
        return 0
    mark = keys.column
    # of many people first the contact points that somebody stopped; of few their own
    some = f""" AND n.{mark} IN (SELECT b.{mark} FROM subscriber t
        JOIN contact_point b ON b.subscriber_id = t.id
        WHERE t.id <= :last AND ';' || t.stopped || ';' LIKE :stopped)"""  # noqa: S608 - a column of ours
    stopped = 0
    for channel in PERSONAL_CHANNELS:
        sql = f"""SELECT n.subscriber_id FROM contact_point n
            JOIN contact_point o ON o.{mark} = n.{mark}
            JOIN subscriber s ON s.id = o.subscriber_id
            WHERE n.subscriber_id > :last AND o.subscriber_id <= :last{some if new >= _MANY else ""}
                AND {points.used(channel, "n")} AND {points.used(channel, "o")}
            GROUP BY n.subscriber_id
            HAVING min(CASE WHEN ';' || s.stopped || ';' LIKE :stopped THEN 1 ELSE 0 END) = 1
            ORDER BY 1"""  # noqa: S608 - constants
        bound = {"last": last, "stopped": f"%;{channel};%"}
        found = conn.execute(text(sql), bound).scalars().all()
        for page in (found[at : at + _MANY] for at in range(0, len(found), _MANY)):
            stopped += len(acts.stop(conn, page, channel, "same_contact", now))
    return stopped


def _anybody_stopped(conn: Connection, last: int) -> bool:
    sql = "SELECT 1 FROM subscriber WHERE stopped <> '' AND id <= :last LIMIT 1"
    return conn.execute(text(sql), {"last": last}).first() is not None
