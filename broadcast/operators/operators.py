"""Who may do what: operators, their personal tokens, the roles and what each may do."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, insert, select, update

from broadcast.groups import registered
from broadcast.operators import audit
from broadcast.operators.identities import as_seen, check_name, mailbox
from broadcast.operators.tables import operator
from broadcast.problems import refuse
from broadcast.store.database import lock_name

_AUTHOR = frozenset(
    {"read", "draft", "edit", "preview", "submit", "update", "correct", "all_clear"}
)
PERMISSIONS: dict[str, frozenset[str]] = {
    "author": _AUTHOR,
    "approver": _AUTHOR | {"people", "approve", "return", "reject", "hold", "resume", "cancel"},
    "operator": frozenset({"read", "people", "hold", "resend"}),
    "administrator": frozenset({"read", "people", "see_what_is_set_up", "administer"}),
    "auditor": frozenset({"read", "people", "see_what_is_set_up", "read_the_audit_chain"}),
}
"""`people` is to see single persons: who got a message, and why. `see_what_is_set_up` is to see
operators, what is asked for about them, and who is registered. An administrator never approves, and
nothing else than a person's token can.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """A person at a control room. `area` is a GSS code, or None for the whole tree."""

    id: int
    name: str
    role: str
    area: str | None
    email: str | None
    may_set: tuple[str, ...] = ()
    """Scopes whose threat level the person may set beside the places in their area; whoever has
    no area may set all.
    """
    proof: str = ""
    """How they proved who they are: "" by a bearer token, else as their session did: token,
    invitation, passkey.
    """

    def same_person_as(self, other: Operator) -> bool:
        """Return whether the two accounts belong to one person: the same account, or the same
        mailbox.
        """
        return self.id == other.id or bool(
            self.email and other.email and mailbox(self.email) == mailbox(other.email)
        )


def _hash(token: str) -> str:
    return hashlib.sha256(
        token.encode()
    ).hexdigest()  # the token is 256 random bits, so a slow hash would add nothing


def add(
    conn: Connection,
    *,
    name: str,
    role: str,
    area: str | None,
    email: str | None,
    now: datetime,
    may_set: tuple[str, ...] = (),
    actor: str = "fasttime",
) -> tuple[Operator, str]:
    """Make an operator and their token; the token is shown once and kept only as a hash. The audit
    chain covers the row.

    Raises Rejected: 409 operator_exists where a name looks like one that was ever given, 409
    person_exists where the mailbox has an active account, and what `identities.check_name` refuses;
    community_unknown and sector_unknown for a grant whose group nobody registered.
    """
    lock_name(conn, "operators")
    name = check_new(conn, name=name, role=role, email=email, may_set=may_set)
    token = "ft_" + secrets.token_urlsafe(32)
    row = {
        "name": name,
        "role": role,
        "area": area,
        "email": email,
        "may_set": json.dumps(may_set),
        "token_hash": _hash(token),
        "created_at": now,
    }
    key = conn.execute(insert(operator).values(**row)).inserted_primary_key
    assert key is not None
    made = Operator(id=key[0], name=name, role=role, area=area, email=email, may_set=may_set)
    told = f"name={name} role={role} area={area or ''} may_set={';'.join(may_set)}"
    digest = audit.operator_digest({**row, "id": made.id})
    audit.append(
        conn,
        kind="admin",
        actor=actor,
        action="operators.add",
        subject=str(made.id),
        detail=told,
        now=now,
        digest=digest,
        row_id=made.id,
    )
    return made, token


def check_new(
    conn: Connection, *, name: str, role: str, email: str | None, may_set: Iterable[str] = ()
) -> str:
    """Return the name that a new operator would have; raises Rejected where `add` would."""
    if role not in PERMISSIONS:
        raise refuse(
            "role_unknown",
            f"there is no role {role[:40]}",
            f"use one of {', '.join(PERMISSIONS)}",
            field="role",
        )
    name = check_name(name)
    registered.load(conn).require(may_set, "may_set")
    seen, box = as_seen(name), mailbox(email) if email else None
    for row in conn.execute(select(operator.c.name, operator.c.email, operator.c.disabled_at)):
        if as_seen(row.name) == seen:
            detail = f"there is an operator called {row.name} already" + (
                "" if row.name == name else ", which looks the same"
            )
            raise refuse(
                "operator_exists",
                detail,
                "choose another name; one is never used again, also of who was disabled",
                field="name",
                status=409,
            )
        if box and row.email and row.disabled_at is None and mailbox(row.email) == box:
            fix = (
                "one person has one account: disable it first, or give the other person's own"
                " address"
            )
            raise refuse(
                "person_exists",
                f"{row.name} has an account with this mailbox",
                fix,
                field="email",
                status=409,
            )
    return name


def listed(conn: Connection) -> list[dict[str, object]]:
    """Return every operator, without their tokens."""
    rows = conn.execute(
        select(
            operator.c.id,
            operator.c.name,
            operator.c.role,
            operator.c.area,
            operator.c.may_set,
            operator.c.disabled_at,
        ).order_by(operator.c.id)
    )
    return [
        {
            "id": r.id,
            "name": r.name,
            "role": r.role,
            "area": r.area,
            "may_set": json.loads(r.may_set),
            "disabled": r.disabled_at.isoformat() if r.disabled_at else None,
        }
        for r in rows
    ]


def disable(conn: Connection, name: str, now: datetime, *, actor: str = "fasttime") -> None:
    """Take the operator's token away for good, with a link of the audit chain."""
    found = by_name(conn, name)
    conn.execute(update(operator).where(operator.c.id == found.id).values(disabled_at=now))
    audit.append(
        conn,
        kind="admin",
        actor=actor,
        action="operators.disable",
        subject=found.name,
        now=now,
        row_id=found.id,
    )


def by_name(conn: Connection, name: str) -> Operator:
    """Return the active operator of this name; raises Rejected (404 operator_unknown)."""
    found = _one(conn, operator.c.name == name)
    if found is None:
        raise refuse(
            "operator_unknown",
            "no active operator has this name",
            "see `fasttime operators list`",
            field="name",
            status=404,
        )
    return found


def by_token(conn: Connection, token: str) -> Operator | None:
    """Return whose token this is; None where it is nobody's, or a disabled one's."""
    return _one(conn, operator.c.token_hash == _hash(token))


def by_id(conn: Connection, operator_id: int) -> Operator | None:
    """Return an active operator."""
    return _one(conn, operator.c.id == operator_id)


def _one(conn: Connection, condition: ColumnElement[bool]) -> Operator | None:
    row = conn.execute(
        select(operator).where(condition, operator.c.disabled_at.is_(None))
    ).one_or_none()
    return _operator(row) if row else None


def _operator(row: Row[Any]) -> Operator:
    return Operator(
        id=row.id,
        name=row.name,
        role=row.role,
        area=row.area,
        email=row.email,
        may_set=tuple(json.loads(row.may_set)),
    )


def still(conn: Connection, actor: Operator, permission: str) -> Operator:
    """Return the operator as they stand in this transaction.

    Since they showed their token they may have been disabled or have another role. Raises Rejected:
    403 operator_disabled, wrong_role.
    """
    if (
        conn.dialect.name == "postgresql"
    ):  # whoever disables them waits for this transaction, or is seen by it
        conn.execute(
            select(operator.c.id).where(operator.c.id == actor.id).with_for_update(read=True)
        )
    found = by_id(conn, actor.id)
    if found is None:
        raise refuse(
            "operator_disabled", "this operator was disabled", "ask somebody else", status=403
        )
    require(found, permission)
    return replace(found, proof=actor.proof)


def active(conn: Connection) -> dict[int, Operator]:
    """Return every operator who is not disabled, by id."""
    return {
        row.id: _operator(row)
        for row in conn.execute(select(operator).where(operator.c.disabled_at.is_(None)))
    }


def people(conn: Connection, ids: set[int]) -> list[Operator]:
    """Return these operators, disabled ones too: who wrote a text stays its author."""
    rows = conn.execute(select(operator).where(operator.c.id.in_(ids)))
    return [_operator(r) for r in rows]


def require(actor: Operator, permission: str) -> None:
    """Raise Rejected (403 wrong_role) unless the actor's role has the permission."""
    if permission not in PERMISSIONS[actor.role]:
        able = ", ".join(role for role, allowed in PERMISSIONS.items() if permission in allowed)
        raise refuse(
            "wrong_role",
            f"the role {actor.role} may not {permission.replace('_', ' ')}",
            f"ask somebody whose role is {able}",
            status=403,
        )


def require_everywhere(actor: Operator, why: str, *, else_: str = "") -> None:
    """Raise Rejected (403 area_bound) where an operator is bound to an area. `why` says what
    reaches beyond it, `else_` what they may do in its place.
    """
    if actor.area is not None:
        instead = f"{else_}, or " if else_ else ""
        raise refuse(
            "area_bound",
            f"{why}, and this operator is bound to {actor.area}",
            f"{instead}ask an operator who is bound to no area",
            status=403,
        )


_EXPORT_VERBS = frozenset({"export", "exported"})
_ADMIN_VERBS = frozenset(
    {
        "import",
        "add",
        "edit",
        "stop",
        "start",
        "disable",
        "request",
        "approve",
        "reject",
        "rotate",
        "close",
        "erase",
        "erase_again",
        "imported",
        "not_imported",
        "join",
        "part",
        "restored",
    }
)


def log_admin(
    conn: Connection, *, actor: str, action: str, subject: str, detail: str = "", now: datetime
) -> None:
    """Chain what was done as the machine's administrator, or with an administrator's token: a
    change, an export or a look-up.
    """
    verb = action.rpartition(".")[2]
    kind = "admin" if verb in _ADMIN_VERBS else "look_up"
    if verb in _EXPORT_VERBS:
        kind = "export"
    audit.append(
        conn, kind=kind, actor=actor, action=action, subject=subject, detail=detail, now=now
    )
