"""CAP documents of others: kept as received, with their record. None is sent."""

from __future__ import annotations

from datetime import datetime

from broadcast.cap import kept
from broadcast.cap.model import CapAlert
from broadcast.cap.validation.validate import Verdict, judge
from broadcast.operators import operators
from broadcast.problems import Problem, Rejected
from broadcast.store.database import Connection
from service.setup.who import Who, allowed


def read(data: bytes, name: str) -> tuple[Verdict, CapAlert]:
    """Return what the rules of CAP say of a document, and the document. Raises Rejected (409) with
    every rule that it breaks.
    """
    verdict, alert = judge(data)
    if alert is None:
        raise Rejected(
            Problem(
                code=p.code,
                detail=p.detail,
                fix=p.fix,
                where=f"{name}: {p.where}" if p.where else name,
                status=409,
            )
            for p in verdict.problems()
        )
    return verdict, alert


def bring_in(
    conn: Connection, who: Who, alert: CapAlert, data: bytes, *, name: str, now: datetime
) -> bool:
    """Keep a document byte for byte; return False where the very same one is kept already. Raises
    Rejected (409 identity_conflict).
    """
    return keep(conn, allowed(conn, who, everywhere=True), alert, data, name=name, now=now)


def keep(
    conn: Connection, actor: str, alert: CapAlert, data: bytes, *, name: str = "", now: datetime
) -> bool:
    """Keep a document with its record, for whoever was found to be allowed to; as `bring_in`."""
    key = kept.CapKey(sender=alert.sender, identifier=alert.identifier, sent=alert.sent)
    fresh = kept.keep(conn, key, data, now)
    operators.log_admin(
        conn, actor=actor, action="cap.import", subject=alert.identifier, detail=name, now=now
    )
    return fresh
