"""Who among many is one person: joined by hand, or of the same name and reached at the same contact
point. Read when a message is planned, so that it is as the registry stands then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from pyroaring import BitMap
from sqlalchemy import Connection, select, text

from broadcast.levels.names import folded
from subscribers.contact import points
from subscribers.registry.tables import subscriber
from subscribers.same_person.tables import same_person

_FEW: Final = 20_000
_AT_ONCE: Final = 500


def groups(conn: Connection, ids: BitMap) -> list[dict[int, str]]:
    """Return those of `ids` who are one person with another of them: of each such person the
    registrations by id, with what kind each is (resident, business …), the lowest id first.

    Who was told apart by hand is in none, whatever their name. A name that is not known is no
    reason.
    """
    if len(ids) < 2:
        return []
    found = _Unions()
    apart = BitMap()
    by_hand: dict[int, list[int]] = defaultdict(list)
    rows = conn.execute(select(same_person.c.subscriber_id, same_person.c.one)).all()
    sizes: dict[int, int] = defaultdict(int)
    for _, one in rows:
        sizes[one] += 1
    for person, one in rows:
        if sizes[one] == 1:
            apart.add(person)
        elif person in ids:
            by_hand[one].append(person)
    for members in by_hand.values():
        found.unite(members)
    for members in _same_name_and_contact(conn, ids - apart):
        found.unite(members)
    together = found.groups()
    kinds = _kinds(conn, [person for group in together for person in group])
    return [{person: kinds[person] for person in group} for group in together]


def of(conn: Connection, person: int, among: Iterable[int] | None = None) -> dict[int, str]:
    """Return the registrations that are one person with this one, itself among them, as `groups`
    does; empty where there is no other. `among`: those that are looked at, else everybody reached
    at one of this person's contact points, and whom they were joined with.
    """
    ids = BitMap(among) if among is not None else _near(conn, person)
    ids.add(person)
    return next((group for group in groups(conn, ids) if person in group), {})


def _near(conn: Connection, person: int) -> BitMap:
    """Return everybody who could be one person with this one: by hand, or by way of others."""
    found = BitMap([person])
    while True:
        mine = select(same_person.c.one).where(same_person.c.subscriber_id.in_(list(found)))
        joined = conn.execute(
            select(same_person.c.subscriber_id).where(same_person.c.one.in_(mine))
        )
        wider = found | BitMap(joined.scalars())
        for group in points.sharing_any(conn, reached_with=found):
            wider |= BitMap(group)
        if wider == found or len(wider) > _AT_ONCE:
            return wider
        found = wider


def _same_name_and_contact(conn: Connection, ids: BitMap) -> Iterable[list[int]]:
    among = ids if len(ids) <= _FEW else None
    shared = [BitMap(group) & ids for group in points.sharing_any(conn, among=among)]
    shared = [group for group in shared if len(group) > 1]
    names = points.names(conn, BitMap().union(*shared)) if shared else {}
    for group in shared:
        called: dict[str, list[int]] = defaultdict(list)
        for person in group:
            if name := folded(names.get(person, "")):
                called[name].append(person)
        yield from (members for members in called.values() if len(members) > 1)


def _kinds(conn: Connection, ids: list[int]) -> Mapping[int, str]:
    if not ids:
        return {}
    one_of, bound = points.some(conn, ids)
    sql = f"SELECT id, kind FROM {subscriber.name} WHERE id {one_of}"  # noqa: S608 - constants
    return {person: str(kind) for person, kind in conn.execute(text(sql), {"ids": bound})}


class _Unions:
    """Sets that grow together."""

    def __init__(self) -> None:
        self._above: dict[int, int] = {}

    def unite(self, members: list[int]) -> None:
        """Say that these belong together."""
        first = self._top(members[0])
        for each in members[1:]:
            self._above[self._top(each)] = first

    def groups(self) -> list[list[int]]:
        """Return the sets of two or more, each in order, ordered by their lowest."""
        found: dict[int, list[int]] = defaultdict(list)
        for each in sorted(self._above):
            found[self._top(each)].append(each)
        return sorted(group for group in found.values() if len(group) > 1)

    def _top(self, each: int) -> int:
        self._above.setdefault(each, each)
        while (above := self._above[each]) != each:
            self._above[each] = self._above[above]
            each = self._above[each]
        return each
