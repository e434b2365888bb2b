"""When a message ends: RFC 3339, or a time from its approval such as 4h."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final
from zoneinfo import ZoneInfo

from broadcast.problems import Problem, Rejected, refuse

DEFAULT_EXPIRY: Final = timedelta(hours=24)  # 24 h if absent
# of the message that tells of a change to CRITICAL; the level itself has no end
CRITICAL_LIMIT: Final = timedelta(hours=24)
# ten years: beyond it a typing error is likelier, and a date might not exist
LONGEST: Final = timedelta(days=3660)

_AFTER: Final = re.compile(
    r"(?:([0-9]{1,9})d)?(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?", re.ASCII
)
_RFC_3339: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt"
    r" ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]+)?)?(?:([Zz])|([+-])([0-9]{2}):([0-9]{2}))?",
    re.ASCII,
)
_LONGEST_TEXT: Final = 100  # characters
LARGEST_OFFSET: Final = timedelta(hours=14)
"""No clock on Earth is further from UTC."""
_FIX: Final = (
    "write it as 2026-11-21T18:00:00+00:00, or as a time from the approval such as 4h, 90m or 2d"
)


def read_expiry(text: str, *, now: datetime, field: str = "expires") -> datetime | timedelta:
    """Return an aware UTC datetime, in whole seconds as CAP has them, or a timedelta counted from
    the approval.

    Raises Rejected: time_invalid, time_zone_missing, time_ambiguous (a local time that the autumn
    change of the clocks gives twice), expired (not after `now`), number_range (more than ten years
    from the approval). Source: RFC 3339 section 5.6; seconds may be left out.
    """
    word = text.strip()
    if len(word) > _LONGEST_TEXT:
        raise refuse("time_invalid", "not a time", _FIX, field=field)
    after = _AFTER.fullmatch(word.lower().replace(" ", ""))
    if after and word:
        days, hours, minutes, seconds = (int(n or 0) for n in after.groups())
        if (
            days > LONGEST.days
            or timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds) > LONGEST
        ):
            raise refuse("number_range", "more than ten years", "give the day it ends", field=field)
        length = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if not length:
            raise refuse(
                "expired",
                "it would end at the moment it is approved",
                "give it some time, such as 4h",
                field=field,
            )
        return length
    at = _instant(word, field)
    if at <= now:
        raise refuse(
            "expired",
            f"{at.isoformat()} is in the past",
            "give a time to come, or one from the approval such as 4h",
            field=field,
        )
    if at - now > LONGEST:
        raise refuse("number_range", "more than ten years", "give the day it ends", field=field)
    return at


def on_the_clock(text: str, *, zone: str, field: str) -> datetime:
    """Return the moment at which the clock on the wall of `zone` shows a time such as
    2026-12-01T09:00, as a browser's field for a day and an hour gives it; aware UTC. A time that
    carries its own offset is taken as it stands.

    Raises Rejected: time_missing, time_invalid (also for an hour that the clocks jump over in
    spring), time_ambiguous (an hour that they show twice in autumn: nothing is guessed).
    """
    word = text.strip()
    if not word:
        raise refuse("time_missing", "the time is missing", "choose a day and an hour", field=field)
    try:
        local = datetime.fromisoformat(word)
        if local.utcoffset() is not None:
            return local.astimezone(UTC)
        here = local.replace(tzinfo=ZoneInfo(zone))
        at, second = here.astimezone(UTC), here.replace(fold=1).astimezone(UTC)
    except (ValueError, OverflowError):
        fix = "write it as 2026-12-01T09:00"
        raise refuse("time_invalid", "this is no time", fix, field=field) from None
    shown = f"{local:%H:%M}"
    if at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != local:
        raise refuse(
            "time_invalid",
            f"there is no {shown} that day: the clocks are put forward over it",
            "choose an hour before or after",
            field=field,
        )
    if at != second:
        raise refuse(
            "time_ambiguous",
            f"the clocks show {shown} twice that night",
            "choose an hour before or after, or plan it by `fasttime exercises plan`, which takes"
            " the offset",
            field=field,
        )
    return at


def too_long_for_critical(
    expires: datetime | timedelta, *, now: datetime, field: str = "expires"
) -> Problem | None:
    """Return the problem of a message on a change to CRITICAL that outlives 24 hours. It limits
    the message, never the level.
    """
    length = expires if isinstance(expires, timedelta) else expires - now
    if length <= CRITICAL_LIMIT:
        return None
    fix = "end it within 24h and send an update; the level stays until it is changed"
    return Problem(
        code="expiry_too_long",
        detail="a message that changes the level to CRITICAL must end within 24 hours",
        fix=fix,
        field=field,
    )


def write_expiry(expires: datetime | timedelta) -> str:
    """Return the text that `read_expiry` reads back; parts of a second are lost."""
    if isinstance(expires, datetime):
        return expires.astimezone(UTC).isoformat(timespec="seconds")
    rest, seconds = divmod(int(expires.total_seconds()), 60)
    hours, minutes = divmod(rest, 60)
    if hours and hours % 24 == 0 and not minutes and not seconds:
        return f"{hours // 24}d"
    return (
        "".join(f"{n}{unit}" for n, unit in ((hours, "h"), (minutes, "m"), (seconds, "s")) if n)
        or "0s"
    )


def _instant(word: str, field: str) -> datetime:
    found = _RFC_3339.fullmatch(word)
    if not found:
        raise refuse("time_invalid", "not a time", _FIX, field=field)
    year, month, day, hour, minute, second = (int(n or 0) for n in found.groups()[:6])
    try:
        local = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - the zone follows, or is asked for
    except ValueError:
        raise refuse(
            "time_invalid",
            f"there is no {word[:10]} at {hour:02}:{minute:02}:{second:02}",
            "look at a calendar",
            field=field,
        ) from None
    zulu, sign, off_hours, off_minutes = found.groups()[6:]
    if not zulu and not sign:
        raise _without_zone(local, field)
    offset = timedelta(hours=int(off_hours or 0), minutes=int(off_minutes or 0))
    if offset > LARGEST_OFFSET or int(off_minutes or 0) > 59:
        raise refuse("time_invalid", "there is no such offset", _FIX, field=field)
    try:
        return local.replace(tzinfo=timezone(-offset if sign == "-" else offset)).astimezone(UTC)
    except OverflowError:
        raise refuse("time_invalid", "not a time that exists in UTC", _FIX, field=field) from None


def _without_zone(local: datetime, field: str) -> Rejected:
    zone = ZoneInfo("Europe/London")
    first, second = (
        local.replace(tzinfo=zone).utcoffset(),
        local.replace(tzinfo=zone, fold=1).utcoffset(),
    )
    assert first is not None
    assert second is not None
    text = local.isoformat()
    if first > second:  # the hour that the clocks go back over
        return refuse(
            "time_ambiguous",
            f"the clocks show {text} twice that night",
            f"write {text}+01:00 for the first time or {text}+00:00 for the second",
            field=field,
        )
    offset = "+01:00" if first else "+00:00"
    return refuse(
        "time_zone_missing",
        f"{text} has no offset from UTC",
        f"write {text}{offset} if you mean the time in London",
        field=field,
    )
