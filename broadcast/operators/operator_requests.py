"""Changes of operators and bulk exports asked for over HTTP, and the registry to be moved: another
administrator approves each, and everything is chained.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from broadcast.operators import audit, operators
from broadcast.operators.operators import Operator
from broadcast.operators.tables import operator_request
from broadcast.places.areas import AreaTree
from broadcast.problems import refuse
from broadcast.sessions import passkeys

REGISTRY = "registry"
"""The whole registry as a sealed file; asked for and taken over HTTP or at the machine."""
KINDS = ("add", "disable", "export", REGISTRY)
"""What is asked for over HTTP."""
STANDS_FOR = timedelta(days=7)
"""How long a request waits; after that nobody remembers what it was for."""
EXPORT_WITHIN = timedelta(hours=1)
"""How long after its approval an export may be fetched, once."""
MOST_WAITING = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. `what` is what it asks for: of an operator to add all but the token, of one to
    disable the name, of a registry the public key that it is sealed to.
    """

    id: int
    kind: str
    what: Mapping[str, Any]
    state: str
    asked_by: int
    asked_at: datetime
    decided_by: int | None
    decided_at: datetime | None
    why: str | None

    def to_json(self) -> dict[str, Any]:
        """Return what an administrator reads of it."""
        decided = {
            "by": self.decided_by,
            "at": self.decided_at.isoformat() if self.decided_at else None,
            "why": self.why,
        }
        asked = {"asked_by": self.asked_by, "asked_at": self.asked_at.isoformat()}
        return {
            "id": self.id,
            "kind": self.kind,
            "what": dict(self.what),
            "state": self.state,
            **asked,
            "decided": decided,
        }


def ask(
    conn: Connection, actor: Operator, kind: str, what: Mapping[str, Any], now: datetime
) -> Request:
    """Ask for it; nothing changes until another administrator approves. Raises Rejected for what
    could not be done anyway.
    """
    actor = operators.still(conn, actor, "administer")
    if kind == "add":
        operators.check_new(
            conn,
            name=what["name"],
            role=what["role"],
            email=what["email"],
            may_set=what["may_set"],
        )
    elif kind == "disable":
        operators.by_name(conn, what["name"])
    _require_reach(conn, actor, kind, what)
    waiting = conn.execute(
        select(func.count()).where(operator_request.c.state == "pending_approval")
    ).scalar_one()
    if waiting >= MOST_WAITING:
        raise refuse(
            "too_many",
            f"{waiting} requests wait already",
            "approve or reject some first",
            status=409,
        )
    row = {
        "kind": kind,
        "what": json.dumps(dict(what), sort_keys=True),
        "state": "pending_approval",
        "asked_by": actor.id,
        "asked_at": now,
    }
    key = conn.execute(insert(operator_request).values(**row)).inserted_primary_key
    assert key is not None
    _chain(conn, actor, "request", get(conn, key[0]), now)
    return get(conn, key[0])


def get(conn: Connection, request_id: int) -> Request:
    """Return a request; raises Rejected (404 request_unknown)."""
    row = conn.execute(
        select(operator_request).where(operator_request.c.id == request_id)
    ).one_or_none()
    if row is None:
        raise refuse(
            "request_unknown",
            "there is no such request",
            "see GET /api/v1/operator-requests",
            field="id",
            status=404,
        )
    return _read(row)


def listed(conn: Connection, limit: int = 1000) -> list[Request]:
    """Return the requests, the newest first."""
    return [
        _read(row)
        for row in conn.execute(
            select(operator_request).order_by(operator_request.c.id.desc()).limit(limit)
        )
    ]


def approve(
    conn: Connection, actor: Operator, request_id: int, now: datetime
) -> tuple[Request, str | None]:
    """Do what was asked for, as another person; return the request and, of a new operator, the
    token: to be handed over, and never shown again.
    """
    actor = operators.still(conn, actor, "administer")
    passkeys.require_shown(conn, actor.id, actor.proof)
    wanted = _waiting(conn, request_id)
    if now - wanted.asked_at > STANDS_FOR:
        raise refuse(
            "expired",
            "it has waited for more than seven days",
            "reject it, and have it asked for anew",
            field="id",
            status=409,
        )
    asked_by = operators.by_id(conn, wanted.asked_by)
    if asked_by is None:
        raise refuse(
            "asker_disabled",
            "who asked for it was disabled since: nobody stands behind it",
            "reject it",
            status=409,
        )
    if actor.same_person_as(asked_by):
        raise refuse(
            "same_person",
            "you asked for it yourself",
            "ask another administrator to approve it",
            status=403,
        )
    _require_reach(conn, actor, wanted.kind, wanted.what)
    _require_unchanged(conn, wanted, "operators.request")
    token = None
    if wanted.kind == "add":
        what = {**wanted.what, "may_set": tuple(wanted.what["may_set"])}
        _, token = operators.add(conn, **what, now=now, actor=_name(actor))
    elif wanted.kind == "disable":
        operators.disable(conn, wanted.what["name"], now, actor=_name(actor))
    _decide(conn, actor, wanted, "approved", None, now)
    return _chain(conn, actor, "approve", get(conn, wanted.id), now), token


def reject(conn: Connection, actor: Operator, request_id: int, why: str, now: datetime) -> Request:
    """End a request; who asked for it may take it back like this too."""
    actor = operators.still(conn, actor, "administer")
    wanted = _waiting(conn, request_id)
    _decide(conn, actor, wanted, "rejected", why, now)
    return _chain(conn, actor, "reject", get(conn, wanted.id), now)


def take_export(conn: Connection, actor: Operator, request_id: int, now: datetime) -> Request:
    """Note that an approved export is fetched: by who asked for it, within an hour of the approval,
    once.
    """
    return take(conn, actor, request_id, now, kind="export", action="subscribers.export")


def take(
    conn: Connection, actor: Operator, request_id: int, now: datetime, *, kind: str, action: str
) -> Request:
    """Note, as an `action` in the chain, that what was approved is used: by who asked for it,
    within an hour of the approval, once. Raises Rejected.
    """
    wanted = check_takable(conn, actor, request_id, now, kind=kind)
    if not _moved(conn, wanted, "approved", state="taken"):
        raise _changed()
    operators.log_admin(
        conn,
        actor=_name(actor),
        action=action,
        subject=f"request {wanted.id}",
        now=now,
    )
    return get(conn, wanted.id)


def check_takable(
    conn: Connection, actor: Operator, request_id: int, now: datetime, *, kind: str
) -> Request:
    """Return the request where `take` would note it as used now; notes nothing. Raises Rejected."""
    actor = operators.still(conn, actor, "administer")
    wanted = get(conn, request_id)
    if wanted.kind != kind or wanted.asked_by != actor.id:
        raise refuse(
            "request_unknown",
            "you asked for no such export",
            "see GET /api/v1/operator-requests",
            field="id",
            status=404,
        )
    _require_reach(conn, actor, kind, wanted.what)
    if wanted.state != "approved" or wanted.decided_at is None:
        raise refuse(
            "state_conflict",
            f"the export is {wanted.state}",
            "it is fetched once, after another administrator approved it",
            field="state",
            status=409,
        )
    if now - wanted.decided_at > EXPORT_WITHIN:
        raise refuse(
            "expired",
            "it was approved more than an hour ago",
            "ask for it anew",
            field="id",
            status=409,
        )
    _require_unchanged(conn, wanted, "operators.request", "operators.approve")
    return wanted


def _require_unchanged(conn: Connection, wanted: Request, *actions: str) -> None:
    """Raise Rejected (409 request_changed) where the audit chain does not tell of these actions on
    exactly this: the row was changed behind it, say to another key or another role.
    """
    links = audit.listed(conn, kind="admin", subject=f"request {wanted.id}")
    told = {link["action"]: link["detail"] for link in links}
    if any(told.get(action) != _detail(wanted) for action in actions):
        raise refuse(
            "request_changed",
            "what stands there is not what was asked for",
            "reject it, look into who may write to the database, and ask anew",
            field="id",
            status=409,
        )


def _require_reach(conn: Connection, actor: Operator, kind: str, what: Mapping[str, Any]) -> None:
    """Raise Rejected (403 area_bound) where an administrator who is bound to an area asks for, or
    agrees to, what reaches beyond it: everybody's data, or an operator of elsewhere. Two of them
    could else make somebody who is bound to nothing.
    """
    if actor.area is None:
        return
    beyond = "it is about everybody"
    if kind in ("add", "disable"):
        area = what["area"] if kind == "add" else operators.by_name(conn, what["name"]).area
        if kind == "add" and what["may_set"]:
            beyond = "it lets somebody set the level of more than places"
        elif area is None:
            beyond = "it is about an operator who is bound to no area"
        elif AreaTree.load(conn).within(actor.area, [area]):
            beyond = f"it is about an operator of {area}"
        else:
            return
    operators.require_everywhere(actor, beyond)


def _waiting(conn: Connection, request_id: int) -> Request:
    wanted = get(conn, request_id)
    if wanted.state != "pending_approval":
        raise refuse(
            "state_conflict",
            f"the request is {wanted.state}",
            "ask for it anew",
            field="state",
            status=409,
        )
    return wanted


def _decide(
    conn: Connection, actor: Operator, wanted: Request, state: str, why: str | None, now: datetime
) -> None:
    if not _moved(
        conn, wanted, "pending_approval", state=state, decided_by=actor.id, decided_at=now, why=why
    ):
        raise _changed()


def _moved(conn: Connection, wanted: Request, before: str, **values: Any) -> bool:
    where = (operator_request.c.id == wanted.id, operator_request.c.state == before)
    return conn.execute(update(operator_request).where(*where).values(**values)).rowcount == 1


def _changed() -> Exception:
    return refuse(
        "state_conflict",
        "somebody else decided on it in the meantime",
        "read it again",
        field="state",
        status=409,
    )


def _chain(
    conn: Connection, actor: Operator, action: str, wanted: Request, now: datetime
) -> Request:
    operators.log_admin(
        conn,
        actor=_name(actor),
        action=f"operators.{action}",
        subject=f"request {wanted.id}",
        detail=_detail(wanted),
        now=now,
    )
    return wanted


def _detail(wanted: Request) -> str:
    """Return what the audit chain tells of what is asked for; an address is not in it."""
    told = {name: value for name, value in wanted.what.items() if name != "email"}
    return f"{wanted.kind} {json.dumps(told, sort_keys=True, ensure_ascii=False)}"


def _name(actor: Operator) -> str:
    return f"operator {actor.id}"


def _read(row: Any) -> Request:
    names = ("id", "kind", "state", "asked_by", "asked_at", "decided_by", "decided_at", "why")
    return Request(what=json.loads(row.what), **{name: getattr(row, name) for name in names})
