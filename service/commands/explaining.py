"""Why one person was, or was not, sent a message."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from pyroaring import BitMap

from broadcast.ledger import audiences, delivery_report
from broadcast.ledger.claims.outcomes import attempts_of
from broadcast.messages import small_counts, versions
from broadcast.operators import look_ups
from broadcast.operators.operators import Operator
from broadcast.problems import Rejected, refuse
from broadcast.store.database import Connection
from service.commands.context import Context
from service.commands.places import resolve
from subscribers import audience
from subscribers.index import RegistryIndex, Rule
from subscribers.matcher import rule_for
from subscribers.registry import showing
from subscribers.same_person import groups
from subscribers.trace import Step, Trace, Why
from subscribers.weekly import using


async def explain(
    context: Context, message_id: int, person: int | str, actor: Operator | None = None
) -> dict[str, Any]:
    """Return the rule trace of one person: area hit, audience, preference, consent, channels,
    every attempt, the line and its reason.

    `person` is a subscriber id or an external id. The frozen audience decides where there is
    one; the rule as the registry stands now, at the hour of the freezing, explains it. `actor`:
    who asks, and gets to know of people in their area only; None is the machine's
    administrator. Raises Rejected: 404 for a message or person that is not there, 409
    not_published for a drawn shape that nobody approved.
    """
    existing = await context.db.read(versions.of_message, message_id)
    v = versions.newest_published(existing) or existing[-1]
    if actor is not None and not v.published and small_counts.drawn(v.content):
        # Who may edit a shape and ask of one person again would know where that person lives
        # after a few steps.
        detail = "a shape that was not published yet is not explained person by person"
        raise refuse(
            "not_published",
            detail,
            "look at its preview, or ask after the approval",
            field="state",
            status=409,
        )
    found = await context.db.read(showing.show, person)
    if found is None or (actor is not None and not await sees(context, actor, found)):
        raise refuse(
            "subscriber_unknown",
            "nobody has this id",
            "use the id or external_id that `fasttime subscribers show` knows",
            field="subscriber",
            status=404,
        )
    person_id = int(found["id"])
    tree = await context.tree()
    resolved = (
        v.resolved
        if v.content_hash is not None or v.published
        else (await resolve(context, v.content, v.room, None))[0]
    )
    index, _ = await context.matcher.index()
    # Quiet hours, and whose week was full, are told as they were judged; before that, as they
    # would be now.
    frozen_at = await context.db.read(audiences.frozen_at, v.id)
    at = frozen_at or context.now()
    full = None if frozen_at is None else await context.db.read(using.left_out, v.id)
    rule = await context.db.read(rule_for, v, context.channels_on, resolved, at=at, spent=full)
    trace = await context.aside(
        audience.reasons, index, rule, person_id, tree=tree, content=v.content
    )
    if not rule.urgent and trace.outcome == "send":
        trace = await context.db.read(_of_one_person, v.id, person_id, rule, trace)
    attempts = await context.db.read(attempts_of, v.id, person_id)
    account = await context.db.read(delivery_report.account, v)
    line, reason = account.of_person(person_id)
    if line is None:  # not in the frozen audience, or nothing is frozen yet
        reason = "" if trace.outcome == "send" else trace.outcome
    return {
        "message": message_id,
        "version": v.number,
        "subscriber": person_id,
        "steps": [asdict(step) for step in trace.steps],
        "verdict_now": trace.outcome,
        "channels": list(trace.channels),
        "language": trace.language,
        "attempts": attempts,
        "line": line,
        "channel_lines": account.channels_of(person_id),
        "reason": reason,
    }


def _of_one_person(
    conn: Connection, version_id: int, person: int, rule: Rule, trace: Trace
) -> Trace:
    """Return the trace of a routine message with what it means that somebody has several
    registrations; as it is where they have one. As the audience was frozen; before that, as it
    would be now.
    """
    group = groups.of(conn, person)
    frozen = audiences.read(conn, version_id) if group else None
    if frozen is not None and not frozen.addressed:
        frozen = RegistryIndex.of(conn, list(group)).match(rule)
    meant = BitMap(group) & BitMap().union(*frozen.send.values()) if frozen else BitMap()
    if len(meant) < 2:
        return trace
    stay = meant & BitMap().union(*rule.also_reached.values()) or BitMap(meant[:1])
    others = ", ".join(str(each) for each in meant if each != person)
    kinds = [group[each] for each in meant]
    said = f"one person with {others}: one message, as {', '.join(kinds)}, comes to {stay.min()}"
    of = {
        "others": [each for each in meant if each != person],
        "kinds": kinds,
        "comes_to": stay.min(),
    }
    if person not in stay:
        step = Step("same person", False, said, "same_person_elsewhere", of)
        return Trace(steps=(*trace.steps, step), addressed=True, outcome=audiences.DUPLICATE_PERSON)
    why: Why = "same_person_here"
    if len(stay) > 1:
        why = "same_person_follows"
        said = f"one person with {others}: what follows goes where the message before it went"
    return replace(trace, steps=(*trace.steps, Step("same person", True, said, why, of)))


async def explain_to(
    context: Context, actor: Operator, message_id: int, person: int | str
) -> dict[str, Any]:
    """Return the same to an operator, within the limit of looks a minute and on record, also where
    there is nobody. Raises Rejected: as `explain`, and 429 look_ups_limited.
    """
    await context.db.read(look_ups.check, actor, look_ups.EXPLAIN, context.now())
    try:
        told = await explain(context, message_id, person, actor)
    except Rejected:
        await _record(context, actor, message_id, "nobody")
        raise
    await _record(context, actor, message_id, f"person={told['subscriber']}")
    return told


async def _record(context: Context, actor: Operator, message_id: int, detail: str) -> None:
    now = context.now()

    def write(conn: Connection) -> None:
        look_ups.record(
            conn, actor, look_ups.EXPLAIN, subject=str(message_id), detail=detail, now=now
        )

    await context.db.write(write)


async def sees(context: Context, actor: Operator, found: dict[str, Any]) -> bool:
    """Return whether a person, as the registry shows them, is known to be in the operator's
    area.
    """
    if actor.area is None:
        return True
    tree = await context.tree()
    inside = tree.descendants(actor.area)
    here = (
        ()
        if found["lat"] is None or found["lon"] is None
        else tree.locate(found["lat"], found["lon"])
    )
    return found["area"] in inside or any(area.code in inside for area in here)
