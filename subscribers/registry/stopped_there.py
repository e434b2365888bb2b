"""What was stopped at a contact point stays stopped there for whomever others bring in with it, or
move to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, select, text

from broadcast.content.model import PERSONAL_CHANNELS
from subscribers.contact import points
from subscribers.contact.keys import ring_of
from subscribers.contact.tables import contact_point
from subscribers.registry import acts
from subscribers.registry.tables import subscriber

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


class Moved:
    """Whose contacts others change, and where they were reached before: by channel and person the
    mark of the contact point. Of nobody where nobody stopped anything and nobody was erased.
    """

    def __init__(self, conn: Connection, *, after_erasures: bool = False) -> None:
        """`after_erasures`: whether anybody was erased before."""
        self._conn, self._after_erasures = conn, after_erasures
        self._erased: set[bytes] = set()
        self._people: list[int] = []
        self._before: dict[str, dict[int, bytes]] = {}

    def before_moving(self, people: Sequence[int]) -> None:
        """Remember where these people, whose contacts others are about to change, are reached."""
        if not people:
            return
        known = self._before or self._after_erasures
        if not known and not _anybody_stopped(self._conn, newest(self._conn)):
            return
        self._people += people
        for channel in PERSONAL_CHANNELS:
            marks = _marks(self._conn, channel, people)
            self._before.setdefault(channel, {}).update(marks)

    def left_by_erased(self, left: Iterable[tuple[str, str]]) -> None:
        """Remember, as (kind, address), contact points of these or of new people which somebody had
        who is erased.
        """
        key = None
        for kind, address in left:
            key = key or ring_of(self._conn).to_write(self._conn).active[1]
            self._erased.add(key.mark(kind, address))

    def keep(self, last: int, now: datetime) -> int:
        """Stop, for these people, each channel that reaches them at another contact point than
        before, if everybody else who is reached there has stopped it; return how many channels of
        people.

        Whoever was erased wanted nothing more at their contact points: who is moved to one, or is
        new there, is stopped too, unless somebody else is reached there who wants it.

        Where all who were reached there moved away with the same list, it is they who decide, also
        for who is new there (with a number after `last`): rows that have shifted give a number that
        said STOP to somebody else.
        """
        return _keep_moved(self._conn, last, self._people, self._before, self._erased, now)


def _keep_moved(
    conn: Connection,
    last: int,
    people: Sequence[int],
    before: Mapping[str, Mapping[int, bytes]],
    erased: AbstractSet[bytes],
    now: datetime,
) -> int:
    stopped = 0
    for channel in PERSONAL_CHANNELS if before or erased else ():
        was = before.get(channel, {})
        there = _marks(conn, channel, people)
        came = {person: mark for person, mark in there.items() if was.get(person) != mark}
        left = {person: mark for person, mark in was.items() if there.get(person) != mark}
        stayed, fresh = dict[bytes, bool](), dict[int, bytes]()
        asked = {*came.values(), *left.values(), *erased}
        for person, mark, wants in _reached_at(conn, channel, asked):
            if person > last:
                fresh[person] = mark
            elif person not in came:
                stayed[mark] = stayed.get(mark, False) or wants
        wanted, wanting = dict[bytes, bool](), _wanting(conn, channel, list(left))
        for person, mark in left.items():
            wanted[mark] = wanted.get(mark, False) or person in wanting
        decided = dict.fromkeys(erased, False) | wanted | stayed
        silent = {mark for mark, anybody in decided.items() if not anybody}
        found = sorted(p for p, mark in [*came.items(), *fresh.items()] if mark in silent)
        for page in _pages(found):
            stopped += len(acts.stop(conn, page, channel, "same_contact", now))
    return stopped


def _marks(conn: Connection, channel: str, people: Sequence[int]) -> dict[int, bytes]:
    """Return the mark of the contact point at which a channel reaches each of these people."""
    column = points.mark_column(conn)
    found: dict[int, bytes] = {}
    for page in _pages(people) if column else ():
        one_of, bound = points.some(conn, page)
        sql = f"""SELECT p.subscriber_id, p.{column} FROM contact_point p
            WHERE p.subscriber_id {one_of} AND {points.used(channel)}"""  # noqa: S608 - constants
        found |= {row[0]: bytes(row[1]) for row in conn.execute(text(sql), {"ids": bound})}
    return found


def _reached_at(
    conn: Connection, channel: str, marks: set[bytes]
) -> Iterator[tuple[int, bytes, bool]]:
    """Yield (person, mark, whether they want it) of everybody whom a channel reaches there."""
    for page in _pages(sorted(marks)):
        column = contact_point.c[points.mark_column(conn)]
        query = (
            select(subscriber.c.id, column, subscriber.c.stopped)
            .join(subscriber, subscriber.c.id == contact_point.c.subscriber_id)
            .where(column.in_(page), text(points.used(channel, "contact_point")))
        )
        for person, mark, stopped in conn.execute(query):
            yield person, bytes(mark), channel not in stopped.split(";")


def _wanting(conn: Connection, channel: str, people: Sequence[int]) -> set[int]:
    """Return who of these people did not stop a channel."""
    found: set[int] = set()
    for page in _pages(people):
        query = select(subscriber.c.id, subscriber.c.stopped).where(subscriber.c.id.in_(page))
        found |= {row.id for row in conn.execute(query) if channel not in row.stopped.split(";")}
    return found


def _pages(of: Sequence[Any]) -> Iterator[list[Any]]:
    rest = iter(of)
    while page := list(islice(rest, _MANY)):
        yield page


def _anybody_stopped(conn: Connection, last: int) -> bool:
    sql = "SELECT 1 FROM subscriber WHERE stopped <> '' AND id <= :last LIMIT 1"
    return conn.execute(text(sql), {"last": last}).first() is not None
