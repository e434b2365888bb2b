"""The kinds of contact point there are, and which channel reaches which: a new kind is one line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final


def _as_it_is(address: str) -> str:
    return address


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind. `family`: what may be the same address is marked alike, such as the number of one
    person's mobile and another's phone. `channels`: what reaches it, each with its rank: of two
    kinds that a channel reaches, the lower rank is used. `normal`: the one spelling that is marked;
    it gets an address that the import took.
    """

    name: str
    family: str
    channels: dict[str, int]
    normal: Callable[[str], str] = _as_it_is


KINDS: Final = (
    Kind(name="email", family="mail", channels={"email": 0}, normal=str.lower),
    Kind(name="mobile", family="number", channels={"sms": 0, "voice": 1}),
    Kind(name="phone", family="number", channels={"voice": 0}),
)
"""In the order in which they stand in a person's row. Each is a column of the subscribers CSV."""

NAMES: Final = tuple(kind.name for kind in KINDS)
BY_NAME: Final = {kind.name: kind for kind in KINDS}


def of_channel(channel: str) -> tuple[str, ...]:
    """Return the kinds that a channel reaches, the first choice first."""
    ranked = sorted((k.channels[channel], k.name) for k in KINDS if channel in k.channels)
    return tuple(name for _, name in ranked)


def channels_of(kinds: Iterable[str]) -> frozenset[str]:
    """Return the channels by which somebody with contact points of these kinds is reached."""
    return frozenset(c for name in kinds if name in BY_NAME for c in BY_NAME[name].channels)
