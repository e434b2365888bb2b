"""The words for what the machine calls by a code: nobody in a control room reads a code."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from broadcast.content import trades
from broadcast.content.model import Audience
from broadcast.levels.scales import UK
from broadcast.messages import small_counts
from broadcast.places.areas import AreaTree
from broadcast.wording.languages import in_english

CHANNELS: Mapping[str, str] = MappingProxyType(
    {"sms": "Text message", "voice": "Telephone call", "email": "E-mail", "web": "Web page"}
)
WAYS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "sms": ("text", "texts"),
        "voice": ("call", "calls"),
        "email": ("e-mail", "e-mails"),
        "web": ("the web page", "the web page"),
    }
)
"""A channel in a sentence: one of what goes by it, several."""

LINES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "waiting": ("waiting", "…"),
        "handing_over": ("being handed over", "→"),
        "accepted": ("handed over", "›"),
        "delivered": ("delivered", "✓"),
        "failed": ("failed", "✕"),
        "not_sent": ("not sent", "–"),
        "expired": ("expired", "–"),
        "in_doubt": ("in doubt", "?"),
    }
)
"""Each line of an account in words, with a sign of its own."""

TOPICS: Mapping[str, str] = MappingProxyType(
    {
        "threat_level": "changes of the threat level",
        "incident": "incidents",
        "appeal": "appeals",
        "advice": "advice",
        "crime_update": "crime in their area",
        "exercise": "exercises",
    }
)
"""What people choose to be told about, in a sentence."""

EVENTS: Mapping[str, str] = MappingProxyType(
    {
        "message.approved": "messages approved",
        "message.live": "messages that went out",
        "message.block": "messages blocked before they went out",
        "message.hold": "messages held",
        "message.resume": "messages resumed",
        "message.cancel": "messages stopped",
        "message.expire": "messages whose time ended",
        "message.supersede": "messages replaced by an update",
        "message.correct": "messages corrected",
        "message.stand_down": "messages ended by an all-clear",
        "message.resend": "messages sent again to those who missed them",
        "batch.ready": "people ready to be sent to",
        "batch.retry": "texts to be laid out again",
        "slice.done": "people handed over",
        "slice.swept": "people in doubt after a process was lost",
        "slice.part": "people handed over so far",
        "slice.late": "people handed over late",
        "retries.exhausted": "people who are not tried again",
        "level.imported": "past threat levels brought in",
        "audit.head": "entries of the audit log",
        "receipt.received": "what providers told of a delivery",
        "response.received": "people who answered",
        "answer.received": "answers that were kept",
    }
)
"""What waits to be handed on, by the type of its event."""

_DOES: Mapping[str, str] = MappingProxyType(
    {
        "match": "finds who gets a message",
        "urgent": "sends what is urgent",
        "routine": "sends what is not urgent",
        "log": "reads what providers tell",
        "relay": "hands on what waits",
        "web": "shows these pages",
    }
)

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "incident": "Incident",
        "appeal": "Appeal",
        "advice": "Advice",
        "crime_update": "Crime update",
        "contingency": "Contingency plan",
        "threat_level_change": "Change of the threat level",
        "correction": "Correction",
        "all_clear": "All-clear",
    }
)
_ACTS: Mapping[str, str] = MappingProxyType(
    {
        "approved": "approved",
        "live": "went out",
        "block": "blocked before it went out",
        "hold": "held",
        "resume": "resumed",
        "cancel": "stopped",
        "expire": "its time ended",
        "supersede": "replaced by an update",
        "correct": "corrected",
        "stand_down": "ended by an all-clear",
        "resend": "sent again to those who missed it",
    }
)
"""What happened to a message, by the act (`broadcast.replay.past.Mark`)."""
_BLOCKED: Mapping[str, str] = MappingProxyType(
    {
        "audience_changed": "The audience has changed",
        "audience_empty": "Nobody is left to send to",
        "content_changed": "The text was changed behind the approval",
        "decisions_changed": "The record of the decisions was changed",
        "account_changed": "An operator's account was changed behind the approval",
        "not_approved": "What stands there is not what was approved",
        "not_resumed": "It was held, and nobody let it go on",
        "approver_differs": "The approver was changed behind the approval",
        "submitter_differs": "Who submitted it was changed behind the approval",
        "same_person": "The approver also wrote, edited or submitted it",
    }
)
_DIFFERS = re.compile(r"(.+) people, approved for (.+)")
"""How the release records that the audience is another one."""
_WORDS: Mapping[str, str] = MappingProxyType(
    {
        **CHANNELS,
        **KINDS,
        # which status a message has
        "Actual": "for real",
        "Exercise": "exercise",
        "Test": "test, reaches simulated people only",
        "System": "for machines",
        "Draft": "draft",
        # how bad it is, how soon, how sure (CAP 1.2)
        "Extreme": "extreme danger",
        "Severe": "severe danger",
        "Moderate": "moderate danger",
        "Minor": "minor danger",
        "Unknown": "unknown",
        "Immediate": "act at once",
        "Expected": "act within the hour",
        "Future": "act in the near future",
        "Past": "no action any more",
        "Observed": "observed",
        "Likely": "likely",
        "Possible": "possible",
        "Unlikely": "unlikely",
        # who may read it (CAP 1.2, alert.scope)
        "public": "everybody",
        "restricted": "control rooms, and whom it is sent to",
        "private": "the control room that wrote it, and whom it is sent to",
        # where a version stands
        "pending_approval": "waiting for approval",
        "approved": "approved, being prepared",
        "blocked": "blocked, not sent",
        "stood_down": "over, all-clear given",
        "superseded": "replaced by an update",
        "new": "first version",
        # why somebody is not sent to
        "erased": "erased on their wish",
        "stopped": "stopped these messages",
        "no_consent": "gave no consent",
        "discreet": "discreet: never part of exercises",
        "not_chosen": "did not choose this topic",
        "provider_off": "switched off who it is from",
        "below_severity": "chose graver messages only",
        "quiet_hours": "quiet hours until it expires",
        "budget": "has had as many routine messages this week as they take",
        "no_channel": "no channel of theirs is used or known",
        "duplicate_person": "the same number or address is sent to once already",
        "out_of_area": "not where the message is for",
        "out_of_audience": "not of those it is for",
        "moved_away": "moved away meanwhile",
        "stale": "too late to be of use",
        "withdrawn": "the message was stopped first",
        # what could not be handled and was put aside
        "render.failed": "A text could not be laid out",
        "look_ups": "One person looked at many shapes",
        # what an author is warned of
        "channel_off": "A channel is switched off",
        "hotline_without_hours": "A hotline without its hours",
        "instruction_missing": "It does not say what to do",
        "language_lacking": "Many read another language",
        "nobody_there": "Nobody would be sent to",
        "overlap": "Another control room tells the same people",
        "perhaps_inside": "Some people may be inside and are not told",
        "same_text": "The same text went out lately",
        "shape_partly_outside": "The shape lies partly outside",
        "shouting": "Written in capitals",
        "sms_costs_more": "The text message costs more than it needs to",
        "sms_incomplete": "The text message leaves out what to do, where or until when",
        "sms_many_parts": "The text message is long",
    }
)

SIZES: Mapping[str, str] = MappingProxyType(
    {
        "micro": "fewer than 10 people employed",
        "small": "10 to 49",
        "medium": "50 to 249",
        "large": "250 and more",
    }
)
"""The sizes of organisations, by how many people they employ."""

_GROUPS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "resident": ("resident", "residents"),
        "business": ("business", "businesses"),
        "partner": ("partner", "partners"),
        "officer": ("officer", "officers"),
    }
)
"""A kind of subscribers: one of them, several."""

QUESTIONS: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "registered": ("Are they registered?", "Yes", "No"),
        "area": ("Are they where it is for?", "Yes", "No"),
        "kind": ("Are they of a kind that it is for?", "Yes", "No"),
        "sector": ("Are they of a sector that it is for?", "Yes", "No"),
        "community": ("Are they of a community that it is for?", "Yes", "No"),
        "organisation": ("Do they act for an organisation that it is for?", "Yes", "No"),
        "reached before": ("Did an earlier version reach them?", "Yes", "No"),
        "erased": ("Were they erased on their wish?", "No", "Yes"),
        "stopped": ("Is there a way that they did not stop?", "Yes", "No"),
        "consent": ("Did they agree to a way that it goes by?", "Yes", "No"),
        "topic": ("Did they choose this topic?", "Yes", "No"),
        "provider": ("Do they hear from whom it is?", "Yes", "No"),
        "severity": ("Is it grave enough for what they chose?", "Yes", "No"),
        "quiet hours": ("Do their quiet hours let it through?", "Yes", "No"),
        "discreet": ("May exercises go to them?", "Yes", "No"),
        "weekly budget": ("Do they take another one this week?", "Yes", "No"),
        "channels": ("Is there a channel to them?", "Yes", "No"),
        "language": ("Is there a text that they can read?", "Yes", "No"),
        "same person": ("Does it come to this registration of theirs?", "Yes", "No"),
    }
)
"""Each step of an explanation as a question, with the answer where it was passed and where not."""


def word(code: object) -> str:
    """Return what people call something that the machine calls by a code."""
    text = str(code)
    return _WORDS.get(text, text.replace("_", " "))


def event(type_: str) -> str:
    """Return what people call what waits, by the type of its event."""
    return EVENTS.get(type_, type_.replace(".", " ").replace("_", " "))


def act(what: str) -> str:
    """Return what people call what happened to a message."""
    return _ACTS.get(what, what.replace("_", " "))


@dataclass(frozen=True, slots=True)
class Blocked:
    """Why a version was blocked, in words. `tampered`: what was approved or recorded was changed
    past the control room, which submitting it again would not mend.
    """

    heading: str
    says: str
    tampered: bool


def blocked(why: str) -> Blocked:
    """Return why a version was blocked, as it was recorded with a code before it."""
    code, _, said = why.partition(": ")
    heading = _BLOCKED.get(code, "It is not released")
    if code == "audience_changed" and (found := _DIFFERS.fullmatch(said)):
        now, approved = (
            small_counts.people(int(n) if n.isdecimal() else n) for n in found.groups()
        )
        says = f"It was approved for {approved}; now it would go to {now}."
        return Blocked(heading, says, tampered=False)
    if code == "audience_empty":
        says = "Of the people it was approved for, nobody would get it any more."
        return Blocked(heading, says, tampered=False)
    return Blocked(heading, f"{said[:1].upper()}{said[1:]}." if said else "", tampered=True)


def scope(code: str, tree: AreaTree) -> str:
    """Return what people call the country or the place that a level is for; the code of one that is
    not imported here, or of a group.
    """
    if code == UK:
        return "United Kingdom"
    return tree[code].name if code in tree else code


def does(role: str) -> str:
    """Return what a process does, by its roles: "match+urgent"."""
    return "; ".join(_DOES.get(each, each) for each in role.split("+"))


def language(tag: str) -> str:
    """Return the language's name in English, with its tag: "Welsh [cy]"."""
    return in_english(tag)


def only_for(rule: Audience, named: Callable[[str], str]) -> str:
    """Return in words whom of the people there a message is for, who must be all of it; "" where it
    is for everybody. `named`: what a sector or a community is called, by its scope.
    """
    lists = (
        " or ".join(group(kind) for kind in rule.kinds),
        " or ".join(named(f"sector:{name}") for name in rule.sectors),
        " or ".join(named(f"community:{name}") for name in rule.communities),
        trades.in_words(rule),
    )
    return "; and of these: ".join(words for words in lists if words)


def group(kind: str, n: object = 2) -> str:
    """Return what so many subscribers of a kind are called: "officer", "officers"."""
    one, several = _GROUPS.get(kind, (kind, kind))
    return one if n == 1 else several


def organisations(key: str) -> str:
    """Return which organisations are counted under "I small": "small organisations in …"."""
    trade, _, size = key.partition(" ")
    return f"{size} organisations in {trades.TRADES.get(trade, trade)}"


def inboxes(n: object) -> str:
    """Return how many inboxes of those sent to pass on what they get."""
    if n == small_counts.HIDDEN:
        return f"partner inboxes that pass it on: {n}"
    said = f"{n:,}" if isinstance(n, int) else str(n)
    one = n == 1
    return f"{said} partner inbox{'' if one else 'es'} that pass{'es' if one else ''} it on"


def parts(n: int) -> str:
    """Return in how many parts a text message goes."""
    return "1 part" if n == 1 else f"{n} parts"
