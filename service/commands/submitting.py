"""Submitting, and the preview before it: which places, how many people, and what to know first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from broadcast.content.model import PERSONAL_CHANNELS
from broadcast.content.text_rules import warnings
from broadcast.ledger.planning.plan import planned
from broadcast.messages import advice, authoring, rooms, small_counts
from broadcast.messages.versions import Resolved, Version
from broadcast.operators import look_ups, operators
from broadcast.operators.operators import Operator
from broadcast.problems import Problem, Rejected
from broadcast.store.database import Connection
from broadcast.wording.rendered import Facts
from service import expecting
from service.commands import advising
from service.commands.context import Context
from service.commands.drafting import edited_from
from service.commands.places import all_inside, require_known_groups, resolve
from service.commands.reading import head
from service.commands.unit_of_work import Act, guarded
from service.expecting import Expected, Planned
from service.reading import unready
from service.rendering import facts_of
from subscribers import audience
from subscribers.matcher import rule_for
from subscribers.registry.reached import shared_contacts
from subscribers.same_person.groups import groups


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a preview or a submission looked at: the places, the numbers, and what a person should
    know before going on.
    """

    resolved: Resolved
    counts: dict[str, Any]
    warnings: tuple[Problem, ...]
    planned: Planned = field(default_factory=Planned)
    expected: Expected = field(default_factory=Expected)

    @property
    def people(self) -> int:
        """How many people would be sent to."""
        return int(self.counts["send"])

    def shown(self, v: Version) -> dict[str, Any]:
        """Return the numbers as a person may read them: where a shape was drawn, none tells where
        few people are.
        """
        return small_counts.preview(self.counts, v.content)


async def preview(
    context: Context, actor: Operator | None, message_id: int
) -> Act[tuple[Version, Seen]]:
    """Return who would be told, and what a person should know before submitting; changes
    nothing.
    """
    if actor is None:
        v = await head(context, message_id)
        seen = await look(context, v, actor)
        return Act(lambda _conn: (v, seen))
    operators.require(actor, "read")
    await context.db.read(look_ups.check, actor, look_ups.PREVIEW, context.now())
    v = await head(context, message_id)
    seen = await look(context, v, actor)

    def told(conn: Connection) -> tuple[Version, Seen]:
        look_ups.record(
            conn,
            actor,
            look_ups.PREVIEW,
            subject=str(v.message_id),
            content=v.content,
            now=context.now(),
        )
        return v, seen

    return Act(told)


async def submit(
    context: Context, actor: Operator, message_id: int, accept: Sequence[str] = ()
) -> Act[tuple[Version, Seen]]:
    """Ask for approval of exactly what stands there, to exactly those people. `accept` names
    the warnings that the author accepts; the approver sees the others.
    """
    operators.require(actor, "submit")
    accepted = advice.check_accepted(accept)
    v = await head(context, message_id)
    guard = await all_inside(context, actor, "submit", (v.content, v.room), v=v)
    base, action = await edited_from(context, message_id)
    more: dict[str, Any] = {
        "sender_name": context.sender_name,
        "public_url": context.public_url,
        "now": context.now(),
    }
    problems = await context.apart(unready, v.content, base=base, action=action, **more)
    if problems:
        raise Rejected(problems)
    await require_known_groups(context, v.content)
    seen = await look(context, v, actor)
    found: dict[str, Any] = {
        "revision": v.revision,
        "resolved": seen.resolved,
        "count": seen.people,
        "wording_revision": context.house.wording,
        "margin": context.house.margin,
        "now": context.now(),
        "warned": advice.in_words(seen.warnings, accepted),
    }
    return guarded(guard, _submitted, v.id, seen, **found)


async def look(context: Context, v: Version, actor: Operator | None) -> Seen:
    """Resolve the places and count the people of a version as they are now."""
    if actor is not None and actor.area is not None:
        await context.aside(rooms.require_all, await context.tree(), actor, v.content, v.room)
    resolved, found = await resolve(context, v.content, v.room, actor)
    index, _ = await context.matcher.index()
    rule = await context.db.read(rule_for, v, context.channels_on, resolved, at=context.now())
    frozen = await context.aside(index.match, rule)
    plan = await context.db.read(
        planned,
        frozen,
        urgent=rule.urgent,
        shared_contacts=shared_contacts,
        one_person=groups,
        reached=rule.also_reached,
        all_clear=v.kind == "all_clear",
    )
    frozen = plan.without_duplicates(frozen)
    counted = await context.aside(audience.counts_of, index, rule, frozen, plan.channels())
    counts = {
        "addressed": counted.addressed,
        "send": counted.send,
        "channels": dict(counted.by_channel),
        "languages": dict(counted.by_language),
        "kinds": dict(counted.by_kind),
        "organisations": dict(counted.by_organisation),
        "passes_on": counted.passes_on,
        "suppressed": dict(counted.suppressed),
        "held": counted.held,
        "perhaps": counted.perhaps,
    }
    for language, text in v.content.languages.items():
        if text.sms:
            found += warnings(f"languages.{language}.sms", text.sms)
    if v.content.exercise:
        found += warnings("exercise", v.content.exercise)
    on = context.channels_on(v.status)
    found += [
        Problem(
            code="channel_off",
            detail=(
                f"the channel {c} is not configured for status {v.status}: its people are"
                " no_channel"
            ),
            fix="see `fasttime doctor`",
        )
        for c in v.content.channels
        if c in PERSONAL_CHANNELS and c not in on
    ]
    found += await context.apart(advice.of_text, v.content, counted.send)
    found += await sms_incomplete(context, v, resolved)
    found += advice.perhaps_inside(v.content, counted.perhaps)
    found += advice.languages_missing(v.content, counted.reads, v.action)
    met = await advising.met(context, v, resolved, audience.everybody(frozen), index)
    found += advice.overlap(v.content, counted.send, met)
    found += await context.db.read(advice.same_text, v, context.now())
    seen = Seen(
        resolved=resolved,
        counts=counts,
        warnings=tuple(found),
        planned=Planned(
            people={(part.channel, part.language): len(part.ids) for part in plan.parts},
            ends=tuple(at for at, ids in frozen.held.items() if ids),
        ),
    )
    return await expect(context, v, seen)


async def expect(context: Context, v: Version, seen: Seen) -> Seen:
    """Return what was seen, with what it would cost and how long it would take."""
    facts = _facts(context, v, seen.resolved)
    parts: dict[str, int] = {}
    if "sms" in v.content.channels:
        parts = await context.apart(expecting.parts_of, v.content, facts)
    told = expecting.expected(v.content, seen.counts, seen.planned, parts, context.terms)
    return replace(seen, expected=told)


def _facts(context: Context, v: Version, resolved: Resolved) -> Facts:
    """Return what a text of this version would be rendered with if it were published now."""
    now = context.now()
    return facts_of(
        replace(v, resolved=resolved, expires_at=v.ends(now)),
        sender_name=context.sender_name,
        public_url=context.public_url,
        sent=now,
        zone=context.terms.zone,
        no_replies=context.terms.no_replies,
    )


async def sms_incomplete(context: Context, v: Version, resolved: Resolved) -> list[Problem]:
    """Return in which languages the text message says no place or no time, as it would be sent
    now.
    """
    tree, facts = await context.tree(), _facts(context, v, resolved)
    touched = [tree[code].name for code in resolved.touched if code in tree]
    return await context.apart(advice.sms_incomplete, v.content, facts, touched)


def _submitted(
    conn: Connection, actor: Operator, version_id: int, seen: Seen, /, **found: Any
) -> tuple[Version, Seen]:
    """Submit; the numbers of a drawn shape that are seen by it count as a preview of it."""
    v = authoring.submit(conn, actor, version_id, **found)
    if small_counts.drawn(v.content):
        look_ups.record(
            conn,
            actor,
            look_ups.PREVIEW,
            subject=str(v.message_id),
            content=v.content,
            now=found["now"],
        )
    return v, seen
