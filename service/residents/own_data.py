"""What somebody got from us, and everything that is kept of them, for themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from broadcast.files.csv_files import escape, write_rows
from broadcast.ledger import attempt_look_up
from broadcast.messages import versions
from broadcast.messages.versions import Version
from broadcast.sessions import store
from broadcast.store.database import Connection
from service.residents.registering import KIND
from subscribers import registry

MOST_MESSAGES: Final = 100
"""Versions on the page of one's own messages."""
MOST_TAKEN: Final = 10_000
"""Versions in the data that somebody takes out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """One version that somebody got. `line` is accepted, delivered or in_doubt."""

    version: Version
    channel: str
    line: str
    at: datetime


def messages_of(conn: Connection, person: int) -> list[list[Got]]:
    """Return what somebody got, by message: each message's versions newest first, and the message
    with the newest version first. So a correction stands with what it corrects.
    """
    by_message: dict[int, list[Got]] = {}
    for version_id, channel, line, at in attempt_look_up.sent_to(conn, person, MOST_MESSAGES):
        version = versions.get(conn, version_id)
        got = Got(version=version, channel=channel, line=line, at=at)
        by_message.setdefault(version.message_id, []).append(got)
    return list(by_message.values())


def everything(conn: Connection, person: int, now: datetime) -> dict[str, Any]:
    """Return all that is kept of somebody: themselves, their consents and stops, where they are
    signed in, and which messages they were sent.
    """
    known = registry.show(conn, person)
    assert known is not None
    sent = [
        {
            "message": version.code,
            "version": version.number,
            "headline": next(iter(version.content.languages.values())).headline,
            "channel": channel,
            "line": line,
            "at": at.isoformat(),
        }
        for version_id, channel, line, at in attempt_look_up.sent_to(conn, person, MOST_TAKEN)
        for version in (versions.get(conn, version_id),)
    ]
    signed = [
        {"began_at": s.began_at.isoformat(), "expires_at": s.expires_at.isoformat()}
        for s in store.of_holder(conn, KIND, person, now)
    ]
    return {"made_at": now.isoformat(), "person": known, "sessions": signed, "messages": sent}


def as_csv(data: dict[str, Any]) -> Iterator[str]:
    """Yield the same as CSV, one value a row; a cell that a spreadsheet would run is defused."""
    return write_rows(("what", "value"), ([escape(a), escape(b)] for a, b in _flat("", data)))


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _flat(f"{name}.{key}" if name else str(key), each)
    elif isinstance(value, list) and any(isinstance(each, dict) for each in value):
        for number, each in enumerate(value, 1):
            yield from _flat(f"{name}.{number}", each)
    elif isinstance(value, list):
        yield name, ";".join(str(each) for each in value)
    else:
        yield name, "" if value is None else str(value)
