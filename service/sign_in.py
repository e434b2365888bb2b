"""Signing in to the control room in a browser: by one's token, or once by an invitation link.

A session stands for one operator, for twelve hours at most. Whoever is disabled has none from the
next request on: the operator is looked up with every one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from broadcast.operators import audit, operators
from broadcast.operators.operators import Operator
from broadcast.problems import Rejected, refuse
from broadcast.sessions import passkeys, store
from broadcast.sessions.store import Session
from broadcast.store.database import Connection, Database

KIND = "operator"
LASTS = timedelta(hours=12)
IDLE = {"approver": timedelta(minutes=30)}
"""By role, how long a browser may stay away before it has to sign in again."""
WARNED = timedelta(minutes=5)
"""So long before that a page says so."""
INVITATION_LASTS = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A session that stands, and whose it is."""

    session: Session
    operator: Operator


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed(Standing):
    """Who a browser stands for at this moment. `lacks_passkey`: they have one, and this session was
    not proved by it.
    """

    lacks_passkey: bool


async def invite(db: Database, name: str, *, actor: str, now: datetime) -> str:
    """Return the secret of a link by which an operator signs in for the first time.

    Raises Rejected: 404 operator_unknown, 409 signed_in_before.
    """

    def made(conn: Connection) -> str:
        found = operators.by_name(conn, name)
        if store.ever(conn, KIND, found.id):
            raise _signed_in_before(found.name)
        operators.log_admin(
            conn, actor=actor, action="operators.invite", subject=found.name, now=now
        )
        return store.make_link(conn, kind=KIND, holder_id=found.id, now=now, lasts=INVITATION_LASTS)

    return await db.write(made)


async def by_token(db: Database, token: str, now: datetime) -> tuple[Operator, str]:
    """Begin a session of whose token this is; return the operator and the session's secret. Raises
    Rejected (401 token_invalid).
    """

    def begun(conn: Connection) -> tuple[Operator, str]:
        found = operators.by_token(conn, token.strip()) if len(token) <= 500 else None
        if found is None:
            raise refuse(
                "token_invalid",
                "this is no operator's token",
                "paste the token that `fasttime operators add` printed; that of a disabled"
                " operator no longer works",
                field="token",
                status=401,
            )
        return found, _begin(conn, found, "token", now)

    return await db.write(begun)


async def invited(db: Database, secret: str, now: datetime) -> Operator:
    """Return whom an invitation is for; changes nothing. Raises Rejected (404 invitation_used)."""

    def looked(conn: Connection) -> Operator:
        return _invited(conn, store.link_holder(conn, KIND, secret, now))

    return await db.read(looked)


async def by_invitation(db: Database, secret: str, now: datetime) -> tuple[Operator, str]:
    """Begin the first session of whoever was invited; return the operator and the session's secret.
    Raises Rejected (404 invitation_used).
    """

    def begun(conn: Connection) -> tuple[Operator, str]:
        found = _invited(conn, store.use_link(conn, KIND, secret, now))
        return found, _begin(conn, found, "invitation", now)

    return await db.write(begun)


async def who(db: Database, secret: str, now: datetime) -> Signed | None:
    """Return the operator whose session has this secret; None where there is no such session, or it
    has ended.
    """

    def looked(conn: Connection) -> Signed | None:
        session = store.find(conn, KIND, secret, now)
        found = operators.by_id(conn, session.holder_id) if session is not None else None
        if session is None or found is None:
            return None
        return Signed(
            session=session,
            operator=replace(found, proof=session.proof),
            lacks_passkey=passkeys.lacking(conn, found.id, session.proof),
        )

    return await db.read(looked)


async def sessions(db: Database, actor: Operator, now: datetime) -> list[Standing]:
    """Return one's own sessions; all of them for an administrator."""

    def looked(conn: Connection) -> list[Standing]:
        known = operators.active(conn)
        return [
            Standing(session=each, operator=known[each.holder_id])
            for each in store.listed(conn, KIND, now)
            if each.holder_id in known and _may_end(actor, each)
        ]

    return await db.read(looked)


async def since(db: Database, now: datetime) -> dict[int, datetime]:
    """Return by operator since when they are signed in, by the newest session of theirs that
    stands.
    """
    found = await db.read(store.listed, KIND, now)
    return {each.holder_id: each.began_at for each in reversed(found)}


async def end(db: Database, actor: Operator, session_id: int, now: datetime) -> None:
    """End a session of one's own, or as an administrator anybody's; chained. Raises Rejected (404
    session_unknown), also where it is somebody else's.
    """

    def ended(conn: Connection) -> None:
        asker = operators.still(conn, actor, "read")
        found = store.by_id(conn, KIND, session_id, now)
        if found is None or not _may_end(asker, found) or not store.end(conn, session_id, now):
            raise refuse(
                "session_unknown",
                "there is no such session of yours",
                "see the list of sessions",
                field="session",
                status=404,
            )
        chain(conn, asker.name, "operators.sign_out", found.holder_id, f"session={found.id}", now)

    await db.write(ended)


def _may_end(actor: Operator, session: Session) -> bool:
    return actor.role == "administrator" or session.holder_id == actor.id


def _begin(conn: Connection, operator: Operator, proof: str, now: datetime) -> str:
    chain(conn, operator.name, "operators.sign_in", operator.id, f"proof={proof}", now)
    return store.begin(conn, kind=KIND, holder_id=operator.id, proof=proof, now=now, lasts=LASTS)


def chain(
    conn: Connection, actor: str, action: str, operator_id: int, detail: str, now: datetime
) -> None:
    """Put an act of signing in, or of what it is proved by, into the audit chain."""
    audit.append(
        conn,
        kind="admin",
        actor=actor,
        action=action,
        subject=str(operator_id),
        detail=detail,
        now=now,
    )


def _invited(conn: Connection, holder: int | None) -> Operator:
    found = operators.by_id(conn, holder) if holder is not None else None
    if found is None or store.ever(conn, KIND, found.id):
        raise refuse(
            "invitation_used",
            "this invitation was used, has run out, or is none",
            "sign in with your token, or ask whoever runs this installation for a new invitation",
            status=404,
        )
    return found


def _signed_in_before(name: str) -> Rejected:
    return refuse(
        "signed_in_before",
        f"{name} has signed in before: an invitation is for the first time only",
        "they sign in with their token; who lost it is disabled and added anew",
        field="name",
        status=409,
    )
