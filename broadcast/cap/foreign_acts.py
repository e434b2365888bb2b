"""A Cancel or an Update from outside: which message of ours it speaks of, and what may become of
it.
"""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import Connection, select

from broadcast.cap import kept
from broadcast.cap.model import CapAlert
from broadcast.messages.published import CANCEL_SUFFIX
from broadcast.messages.tables import version
from broadcast.messages.versions import read_content
from broadcast.problems import Rejected, refuse


def message_meant(conn: Connection, alert: CapAlert) -> int | None:
    """Return the message that the references name: by an identifier of ours, or by the one it was
    drafted from.
    """
    for reference in alert.reference_list:
        name = reference.identifier.removesuffix(CANCEL_SUFFIX)
        query = select(version.c.message_id).where(version.c.identifier == name)
        found = conn.execute(query.limit(1)).scalar_one_or_none()
        if found is None:
            found = _drafted_from(conn, reference.identifier)
        if found is not None:
            return int(found)
    return None


def _drafted_from(conn: Connection, identifier: str) -> int | None:
    written = json.dumps(identifier, ensure_ascii=False)
    query = select(version.c.message_id, version.c.content).where(
        version.c.content.contains(written, autoescape=True)
    )
    for row in conn.execute(query.order_by(version.c.id.desc()).limit(100)):
        if identifier in read_content(row.content).incidents:
            return int(row.message_id)
    return None


def keep(conn: Connection, alert: CapAlert, data: bytes, now: datetime) -> None:
    """Keep a document as received. Raises Rejected (409 identity_conflict)."""
    kept.keep(
        conn,
        kept.CapKey(sender=alert.sender, identifier=alert.identifier, sent=alert.sent),
        data,
        now,
    )


def not_an_alert(alert: CapAlert, message: int | None) -> Rejected | None:
    """Return why a Cancel or Update is not drafted; None where it becomes an update of `message`,
    the one it means.
    """
    if alert.msg_type == "Update" and message is not None:
        return None
    if message is None:
        return refuse(
            "cap_reference_unknown",
            f"the {alert.msg_type} speaks of no message that we know; it is kept, and nothing was"
            " drafted",
            "draft the document that it refers to first, or write a message by hand",
            field="references",
            status=409,
        )
    return refuse(
        "cap_cancel",
        f"the Cancel speaks of message {message}; it is kept, and nothing was drafted",
        f"cancel it with `fasttime message cancel {message}`, or POST"
        f" /api/v1/messages/{message}/cancel",
        field="msgType",
        status=409,
    )


def only_words(alert: CapAlert, allowed: tuple[str, ...]) -> None:
    """Refuse a document of another msgType as the text of a version that is open already."""
    if alert.msg_type not in allowed:
        fix = f"give it {' or '.join(allowed)}; a Cancel is `fasttime message cancel ID`"
        raise refuse(
            "cap_message_type",
            f"{alert.msg_type} is no text for this version",
            fix,
            field="msgType",
        )
