"""Organisations: brought in from a file, added, changed and removed one by one, and listed.

For who is bound to no area: an organisation may have a site anywhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from broadcast.content.trades import named
from broadcast.files.nearest import did_you_mean, shown
from broadcast.operators import look_ups, operators
from broadcast.operators.operators import Operator
from broadcast.places.areas import AreaTree
from broadcast.problems import Problem, Rejected, refuse
from broadcast.store.database import Connection
from service.setup.people import check_reason
from service.setup.who import Who, allowed, record_look_up
from subscribers.organisations import rows, sites
from subscribers.organisations.file import OrganisationFile
from subscribers.organisations.record import COLUMNS, LISTS, OrganisationRecord, read
from subscribers.registry import listing

_BOROUGH: Final = "borough"
_ID: Final = "external_id"

MOST_FOUND: Final = 50
"""So many organisations a search returns at most."""


def told(record: OrganisationRecord) -> dict[str, Any]:
    """Return an organisation as JSON: its columns, lists as lists."""
    return {
        "external_id": record.external_id,
        "name": record.name,
        "trade": record.trade,
        "size": record.size,
        "sites": [part for part in record.sites.split(";") if part],
        "people": list(record.people),
        "contacts": [{"area": area, "person": who} for area, who in record.contacts],
        "passes_on": record.passes_on,
    }


def checked(tree: AreaTree, file: OrganisationFile, name: str) -> list[Problem]:
    """Return warnings of sites in areas that are not imported. Raises Rejected with every error of
    the file, and for a single point of contact of what is no borough here.
    """
    if file.problems:
        raise Rejected(file.problems)
    where = where_of(file, name)
    problems, warnings = _of_places(tree, file.records, where)
    if problems:
        raise Rejected(problems)
    return warnings


def where_of(file: OrganisationFile, name: str) -> dict[str, str]:
    """Return "file:line" of each organisation of a file."""
    return {external_id: f"{name}:{line}" for external_id, line in file.lines.items()}


def bring_in(
    conn: Connection, who: Who, file: OrganisationFile, *, name: str, now: datetime
) -> dict[str, int]:
    """Register or renew the organisations of a file, all or none; return {new, updated, unchanged}.
    Raises Rejected.
    """
    actor = allowed(conn, who, everywhere=True)
    saved = rows.save(conn, file.records, now, where_of(file, name))
    operators.log_admin(
        conn,
        actor=actor,
        action="organisations.import",
        subject=name,
        detail=f"organisations={len(file.records)} new={saved.new} updated={saved.updated}",
        now=now,
    )
    return asdict(saved)


def add(
    conn: Connection, who: Who, fields: Mapping[str, Any], *, tree: AreaTree, now: datetime
) -> tuple[dict[str, Any], list[Problem]]:
    """Register one organisation; return it, and warnings. `fields` are the columns of the file, in
    JSON's types or as its cells. Raises Rejected: every fault of the fields; 409
    organisation_exists.
    """
    actor = allowed(conn, who, everywhere=True)
    record, warnings = _one(_cells(fields), tree)
    rows.hold(conn)
    if rows.find(conn, record.external_id) is not None:
        raise refuse(
            "organisation_exists",
            f"an organisation has the external_id {shown(record.external_id)} already",
            "change that one, or give another external_id",
            field="external_id",
            status=409,
        )
    return _saved(conn, actor, "add", record, now), warnings


def edit(
    conn: Connection,
    who: Who,
    external_id: str,
    fields: Mapping[str, Any],
    *,
    tree: AreaTree,
    now: datetime,
    seen: str | None = None,
) -> tuple[dict[str, Any], list[Problem]]:
    """Change some fields of one organisation; None clears one. `seen`: the mark of what its editor
    had before them. Raises Rejected: 404 organisation_unknown; 409 changed_meanwhile where it is
    not that any more; and as `add`.
    """
    actor = allowed(conn, who, everywhere=True)
    rows.hold(conn)
    before = rows.find(conn, external_id)
    if before is None:
        raise unknown()
    if seen is not None and seen != mark(told(before)):
        raise refuse(
            "changed_meanwhile",
            "somebody changed this organisation meanwhile; nothing was saved",
            "look at it again, and change what is there now",
            status=409,
        )
    cells = {**before.cells(), **_cells(fields)}
    if cells["external_id"] != external_id:
        raise refuse(
            "external_id_fixed",
            "an external_id is never changed: it says which organisation it is in other books",
            "leave it out",
            field="external_id",
        )
    record, warnings = _one(cells, tree)
    return _saved(conn, actor, "edit", record, now), warnings


def remove(conn: Connection, who: Who, external_id: str, why: str, now: datetime) -> None:
    """Remove an organisation; its people stay registered. Raises Rejected (404
    organisation_unknown, why_missing).
    """
    why = check_reason(why, "why")
    actor = allowed(conn, who, everywhere=True)
    if not rows.remove(conn, external_id):
        raise unknown()
    _log(conn, actor, "remove", external_id, f"why={why}", now)


def listed(
    conn: Connection, actor: Operator, after: int, limit: int, now: datetime
) -> list[tuple[int, dict[str, Any]]]:
    """Return up to `limit` organisations with a higher number than `after`, each with its number,
    for administrators and auditors without an area; recorded. Auditors get their names masked.
    Raises Rejected: 403 wrong_role, area_bound; 429 look_ups_limited.
    """
    actor = _looker(conn, actor, now)
    found = [(number, _shown(actor, record)) for number, record in rows.page(conn, after, limit)]
    _looked(conn, actor, f"after {after}", _counted(len(found)), now)
    return found


def everyone(conn: Connection, machine_user: str, now: datetime) -> list[OrganisationRecord]:
    """Return every organisation, by number, to this user of the machine; recorded."""
    found = list(rows.everyone(conn))
    _looked(conn, machine_user, "everyone", _counted(len(found)), now)
    return found


def search(conn: Connection, actor: Operator, words: str, now: datetime) -> list[dict[str, Any]]:
    """Return the first organisations whose external id, trade or name contains these words, in the
    form and under the conditions of `listed`. Names are not searched for an auditor, who sees them
    masked and could else find them out word by word.
    """
    actor = _looker(conn, actor, now)
    wanted = words.casefold()
    found: list[dict[str, Any]] = []
    for record in rows.everyone(conn):
        looked_at = [record.external_id, named(record.trade)]
        if actor.role != "auditor":
            looked_at.append(record.name)
        if any(wanted in text.casefold() for text in looked_at):
            found.append(_shown(actor, record))
        if len(found) == MOST_FOUND:
            break
    _looked(conn, actor, "search", _counted(len(found)), now)
    return found


def one(conn: Connection, who: Who, external_id: str, now: datetime) -> dict[str, Any] | None:
    """Return one organisation, to operators on the terms of `listed`; None where there is none of
    this id, which is a look on record as well.

    `acting` is who acts for it: [{id, external_id, name, email, mobile, phone, contact_for}], names
    and contacts masked whoever looks; `contact_for` are the boroughs for which they are the single
    point of contact.
    """
    if not isinstance(who, str):
        who = _looker(conn, who, now)
    record = rows.find(conn, external_id)
    if record is None:
        _looked(conn, who, "nothing", _counted(0), now)
        return None
    people = [
        {**person, "contact_for": [a for a, named in record.contacts if named == person[_ID]]}
        for person in listing.of_external_ids(conn, record.people)
    ]
    _looked(conn, who, external_id, f"{_counted(1)}, {len(people)} people", now)
    return _shown(who, record) | {"acting": people}


def mark(organisation: Mapping[str, Any]) -> str:
    """Return a short mark of an organisation as it was told; another one whenever it changes, and
    the same whatever changes about the people who act for it.
    """
    own = {column: organisation[column] for column in COLUMNS}
    return hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()[:16]


def _looker(conn: Connection, actor: Operator, now: datetime) -> Operator:
    """Return who looks, as they stand now; raises Rejected (wrong_role, area_bound,
    look_ups_limited).
    """
    actor = operators.still(conn, actor, "see_what_is_set_up")
    operators.require_everywhere(actor, "an organisation may have a site anywhere")
    look_ups.check(conn, actor, look_ups.ORGANISATIONS, now)
    return actor


def _shown(who: Who, record: OrganisationRecord) -> dict[str, Any]:
    found = told(record)
    if isinstance(who, str) or who.role != "auditor":
        return found
    return found | {"name": listing.masked_name(found["name"])}


def _looked(conn: Connection, who: Who, subject: str, detail: str, now: datetime) -> None:
    record_look_up(conn, who, look_ups.ORGANISATIONS, subject=subject, detail=detail, now=now)


def _counted(n: int) -> str:
    return f"{n} organisations"


def _cells(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return the cells of the file that these fields stand for; raises Rejected (field_type)."""
    return {name: _cell(name, value) for name, value in fields.items()}


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name == "passes_on" and isinstance(value, bool):
        return "yes" if value else "no"
    if name == "size" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str):
        return value
    if name in LISTS and isinstance(value, list):
        parts = [_part(name, each) for each in value]
        if all(part is not None and ";" not in part for part in parts):
            return ";".join(str(part) for part in parts)
    raise refuse("field_type", f"{name} has another type", "see /openapi.json", field=name)


def _part(name: str, value: Any) -> str | None:
    if name == "contacts" and isinstance(value, dict) and set(value) == {"area", "person"}:
        area, person = value["area"], value["person"]
        both = isinstance(area, str) and isinstance(person, str) and "=" not in area
        return f"{area}={person}" if both else None
    return value if isinstance(value, str) else None


def _one(cells: Mapping[str, str], tree: AreaTree) -> tuple[OrganisationRecord, list[Problem]]:
    problems: list[Problem] = []

    def wrong(column: str, refused: Rejected) -> None:
        problems.extend(
            Problem(code=p.code, detail=p.detail, fix=p.fix, field=p.field or column)
            for p in refused.problems
        )

    record = read(cells, wrong)
    if record is None:
        raise Rejected(problems)
    problems, warnings = _of_places(tree, [record], {})
    if problems:
        raise Rejected(problems)
    return record, warnings


def _of_places(
    tree: AreaTree, records: Sequence[OrganisationRecord], where: Mapping[str, str]
) -> tuple[list[Problem], list[Problem]]:
    """Return what refuses, and what is only told, of the places that organisations name."""
    boroughs = [area.code for area in tree.all() if area.level == _BOROUGH]
    problems, warnings = [], []
    for record in records:
        line = where.get(record.external_id, "")
        problems += [
            Problem(
                code="contact_area_unknown",
                detail=f"{shown(code)} is no borough that is imported here",
                fix=did_you_mean(code, boroughs[:50]) if boroughs else "import the boroughs first",
                field="contacts",
                where=line,
            )
            for code, _ in record.contacts
            if code not in tree or tree[code].level != _BOROUGH
        ]
        warnings += [
            Problem(
                code="area_unknown",
                detail=f"the area {shown(site.area)} is not imported",
                fix="import it, or correct the code",
                field="sites",
                where=line,
            )
            for site in sites.known(record.sites)
            if site.area and site.area not in tree
        ]
    return problems, warnings


def _saved(
    conn: Connection, actor: str, verb: str, record: OrganisationRecord, now: datetime
) -> dict[str, Any]:
    rows.save(conn, [record], now)
    _log(conn, actor, verb, record.external_id, f"people={len(record.people)}", now)
    found = rows.find(conn, record.external_id)
    assert found is not None
    return told(found)


def _log(
    conn: Connection, actor: str, verb: str, external_id: str, detail: str, now: datetime
) -> None:
    action = f"organisations.{verb}"
    operators.log_admin(
        conn, actor=actor, action=action, subject=external_id, detail=detail, now=now
    )


def unknown() -> Rejected:
    """Return what refuses an id that no organisation has."""
    return refuse(
        "organisation_unknown",
        "no organisation has this external id",
        "see `fasttime organisations list`",
        field="organisation",
        status=404,
    )
