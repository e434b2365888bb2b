"""People by page, as they may be shown on a screen: who they are to us, and of how they are reached only what tells them apart."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from subscribers.tables import subscriber

_LISTS = ("sectors", "communities", "topics", "channels", "stopped")


def page(conn: Connection, after: int, limit: int) -> list[dict[str, Any]]:
    """Return up to `limit` people, not erased, with a higher id than `after`, by id; numbers, addresses and names are masked."""
    rows = conn.execute(select(subscriber).where(subscriber.c.id > after, subscriber.c.erased_at.is_(None)).order_by(subscriber.c.id).limit(limit))
    return [
        {
            "id": r.id,
            "external_id": r.external_id,
            "name": masked_name(r.name),
            "kind": r.kind,
            "email": masked_email(r.email),
            "mobile": masked_number(r.mobile),
            "phone": masked_number(r.phone),
            "language": r.language,
            "area": r.area,
            "minimum_severity": r.minimum_severity or None,
            **{column: [part for part in getattr(r, column).split(";") if part] for column in _LISTS},
        }
        for r in rows
    ]


def masked_number(number: str | None) -> str | None:
    """Return "…123" of a number."""
    return f"…{number[-3:]}" if number else None


def masked_email(address: str | None) -> str | None:
    """Return "a…@example.org" of an address."""
    if not address:
        return None
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"


def masked_name(name: str) -> str:
    """Return "A… B…" of a name."""
    return " ".join(f"{part[0]}…" for part in name.split())
