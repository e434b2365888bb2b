"""People come in by record, with their consent: from a file, by an operator, by themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Connection, TextClause, bindparam, text
from sqlalchemy.util import await_only

from broadcast.groups import registered
from broadcast.places.areas import AreaTree
from broadcast.problems import refuse
from broadcast.store.database import UtcDateTime
from subscribers.contact import erased as gone
from subscribers.contact import kinds, order, points
from subscribers.contact.points import Known
from subscribers.people_file.record import ALL_TOLD, SubscriberRecord, Untold
from subscribers.places import rows as places
from subscribers.registry import absent_columns, by_area, by_postcode, stopped_there
from subscribers.registry.by_area import BY_AREA
from subscribers.registry.columns import STORED, TAKEN
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
    """Insert or update people by external id, with their consent to exactly these channels and
    topics on this legal basis.

    One transaction, all or nothing. Ids follow the order of the records and are never used again.
    What a person stopped stays stopped. Unless people register `by_themselves`, an erased person is
    left out, and what everybody at a contact point stopped there is stopped for who is new there,
    too, and for whom others move there. Consent that differs from the record's is withdrawn and
    given anew, with where it was given (`source`: file, operator, page, text) and under which
    version of the words, as far as that is known. A community or sector that they name and nobody
    registered yet is registered as it is written there. Officers and partners are stored with the
    smallest imported area that holds them, without coordinates. What is `untold` stays as it is
    there, and is the default for who is new. Raises Rejected basis_missing,
    provider_unknown, and where what is told cannot be together with what stays.
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
    records = absent_columns.completed(conn, records, untold)
    records = by_postcode.placed(conn, records)
    if any(r.kind in BY_AREA and r.lat is not None for r in records):
        records = by_area.settled(records, AreaTree.load(conn))
    registered.register_missing(conn, groups_of(records), now)
    _check_providers(conn, records)
    told = [known_of(record) for record in records]
    _bring(conn, records, told)
    _keep_discreet(conn)
    before, erased = _there_already(conn)
    there = {no for no, _ in before}
    came = [no for no in range(len(records)) if no not in there]
    named = [(records[no].external_id, told[no]) for no in came]
    if by_themselves:
        for external_id, known in named:
            gone.welcome(conn, external_id, known)
    else:
        back = [came[n] for n in gone.among(conn, named)]
        _take_out(conn, back)
        erased = sorted(set(erased) | set(back))  # of some their row says so too
    moved = [before[n] for n in points.differing(conn, [(who, told[no]) for no, who in before])]
    _mark_moved(conn, [no for no, _ in moved])
    _leave_out_bounced(conn, before, told)
    updated = _change_rows(conn, values)
    last = stopped_there.newest(conn)
    new = _add_rows(conn, values)
    by_others = [who for _, who in moved] if source in _BY_OTHERS else []
    reached = stopped_there.before_moving(conn, by_others)
    points.change(conn, [(who, told[no]) for no, who in moved], points.BASIS, now)
    if new:
        added = ((who, told[no]) for no, who in _there_already(conn)[0] if no not in there)
        points.add(conn, added, points.BASIS, now)
    stopped_there.keep_moved(conn, last, by_others, reached, now)
    if new and not by_themselves:
        stopped_there.keep(conn, last, new, now)
    if updated or before:
        _withdraw_consents(conn, values)
    _give_consents(conn, values)
    conn.execute(text("DROP TABLE incoming"))
    places.follow(conn, change)
    unchanged = len(records) - new - updated - len(erased)
    return ImportCounts(new=new, updated=updated, unchanged=unchanged, erased=len(erased))


def _check_providers(conn: Connection, records: Sequence[SubscriberRecord]) -> None:
    """Raise Rejected (provider_unknown) where people switch off a provider that nobody registered:
    a misspelt name would switch off nothing.
    """
    named = registered.providers_in({r.providers_off for r in records})
    if named:
        scopes = [group.scope for group in named]
        registered.load(conn).require(scopes, "providers_off")


def known_of(record: SubscriberRecord) -> Known:
    """Return what a record says of how somebody is called and reached."""
    given = {kind: address for kind in kinds.NAMES if (address := getattr(record, kind))}
    return Known(name=record.name, addresses=given)


def _keep_discreet(conn: Connection) -> None:
    """Let a record that does not say whether somebody is sent to discreetly leave it as it was: a
    file of other columns must not lift what somebody chose for their safety.
    """
    conn.execute(
        text(
            "UPDATE incoming SET discreet = 'yes' FROM subscriber s"
            " WHERE s.discreet = 'yes' AND s.external_id = incoming.external_id"
            " AND incoming.discreet = ''"
        )
    )


def _take_out(conn: Connection, numbers: Sequence[int]) -> None:
    """Leave these rows of `incoming` out of what follows."""
    if numbers:
        rows = [{"no": no} for no in numbers]
        conn.execute(text("DELETE FROM incoming WHERE no = :no"), rows)


def _mark_moved(conn: Connection, numbers: Sequence[int]) -> None:
    """Mark the rows of `incoming` whose names or addresses, which lie elsewhere, differ."""
    if numbers:
        rows = [{"no": no} for no in numbers]
        conn.execute(text("UPDATE incoming SET moved = 1 WHERE no = :no"), rows)


def _change_rows(conn: Connection, values: Mapping[str, Any]) -> int:
    """Write what differs to the people who are there already; return to how many."""
    compared = [(f"subscriber.{c}", f"i.{c}") for c in STORED[1:]]
    differs = _differ([*compared, ("subscriber.consented", "i.channels")], _is_postgres(conn))
    setting = ", ".join(f"{c} = i.{c}" for c in STORED[1:])
    sql = f"""UPDATE subscriber SET {setting}, consented = i.channels, updated_at = :now,
            change = :change FROM incoming i
        WHERE i.external_id = subscriber.external_id AND subscriber.erased_at IS NULL
            AND (i.moved = 1 OR {differs})"""  # noqa: S608 - our own column names
    return conn.execute(_timed(sql), values).rowcount


def _add_rows(conn: Connection, values: Mapping[str, Any]) -> int:
    """Add the people who are not there yet, in the order of the records; return how many."""
    sql = f"""INSERT INTO subscriber ({", ".join(STORED)}, stopped, consented,
            created_at, updated_at, change)
        SELECT {", ".join("i." + c for c in STORED)}, '', i.channels, :now, :now, :change
        FROM incoming i
        WHERE NOT EXISTS (SELECT 1 FROM subscriber s WHERE s.external_id = i.external_id)
        ORDER BY i.no"""  # noqa: S608 - our own column names
    return conn.execute(_timed(sql), values).rowcount


def _withdraw_consents(conn: Connection, values: Mapping[str, Any]) -> None:
    """Withdraw the consents that say something else than the records."""
    compared = [("channels", "i.channels"), ("topics", "i.topics"), ("basis", ":basis")]
    if values["wording"]:
        compared.append(("wording", ":wording"))
    other = _differ([(f"consent.{mine}", theirs) for mine, theirs in compared], _is_postgres(conn))
    sql = f"""UPDATE consent SET withdrawn_at = :now
        FROM subscriber s JOIN incoming i ON i.external_id = s.external_id
        WHERE consent.subscriber_id = s.id AND consent.withdrawn_at IS NULL
            AND s.erased_at IS NULL AND {other}"""  # noqa: S608 - our own column names
    conn.execute(_timed(sql), values)


def _give_consents(conn: Connection, values: Mapping[str, Any]) -> None:
    """Write the consent of everybody who came and has none that holds."""
    sql = """INSERT INTO consent
            (subscriber_id, channels, topics, basis, source, wording, at)
        SELECT s.id, i.channels, i.topics, :basis, :source, :wording, :now
        FROM incoming i JOIN subscriber s ON s.external_id = i.external_id
        WHERE s.erased_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM consent c WHERE c.subscriber_id = s.id AND c.withdrawn_at IS NULL)
        ORDER BY s.id"""
    conn.execute(_timed(sql), values)


def _is_postgres(conn: Connection) -> bool:
    return bool(conn.dialect.name == "postgresql")


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
            conn.execute(
                text("UPDATE incoming SET reached_by = :kinds WHERE no = :no"),
                {"no": no, "kinds": points.reached_by(Known(addresses=rest))},
            )


def _there_already(conn: Connection) -> tuple[list[tuple[int, int]], list[int]]:
    """Return (number of the row, id) of everybody incoming who is registered and not erased, and
    the numbers of those who are erased.
    """
    rows = conn.execute(
        text(
            "SELECT i.no, s.id, s.erased_at IS NOT NULL FROM incoming i"
            " JOIN subscriber s ON s.external_id = i.external_id ORDER BY i.no"
        )
    ).all()
    there = [(no, person) for no, person, erased in rows if not erased]
    return there, [no for no, _, erased in rows if erased]


def groups_of(records: Sequence[SubscriberRecord]) -> list[registered.Group]:
    """Return the communities and sectors that these people name, each once."""
    return registered.in_people({r.sectors for r in records}, {r.communities for r in records})


def _bring(conn: Connection, records: Sequence[SubscriberRecord], told: Sequence[Known]) -> None:
    """Put the records into the temporary table `incoming`, by the quickest way the driver has;
    names and addresses, which would lie there in clear, stay out of it.
    """
    types = {"lat": "DOUBLE PRECISION", "lon": "DOUBLE PRECISION", "uncertainty_m": "INTEGER"}
    columns = ", ".join(f"{c} {types.get(c, 'TEXT')}" for c in STORED[1:])
    postgres = _is_postgres(conn)
    end = " ON COMMIT DROP" if postgres else ""
    conn.execute(
        text(
            "CREATE TEMPORARY TABLE incoming (no INTEGER PRIMARY KEY, external_id TEXT NOT NULL"
            f" UNIQUE, {columns}, moved INTEGER NOT NULL DEFAULT 0){end}"
        )
    )
    driver: Any = conn.connection.driver_connection
    kept = itemgetter(*(SubscriberRecord._fields.index(c) for c in TAKEN))
    numbered = (
        (no, *kept(record), points.reached_by(known))
        for no, (record, known) in enumerate(zip(records, told, strict=True))
    )
    if postgres:
        await_only(
            driver.copy_records_to_table("incoming", records=numbered, columns=("no", *STORED))
        )
        conn.execute(text("ANALYZE incoming"))
    else:
        marks = ", ".join("?" * (len(STORED) + 1))
        driver.executemany(
            f"INSERT INTO incoming (no, {', '.join(STORED)}) VALUES ({marks})",  # noqa: S608
            numbered,
        )


def _differ(pairs: Sequence[tuple[str, str]], postgres: bool) -> str:
    if postgres:
        return (
            f"({', '.join(a for a, _ in pairs)}) IS DISTINCT FROM"
            f" ({', '.join(b for _, b in pairs)})"
        )
    return f"NOT ({' AND '.join(f'{a} IS {b}' for a, b in pairs)})"


def _timed(sql: str) -> TextClause:
    clause = text(sql)
    return clause.bindparams(bindparam("now", type_=UtcDateTime()))
