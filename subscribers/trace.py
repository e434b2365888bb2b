"""Why one person is or is not sent to: every question of the rule, and what decided it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Why = Literal[
    "registered",
    "not_registered",
    "erased",
    "not_erased",
    "everywhere",
    "no_site_there",
    "borderless_area",
    "nowhere_known",
    "too_little_of_area",
    "known_area_addressed",
    "known_area_not_addressed",
    "postcode_reached",
    "postcode_middle_outside",
    "outside",
    "in_touched_area",
    "inside",
    "kind_meant",
    "kind_not_meant",
    "sector_meant",
    "sector_not_meant",
    "community_meant",
    "community_not_meant",
    "acts_for_meant",
    "acts_for_nobody",
    "acts_for_others",
    "reached_before",
    "not_reached_before",
    "stopped",
    "agreed_to",
    "never_in_exercises",
    "takes_part",
    "topic_chosen",
    "topic_not_chosen",
    "severity_asked",
    "no_quiet_hours",
    "quiet_hours_urgent",
    "quiet_hours_not_judged",
    "quiet_hours_wait",
    "quiet_hours_past_expiry",
    "quiet_hours_outside",
    "provider_wanted",
    "provider_off_urgent",
    "provider_off_follows",
    "provider_off",
    "weekly_urgent",
    "weekly_follows",
    "weekly_full",
    "weekly_room",
    "channels_usable",
    "no_channel_chosen",
    "other_channels_chosen",
    "channels_unusable",
    "language_given",
    "same_person_elsewhere",
    "same_person_here",
    "same_person_follows",
]
"""What decided a question, by a code that `Step.of` gives the facts to."""


@dataclass(frozen=True, slots=True)
class Step:
    """One question of the rule: its name, whether it was passed, and what decided it: in the
    machine's words, and as a code with its facts, from which people are told in theirs.
    """

    name: str
    passed: bool
    detail: str
    why: Why
    of: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Why one person is or is not sent to.

    `outcome`: "send", a reason of `subscribers.index.REASONS`, or, for who is not addressed and has
    no line, "unknown", "out_of_area" or "out_of_audience". `channels` and `language` are those of
    the attempt, empty unless sent to.
    """

    steps: tuple[Step, ...]
    addressed: bool
    outcome: str
    channels: tuple[str, ...] = ()
    language: str = ""
