"""CAP times: the one form we write, and the forms we read."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from broadcast.cap.validation.structure import WHITESPACE
from broadcast.problems import refuse

# The pattern of the CAP 1.2 schema, ASCII digits only; its comma instead of a sign is refused by
# xs:dateTime below it.
_FORM = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})([-+])([0-9]{2}):([0-9]{2})"
)
_LARGEST_OFFSET_MINUTES = 14 * 60  # XML Schema part 2, dateTime: at most 14:00


def cap_time(at: datetime) -> str:
    """Return an aware datetime as CAP wants UTC: whole seconds (cut, not rounded) and "-00:00",
    never "Z".

    Raises ValueError for a naive datetime. Source: CAP 1.2, section 3.3.2.
    """
    if at.tzinfo is None:
        raise ValueError("a CAP time needs an aware datetime")
    return (
        at.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat(timespec="seconds")
        + "-00:00"
    )


def has_time_form(text: str) -> bool:
    """Return whether the text has the form YYYY-MM-DDThh:mm:ss+hh:mm; it may still name a time that
    does not exist.
    """
    return _FORM.fullmatch(text.strip(WHITESPACE)) is not None


def read_time(text: str) -> datetime | None:
    """Return the aware UTC datetime of a CAP time, or None where the form is wrong or no such time
    exists.

    24:00:00 is the midnight that ends the day (XML Schema part 2, dateTime).
    """
    found = _FORM.fullmatch(text.strip(WHITESPACE))
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.group(1, 2, 3, 4, 5, 6))
    sign, offset_hours, offset_minutes = found.group(7), int(found.group(8)), int(found.group(9))
    offset = offset_hours * 60 + offset_minutes
    if offset_minutes > 59 or offset > _LARGEST_OFFSET_MINUTES:
        return None
    ends_the_day = (hour, minute, second) == (24, 0, 0)
    zone = timezone(timedelta(minutes=-offset if sign == "-" else offset))
    try:
        at = datetime(year, month, day, 0 if ends_the_day else hour, minute, second, tzinfo=zone)
        return (at + timedelta(days=1) if ends_the_day else at).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def parse_cap_time(text: str) -> datetime:
    """Return the aware UTC datetime of a CAP time.

    Raises Rejected (cap_time) for "Z", a missing offset, fractions of a second, and times that do
    not exist.
    """
    at = read_time(text)
    if at is None:
        raise refuse(
            "cap_time",
            f"{text[:40]!r} is not a CAP time",
            "write it as 2026-05-01T12:00:00-00:00 (UTC) or with another offset; no Z, no"
            " fractions",
        )
    return at
