"""What every answer about a message tells, and how a message is named in a path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from broadcast.messages import small_counts
from broadcast.messages.versions import Version
from broadcast.problems import Problem, refuse
from broadcast.store.database import Connection
from console.shapes import message_json
from service.commands.submitting import Seen
from service.problem_documents import problem_json


def message_id_of(text: str) -> int:
    """Return a message's number; raises Rejected (404 message_unknown) for what can be none."""
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    raise refuse(
        "message_unknown",
        "there is no such message",
        "see GET /api/v1/messages",
        field="id",
        status=404,
    )


def cheap_counts(v: Version) -> dict[str, Any] | None:
    """Return what a version's own row knows of its people; the account of `deliveries` is at
    …/counts.
    """
    if v.seen_count is None:
        return None
    found: dict[str, Any] = {"people": small_counts.number(v.seen_count, v.content)}
    if v.addressed is not None:
        found["addressed"] = small_counts.whole(v.seen_count, v.addressed - v.seen_count, v.content)
    return found


def told(v: Version, seen: Seen | None = None, **more: Any) -> dict[str, Any]:
    """Return the answer to an act on a version."""
    if seen is None:
        return message_json(v, cheap_counts(v)) | more
    return (
        message_json(v, seen.shown(v))
        | {
            "people": small_counts.number(seen.people, v.content),
            "warnings": [problem_json(p) for p in seen.warnings],
            "expected": seen.expected.to_json(),
        }
        | more
    )


def told_with(
    warnings: tuple[Problem, ...] = (),
) -> Callable[[Connection, Version], dict[str, Any]]:
    """Return what tells of a version that an act left behind, with what its author should know."""

    def answer(_conn: Connection, v: Version) -> dict[str, Any]:
        more = {"warnings": [problem_json(p) for p in warnings]} if warnings else {}
        return {**told(v), **more}

    return answer
