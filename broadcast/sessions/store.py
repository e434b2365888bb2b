"""Sessions and one-time links as rows: begun, found, listed, ended; made and used once.

A secret is 256 random bits, so a plain hash keeps it. `kind` says whose it is, so that a session of
one kind of people never opens a door of another.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, and_, delete, exists, insert, or_, select, update

from broadcast.sessions.tables import one_time_link, session
from broadcast.store.database import lock_name

LONGEST_SECRET = 100
"""Nothing longer is hashed: it is none of ours."""
KEPT: Final = timedelta(days=30)
"""So long a session and a link stay as rows after they are over: long enough to look into one that
was stolen.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One session. `proof` is how its holder proved who they are: token, invitation, or passkey
    after either; for residents the channel whose contact was proven.
    """

    id: int
    kind: str
    holder_id: int
    proof: str
    began_at: datetime
    expires_at: datetime


def hashed(secret: str) -> str:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _new_secret() -> tuple[str, str]:
    """Return a secret, and what is kept of it."""
    secret = secrets.token_urlsafe(32)
    return secret, hashed(secret)


def begin(
    conn: Connection, *, kind: str, holder_id: int, proof: str, now: datetime, lasts: timedelta
) -> str:
    """Begin a session; return its secret, which is shown to its browser and kept nowhere."""
    secret, kept = _new_secret()
    began = insert(session).values(kind=kind, holder_id=holder_id, proof=proof, began_at=now)
    conn.execute(began.values(secret_hash=kept, expires_at=now + lasts))
    return secret


def find(conn: Connection, kind: str, secret: str, now: datetime) -> Session | None:
    """Return the session of a secret; None where it is none, has ended or has expired."""
    if not secret or len(secret) > LONGEST_SECRET:
        return None
    found = _sessions(conn, now, session.c.kind == kind, session.c.secret_hash == hashed(secret))
    return found[0] if found else None


def by_id(conn: Connection, kind: str, session_id: int, now: datetime) -> Session | None:
    """Return a session that stands."""
    found = _sessions(conn, now, session.c.kind == kind, session.c.id == session_id)
    return found[0] if found else None


def listed(conn: Connection, kind: str, now: datetime) -> list[Session]:
    """Return the sessions that stand, the newest first."""
    return _sessions(conn, now, session.c.kind == kind)


def of_holder(conn: Connection, kind: str, holder_id: int, now: datetime) -> list[Session]:
    """Return the sessions of one holder that stand, the newest first."""
    return _sessions(conn, now, session.c.kind == kind, session.c.holder_id == holder_id)


def history(conn: Connection, kind: str, holder_id: int) -> list[tuple[datetime, ...]]:
    """Return (began, expires, ended or None) of every session of one holder that is kept, those
    that ended too, the newest first.
    """
    query = (
        select(session.c.began_at, session.c.expires_at, session.c.ended_at)
        .where(session.c.kind == kind, session.c.holder_id == holder_id)
        .order_by(session.c.id.desc())
    )
    return [tuple(row) for row in conn.execute(query)]


def ever(conn: Connection, kind: str, holder_id: int) -> bool:
    """Return whether somebody ever had a session."""
    query = select(session.c.id).where(session.c.kind == kind, session.c.holder_id == holder_id)
    return conn.execute(query.limit(1)).first() is not None


def prove(conn: Connection, session_id: int, proof: str) -> None:
    """Keep that a session's holder proved more than when it began."""
    conn.execute(update(session).where(session.c.id == session_id).values(proof=proof))


def end(conn: Connection, session_id: int, now: datetime) -> bool:
    """End a session; return whether it stood until now."""
    stands = (session.c.id == session_id) & session.c.ended_at.is_(None)
    return conn.execute(update(session).where(stands).values(ended_at=now)).rowcount == 1


def forget_holder(conn: Connection, kind: str, holder_id: int) -> None:
    """Delete every session and link of a holder."""
    for table in (session, one_time_link):
        conn.execute(delete(table).where(table.c.kind == kind, table.c.holder_id == holder_id))


def forget(conn: Connection, now: datetime, *, first_stays: str, most: int = 1_000) -> int:
    """Delete the sessions and links that have been over for `KEPT`, the oldest first and so many of
    each at most; return how many. What still stands is never touched.

    Of the kind `first_stays` each holder's first session stays: `ever` rests on it.
    """
    before = now - KEPT
    first = session.alias()
    another = and_(
        first.c.kind == session.c.kind,
        first.c.holder_id == session.c.holder_id,
        first.c.id < session.c.id,
    )
    may_go = or_(session.c.kind != first_stays, exists().where(another))
    over = (
        (session, and_(or_(session.c.ended_at < before, session.c.expires_at < before), may_go)),
        (
            one_time_link,
            or_(one_time_link.c.used_at < before, one_time_link.c.expires_at < before),
        ),
    )
    gone = 0
    for table, is_over in over:
        # every process does this: what another one is deleting is left to it
        chosen = select(table.c.id).where(is_over).order_by(table.c.id).limit(most)
        ids = chosen.with_for_update(skip_locked=True).scalar_subquery()
        gone += conn.execute(delete(table).where(table.c.id.in_(ids))).rowcount
    return gone


def make_link(
    conn: Connection, *, kind: str, holder_id: int, now: datetime, lasts: timedelta
) -> str:
    """Make a link that opens one session; return its secret. An older one of the same holder opens
    nothing any more.
    """
    lock_name(conn, f"one_time_link {kind} {holder_id}")
    _use(conn, now, one_time_link.c.kind == kind, one_time_link.c.holder_id == holder_id)
    secret, kept = _new_secret()
    made = insert(one_time_link).values(kind=kind, holder_id=holder_id, made_at=now)
    conn.execute(made.values(secret_hash=kept, expires_at=now + lasts))
    return secret


def link_holder(conn: Connection, kind: str, secret: str, now: datetime) -> int | None:
    """Return whose unused link this is; changes nothing, for mail scanners look too."""
    if not secret or len(secret) > LONGEST_SECRET:
        return None
    table = one_time_link.c
    query = select(table.holder_id).where(
        table.kind == kind,
        table.secret_hash == hashed(secret),
        table.used_at.is_(None),
        table.expires_at > now,
    )
    return conn.execute(query).scalar_one_or_none()


def use_link(conn: Connection, kind: str, secret: str, now: datetime) -> int | None:
    """Use a link up; return whose it was, None for whoever comes second."""
    holder = link_holder(conn, kind, secret, now)
    mine = one_time_link.c.secret_hash == hashed(secret[: LONGEST_SECRET + 1])
    return holder if holder is not None and _use(conn, now, mine) == 1 else None


def _use(conn: Connection, now: datetime, *conditions: object) -> int:
    unused = one_time_link.c.used_at.is_(None)
    change = update(one_time_link).where(unused, *conditions)  # type: ignore[arg-type]
    return conn.execute(change.values(used_at=now)).rowcount


def _sessions(conn: Connection, now: datetime, *conditions: object) -> list[Session]:
    query = (
        select(session)
        .where(session.c.ended_at.is_(None), session.c.expires_at > now, *conditions)  # type: ignore[arg-type]
        .order_by(session.c.id.desc())
    )
    return [
        Session(
            id=row.id,
            kind=row.kind,
            holder_id=row.holder_id,
            proof=row.proof,
            began_at=row.began_at,
            expires_at=row.expires_at,
        )
        for row in conn.execute(query)
    ]
