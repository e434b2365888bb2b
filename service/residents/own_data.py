"""What somebody got from us, and everything that is kept of them, for themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from pyroaring import BitMap

from broadcast.answers import store as answers
from broadcast.files.csv_files import escape, write_rows
from broadcast.ledger import attempt_look_up
from broadcast.messages import published, versions
from broadcast.messages.versions import Version
from broadcast.sessions import store
from broadcast.store.database import Connection
from service.commands.context import Context
from service.residents.registering import KIND
from subscribers.contact import order
from subscribers.index import RegistryIndex, Rule
from subscribers.matcher import rule_for
from subscribers.registry import showing
from subscribers.weekly import using

MOST_MESSAGES: Final = 100
"""Versions on the page of one's own messages."""
MONTH: Final = timedelta(days=30)
MOST_LOOKED_AT: Final = 200
ELSEWHERE: Final = "elsewhere"
NIGHT_BEGINS, NIGHT_ENDS = 22, 7
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


def missed_by(conn: Connection, person: int, now: datetime) -> list[tuple[Version, datetime]]:
    """Return what somebody was not sent in the last month because their week was full, and when it
    went out, the newest first.
    """
    found = using.missed(conn, person, now - MONTH, MOST_MESSAGES)
    return [(versions.get(conn, each.version_id), each.at) for each in found]


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """What the messages of one topic in the last month would have meant by one's choices now.
    `not_sent`: by reason; "elsewhere" = for other places or people.
    """

    topic: str
    sent: int
    at_night: int
    waited: int
    not_sent: Mapping[str, int]


async def last_month(context: Context, person: int, *, zone: str) -> tuple[int, list[Meant]]:
    """Return how many public messages went out in the last month, and by topic how many of them
    somebody would have got by what they have chosen now: how many at night (22:00 to 07:00), and
    how many would have waited for the end of their quiet hours; and why the others are not sent.

    The newest 200 are looked at. What followed an earlier message counts as if it were the first.
    """
    now = context.now()

    def read(conn: Connection) -> tuple[RegistryIndex, list[tuple[Version, Rule]]]:
        found = [
            v
            for v in published.between(conn, now - MONTH, now, MOST_LOOKED_AT)
            if v.status == "Actual" and v.live_at is not None
        ]
        rules = [
            (v, rule_for(conn, v, context.channels_on, at=v.live_at, spent=BitMap()))
            for v in sorted(found, key=lambda each: (each.live_at, each.id))
        ]
        return RegistryIndex.of(conn, [person]), rules

    index, rules = await context.db.read(read)
    return len(rules), await context.aside(_meant, index, rules, zone)


def _meant(index: RegistryIndex, rules: list[tuple[Version, Rule]], zone: str) -> list[Meant]:
    counted: dict[str, list[int]] = {}
    had: dict[int, datetime] = {}  # of routine messages that count for the week, when
    reasons: dict[str, Counter[str]] = {}
    for v, rule in rules:
        frozen = index.match(replace(rule, also_reached={}))
        found = counted.setdefault(rule.topic, [0, 0, 0])
        why = reasons.setdefault(rule.topic, Counter())
        assert v.live_at is not None
        most = next(iter(frozen.limited), 0)
        week = [m for m, at in had.items() if m != v.message_id and at > v.live_at - using.WEEK]
        if most and len(week) >= most:
            why[using.REASON] += 1
            continue
        if not any(frozen.send.values()):
            why[next((r for r, ids in frozen.suppressed.items() if ids), ELSEWHERE)] += 1
            continue
        if most:
            had[v.message_id] = v.live_at
        hour = v.live_at.astimezone(ZoneInfo(zone)).hour
        waits = any(frozen.held.values())
        found[0] += 1
        found[1] += not waits and (hour >= NIGHT_BEGINS or hour < NIGHT_ENDS)
        found[2] += waits
    return [
        Meant(topic=topic, sent=sent, at_night=night, waited=waited, not_sent=reasons[topic])
        for topic, (sent, night, waited) in sorted(counted.items())
    ]


def everything(conn: Connection, person: int, now: datetime) -> dict[str, Any]:
    """Return all that is kept of somebody: themselves, their consents and stops, where they are and
    were signed in, which messages they were sent, what counts for their week, and that they
    answered. What an answer says is sealed: only who reads answers can open it.
    """
    known = showing.show(conn, person)
    assert known is not None
    for told, point in zip(known["contact_points"], order.of_person(conn, person), strict=True):
        told["address"] = point.address
    sent = [
        {
            "message": version.code,
            "version": version.number,
            "headline": version.content.headline,
            "channel": channel,
            "line": line,
            "at": at.isoformat(),
        }
        for version_id, channel, line, at in attempt_look_up.sent_to(conn, person, MOST_TAKEN)
        for version in (versions.get(conn, version_id),)
    ]
    signed = [
        {
            "began_at": began.isoformat(),
            "expires_at": expires.isoformat(),
            "ended_at": ended.isoformat() if ended else None,
        }
        for began, expires, ended in store.history(conn, KIND, person)
    ]
    return {
        "made_at": now.isoformat(),
        "person": known,
        "sessions": signed,
        "messages": sent,
        "counted_this_week": [
            {"message": version.code, "version": version.number, "at": at.isoformat()}
            for version_id, at in using.of_person(conn, person)
            for version in (versions.get(conn, version_id),)
        ],
        "answers": _answers(conn, person),
    }


def _answers(conn: Connection, person: int) -> list[dict[str, Any]]:
    found = answers.of_person(conn, person)
    codes = {
        number: versions.of_message(conn, number)[0].code
        for number in {each.message_id for each in found}
        if number is not None
    }
    return [
        {
            "at": each.at.isoformat(),
            "channel": each.channel,
            "kind": each.kind,
            "message": None if each.message_id is None else codes[each.message_id],
            "version": each.version,
            "read": each.read,
            "words": "erased" if each.erased else "sealed",
        }
        for each in found
    ]


def as_csv(data: dict[str, Any]) -> Iterator[str]:
    """Yield `everything` as CSV, one value a row; defuses what a spreadsheet would run."""
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
