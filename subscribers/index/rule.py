"""The one rule that says whom a version is for, as plain data, and what is known of one person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from pyroaring import BitMap
from shapely import Geometry

from broadcast.content.model import Audience, Circle
from subscribers.people_file.by_topic import OfTopic
from subscribers.quiet_hours import QuietHours

REASONS: Final = (
    "erased",
    "stopped",
    "no_consent",
    "discreet",
    "not_chosen",
    "provider_off",
    "below_severity",
    "quiet_hours",
    "budget",
    "no_channel",
)
"""Why an addressed person is not sent to; the first that holds is the one."""

TOPIC_OF_KIND: Final = {
    "threat_level_change": "threat_level",
    "incident": "incident",
    "contingency": "incident",
    "appeal": "appeal",
    "advice": "advice",
    "crime_update": "crime_update",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Whom one version is for, with everything resolved; plain data, so that matching needs no
    database.

    Place: `everybody`, or who is inside `shape` (lon, lat) or a circle, or, where no coordinates
    are known, whose area is one of `targets` (codes with their descendants, and areas of which a
    drawn shape holds enough). In `by_code`, targets
    that have no geometry, the code decides about everybody. `severity_rank` 0 = Extreme. `touched`
    are the codes of the areas that a drawn shape touches: they decide about officers and partners,
    of whom only the area is known, and in an audience of a community about everybody without
    coordinates (its `shape` is then made of whole areas). `also_reached`: per channel, who got or
    may have got an earlier version; they are added whatever the place and audience say (rule
    R10). `channels` are those asked for, `configured` those that are on; `languages` those of the
    message, the first for whom none fits. `at`: the aware moment for which quiet hours are judged;
    None = they are not. What is urgent passes them; what is not waits until they end, if that is
    before the message `expires`. `spent`: who has had, by `at`, as many routine messages this week
    as they take; what follows what they got before reaches them all the same. So it does of a
    `provider` (its key; empty = the installation) whom they switched off, and what is urgent passes
    that too. A visit that has
    ended by `at` is no place of anybody.
    `postcodes` says what decides about who gave a postcode and no place: its point, or, with
    "touch", whether the shape touches the circle in which they are; with "perhaps" the point
    decides, and whose circle is touched counts as perhaps inside.
    """

    topic: str
    severity_rank: int
    status: str
    channels: tuple[str, ...]
    configured: frozenset[str]
    languages: tuple[str, ...]
    audience: Audience = field(default_factory=Audience)
    everybody: bool = False
    shape: Geometry | None = None
    circles: tuple[Circle, ...] = ()
    targets: frozenset[str] = frozenset()
    by_code: frozenset[str] = frozenset()
    touched: frozenset[str] = frozenset()
    also_reached: Mapping[str, BitMap] = field(default_factory=dict)
    urgent: bool = False
    postcodes: Literal["point", "perhaps", "touch"] = "point"
    at: datetime | None = None
    expires: datetime | None = None
    spent: BitMap = field(default_factory=BitMap)
    provider: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """Another place of a person. `until`: when a visit ends, in seconds since 1970. `acts_as`: as
    what they act there for an organisation ("i/small"); nowhere, if it has no site.
    """

    lat: float | None
    lon: float | None
    uncertainty_m: int
    area: str | None
    until: int | None
    acts_as: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """One person as the index knows them; officers and partners have no coordinates here. Channels
    in the person's order, and so the languages, joined by ";"; `minimum_severity_rank` None = all.
    """

    id: int
    lat: float | None
    lon: float | None
    uncertainty_m: int  # round a place that a postcode stands for, else 0
    area: str | None
    kind: str
    language: str
    sectors: frozenset[str]
    communities: frozenset[str]
    topics: frozenset[str]
    channels: tuple[str, ...]
    available: frozenset[str]
    stopped: frozenset[str]
    consented: frozenset[str]
    minimum_severity_rank: int | None
    quiet_hours: QuietHours | None
    by_topic: Mapping[str, OfTopic]
    discreet: bool
    most_a_week: int  # 0 = any number
    providers_off: frozenset[str]
    erased: bool
    others: tuple[Elsewhere, ...] = ()


def chosen_as(rule: Rule) -> str:
    """Return the topic whose choices decide: an exercise is for the enrolled, whatever they chose
    beside it.
    """
    return "exercise" if rule.status == "Exercise" else rule.topic


def topic_of(kind: str, first_kind: str | None = None) -> str:
    """Return the topic that a message counts as; an update, correction or all-clear counts as the
    first of its chain.
    """
    topic = TOPIC_OF_KIND.get(kind) or TOPIC_OF_KIND.get(first_kind or "")
    if topic is None:
        raise ValueError(f"{kind} counts as the first message of its chain, which is {first_kind}")
    return topic


def language_for(tag: str, languages: Sequence[str]) -> str:
    """Return which of a message's languages a person gets: the exact tag, then the primary
    language; then so for the others that they read (joined by ";"), then the message's first.
    """
    for each in tag.split(";"):
        if (found := _offered(each, languages)) is not None:
            return found
    return languages[0]


def _offered(tag: str, languages: Sequence[str]) -> str | None:
    wanted = tag.casefold()
    primary = wanted.partition("-")[0]
    for offered in languages:
        if offered.casefold() == wanted:
            return offered
    for offered in languages:
        if offered.casefold() == primary:
            return offered
    for offered in languages:
        if offered.casefold().partition("-")[0] == primary:
            return offered
    return None
