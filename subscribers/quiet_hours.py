"""When a person is not to be disturbed by what can wait: reading the hours, and judging them by the
clock on that person's wall.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_HOURS: Final = re.compile(
    r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9]) +(\S+)", re.ASCII
)


_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = 60
_DAY: Final = 24 * _HOUR


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Every day from `begin` until just before `end`, minutes after midnight in `zone`; where end
    is before begin they cross midnight.
    """

    begin: int
    end: int
    zone: ZoneInfo

    def __str__(self) -> str:
        return f"{'-'.join(self.written())} {self.zone.key}"

    def written(self) -> tuple[str, str]:
        """Return begin and end as the clock shows them."""
        return _clock(self.begin), _clock(self.end)

    @property
    def daily(self) -> int | None:
        """The one hour of the day that they leave, where they leave a whole hour and no more."""
        one = (self.begin - self.end) % _DAY == _HOUR and self.end % _HOUR == 0
        return self.end // _HOUR if one else None

    def hold(self, at: datetime) -> bool:
        """Return whether the aware moment `at` lies within.

        The wall clock of the zone decides, on nights when it is put back or forward too: an hour
        that comes twice is judged the same both times.
        """
        wall = at.astimezone(self.zone)
        minute = wall.hour * 60 + wall.minute
        if self.begin < self.end:
            return self.begin <= minute < self.end
        return minute >= self.begin or minute < self.end

    def until(self, at: datetime) -> datetime | None:
        """Return the first whole minute after `at` that lies outside them, aware UTC; None where
        `at` lies outside itself.

        Nights when the clock is put back or forward too: what counts is the wall's clock, minute by
        minute.
        """
        if not self.hold(at):
            return None
        moment = self._near_the_end(at.astimezone(UTC))
        while self.hold(moment):
            moment += _MINUTE
        while moment - _MINUTE > at and not self.hold(moment - _MINUTE):
            moment -= _MINUTE
        return moment

    def _near_the_end(self, at: datetime) -> datetime:
        """Return a minute after `at` close to the next end on the wall."""
        wall = at.astimezone(self.zone)
        days = (wall.date(), wall.date() + timedelta(days=1))
        end = time(self.end // 60, self.end % 60)
        ends = (
            datetime.combine(day, end.replace(fold=fold), self.zone).astimezone(UTC)
            for day in days
            for fold in (0, 1)
        )
        return min(moment for moment in ends if moment > at)


def parse(text: str) -> QuietHours:
    """Return the hours written as `22:00-07:00 Europe/London`. Raises ValueError, which says what
    is wrong and repeats nothing of the text.
    """
    found = _HOURS.fullmatch(text)
    if found is None:
        raise ValueError("these are no hours with their time zone")
    begin, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
    if begin == end:
        raise ValueError("they begin and end at the same time")
    try:
        return QuietHours(begin, end, ZoneInfo(found[5]))
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise ValueError("there is no such time zone") from exc


def once_a_day(hour: int, zone: str) -> str:
    """Return, as `parse` reads it, what leaves one hour of the day, 0 to 23, for what can wait."""
    return f"{_clock((hour + 1) % 24 * _HOUR)}-{_clock(hour * _HOUR)} {zone}"


def known(text: str) -> QuietHours | None:
    """Return the hours of the registry; what cannot be read there counts as none: better disturbed
    than not warned.
    """
    try:
        return parse(text) if text else None
    except ValueError:
        return None


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
