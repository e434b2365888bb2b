"""CAP documents as the database keeps them: those received, byte for byte, and those that we
published.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from broadcast.cap.tables import cap_document
from broadcast.messages.tables import version
from broadcast.problems import refuse


@dataclass(frozen=True, slots=True, kw_only=True)
class CapKey:
    """What names a CAP document among all (CAP 1.2 section 3.2.1): sender and identifier; `sent` as
    received.
    """

    sender: str
    identifier: str
    sent: str


def keep(conn: Connection, key: CapKey, data: bytes, now: datetime) -> bool:
    """Keep a document byte for byte as received; return False where the very same one is kept
    already.

    Raises Rejected (409 identity_conflict) where another document of that sender has the
    identifier.
    """
    digest = hashlib.sha256(data).hexdigest()
    held = conn.execute(
        select(cap_document.c.digest).where(
            cap_document.c.sender == key.sender, cap_document.c.identifier == key.identifier
        )
    ).scalar_one_or_none()
    if held is not None:
        if held == digest:
            return False
        raise refuse(
            "identity_conflict",
            "another document of this sender has the same identifier",
            "ask the sender: no identifier is used twice",
            field="identifier",
            status=409,
        )
    conn.execute(
        insert(cap_document).values(
            sender=key.sender,
            identifier=key.identifier,
            sent=key.sent,
            digest=digest,
            received_at=now,
            document=data,
        )
    )
    return True


def find(conn: Connection, name: str) -> list[tuple[CapKey, bytes]]:
    """Return the kept documents that `name` means: an identifier, or "sender,identifier,sent" as in
    CAP's references.
    """
    sender, _, rest = name.partition(",")
    identifier = rest.partition(",")[0] if rest else name
    query = select(cap_document).where(cap_document.c.identifier == identifier)
    if rest:
        query = query.where(cap_document.c.sender == sender)
    return [
        (CapKey(sender=r.sender, identifier=r.identifier, sent=r.sent), r.document)
        for r in conn.execute(query.order_by(cap_document.c.sender))
    ]


def published(
    conn: Connection, *, version_id: int | None = None, identifier: str = ""
) -> bytes | None:
    """Return a published document byte for byte: of a version its newest one (the Cancel, where it
    was cancelled), or that of an identifier.
    """
    columns = select(version.c.cap, version.c.cancel_cap)
    if version_id is not None:
        row = conn.execute(columns.where(version.c.id == version_id)).one_or_none()
        return None if row is None else row.cancel_cap or row.cap
    row = conn.execute(columns.where(version.c.identifier == identifier)).one_or_none()
    return None if row is None else row.cap


def one(found: list[tuple[CapKey, bytes]]) -> bytes | None:
    """Return the one document found, None where there is none; raises Rejected (409
    identifier_ambiguous) where several senders used the name.
    """
    if len(found) > 1:
        senders = ", ".join(key.sender for key, _ in found)
        raise refuse(
            "identifier_ambiguous",
            f"several senders have a document of that name: {senders}",
            "write sender,identifier,sent",
            field="ID",
            status=409,
        )
    return found[0][1] if found else None
