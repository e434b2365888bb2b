"""Operators: who may act. Made and disabled at the machine, or over HTTP as a request that another
administrator approves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from broadcast.levels.scales import normalise_scope
from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.problems import Problem
from broadcast.store.database import Connection
from subscribers.people_file.email_address import normalise_email


def add(
    conn: Connection,
    machine_user: str,
    name: str,
    role: str,
    *,
    area: str = "",
    email: str = "",
    may_set: Sequence[str] = (),
    known_area: Callable[[str], bool],
    now: datetime,
) -> tuple[Operator, str, list[Problem]]:
    """Make an operator, on record as done by this user of the machine; return them, their token,
    told this once, and what whoever made them should know. Raises Rejected.
    """
    code = area.strip().upper() or None
    address = normalise_email(email) if email.strip() else None
    granted = tuple(dict.fromkeys(normalise_scope(scope, field="--may-set") for scope in may_set))
    made, token = operators.add(
        conn,
        name=name,
        role=role,
        area=code,
        email=address,
        may_set=granted,
        actor=machine_user,
        now=now,
    )
    warnings = []
    if code is not None and not known_area(code):
        fix = "import it before this operator writes: see `fasttime areas import`"
        detail = f"{code} was never imported"
        warnings.append(Problem(code="area_unknown", detail=detail, fix=fix, field="area"))
    if address is None:
        detail = "without an e-mail address nobody can tell whether two accounts are one person"
        warnings.append(
            Problem(code="email_missing", detail=detail, fix="give --email", field="email")
        )
    return made, token, warnings


def disable(conn: Connection, machine_user: str, name: str, now: datetime) -> None:
    """Take an operator's token away for good; the name is never used again. Raises Rejected."""
    operators.disable(conn, " ".join(name.split()), now, actor=machine_user)
