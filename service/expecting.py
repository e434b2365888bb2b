"""What a version would cost and how long it would take: the parts of its text messages at the
provider's price, and everybody at the rates that are granted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from broadcast.content.model import PERSONAL_CHANNELS, Content
from broadcast.messages import small_counts
from broadcast.messages.small_counts import Shown
from broadcast.wording.render import render
from broadcast.wording.rendered import Facts
from channels.dispatch.rates import bucket_size
from service.commands.context import Terms

PRICED = ("sms", "voice")
"""Channels whose provider asks a price for each part or call; nobody asks one for an e-mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnChannel:
    """What one channel would take. `people` may be hidden as they are elsewhere, and then nothing
    else is told. `seconds` from the approval to the last attempt, None where no rate is set;
    `parts` of text messages in all; `pence` None where no price is set.
    """

    channel: str
    people: Shown
    rate: float = 0.0
    seconds: float | None = None
    parts: int | None = None
    pence: Decimal | None = None
    simulated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a version would cost, and when the first and the last person would be told, if nothing
    else is sent meanwhile.

    `at_most`: in a drawn shape people are not counted by channel and language, so every text is
    taken for the longest. `first` and `last` are when quiet hours end: None where nobody waits for
    that, and in a drawn shape.
    """

    channels: tuple[OnChannel, ...] = ()
    at_most: bool = False
    first: datetime | None = None
    last: datetime | None = None

    @property
    def pence(self) -> Decimal | None:
        """What it costs in all; None where that is not known of every channel with a price."""
        asked = [each.pence for each in self.channels if each.channel in PRICED]
        known = [pence for pence in asked if pence is not None]
        return sum(known, Decimal(0)) if known and len(known) == len(asked) else None

    @property
    def seconds(self) -> float | None:
        """How long after the approval the last attempt begins; None where it is not known."""
        known = [each.seconds for each in self.channels if each.seconds is not None]
        return max(known) if known and len(known) == len(self.channels) else None

    def to_json(self) -> dict[str, Any]:
        """Return it as the API tells it; pounds as text, so that no digit is lost."""
        return {
            "channels": {
                each.channel: {
                    "people": each.people,
                    "rate": each.rate or None,
                    "last_seconds": each.seconds,
                    "segments": each.parts,
                    "pounds": _pounds(each.pence),
                }
                for each in self.channels
            },
            "at_most": self.at_most,
            "pounds": _pounds(self.pence),
            "last_seconds": self.seconds,
            "first_not_before": self.first.isoformat() if self.first else None,
            "last_not_before": self.last.isoformat() if self.last else None,
        }


def _pounds(pence: Decimal | None) -> str | None:
    return None if pence is None else f"{pence / 100:.2f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """How many people the plan sends to by channel and language, and when quiet hours end of those
    who wait for that.
    """

    people: Mapping[tuple[str, str], int] = field(default_factory=dict)
    ends: tuple[datetime, ...] = ()


def parts_of(content: Content, facts: Facts) -> dict[str, int]:
    """Return, by language, of how many parts the text message is as it arrives."""
    spoken = content.languages if "sms" in content.channels else ()
    return {language: render(content, facts, "sms", language).segments for language in spoken}


def expected(
    content: Content,
    counts: Mapping[str, Any],
    plan: Planned,
    parts: Mapping[str, int],
    terms: Terms,
) -> Expected:
    """Return what a version of this content would cost and how long it would take. `counts` are
    those of its preview; where a shape was drawn only what may be shown of them is used, so that
    nothing can be worked out from a sum.
    """
    drawn = small_counts.drawn(content)
    shown = small_counts.preview(counts, content)
    rates = terms.rates(content.status)
    found = []
    for channel in PERSONAL_CHANNELS:
        people = shown["channels"].get(channel, 0)
        if not isinstance(people, int):
            found.append(OnChannel(channel=channel, people=people))
            continue
        if not people:
            continue
        rate, price, pieces = rates.get(channel, 0.0), terms.prices.get(channel), None
        simulated = (content.status, channel) in terms.simulated
        price = Decimal(0) if simulated else price
        if channel == "sms" and drawn:
            pieces = people * max(parts.values(), default=0)
        elif channel == "sms":
            pieces = sum(
                n * parts.get(language, 0)
                for (by, language), n in plan.people.items()
                if by == channel
            )
        asked = people if pieces is None else pieces
        found.append(
            OnChannel(
                channel=channel,
                people=people,
                rate=rate,
                seconds=round(max(0.0, people - bucket_size(rate)) / rate, 1) if rate else None,
                parts=pieces,
                pence=price * asked if price is not None and channel in PRICED else None,
                simulated=simulated,
            )
        )
    everybody_waits = bool(plan.ends) and counts["held"] == counts["send"]
    return Expected(
        channels=tuple(found),
        at_most=drawn and len(set(parts.values())) > 1,
        first=min(plan.ends) if everybody_waits and not drawn else None,
        last=max(plan.ends) if plan.ends and not drawn else None,
    )
