"""People: brought in from a file, added and changed one by one, stopped and started again.

One person is read by the very rules of a file, as a file of one row: there is one set of rules for
numbers, addresses, topics and channels.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from broadcast.content.model import PERSONAL_CHANNELS
from broadcast.files.nearest import did_you_mean, shown
from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.places.areas import AreaTree
from broadcast.problems import Problem, Rejected, refuse
from broadcast.sessions import store
from broadcast.store import replies
from broadcast.store.database import Connection
from broadcast.store.replies import Reply
from service import problem_documents
from service.answers import keeping
from service.setup.who import Who, allowed
from subscribers.contact import kinds, order
from subscribers.people_file.people import Given
from subscribers.people_file.reading import read_subscribers
from subscribers.people_file.record import COLUMNS, LISTS, SubscriberRecord
from subscribers.registration import pending
from subscribers.registry import acts, by_postcode, importing, mark, showing
from subscribers.same_person import joined

BY_THEMSELVES = "registration page"
"""Who acts, on record, where people register or choose by themselves."""
RESIDENT = "resident"
"""What the sessions of subscribers are called among all sessions."""
LONGEST_REASON = 500
"""Characters of a basis, and of why a stop is lifted."""
_NUMBERS = ("lat", "lon")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What a person is judged by: the imported areas, and whether trial numbers are taken here."""

    tree: AreaTree
    trial_numbers: bool


def check_reason(text: str, field: str) -> str:
    """Return why something is done to a person, trimmed; raises Rejected for none or a long one."""
    said = text.strip()
    if not said:
        raise refuse(
            f"{field}_missing",
            f"no {field} is named",
            "people are kept, and sent to, on a legal basis only: say which"
            if field == "basis"
            else "say on whose word",
            field=field,
        )
    if len(said) > LONGEST_REASON:
        detail = f"{field} has more than {LONGEST_REASON} characters"
        raise refuse("text_too_long", detail, "say it shorter", field=field)
    return said


def add(
    conn: Connection,
    who: Who,
    fields: Mapping[str, Any],
    *,
    basis: str,
    world: World,
    now: datetime,
    source: str = "operator",
    wording: str = "",
    by_themselves: bool = False,
) -> tuple[dict[str, Any], list[Problem]]:
    """Register one person, with consent to exactly these channels and topics on this basis; return
    what is known of them, and warnings.

    `fields` are the columns of the subscribers CSV: text, numbers of degrees, lists of words.
    `source`, `wording`: where they agreed, and to which version of the words.
    `by_themselves`: they register, so that it counts for nothing that they were erased before.
    Raises Rejected: every fault of the fields; 409 subscriber_exists, subscriber_erased; 403 where
    the place lies outside the administrator's area.
    """
    basis = check_reason(basis, "basis")
    actor = allowed(conn, who)
    record, warnings = _placed(conn, *_read(_cells(fields), world))
    _require_inside(who, record._asdict(), world)
    counts = importing.import_records(
        conn, [record], basis, now, source=source, wording=wording, by_themselves=by_themselves
    )
    if counts.erased:
        raise refuse(
            "subscriber_erased",
            "somebody with this external_id, or with these contact points, asked to be erased",
            "leave them out; they may register again by themselves",
            field="external_id",
            status=409,
        )
    if counts.new != 1:  # what was written with it is undone with this transaction
        raise refuse(
            "subscriber_exists",
            f"somebody has the external_id {shown(record.external_id)} already",
            "change that person, or give another external_id",
            field="external_id",
            status=409,
        )
    person = showing.id_of(conn, record.external_id)
    assert person is not None
    _log(conn, actor, "add", person, f"basis={basis}", now)
    return _whole(conn, person), warnings


def edit(
    conn: Connection,
    who: Who,
    person: int | str,
    fields: Mapping[str, Any],
    *,
    basis: str = "",
    world: World,
    now: datetime,
    source: str = "operator",
    wording: str = "",
) -> tuple[dict[str, Any], list[Problem]]:
    """Change some fields of one person; None clears one. Other channels or topics are another
    consent, which wants its own `basis`.

    Raises Rejected: 404 subscriber_unknown; every fault of the fields; basis_missing; 403 where the
    place lies, or would lie, outside the administrator's area.
    """
    actor = allowed(conn, who)
    mark.take_turn(conn)  # who is being erased is gone then
    before = find(conn, who, person, world)
    cells = {**showing.cells_of(conn, before["id"]), **_cells(fields)}
    if "external_id" in fields and cells["external_id"].strip() != before["external_id"]:
        raise refuse(
            "external_id_fixed",
            "an external_id is never changed: it says who a person is in other books",
            "leave it out",
            field="external_id",
        )
    if "discreet" in fields and not cells["discreet"].strip():
        cells["discreet"] = "no"  # cleared; in a file it would say nothing
    cells["external_id"] = showing.cells_of(conn, before["id"])["external_id"]
    record, warnings = _placed(conn, *_read(cells, world))
    _require_inside(who, record._asdict(), world)
    held = next((c for c in reversed(before["consents"]) if c["withdrawn_at"] is None), None)
    agreed = held is not None and [record.channels, record.topics] == [
        ";".join(held[name]) for name in ("channels", "topics")
    ]
    if basis.strip() or not agreed or held is None:
        basis = check_reason(basis, "basis")
    else:
        basis = held["basis"]
    importing.import_records(conn, [record], basis, now, source=source, wording=wording)
    for kind in kinds.NAMES:
        if kind in fields and (address := getattr(record, kind)):
            acts.use_first(conn, before["id"], kind, address, now)
    _log(conn, actor, "edit", before["id"], f"fields={','.join(sorted(fields))}", now)
    return _whole(conn, before["id"]), warnings


def stop(
    conn: Connection, who: Who, person: int | str, channel: str, *, world: World, now: datetime
) -> tuple[dict[str, Any], bool]:
    """Stop a channel for one person, as they asked; return what is known of them, and whether it
    was not stopped before. Raises Rejected.
    """
    actor = allowed(conn, who)
    found = find(conn, who, person, world)
    done = acts.stop(conn, [found["id"]], _channel(channel), "operator", now)
    _log(conn, actor, "stop", found["id"], f"channel={channel}", now)
    return _whole(conn, found["id"]), bool(done)


def start(
    conn: Connection,
    who: Who,
    person: int | str,
    channel: str,
    why: str,
    *,
    world: World,
    now: datetime,
) -> tuple[dict[str, Any], bool]:
    """Lift a stop of one person, who asked for it, and use again what bounced on the channel; `why`
    says on whose word and goes on record. Returns as `stop`. Raises Rejected.
    """
    why = check_reason(why, "why")
    actor = allowed(conn, who)
    found = find(conn, who, person, world)
    done = acts.start(conn, [found["id"]], _channel(channel), "operator", now)
    again = acts.trust(conn, found["id"], channel, now)
    _log(conn, actor, "start", found["id"], f"channel={channel} why={why}", now)
    return _whole(conn, found["id"]), bool(done) or again


def join(
    conn: Connection,
    who: Who,
    person: int | str,
    others: Sequence[int | str],
    why: str,
    *,
    world: World,
    now: datetime,
) -> tuple[dict[str, Any], bool]:
    """Say that these registrations are one person, who gets a routine message once; `why` says on
    whose word and goes on record. Returns as `stop`. Raises Rejected.
    """
    why = check_reason(why, "why")
    actor = allowed(conn, who)
    found = find(conn, who, person, world)
    ids = {int(find(conn, who, each, world)["id"]) for each in others} - {found["id"]}
    _hold(conn, {found["id"], *ids})
    if not ids:
        raise refuse(
            "subscriber_missing",
            "no other registration is named",
            "name the number or external id of another registration of the same person",
            field="with",
        )
    there = set(joined.joined_with(conn, found["id"]))
    acts.hide_together(conn, joined.joined_with(conn, found["id"], *ids), now)
    every = joined.join(conn, {found["id"], *ids}, "operator", now)
    named = ",".join(str(each) for each in every)
    _log(conn, actor, "join", found["id"], f"same_person={named} why={why}", now)
    return _whole(conn, found["id"]), not ids <= there


def part(
    conn: Connection, who: Who, person: int | str, why: str, *, world: World, now: datetime
) -> tuple[dict[str, Any], bool]:
    """Say that a registration is a person of its own, also where another one has the same name and
    contact; `why` goes on record. Returns as `stop`. Raises Rejected.
    """
    why = check_reason(why, "why")
    actor = allowed(conn, who)
    found = find(conn, who, person, world)
    _hold(conn, {found["id"]})
    done = joined.part(conn, found["id"], "operator", now)
    _log(conn, actor, "part", found["id"], f"why={why}", now)
    return _whole(conn, found["id"]), done


def erase(
    conn: Connection, who: Who, person: int | str, why: str, *, world: World, now: datetime
) -> dict[str, Any]:
    """Erase one person for good, as they asked: from the registry, where they are signed in, what
    they confirmed or are about to, what they answered, and what is kept for a repeated request.
    Return {id, erased_at}.

    `why` says on whose word and goes on record: no name and no number belong there. Whoever calls
    has the database's files cleared afterwards (`Database.scrub`). Raises Rejected.
    """
    why = check_reason(why, "why")
    actor = allowed(conn, who)
    mark.take_turn(conn)
    return erase_known(conn, actor, int(find(conn, who, person, world)["id"]), why, now)


def erase_known(
    conn: Connection, actor: str, number: int, why: str, now: datetime
) -> dict[str, Any]:
    """Erase somebody by their number, on record as done by `actor`; as `erase`."""
    points = order.of_person(conn, number)
    numbers = {p.address for p in points if kinds.BY_NAME[p.kind].family == "number"}
    acts.erase(conn, number, now)
    pending.erase(conn, [(p.kind, p.address) for p in points])
    store.forget_holder(conn, RESIDENT, number)
    keeping.erase_of(conn, number, numbers, now)
    replies.replace_about(conn, number, Reply(410, problem_documents.text(_gone())))
    _log(conn, actor, "erase", number, f"why={why}", now)
    return {"id": number, "erased_at": now.isoformat()}


def _gone() -> Rejected:
    return refuse(
        "subscriber_erased",
        "the person that this answer was about has been erased",
        "nothing is to be done",
        field="subscriber",
        status=410,
    )


def find(conn: Connection, who: Who, person: int | str, world: World) -> dict[str, Any]:
    """Return everything known of a person, by number or external id.

    Raises Rejected (404 subscriber_unknown) where there is nobody, where they were erased, and, for
    an operator with an area, where they are not known to be in it: which of these is not told.
    """
    found = showing.show(conn, person)
    if found is None or found["erased_at"] is not None or not _inside(who, found, world):
        raise _unknown()
    return found


def _hold(conn: Connection, people: Iterable[int]) -> None:
    """Keep people from being erased meanwhile. Raises Rejected (404) where one of them was."""
    if not all(acts.hold(conn, each) for each in sorted(people)):
        raise _unknown()


def _unknown() -> Rejected:
    return refuse(
        "subscriber_unknown",
        "there is nobody with that number or external id",
        "see GET /api/v1/subscribers, or `fasttime subscribers export`",
        field="subscriber",
        status=404,
    )


def _read(cells: Mapping[str, str], world: World) -> tuple[SubscriberRecord, list[Problem]]:
    """Read one person as a file of one row is read; a problem names the field, for there is no
    line.
    """
    written = io.StringIO()
    csv.writer(written).writerows([list(cells), list(cells.values())])
    found = read_subscribers(
        written.getvalue().encode(),
        filename="",
        allow_trial_numbers=world.trial_numbers,
        known_area=lambda code: code in world.tree,
        anywhere=world.tree.anywhere,
    )
    if found.problems:
        raise Rejected(replace(p, where="") for p in found.problems)
    return found.records[0], [replace(p, where="") for p in found.warnings]


def _placed(
    conn: Connection, record: SubscriberRecord, warnings: list[Problem]
) -> tuple[SubscriberRecord, list[Problem]]:
    """Return one person with the place of their postcode, where they gave no other."""
    warnings = [*warnings, *by_postcode.told(conn, Given([record]), "")]
    return by_postcode.placed(conn, [record])[0], warnings


def _cells(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return fields as cells of a file. Raises Rejected for unknown fields and other types."""
    problems = []
    cells = {}
    for name, value in fields.items():
        if name not in COLUMNS:
            detail = f"a person has no field {shown(name)}"
            fix = did_you_mean(name, COLUMNS)
            problems.append(Problem(code="field_unknown", detail=detail, fix=fix, field=name[:100]))
        elif value is None:
            cells[name] = ""
        elif isinstance(value, str):
            cells[name] = value
        elif (
            name in LISTS
            and isinstance(value, list)
            and all(isinstance(word, str) and ";" not in word for word in value)
        ):
            cells[name] = ";".join(value)
        elif name in _NUMBERS and isinstance(value, int | float) and not isinstance(value, bool):
            cells[name] = f"{value:.9f}".rstrip("0").rstrip(".")
        else:
            fix = "write a list of words" if name in LISTS else "put it in quotes"
            detail = f"{name} has the wrong type"
            problems.append(Problem(code="field_type", detail=detail, fix=fix, field=name))
    if problems:
        raise Rejected(problems)
    return cells


def _inside(who: Who, found: Mapping[str, Any], world: World) -> bool:
    """Return whether a person is known to be in the area of who acts."""
    if not isinstance(who, Operator) or who.area is None:
        return True
    codes = world.tree.descendants(who.area)
    lat, lon = found["lat"], found["lon"]
    here = () if lat is None or lon is None else world.tree.locate(lat, lon)
    return found["area"] in codes or any(area.code in codes for area in here)


def _require_inside(who: Who, found: Mapping[str, Any], world: World) -> None:
    if not _inside(who, found, world):
        raise refuse(
            "outside_area",
            "the person would not be known to be in your area",
            "give a place or an area inside it, or ask an administrator without area",
            field="area",
            status=403,
        )


def _channel(name: str) -> str:
    if name not in PERSONAL_CHANNELS:
        raise refuse(
            "channel_unknown",
            f"nobody is reached by {shown(name)}",
            f"use one of {', '.join(PERSONAL_CHANNELS)}",
            field="channel",
        )
    return name


def _whole(conn: Connection, person: int) -> dict[str, Any]:
    found = showing.show(conn, person)
    assert found is not None
    return found


def _log(conn: Connection, actor: str, verb: str, person: int, detail: str, now: datetime) -> None:
    operators.log_admin(
        conn,
        actor=actor,
        action=f"subscribers.{verb}",
        subject=str(person),
        detail=detail,
        now=now,
    )
