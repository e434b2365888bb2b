"""What people chose, as few profiles among many people, and what each profile comes to for a rule.

Whether, by which channels and in which language somebody is sent to does not depend on where they
are: it is decided once for each profile, and looked up for each person.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import permutations
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from broadcast.content.model import PERSONAL_CHANNELS, SEVERITIES, SUBSCRIBER_KINDS
from subscribers.contact.kinds import channels_of as reached_by
from subscribers.index.rule import REASONS, Rule, chosen_as, language_for
from subscribers.people_file.by_topic import OfTopic
from subscribers.people_file.choices import TOPICS

NO_FLOOR: Final = 255
BIT: Final = {channel: 1 << n for n, channel in enumerate(PERSONAL_CHANNELS)}
TOPIC_BIT: Final = {topic: 1 << n for n, topic in enumerate(TOPICS)}
_ALL_BUT_EXERCISE: Final = sum(TOPIC_BIT.values()) - TOPIC_BIT["exercise"]
_ORDERS: Final = tuple(
    order
    for size in range(len(PERSONAL_CHANNELS) + 1)
    for order in permutations(PERSONAL_CHANNELS, size)
)
_ORDER_CODE: Final = {order: n for n, order in enumerate(_ORDERS)}
_MASKS: Final = range(1 << len(PERSONAL_CHANNELS))


def channels_of(mask: int) -> tuple[str, ...]:
    """Return the channels of bits."""
    return tuple(c for c in PERSONAL_CHANNELS if mask & BIT[c])


_MASK_OF_ORDER: Final = np.array([sum(BIT[c] for c in order) for order in _ORDERS], dtype=np.uint8)
_KEPT: Final = np.array(
    [
        [_ORDER_CODE[tuple(c for c in order if mask & BIT[c])] for mask in _MASKS]
        for order in _ORDERS
    ],
    dtype=np.uint8,
)
_WITH: Final = np.array(
    [
        [
            _ORDER_CODE[(*order, *(c for c in channels_of(mask) if c not in order))]
            for mask in _MASKS
        ]
        for order in _ORDERS
    ],
    dtype=np.uint8,
)


class Profile(NamedTuple):
    """What one person chose; bits as in `BIT` and `TOPIC_BIT`, the rest ordinals."""

    kind: int
    floor: int  # severity rank, NO_FLOOR = all
    order: int
    stopped: int
    consented: int
    topics: int
    available: int
    discreet: int
    most_a_week: int  # 0 = any number
    erased: int
    language: int
    quiet: int
    by_topic: int


_SMALL: Final = Profile._fields[: Profile._fields.index("language")]
"""Numbers of a profile that fit a byte."""


@dataclass(frozen=True, slots=True)
class Profiles:
    """Every profile there is, as columns; `languages` and the hours are known by their ordinal."""

    columns: NDArray[np.uint32]
    languages: tuple[str, ...]

    def column(self, name: str) -> NDArray[Any]:
        """Return one column, by profile."""
        found: NDArray[Any] = self.columns[:, Profile._fields.index(name)]
        return found


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What a rule comes to, by profile times 8 plus the channels that reached the person before.

    `reason` = len(REASONS): sent to, by the order and in the language of `key` (code of the order
    times the number of languages, plus the language).
    """

    reason: NDArray[np.uint8]
    key: NDArray[np.int64]


def verdicts(
    profiles: Profiles,
    rule: Rule,
    waits: Sequence[datetime | None],
    of_topic: Sequence[OfTopic],
    *,
    reached: bool,
) -> Verdicts:
    """Judge every profile, with every set of channels that may have reached such a person before if
    `reached`, else with none. `waits`: by hours, until when they hold this message back;
    `of_topic`: by the choices for single topics, what they say of the rule's topic.
    """
    count, sets = len(profiles.columns), len(_MASKS) if reached else 1
    at = np.repeat(np.arange(count), sets)
    before = np.tile(np.arange(sets, dtype=np.uint8), count)
    small = {n: profiles.column(n)[at].astype(np.uint8) for n in _SMALL}
    asked, configured = np.uint8(mask(rule.channels)), np.uint8(mask(rule.configured))
    usual, floor = small["order"], small["floor"]
    if any(of_topic):
        own = profiles.column("by_topic")[at]
        there = np.array([_ORDER_CODE.get(each.channels, 0) for each in of_topic], dtype=np.uint8)
        least = np.array([_rank(each.severity) for each in of_topic], dtype=np.uint8)
        usual = np.where(there[own] > 0, there[own], usual)
        named = np.array([each.severity != "" for each in of_topic])
        floor = np.where(named[own], least[own], floor)
    order = _WITH[usual, before]
    wanted = (_MASK_OF_ORDER[usual] & asked) | before
    usable = wanted & small["available"] & configured
    # The question is which obstacle took the last way to the person: of the ways that work, or, if
    # none does, of those they want.
    ways = np.where(usable > 0, usable, wanted)
    open_ways = ways & ~small["stopped"]
    consented = open_ways & small["consented"]
    too_late = np.array(
        [w is not None and rule.expires is not None and w >= rule.expires for w in waits],
        dtype=np.bool_,
    )
    also = before > 0
    topic = TOPIC_BIT[chosen_as(rule)]
    obstacles = (
        small["erased"] > 0,
        (ways > 0) & (open_ways == 0),
        (open_ways > 0) & (consented == 0),
        (small["discreet"] > 0) & (rule.status == "Exercise"),
        ~(((small["topics"] & topic) > 0) | also),
        np.zeros(len(at), dtype=np.bool_),  # the provider: kept by person, not by profile
        (rule.severity_rank > floor) & ~also,
        too_late[profiles.column("quiet")[at]] if count else also,
        np.zeros(len(at), dtype=np.bool_),  # the budget: no choice, but what somebody got before
        usable == 0,
    )
    reason = np.full(len(at), len(REASONS), dtype=np.uint8)
    for n in reversed(range(len(REASONS))):
        reason[obstacles[n]] = n
    spoken = np.array(
        [rule.languages.index(language_for(tag, rule.languages)) for tag in profiles.languages],
        dtype=np.int64,
    )
    key = _KEPT[order, consented].astype(np.int64) * len(rule.languages)
    return Verdicts(reason, key + spoken[profiles.column("language")[at]] if count else key)


def order_of(code: int) -> tuple[str, ...]:
    """Return the channels of an order by its code."""
    return _ORDERS[code]


def traits_of(chosen: Sequence[str]) -> tuple[int, int, int, int, int, int, int, int, int]:
    """Return the first nine numbers of a profile, of what the registry says of each."""
    kind, severity, channels, stopped, consented, topics, kinds, discreet, most = chosen
    order = _ORDER_CODE[tuple(dict.fromkeys(c for c in channels.split(";") if c in BIT))]
    return (
        SUBSCRIBER_KINDS.index(kind) if kind in SUBSCRIBER_KINDS else 255,
        _rank(severity),
        order,
        mask(stopped.split(";")),
        mask(consented.split(";")),
        (
            sum(TOPIC_BIT[t] for t in set(topics.split(";")) if t in TOPIC_BIT)
            if topics
            else _ALL_BUT_EXERCISE
        ),
        mask(reached_by(kinds.split(";"))),
        int(discreet == "yes"),
        int(most) if most.isascii() and most.isdigit() else 0,
    )


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else NO_FLOOR


def mask(channels: Iterable[str]) -> int:
    """Return the bits of channels."""
    return sum(BIT[c] for c in set(channels) if c in BIT)
