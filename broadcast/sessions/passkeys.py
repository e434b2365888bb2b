"""Passkeys of operators as rows: added, found, used, removed; and what who has one can no longer do
without it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Row, insert, select, update

from broadcast.problems import refuse
from broadcast.sessions.tables import passkey

PROOF = "passkey"
"""What a session says of its holder once they showed one."""
MOST = 10
"""Passkeys that one operator may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """One passkey. `public_key` is a COSE key (RFC 9052), `sign_count` the authenticator's own."""

    id: int
    operator_id: int
    credential_id: bytes
    public_key: bytes = field(repr=False)
    sign_count: int
    name: str
    added_at: datetime
    used_at: datetime | None


def of_operator(conn: Connection, operator_id: int) -> list[Passkey]:
    """Return the passkeys of one operator, the oldest first."""
    query = select(passkey).where(
        passkey.c.operator_id == operator_id, passkey.c.removed_at.is_(None)
    )
    return [_passkey(row) for row in conn.execute(query.order_by(passkey.c.id))]


def add(
    conn: Connection,
    *,
    operator_id: int,
    credential_id: bytes,
    public_key: bytes,
    sign_count: int,
    name: str,
    now: datetime,
) -> None:
    """Keep a passkey. Raises Rejected: 409 passkey_known (anybody's, removed ones too),
    passkeys_many.
    """
    known = select(passkey.c.id).where(passkey.c.credential_id == credential_id)
    if conn.execute(known).first() is not None:
        raise refuse(
            "passkey_known",
            "this passkey was added before",
            "use another key or device",
            status=409,
        )
    if len(of_operator(conn, operator_id)) >= MOST:
        raise refuse(
            "passkeys_many", f"you have {MOST} passkeys", "remove one that you lost", status=409
        )
    conn.execute(
        insert(passkey).values(
            operator_id=operator_id,
            credential_id=credential_id,
            public_key=public_key,
            sign_count=sign_count,
            name=name,
            added_at=now,
        )
    )


def use(conn: Connection, used: Passkey, sign_count: int, now: datetime) -> bool:
    """Keep that a passkey was shown; return False where it was removed, or shown by another
    request since it was looked up.
    """
    unchanged = (
        passkey.c.id == used.id,
        passkey.c.removed_at.is_(None),
        passkey.c.sign_count == used.sign_count,
    )
    shown = update(passkey).where(*unchanged).values(sign_count=sign_count, used_at=now)
    return conn.execute(shown).rowcount == 1


def remove(conn: Connection, operator_id: int, now: datetime, passkey_id: int | None = None) -> int:
    """Remove one passkey of an operator, or all of them; return how many."""
    mine = passkey.c.operator_id == operator_id
    one = passkey.c.id == passkey_id if passkey_id is not None else mine
    gone = update(passkey).where(mine, one, passkey.c.removed_at.is_(None))
    return conn.execute(gone.values(removed_at=now)).rowcount


def lacking(conn: Connection, operator_id: int, proof: str) -> bool:
    """Return whether an operator has a passkey, and proved who they are without it."""
    return proof != PROOF and bool(of_operator(conn, operator_id))


def require_shown(conn: Connection, operator_id: int, proof: str) -> None:
    """Raise Rejected (403 passkey_needed) where an operator who has a passkey proved who they are
    without it: a stolen token approves nothing.
    """
    if lacking(conn, operator_id, proof):
        raise refuse(
            "passkey_needed",
            "you have a passkey, and nothing is approved without it",
            "approve on the control room's pages, signed in with your passkey",
            status=403,
        )


def _passkey(row: Row[tuple[object, ...]]) -> Passkey:
    return Passkey(
        id=row.id,
        operator_id=row.operator_id,
        credential_id=row.credential_id,
        public_key=row.public_key,
        sign_count=row.sign_count,
        name=row.name,
        added_at=row.added_at,
        used_at=row.used_at,
    )
