"""What becomes of each attempt: drawn, paced, and the same for text messages, calls and mails."""

from __future__ import annotations

import asyncio
from random import Random

from channels.simulator.settings import SimulatorSettings

TAKEN = "taken"
THROTTLED, ERROR_BEFORE = "throttled", "error_before"  # not taken
LOST_REPLY, ERROR_AFTER, SLOW = "lost_reply", "error_after", "slow"  # taken

# Test numbers of https://www.twilio.com/docs/iam/test-credentials#magic-input; facts
FROM_SMS = {"+15005550001": 21212, "+15005550007": 21606, "+15005550008": 21611}
TO_SMS = {
    "+15005550001": 21211,
    "+15005550002": 21612,
    "+15005550003": 21408,
    "+15005550004": 21610,
    "+15005550009": 21614,
}
FROM_CALL = {"+15005550001": 21212}
TO_CALL = {
    "+15005550001": 21217,
    "+15005550002": 21214,
    "+15005550003": 21215,
    "+15005550004": 21216,
}


class Fate:
    """Holds the settings in force, and the generator that they seed."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self.settings = settings
        self.random = Random(settings.seed)
        self._next_slot = 0.0
        self._second = (0, 0)

    def change(self, settings: SimulatorSettings) -> None:
        """Put other settings in force; the generator starts anew only where the seed is another."""
        if settings.seed != self.settings.seed:
            self.random = Random(settings.seed)
        self.settings = settings

    def draw(self) -> str:
        """Return what becomes of the next attempt."""
        s = self.settings
        if s.limit > 0:
            second = int(asyncio.get_running_loop().time())
            self._second = (second, self._second[1] + 1 if self._second[0] == second else 1)
            if self._second[1] > s.limit:
                return THROTTLED
        drawn = self.random.random()
        for share, fate in (
            (s.throttle, THROTTLED),
            (s.error_before, ERROR_BEFORE),
            (s.lose_reply, LOST_REPLY),
            (s.error_after, ERROR_AFTER),
            (s.slow, SLOW),
        ):
            if drawn < share:
                return fate
            drawn -= share
        return TAKEN

    def delay(self) -> float:
        """Return for how many seconds the next attempt has to wait: latency, and its place in the
        pace.
        """
        s = self.settings
        if s.pace <= 0:
            return s.latency
        now = asyncio.get_running_loop().time()
        slot = max(now, self._next_slot)
        self._next_slot = slot + 1.0 / s.pace
        return slot - now + s.latency

    def chance(self, share: float) -> bool:
        """Return whether something of this share happens now."""
        return share > 0 and self.random.random() < share

    def refusal(self, kind: str, to: str, sender: str) -> int:
        """Return Twilio's error code for a number that is refused, 0 for all others. `kind` is
        "sms" or "calls".
        """
        word, _, code = self.settings.numbers.get(to, "").partition(" ")
        if word == "refuse":
            return int(code)
        senders, receivers = (FROM_SMS, TO_SMS) if kind == "sms" else (FROM_CALL, TO_CALL)
        return senders.get(sender, 0) or receivers.get(to, 0)
