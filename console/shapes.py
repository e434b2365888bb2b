"""The JSON of a message, the same from the command line and from HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from broadcast.content.model import Content
from broadcast.messages.versions import Version


def message_json(v: Version, counts: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return {id, version, kind, status, state, content_hash, identifier, sent, expires, counts} of
    a version.

    `expires` is null while it is counted from an approval that has not come. `counts` is what the
    caller knows: the account of `deliveries` for what went out, the numbers of a preview for what
    has not, else null. Times are RFC 3339 with an offset.
    """
    expires = v.expires_at or (
        v.content.expires if isinstance(v.content.expires, datetime) else None
    )
    return {
        "id": v.message_id,
        "version": v.number,
        "kind": v.kind,
        "status": v.status,
        "state": v.state,
        "content_hash": v.content_hash,
        "identifier": v.identifier,
        "sent": rfc3339(v.sent),
        "expires": rfc3339(expires),
        "counts": counts,
        **({} if v.margin is None else {"margin": v.margin}),
    }


def content_json(content: Content) -> dict[str, Any]:
    """Return a content in the fields of the contract's message JSON: what a PUT or another draft
    takes again.
    """
    from broadcast.drafts import writing

    return writing.fields_of(content)


def rfc3339(at: datetime | None) -> str | None:
    """Return an aware time with its offset, or None."""
    return at.isoformat() if at else None
