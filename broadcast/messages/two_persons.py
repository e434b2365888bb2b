"""Two persons behind every message: who may approve, and what must stand among the decisions before
anything is released.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from broadcast.messages import resends
from broadcast.messages.resends import Resend
from broadcast.messages.tables import decision
from broadcast.messages.versions import Version, subject_of
from broadcast.operators import audit, operators
from broadcast.operators.operators import Operator
from broadcast.operators.tables import audit as link
from broadcast.problems import refuse

ONE_PERSON = "one_person: enough for this status, because TWO_PERSON is actual"
"""What an approval says for which nobody else was needed; it is chained with the approval."""
_BESIDE = ("hold", "resume", "alarm", "resend", "approve_resend", "block_resend")
"""Decisions after which an approval still stands; after every other one (it was released, it
ended, it was edited) it is used up.
"""


def one_is_enough(v: Version, two_person: str) -> bool:
    """Return whether the setting asks for no second person: `actual`, and the status is another
    one.
    """
    return two_person == "actual" and v.status != "Actual"


def check_approver(conn: Connection, actor: Operator, v: Version, two_person: str) -> None:
    """Raise Rejected (403 same_person, 409 submitter_disabled) unless the actor is another person
    than who wrote, edited or submitted it.
    """
    if one_is_enough(v, two_person):
        return
    if v.submitter_id is None or operators.by_id(conn, v.submitter_id) is None:
        raise refuse(
            "submitter_disabled",
            "who submitted it was disabled since: nobody stands behind it",
            "return it and have it submitted anew",
            status=409,
        )
    taken = [
        dict(row)
        for row in conn.execute(select(decision).where(decision.c.version_id == v.id)).mappings()
    ]
    if any(actor.same_person_as(other) for other in operators.people(conn, _wrote(v, taken))):
        raise refuse(
            "same_person",
            "you wrote, edited or submitted it yourself",
            "ask a second approver: two people stand behind every message",
            status=403,
        )


def check_resend_approver(
    conn: Connection, actor: Operator, v: Version, ordered_by: int, two_person: str
) -> None:
    """Raise Rejected (403 same_person) unless the actor is another person than who ordered that a
    version is sent again.
    """
    if one_is_enough(v, two_person):
        return
    people = operators.people(conn, {ordered_by})
    if not people or any(actor.same_person_as(other) for other in people):
        raise refuse(
            "same_person",
            "you ordered this resend yourself",
            "ask a second approver",
            status=403,
        )


def _wrote(v: Version, taken: list[dict[str, Any]]) -> set[int]:
    """Return who drafted, edited or submitted it, by its row and by the history of decisions, which
    is only ever added to.
    """
    by_hand = [
        d
        for d in taken
        if d["action"] in ("draft", "edit")
        or (d["action"] == "submit" and d["content_hash"] == v.content_hash)
    ]
    return {
        int(i)
        for i in (v.author_id, v.submitter_id, *v.editors, *(d["operator_id"] for d in by_hand))
        if i is not None
    }


def missing(conn: Connection, v: Version) -> str:
    """Return why a version must not be released, or "": two persons among the chained decisions,
    for exactly this digest.

    The newest decision on the text is an approval of its digest, by the approver in the row, who is
    another person than everybody that wrote, edited or submitted it. Only decisions count that the
    audit chain covers; one that was changed, removed or inserted behind it is a reason by itself.
    """
    chained = _chained(conn, v)
    if chained.broken:
        return f"decisions_changed: {chained.broken}"
    deciding = [d for d in chained.taken if d["action"] not in _BESIDE]
    stopped = [d["action"] for d in chained.taken if d["action"] in ("hold", "resume")]
    approval = deciding[-1] if deciding else None
    if (
        approval is None
        or approval["action"] != "approve"
        or approval["content_hash"] != v.content_hash
    ):
        return "not_approved: the newest decision on it is no approval of exactly this text"
    if stopped[-1:] == ["hold"]:
        return "not_resumed: it was held, and nobody let it go on"
    if approval["operator_id"] is None or approval["operator_id"] != v.approver_id:
        return "approver_differs: the approver in the row is not who approved it"
    if not any(
        d["action"] == "submit"
        and d["content_hash"] == v.content_hash
        and d["operator_id"] == v.submitter_id
        for d in deciding
    ):
        return "submitter_differs: the submitter in the row is not who submitted exactly this text"
    if approval["why"] == ONE_PERSON and v.status != "Actual":
        return ""
    approver = operators.people(conn, {approval["operator_id"]})
    others = operators.people(conn, _wrote(v, deciding))
    if not approver or not others or any(approver[0].same_person_as(other) for other in others):
        return "same_person: who approved it wrote, edited or submitted it"
    return _changed_people(conn, [*approver, *others])


def missing_for_resend(conn: Connection, v: Version, order: Resend) -> str:
    """Return why an approved resend must not be made, or "": ordered and approved among the chained
    decisions, by two persons, by its digest.
    """
    if not resends.stands(conn, v, order):
        return "content_changed: the order is not what its digest stands for"
    chained = _chained(conn, v)
    if chained.broken:
        return f"decisions_changed: {chained.broken}"
    of_order = [d for d in chained.taken if d["content_hash"] == order.digest]
    by = {d["action"]: d for d in of_order}
    ordered, approval = by.get("resend"), by.get("approve_resend")
    if (
        ordered is None
        or approval is None
        or ordered["operator_id"] != order.ordered_by
        or approval["operator_id"] != order.approved_by
    ):
        return (
            "not_approved: no order and approval of exactly this resend stand among the decisions"
        )
    if approval["why"] == ONE_PERSON and v.status != "Actual":
        return ""
    two = operators.people(conn, {order.ordered_by, approval["operator_id"]})
    if len(two) != 2 or two[0].same_person_as(two[1]):
        return "same_person: who approved it ordered it"
    return _changed_people(conn, two)


def _changed_people(conn: Connection, people: list[Operator]) -> str:
    """Say whose account was changed behind the chain: with another mailbox one person would look
    like two.
    """
    changed = audit.changed_operators(conn, {person.id for person in people})
    return (
        f"account_changed: operator {changed[0]} is not as the audit chain tells" if changed else ""
    )


@dataclass(frozen=True, slots=True)
class _Chained:
    """A version's decisions in the order of the chain, or what is broken about them."""

    taken: list[dict[str, Any]]
    broken: str = ""


def _chained(conn: Connection, v: Version) -> _Chained:
    rows = {
        row["id"]: dict(row)
        for row in conn.execute(select(decision).where(decision.c.version_id == v.id)).mappings()
    }
    by_row = link.c.row_id.in_(list(rows))
    query = (
        select(link)
        .where(link.c.kind == "decision", by_row | (link.c.subject == subject_of(v)))
        .order_by(link.c.number)
    )
    links = [dict(row) for row in conn.execute(query).mappings()]
    beside = {number + step for number in (one["number"] for one in links) for step in (-1, 1)}
    near = {
        row["number"]: dict(row)
        for row in conn.execute(select(link).where(link.c.number.in_(beside))).mappings()
    }
    taken = []
    for one in links:
        row = rows.pop(one["row_id"], None)
        if row is None:
            return _Chained(
                [], f"decision {one['row_id']}, of which link {one['number']} tells, is not there"
            )
        if audit.decision_digest(row) != one["digest"] or not _holds(one, near):
            return _Chained([], f"decision {one['row_id']} is not what link {one['number']} tells")
        taken.append(row)
    if rows:
        return _Chained([], f"decision {min(rows)} has no link in the audit chain")
    return _Chained(taken)


def _holds(one: Mapping[str, Any], near: Mapping[int, Mapping[str, Any]]) -> bool:
    """Return whether a link is what its hash says, and fits the links before and after it."""
    before, after = near.get(one["number"] - 1), near.get(one["number"] + 1)
    follows = one["previous"] == (before["hash"] if before is not None else audit.START)
    if before is None and one["number"] != 1:
        return False
    return (
        follows
        and one["hash"] == audit.link_hash(one)
        and (after is None or after["previous"] == one["hash"])
    )
