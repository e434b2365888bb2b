"""People come in by record, with their consent: from a file, by an operator, by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from broadcast.groups import registered
from broadcast.places.areas import AreaTree
from broadcast.problems import Problem, Rejected, refuse
from broadcast.store.database import give_way
from subscribers.contact import erased as gone
from subscribers.contact import kinds, order, points
from subscribers.contact.points import Known
from subscribers.people_file.people import Given, People, Summary
from subscribers.people_file.record import ALL_TOLD, SubscriberRecord, Untold
from subscribers.places import rows as places
from subscribers.registry import absent_columns, by_area, by_postcode, incoming, stopped_there
from subscribers.registry.by_area import BY_AREA
from subscribers.registry.mark import next_change, take_turn

CONSENT_SOURCES: Final = ("file", "operator", "page", "text")
_BY_OTHERS: Final = ("file", "operator")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportCounts:
    """What became of the records: `erased` were left out because the person has been erased."""

    new: int
    updated: int
    unchanged: int
    erased: int


def import_records(
    conn: Connection,
    records: Sequence[SubscriberRecord],
    basis: str,
    now: datetime,
    *,
    source: str = "file",
    wording: str = "",
    by_themselves: bool = False,
    untold: Untold = ALL_TOLD,
) -> ImportCounts:
    """Do what `import_people` does with people who are in memory."""
    return import_people(
        conn,
        Given(records, untold),
        basis,
        now,
        source=source,
        wording=wording,
        by_themselves=by_themselves,
    )


def import_people(
    conn: Connection,
    people: People,
    basis: str,
    now: datetime,
    *,
    source: str = "file",
    wording: str = "",
    by_themselves: bool = False,
    stored: Callable[[int], None] = lambda _: None,
) -> ImportCounts:
    """Insert or update people by external id, with their consent to exactly these channels and
    topics on this legal basis. Each external id stands there once.

    One transaction, all or nothing, worked through piece by piece: of what was stored no more is
    remembered than whose contacts were moved. Ids follow the order of the records and are never
    used again.
    What a person stopped stays stopped. Unless people register `by_themselves`, an erased person is
    left out, and what everybody at a contact point stopped there is stopped for who is new there,
    too, and for whom others move there; so is everything at a contact point that somebody erased
    had, unless somebody is there who wants it. Consent that differs from the record's is withdrawn
    and given anew, with where it was given (`source`: file, operator, page, text) and under which
    version of the words, as far as that is known. A community or sector that they name and nobody
    registered yet is registered as it is written there. Officers and partners are stored with the
    smallest imported area that holds them, without coordinates. What is `untold` stays as it is
    there, and is the default for who is new. `stored` is told how many people are written, now and
    then. Raises Rejected basis_missing, provider_unknown, and where what is told cannot be together
    with what stays.
    """
    if not basis.strip():
        raise refuse(
            "basis_missing",
            "no legal basis is named",
            'say on what basis these people are sent to, such as --basis "consent, form of 3 May"',
            field="basis",
        )
    if source not in CONSENT_SOURCES:
        raise ValueError(f"no such source of a consent: {source}")
    take_turn(conn)
    change = next_change(conn)
    values: dict[str, Any] = {"now": now, "change": change, "basis": basis.strip()}
    values |= {"source": source, "wording": wording}
    _check_providers(conn, people.summary)
    work = _Work(conn, values, by_themselves=by_themselves)
    problems: list[Problem] = []
    done = 0
    for piece in people:
        try:
            records = absent_columns.completed(conn, piece)
        except Rejected as refused:
            problems += refused.problems
        else:
            if not problems:
                work.store(records)
        done += len(piece.records)
        stored(done)
        give_way(conn)
    if problems:
        raise Rejected(problems)
    return work.finish()


class _Work:
    """What is done with the people of one file, piece by piece, and at the end with all of them."""

    def __init__(self, conn: Connection, values: Mapping[str, Any], *, by_themselves: bool) -> None:
        """`values`: now, change, basis, source and wording, as statements want them."""
        self._conn, self._values, self._now = conn, values, values["now"]
        self._by_themselves = by_themselves
        self._by_others = values["source"] in _BY_OTHERS
        self._last = stopped_there.newest(conn)
        self._named = Summary()
        self._tree: AreaTree | None = None
        self._erased = None if by_themselves else gone.Erased(conn)
        self._moved = stopped_there.Moved(conn, after_erasures=bool(self._erased))
        self._people = self._new = self._updated = self._left_out = 0
        incoming.create(conn)

    def store(self, records: Sequence[SubscriberRecord]) -> None:
        """Write some people, whose external ids no other piece has."""
        conn, values = self._conn, self._values
        records = by_postcode.placed(conn, records)
        if any(r.kind in BY_AREA and r.lat is not None for r in records):
            self._tree = self._tree or AreaTree.load(conn)
            records = by_area.settled(records, self._tree)
        self._named.add(records)
        told = [known_of(record) for record in records]
        incoming.fill(conn, records, [points.reached_by(known) for known in told])
        incoming.keep_discreet(conn)
        before, erased = incoming.there_already(conn)
        there = {no for no, _ in before}
        came = [no for no in range(len(records)) if no not in there]
        named = [(records[no].external_id, told[no]) for no in came]
        if self._erased is None:
            for external_id, known in named:
                gone.welcome(conn, external_id, known)
        else:
            among, left = self._erased.among(named)
            back = [came[n] for n in among]
            incoming.take_out(conn, back)
            self._left_by_erased(left)
            erased = sorted(set(erased) | set(back))  # of some their row says so too
        moved = [before[n] for n in points.differing(conn, [(who, told[no]) for no, who in before])]
        incoming.mark_moved(conn, [no for no, _ in moved])
        _leave_out_bounced(conn, before, told)
        updated = incoming.change_rows(conn, values) if before else 0
        new = incoming.add_rows(conn, values)
        if self._by_others:
            self._moved.before_moving([who for _, who in moved])
        points.change(conn, [(who, told[no]) for no, who in moved], points.BASIS, self._now)
        if self._by_others and self._erased and moved:
            there_now = points.known(conn, [who for _, who in moved])
            self._left_by_erased(self._erased.among([("", k) for k in there_now.values()])[1])
        if new:
            now_there = incoming.there_already(conn)[0]
            added = ((who, told[no]) for no, who in now_there if no not in there)
            points.add(conn, added, points.BASIS, self._now)
        if before:
            incoming.withdraw_consents(conn, values)
        incoming.give_consents(conn, values)
        self._people += len(records)
        self._new += new
        self._updated += updated
        self._left_out += len(erased)

    def _left_by_erased(self, left: Iterable[tuple[str, str]]) -> None:
        if self._by_others:
            self._moved.left_by_erased(left)

    def finish(self) -> ImportCounts:
        """Do what wants all people of the file, and return what became of them."""
        conn = self._conn
        incoming.drop(conn)
        registered.register_missing(conn, self._named.groups(), self._now)
        self._moved.keep(self._last, self._now)
        if self._new and not self._by_themselves:
            stopped_there.keep(conn, self._last, self._new, self._now)
        places.follow(conn, self._values["change"])
        unchanged = self._people - self._new - self._updated - self._left_out
        return ImportCounts(
            new=self._new, updated=self._updated, unchanged=unchanged, erased=self._left_out
        )


def _check_providers(conn: Connection, named: Summary) -> None:
    """Raise Rejected (provider_unknown) where people switch off a provider that nobody registered:
    a misspelt name would switch off nothing.
    """
    scopes = [group.scope for group in named.providers()]
    if scopes:
        registered.load(conn).require(scopes, "providers_off")


def known_of(record: SubscriberRecord) -> Known:
    """Return what a record says of how somebody is called and reached."""
    given = {kind: address for kind in kinds.NAMES if (address := getattr(record, kind))}
    return Known(name=record.name, addresses=given)


def _leave_out_bounced(
    conn: Connection, before: Sequence[tuple[int, int]], told: Sequence[Known]
) -> None:
    """Keep in `incoming` that addresses which bounced, and which the records still name, reach
    nobody.
    """
    dead = order.bounced(conn, (person for _, person in before)) if before else {}
    for no, person in before:
        still = {
            kind
            for kind, address in dead.get(person, {}).items()
            if told[no].addresses.get(kind) == address
        }
        if still:
            rest = {k: a for k, a in told[no].addresses.items() if k not in still}
            incoming.reach(conn, no, points.reached_by(Known(addresses=rest)))
