"""Time that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
"""The moment at which every test begins."""


class Clock:
    """Call it for the present moment (aware, UTC); `advance` moves it on."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def __call__(self) -> datetime:
        """Return the present moment."""
        return self.at

    def advance(self, by: float | timedelta) -> datetime:
        """Move on by seconds (or a timedelta) and return the new moment."""
        self.at += by if isinstance(by, timedelta) else timedelta(seconds=by)
        return self.at
