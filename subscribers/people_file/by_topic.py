"""Choices for a single topic, which take the place of a person's usual choices: from which severity
on they want its messages, and by which channels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from broadcast.content.model import PERSONAL_CHANNELS, SEVERITIES
from broadcast.files.csv_files import unescape
from broadcast.problems import Rejected, refuse
from subscribers.people_file.choices import TOPICS
from subscribers.people_file.texts import formula_or, nearest, shown

FORM = "incident Severe sms>email;appeal email"
"""An example of how such choices are written."""


class OfTopic(NamedTuple):
    """The choice for one topic. `severity` "" or no `channels`: the usual choice holds. Severity
    "Unknown": messages of every severity.
    """

    severity: str = ""
    channels: tuple[str, ...] = ()


def checked(severity: str, channels: Sequence[str]) -> OfTopic:
    """Return the choice for a topic. Raises Rejected (severity_unknown, channel_unknown)."""
    if severity and severity not in SEVERITIES:
        detail = f"{shown(severity)} is no severity"
        raise refuse("severity_unknown", detail, nearest(severity, SEVERITIES), field="by_topic")
    for channel in channels:
        if channel not in PERSONAL_CHANNELS:
            detail = f"{shown(channel)} is no channel"
            fix = nearest(channel, PERSONAL_CHANNELS)
            raise refuse("channel_unknown", detail, fix, field="by_topic")
    return OfTopic(severity, tuple(dict.fromkeys(channels)))


def read(cell: str) -> dict[str, OfTopic]:
    """Return the choices of a cell, as written in `FORM`: a topic, then its least severity, its
    channels in order, or both. Raises Rejected.
    """
    found: dict[str, OfTopic] = {}
    for part in filter(None, map(str.strip, unescape(cell).split(";"))):
        topic, *words = part.split()
        topic = topic.casefold()
        if topic not in TOPICS:
            detail = f"{shown(topic)} is no topic"
            raise formula_or(cell, refuse("topic_unknown", detail, nearest(topic, TOPICS)))
        if topic in found:
            detail = f"{topic} stands there twice"
            raise refuse("topic_twice", detail, "say it once, with its severity and channels")
        chosen = OfTopic()
        for word in words:
            chosen = _with(chosen, word)
        found[topic] = chosen
    return found


def _with(chosen: OfTopic, word: str) -> OfTopic:
    severity = next((s for s in SEVERITIES if s.casefold() == word.casefold()), "")
    if severity and not chosen.severity:
        return chosen._replace(severity=severity)
    channels = tuple(dict.fromkeys(word.casefold().split(">")))
    if chosen.channels or not all(c in PERSONAL_CHANNELS for c in channels):
        detail = f"{shown(word)} is neither a severity nor channels"
        raise refuse("topic_choice_invalid", detail, f"write it as {FORM}")
    return chosen._replace(channels=channels)


def written(chosen: Mapping[str, OfTopic]) -> str:
    """Return choices in their usual form; those that change nothing are left out."""
    return ";".join(
        " ".join(filter(None, (topic, each.severity, ">".join(each.channels))))
        for topic in TOPICS
        if (each := chosen.get(topic, OfTopic())) != OfTopic()
    )


@lru_cache(maxsize=1024)
def known(text: str) -> Mapping[str, OfTopic]:
    """Return stored choices by topic; a text that cannot be read counts as no choice."""
    try:
        return MappingProxyType(read(text))
    except Rejected:
        return MappingProxyType({})


def within(text: str, channels: str) -> str:
    """Return the choices `text` without the channels that are not among `channels`, the person's
    own, joined by ";".
    """
    own = channels.split(";")
    return written(
        {
            topic: each._replace(channels=tuple(c for c in each.channels if c in own))
            for topic, each in known(text).items()
        }
    )
