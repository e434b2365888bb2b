"""While somebody writes: the preview of what stands there now, how many people each place holds,
and the text kept as it is typed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from broadcast.content.model import SEVERITIES, Content, is_urgent
from broadcast.drafts import read_draft, unfinished
from broadcast.drafts.unfinished import Kept
from broadcast.messages import advice
from broadcast.messages.versions import Resolved, Version
from broadcast.operators import look_ups, operators
from broadcast.operators.operators import Operator
from broadcast.problems import Problem, Rejected
from broadcast.store.database import Connection
from service.commands import submitting
from service.commands.context import Context
from service.commands.submitting import Seen
from service.commands.unit_of_work import Act

PLACEHOLDER = {"en": {"headline": "…", "instruction": "…"}}
"""Stands for a text that is not written yet, so that its people can be counted all the same."""
_OF_TEXT = frozenset(
    {
        "hotline_without_hours",
        "instruction_missing",
        "nobody_there",
        "shouting",
        "sms_incomplete",
        "sms_many_parts",
    }
)
COUNTED_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A form that somebody is filling in: its content, None where it has none yet, and what is
    missing or wrong.
    """

    content: Content | None
    problems: tuple[Problem, ...]

    @property
    def complete(self) -> bool:
        """Whether it can be saved as a draft: nothing is missing or wrong."""
        return not self.problems


async def read(
    context: Context,
    draft: Mapping[str, Any],
    base: Content | None,
    follows: str,
    replaces: Content | None,
) -> Written:
    """Read a form. Where only the words are missing or wrong, placeholders take their place, so
    that places and people can be shown already.
    """

    async def attempt(fields: Mapping[str, Any]) -> Content:
        return await context.apart(
            read_draft,
            json.dumps(fields).encode(),
            "json",
            now=context.now(),
            base=base,
            follows=follows or "update",
            replaces=replaces,
        )

    try:
        return Written(content=await attempt(draft), problems=())
    except Rejected as rejected:
        problems = tuple(rejected.problems)
    try:
        standing = await attempt({**draft, "languages": PLACEHOLDER})
    except Rejected:
        return Written(content=None, problems=problems)
    return Written(content=standing, problems=problems)


def version_of(
    content: Content,
    actor: Operator,
    action: str,
    predecessor: Version | None,
    draft: Version | None,
) -> Version:
    """Return the version that would be stored for a content; a new one has the number 0."""
    fixed = {
        "content": content,
        "kind": content.kind,
        "status": content.status,
        "urgent": is_urgent(content, corrects=action == "correct"),
        "severity_rank": SEVERITIES.index(content.severity),
        "resolved": Resolved(),
    }
    if draft is not None:
        return replace(draft, **fixed)  # type: ignore[arg-type]
    empty: dict[str, Any] = dict.fromkeys(Version.__dataclass_fields__)
    return Version(
        **empty
        | fixed
        | {
            "id": 0,
            "message_id": predecessor.message_id if predecessor is not None else 0,
            "number": 0,
            "action": action or "new",
            "predecessor_id": predecessor.id if predecessor is not None else None,
            "state": "draft",
            "revision": 0,
            "author_id": actor.id,
            "editors": (),
            "room": actor.area,
            "generation": 0,
            "code": predecessor.code if predecessor is not None else "XXXXXXXXX",
        }
    )


class Previews:
    """Keeps recent previews, so that typing one more word does not count people again: that happens
    only when place, audience, channels or languages change.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[int, str], tuple[float, Seen]] = {}

    async def see(self, context: Context, actor: Operator, v: Version, about: str) -> Seen:
        """Return who would be told of a version that is not stored. Each count is recorded as a
        look-up. Raises Rejected (429 look_ups_limited, and what `submitting.look` raises).
        """
        operators.require(actor, "read")
        key = (actor.id, _counted_by(v))
        at, seen = self._kept.get(key, (0.0, None))
        if seen is None or time.monotonic() - at > COUNTED_SECONDS:
            await context.db.read(look_ups.check, actor, look_ups.PREVIEW, context.now())
            seen = await submitting.look(context, v, actor)
            await context.db.write(
                look_ups.record,
                actor,
                look_ups.PREVIEW,
                subject=about,
                content=v.content,
                now=context.now(),
            )
            self._kept[key] = (time.monotonic(), seen)
            for old in sorted(self._kept, key=lambda each: self._kept[each][0])[:-64]:
                del self._kept[old]
        kept = [w for w in seen.warnings if w.code not in _OF_TEXT]
        said = await context.apart(advice.of_text, v.content, seen.people)
        said += await submitting.sms_incomplete(context, v, seen.resolved)
        return await submitting.expect(context, v, replace(seen, warnings=(*kept, *said)))


def _counted_by(v: Version) -> str:
    told = v.content.to_json()
    told["languages"] = list(v.content.languages)
    told.pop("note", None)
    return json.dumps([told, v.message_id, v.action, v.revision, v.urgent], sort_keys=True)


class Counts:
    """How many registered people each area holds, counted at most once a minute."""

    def __init__(self) -> None:
        self._kept: tuple[float, tuple[str, str], dict[str, int]] = (0.0, ("", ""), {})

    async def by_area(self, context: Context) -> dict[str, int]:
        """Return people by area code; nothing where counting takes too long."""
        tree = await context.tree()
        index, _ = await context.matcher.index()
        at, of, counts = self._kept
        now = (tree.revision, index.as_of)
        fresh = time.monotonic() - at <= COUNTED_SECONDS and of[0] == now[0]
        if counts and (of == now or fresh):
            return counts
        try:
            counts = await context.aside(index.by_area, tree)
        except Rejected:
            return {}
        self._kept = (time.monotonic(), now, counts)
        return counts


async def keep(
    context: Context,
    actor: Operator,
    place: str,
    fields: dict[str, Any],
    known: tuple[int, int] | None,
) -> Act[Kept]:
    """Save a form as it stands, complete or not."""
    operators.require(actor, "draft")
    now = context.now()
    return Act(lambda conn: unfinished.keep(conn, actor, place, fields, now, known))


async def drop(context: Context, actor: Operator, number: int) -> Act[None]:  # noqa: ARG001
    """Delete a saved form or template."""
    operators.require(actor, "draft")
    return Act(lambda conn: unfinished.drop(conn, actor, number))


async def keep_skeleton(
    context: Context, actor: Operator, place: str, name: str, fields: dict[str, Any]
) -> Act[Kept]:
    """Save a template to begin from."""
    operators.require(actor, "draft")
    now = context.now()
    return Act(lambda conn: unfinished.keep_skeleton(conn, actor, place, name, fields, now))


def finished(act: Act[Version], actor: Operator, number: int | None) -> Act[Version]:
    """Return the act of saving a draft, which deletes the saved form in the same transaction."""
    if number is None:
        return act

    def write(conn: Connection) -> Version:
        made = act.write(conn)
        unfinished.drop(conn, actor, number)
        return made

    return Act(write)
