"""What a message would cost and when people would be told, as sentences for pages and terminals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from service.expecting import PRICED, Expected, OnChannel

_ONES = {"sms": "text", "voice": "call", "email": "e-mail"}
_NAMES = {"sms": "Text messages", "voice": "Calls", "email": "E-mail"}
_SETTINGS = {"sms": "FASTTIME_SMS_PRICE", "voice": "FASTTIME_VOICE_PRICE"}


def sentences(expected: Expected, clock: Callable[[datetime], str]) -> list[str]:
    """Return what is expected, a sentence each; `clock` says a time. [] where nobody is sent to."""
    if not expected.channels:
        return []
    if any(isinstance(each.people, str) for each in expected.channels):
        return [
            "Cost and time are not shown: of a drawn shape they would tell where few people are."
        ]
    costs = [_cost(each, expected) for each in expected.channels if each.channel in PRICED]
    return [*costs, *_total(expected), *_told(expected, clock)]


def _cost(each: OnChannel, expected: Expected) -> str:
    most = "at most " if expected.at_most and each.channel == "sms" else ""
    if each.parts is not None:
        size = f"{most}{_of(each.parts, 'part')} for {_of(each.people, 'text')}"
    else:
        size = _of(each.people, "call")
    if each.simulated:
        asked = "free, because the simulator takes them"
    elif each.pence is not None:
        asked = f"{most}{_pounds(each.pence)}"
    else:
        asked = f"at a cost that is not known: {_SETTINGS[each.channel]} is not set"
    return f"{_NAMES[each.channel]}: {size}, {asked}."


def _total(expected: Expected) -> list[str]:
    priced = [e for e in expected.channels if e.channel in PRICED and not e.simulated]
    if len(priced) < 2 or expected.pence is None:
        return []
    return [f"In all {'at most ' if expected.at_most else ''}{_pounds(expected.pence)}."]


def _told(expected: Expected, clock: Callable[[datetime], str]) -> list[str]:
    if expected.first is not None:
        first = f"The first person is told when their quiet hours end, {clock(expected.first)}"
    else:
        first = "The first person is told at once after the approval"
    rates = [_of(each.rate, _ONES[each.channel]) for each in expected.channels if each.rate]
    unlimited = [f"{_ONES[each.channel]}s" for each in expected.channels if not each.rate]
    if expected.seconds is None or expected.first is not None:
        last = ""
    else:
        last = f", the last {_span(expected.seconds)}"
    found = [f"{first}{last}, if nothing else is being sent."]
    if rates:
        found.append(f"Rates a second: {', '.join(rates)}.")
    if unlimited:
        found.append(f"No rate is set for {_and(unlimited)}: they go as fast as they are taken.")
    if expected.last is not None:
        found.append(
            f"Who is in quiet hours is told when these end, the last {clock(expected.last)}."
        )
    return found


def _and(names: list[str]) -> str:
    first = ", ".join(names[:-1])
    return f"{first} and {names[-1]}" if first else names[-1]


def _span(seconds: float) -> str:
    if seconds < 1:
        return "within a second"
    if seconds < 90:
        return f"{_of(round(seconds), 'second')} later"
    if seconds < 5400:
        return f"{_of(round(seconds / 60), 'minute')} later"
    return f"{_of(round(seconds / 3600), 'hour')} later"


def _of(n: float | str, noun: str) -> str:
    said = n if isinstance(n, str) else f"{n:,}".removesuffix(".0")
    return f"{said} {noun}{'' if n == 1 else 's'}"


def _pounds(pence: Decimal | None) -> str:
    return f"£{(pence or Decimal(0)) / 100:,.2f}"
