"""Why one person is, or is not, sent to: the rule asked again, and what is recorded of them (INTERFACES, explain)."""

from __future__ import annotations

from typing import Any

from broadcast import accounts, listing
from broadcast.accounts import Account
from broadcast.problems import refuse
from broadcast.store import Connection
from broadcast.versions import Version
from console.desk import Desk
from console.shapes import rfc3339
from subscribers import audience, registry
from subscribers.matcher import rule_for


async def explain(desk: Desk, v: Version, subscriber: str) -> dict[str, Any]:
    """Return {message, version, subscriber, addressed, line, reason, outcome, language, channels, steps, attempts}; `subscriber` is an id or an external id.

    `steps` is the rule asked now, of the person as they are known now; `line`, `channels` and `reason` are what was frozen and what became of it.
    `reason` is that of the line where there is one, else the rule's: out_of_area, out_of_audience. Raises Rejected (404 subscriber_unknown).
    """
    person = await desk.db.read(registry.show, subscriber) if len(subscriber) <= 200 and "\x00" not in subscriber else None
    if person is None:
        raise refuse("subscriber_unknown", "there is no such subscriber", "give their id or their external_id", field="subscriber", status=404)
    index, _ = await desk.matcher.index()
    rule = await desk.db.read(rule_for, v, desk.channels_on)
    trace = audience.reasons(index, rule, person["id"], tree=await desk.tree(), content=v.content)

    def recorded(conn: Connection) -> tuple[Account | None, list[listing.Attempt]]:
        return (accounts.account(conn, v) if v.published else None), listing.attempts_of(conn, v.id, person["id"])

    account, attempts = await desk.db.read(recorded)
    line, channels, reason = None, dict[str, str](), None if trace.outcome == "send" else trace.outcome
    addressed = trace.addressed
    if account is not None and account.addressed:
        addressed = person["id"] in account.addressed
        line = _line(account.people, person["id"])
        channels = {channel: found for channel, lines in account.channels.items() if (found := _line(lines, person["id"])) is not None}
        reason = next((name for name, ids in account.suppressed.items() if person["id"] in ids), None if addressed else reason)
    return {
        "message": v.message_id,
        "version": v.number,
        "subscriber": person["id"],
        "addressed": addressed,
        "line": line,
        "reason": reason,
        "outcome": trace.outcome,
        "language": trace.language or None,
        "channels": channels,
        "steps": [{"name": step.name, "passed": step.passed, "detail": step.detail} for step in trace.steps],
        "attempts": [{"channel": a.channel, "generation": a.generation, "state": a.state, "code": a.code, "at": rfc3339(a.at)} for a in attempts],
    }


def _line(lines: dict[str, Any], person: int) -> str | None:
    return next((line for line, ids in lines.items() if person in ids), None)
