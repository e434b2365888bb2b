"""On which terms an installation sends: what every command knows, without what renders messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from broadcast.wording.times import DEFAULT_ZONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On which terms an installation sends. `rates` are attempts a second by channel for a CAP
    status, 0 where none is set; `prices` are pence, for a part of a text message and for a call;
    `simulated` are the (status, channel) that go to the simulator, which asks nothing. The words
    that we add depend on `no_replies` and `zone`.
    """

    rates: Callable[[str], Mapping[str, float]] = lambda _status: {}
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    simulated: frozenset[tuple[str, str]] = frozenset()
    no_replies: frozenset[str] = frozenset()
    zone: str = DEFAULT_ZONE
