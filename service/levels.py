"""Threat levels: drafting a change, and what an operator may know of them.

Of the country and its places everybody may know; of a sector or community whoever may read the
message that set its level.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from broadcast.files.nearest import shown
from broadcast.groups import registered
from broadcast.groups.registered import is_group
from broadcast.levels import history
from broadcast.levels.history import Fact
from broadcast.levels.scales import UK, normalise_scope, parse_level
from broadcast.messages import readers, versions
from broadcast.messages.states import OPEN
from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.problems import refuse
from broadcast.store.database import Connection
from broadcast.wording.languages import ENGLISH
from broadcast.wording.level_ending import level_ended
from broadcast.wording.levels import ENDED
from broadcast.wording.pack import called, fill
from service.commands.context import Context
from service.commands.reading import may_read
from service.commands.unit_of_work import Act

NAMED: Final = {name: name for name in ("level", "scope", "area", "why")}
"""How a request names what it gives."""
TYPED: Final = {"level": "LEVEL", "scope": "--scope", "area": "--area", "why": "--why"}
"""How a command names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of level as a person asks for it: the new level, or ENDED. `why` is what people read
    below it, `source` who decided it, `fields` how a refusal names these.
    """

    level: str
    scope: str
    why: str
    status: str = "Actual"
    source: str = ""
    visibility: str = ""
    fields: Mapping[str, str] = field(default_factory=lambda: NAMED)


async def change(context: Context, actor: Operator, wanted: Change) -> Act[Version]:
    """Start the message of a change, in our words and the author's reason. Raises Rejected."""
    # whoever only looks at levels need not wait for what reads drafts
    from broadcast.drafts import read_draft
    from service.commands import drafting

    named = wanted.fields
    if not wanted.why.strip():
        raise refuse(
            "why_missing",
            "a change of level needs a reason",
            "say why: it is what people read below the level",
            field=named["why"],
        )
    ends = wanted.level.strip().upper() == ENDED
    level = ENDED if ends else str(parse_level(wanted.level, field=named["level"]))
    scope = normalise_scope(wanted.scope, field=named["scope"])
    tree, groups = await context.tree(), await context.db.read(registered.load)
    groups.require([scope], named["scope"])
    place = called(groups.names_of(scope), "en") or (tree[scope].name if scope in tree else scope)
    headline = (
        level_ended(ENGLISH, place)
        if ends
        else fill(ENGLISH.level_is(scope), level=level, place=place)
    )
    document = {
        "kind": "threat_level_change",
        "status": wanted.status,
        "level": level,
        "scope": scope,
        "languages": {"en": {"headline": headline, "description": wanted.why.strip()}},
        **({"source": wanted.source.strip()} if wanted.source.strip() else {}),
        **({"visibility": wanted.visibility.strip()} if wanted.visibility.strip() else {}),
    }
    content = read_draft(json.dumps(document).encode(), "json", now=context.now())
    return await drafting.draft(context, actor, content)


async def propose_imported(context: Context, actor: Operator, why: str) -> Act[list[Version]]:
    """Start a message for each scope whose level a file says and nobody approved yet, with the
    level that the file says last; all of them or none. A scope with a change under way is left out,
    and so is an area that was never imported. Raises Rejected.
    """
    operators.require(actor, "draft")
    found = await context.db.read(history.only_imported, context.now())
    under_way, tree = await context.db.read(_under_way), await context.tree()
    acts = [
        await change(
            context,
            actor,
            Change(level=shown.level, scope=shown.scope, why=why, fields=TYPED),
        )
        for shown in found
        if shown.level is not None
        and shown.scope not in under_way
        and (shown.scope == UK or is_group(shown.scope) or shown.scope in tree)
    ]
    return Act(lambda conn: [act.write(conn) for act in acts])


def _under_way(conn: Connection) -> set[str | None]:
    """Return the scopes of changes that are drafted, or submitted, and not decided yet."""
    open_ones = (versions.get(conn, n) for n in versions.in_states(conn, OPEN))
    return {v.content.scope for v in open_ones if v.content.kind == "threat_level_change"}


async def standing(
    context: Context,
    actor: Operator | None,
    at: datetime,
    *,
    scope: str | None = None,
    area: str | None = None,
    past: bool = False,
    fields: Mapping[str, str] = NAMED,
) -> list[dict[str, Any]]:
    """Return what holds at `at`, as `level show` tells it: of every scope that the operator may
    know, of one scope, or in effect at an area.

    `actor` None is the machine's administrator. `past`: for a moment that somebody asked for, what
    a file says counts too. Where the level of a group may not be known, the answer is that of a
    group without one. Raises Rejected: 404 area_unknown, community_unknown, sector_unknown.
    """
    _may(actor)
    if area is not None:
        tree = await context.tree()
        code = area.strip().upper()
        if code not in tree:
            raise refuse(
                "area_unknown",
                f"{shown(area)} was never imported",
                "see `fasttime areas list`",
                field=fields["area"],
                status=404 if fields is NAMED else 422,
            )
        in_effect = await context.db.read(history.effective, tree, code, at, past=past)
        return [in_effect.to_json()]
    wanted = await _known(context, scope, fields["scope"])
    told = []
    found = await context.db.read(history.show, at, wanted, confidential=True, past=past)
    for each in found:
        if is_group(each.scope) and each.level is not None:
            held = await context.db.read(history.present, each.scope, at if past else None)
            if held is None or not await _sees(context, actor, held):
                if wanted is not None:
                    told.append(history.Shown(scope=each.scope, at=at).to_json())
                continue
        told.append(each.to_json())
    return told


async def changes(
    context: Context,
    actor: Operator | None,
    *,
    scope: str | None = None,
    fields: Mapping[str, str] = NAMED,
) -> list[dict[str, Any]]:
    """Return every change that the operator may know of, oldest first, each with its source, its
    reason and whose decision it was.
    """
    _may(actor)
    wanted = await _known(context, scope, fields["scope"])
    return [
        history.told(fact) | await _why(context, fact)
        for fact in await context.db.read(history.counting, wanted)
        if not is_group(fact.scope) or await _sees(context, actor, fact)
    ]


def _may(actor: Operator | None) -> None:
    if actor is not None:
        operators.require(actor, "read")


async def _known(context: Context, scope: str | None, field: str) -> str | None:
    """Return the scope in its one spelling; raises Rejected where nobody registered its group."""
    if not scope:
        return None
    wanted = scope if scope.startswith("scale:") else normalise_scope(scope, field=field)
    if is_group(wanted):
        (await context.db.read(registered.load)).require([wanted], field)
    return wanted


async def _sees(context: Context, actor: Operator | None, fact: Fact) -> bool:
    """Return whether the operator may know of the level of a group: as of the message that set it,
    or because they may set it themselves.
    """
    if actor is None or readers.reads_all(actor) or fact.scope in actor.may_set:
        return True
    if fact.version_id is None:
        return False
    v = await context.db.read(versions.get, fact.version_id)
    return await may_read(context, actor, await context.db.read(versions.of_message, v.message_id))


async def _why(context: Context, fact: Fact) -> dict[str, str]:
    """Return the reason that people read, and whose decision it was; empty for what a file says."""
    if fact.version_id is None:
        return {"reason": "", "decided_by": ""}
    content = (await context.db.read(versions.get, fact.version_id)).content
    first = next(iter(content.languages.values()))
    return {"reason": first.description, "decided_by": content.source or ""}
