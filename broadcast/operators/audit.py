"""The audit chain: what people decided, set up, exported and looked up, each link bound to all
before it by its hash.

A link is SHA-256 over a canonical form of everything in it and the hash of the link before. Whoever
changes, removes or inserts a row behind the software's back has to write every later link anew, and
then the head is not the one that was published (in `/healthz` and as the event audit.head). The
chain proves nothing against somebody who may also change what was published.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Select, insert, select

from broadcast.deadline import check_time
from broadcast.events import outbox
from broadcast.events.topics import RECEIPTS
from broadcast.messages.tables import decision
from broadcast.operators.tables import audit, operator
from broadcast.problems import refuse
from broadcast.store.database import at_the_end, lock_name

KINDS = ("decision", "admin", "export", "look_up")
START = ""
"""What stands as previous hash in the first link."""
_LOCK = "audit"
ADDED = ("operators.add", "operators.found")
"""Links that cover an operator's row: made by us, or found at the upgrade to the chain that
covers them.
"""
_OPERATOR = ("id", "name", "role", "area", "email", "may_set", "token_hash", "created_at")
_AT_ONCE = 2000  # rows
_DECISION = (
    "version_id",
    "action",
    "operator_id",
    "at",
    "revision",
    "content_hash",
    "count",
    "why",
    "content",
)


@dataclass(frozen=True, slots=True)
class Head:
    """The newest link: its number and its hash."""

    number: int
    hash: str

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Broken:
    """The first link that is not as it was written. `number` is None for a decision or an operator
    that no link stands for.
    """

    number: int | None
    what: str


def append(
    conn: Connection,
    *,
    kind: str,
    actor: str,
    action: str,
    subject: str,
    detail: str = "",
    now: datetime,
    digest: str = "",
    row_id: int | None = None,
) -> None:
    """Add a link in this transaction; its number is given at the transaction's end.

    `digest` is of what the link stands for (made of subject and detail if not given), `row_id` the
    decision that it covers. Links are written as the transaction's last act, under one lock: nobody
    who holds it waits for anything else, so two writers cannot fork the chain and no two
    transactions wait for each other because of it.
    """
    if kind not in KINDS:
        raise ValueError(f"no kind of link is called {kind}")
    row = {
        "at": now.astimezone(UTC),
        "kind": kind,
        "actor": actor,
        "action": action,
        "subject": subject,
        "detail": detail,
        "digest": digest or hashlib.sha256(json.dumps([subject, detail]).encode()).hexdigest(),
        "row_id": row_id,
    }
    at_the_end(conn, partial(_write, row=row))


def _write(conn: Connection, row: dict[str, Any]) -> None:
    # a statement of its own: the next one sees what the one before us committed
    lock_name(conn, _LOCK)
    (link,) = chained([row], head(conn))
    conn.execute(insert(audit).values(**link))
    newest = {"number": link["number"], "hash": link["hash"]}
    outbox.append(conn, RECEIPTS, "audit", "audit.head", newest, at=row["at"])


def chained(rows: list[dict[str, Any]], before: Head | None) -> Iterator[dict[str, Any]]:
    """Yield rows as links that follow on `before`: with number, previous and hash."""
    number, previous = (before.number, before.hash) if before else (0, START)
    for row in rows:
        number += 1
        link = {**row, "number": number, "previous": previous}
        previous = link["hash"] = link_hash(link)
        yield link


def link_hash(link: Mapping[str, Any]) -> str:
    """Return the SHA-256, in hex, over all of a link."""
    names = (
        "number",
        "kind",
        "actor",
        "action",
        "subject",
        "detail",
        "digest",
        "row_id",
        "previous",
    )
    return _sha(
        {"at": link["at"].astimezone(UTC).isoformat(), **{name: link[name] for name in names}}
    )


def decision_digest(row: Mapping[str, Any]) -> str:
    """Return the SHA-256, in hex, over a decision: what was decided, by whom, when, on which text,
    hash, count, and why.
    """
    return _sha(
        {
            name: (
                value.astimezone(UTC).isoformat()
                if isinstance(value := row[name], datetime)
                else value
            )
            for name in _DECISION
        }
    )


def operator_digest(row: Mapping[str, Any]) -> str:
    """Return the SHA-256, in hex, over who an operator is: everything but whether they were
    disabled since.
    """
    return _sha(
        {
            name: (
                value.astimezone(UTC).isoformat()
                if isinstance(value := row[name], datetime)
                else value
            )
            for name in _OPERATOR
        }
    )


def changed_operators(conn: Connection, ids: Collection[int]) -> list[int]:
    """Return which of these operators are not, or no longer, as the newest link about each
    tells.
    """
    rows = {
        row["id"]: dict(row)
        for row in conn.execute(select(operator).where(operator.c.id.in_(ids))).mappings()
    }
    covers = (audit.c.kind == "admin", audit.c.action.in_(ADDED), audit.c.row_id.in_(ids))
    told = {
        link["row_id"]: dict(link)
        for link in conn.execute(select(audit).where(*covers).order_by(audit.c.number)).mappings()
    }
    return [
        i
        for i in sorted(ids)
        if i not in rows
        or i not in told
        or told[i]["digest"] != operator_digest(rows[i])
        or told[i]["hash"] != link_hash(told[i])
    ]


def _sha(data: Mapping[str, Any]) -> str:
    return hashlib.sha256(
        json.dumps(data, sort_keys=True, separators=(",", ":")).encode()
    ).hexdigest()


def head(conn: Connection) -> Head | None:
    """Return the newest link; None while there is none."""
    row = conn.execute(
        select(audit.c.number, audit.c.hash).order_by(audit.c.number.desc()).limit(1)
    ).one_or_none()
    return Head(row.number, row.hash) if row else None


KINDS = ("decision", "admin", "export", "look_up")
"""What a link tells of."""


def listed(
    conn: Connection,
    after: int = 0,
    limit: int = 100,
    *,
    kind: str | None = None,
    subject: str | None = None,
) -> list[dict[str, Any]]:
    """Return links in their order, those behind number `after`; of one kind, about one subject.
    Raises Rejected (kind_unknown).
    """
    if kind is not None and kind not in KINDS:
        raise refuse(
            "kind_unknown",
            "the audit chain has no links of that kind",
            f"use one of {', '.join(KINDS)}",
            field="kind",
        )
    wanted = [audit.c.number > after]
    wanted += [] if kind is None else [audit.c.kind == kind]
    wanted += [] if subject is None else [audit.c.subject == subject]
    rows = conn.execute(
        select(audit).where(*wanted).order_by(audit.c.number).limit(limit)
    ).mappings()
    return [{**row, "at": row["at"].isoformat()} for row in rows]


def subjects(conn: Connection, actor: str, actions: Collection[str]) -> set[str]:
    """Return of whom or what this actor did one of these."""
    found = select(audit.c.subject).where(audit.c.actor == actor, audit.c.action.in_(actions))
    return set(conn.execute(found.distinct()).scalars())


def verify(conn: Connection, published: Head | None = None) -> Broken | None:
    """Return the first broken link, or None. `published` is a head that was seen before: its link
    must still be there.
    """
    return next(broken(conn, {published.number: published.hash} if published else {}), None)


def broken(conn: Connection, published: Mapping[int, str]) -> Iterator[Broken]:
    """Yield the broken links in order: numbers without a gap, every hash, every decision as its
    link has it.

    `published` are heads that were seen before, hash by number. Last come the decisions for which
    no link stands.
    """
    rows = _Rows(
        decisions={row["id"]: decision_digest(dict(row)) for row in _each(conn, select(decision))},
        operators={row["id"]: operator_digest(dict(row)) for row in _each(conn, select(operator))},
        active=set(
            conn.execute(select(operator.c.id).where(operator.c.disabled_at.is_(None))).scalars()
        ),
    )
    number, previous = 0, START
    for link in map(dict, _each(conn, select(audit).order_by(audit.c.number))):
        if link["number"] != number + 1:
            yield Broken(number + 1, f"it is missing: on {number} follows {link['number']}")
        elif link["previous"] != previous:
            yield Broken(
                link["number"],
                f"it does not follow on the hash of link {number}: {previous or 'none'}",
            )
        number, previous = link["number"], link["hash"]
        wrong = _wrong(link, rows)
        if wrong:
            yield Broken(number, wrong)
        elif published.get(number, previous) != previous:
            yield Broken(
                number,
                f"its hash is {previous}, published was {published[number]}: the chain was written"
                " anew",
            )
    if max(published, default=0) > number:
        yield Broken(
            number + 1, f"it is missing: the chain ends at {number}, published was {max(published)}"
        )
    for left in sorted(rows.decisions):
        yield Broken(None, f"decision {left} has no link: it was not written by this software")
    for left in sorted(rows.operators.keys() - rows.seen):
        yield Broken(None, f"operator {left} has no link: it was not made by this software")


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows that links cover, as digests by id; `active` are the operators that are not
    disabled, `seen` those with a link.
    """

    decisions: dict[int, str]
    operators: dict[int, str]
    active: set[int]
    seen: set[int] = field(default_factory=set)


def _each(conn: Connection, query: Select[Any]) -> Iterator[Any]:
    for row in conn.execute(query.execution_options(yield_per=_AT_ONCE)).mappings():
        check_time()
        yield row


def _wrong(link: Mapping[str, Any], rows: _Rows) -> str:
    """Say what is wrong with a link in itself, or with the row that it covers. Takes the decision
    from `rows`.
    """
    if link["hash"] != link_hash(link):
        return "its hash is not that of what stands in it"
    number = link["row_id"]
    if link["kind"] == "decision":
        return _differs("decision", number, rows.decisions.pop(number, None), link["digest"])
    if link["kind"] == "admin" and link["action"] in ADDED and number is not None:
        rows.seen.add(number)
        return _differs("operator", number, rows.operators.get(number), link["digest"])
    if link["kind"] == "admin" and link["action"] == "operators.disable" and number in rows.active:
        return f"operator {number} was disabled by it and is active again"
    return ""


def _differs(what: str, number: int, found: str | None, told: str) -> str:
    if found is None:
        return f"{what} {number}, which it stands for, is missing"
    return (
        ""
        if found == told
        else (
            f"{what} {number} is not as"
            f" {'it was taken' if what == 'decision' else 'they were added'}"
        )
    )
