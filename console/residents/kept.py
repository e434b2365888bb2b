"""What is kept of a person and for how long, in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from console.pages.frame import FILTERS
from console.residents.words import RESIDENT_WORDS
from service.residents import retention

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


def told(lang: str, answers_days: int) -> list[str]:
    """Return a sentence for each kind of data. `answers_days`: the setting."""
    words = RESIDENT_WORDS[lang]
    return [
        FILTERS["put"](words[f"kept_{kind}"], time=lasting(lang, stays) if stays else "")
        for kind, stays in retention.kinds(answers_days).items()
    ]


def lasting(lang: str, time: timedelta) -> str:
    """Return a time in whole days, or in hours where it is none."""
    words = RESIDENT_WORDS[lang]
    whole = time % _DAY == timedelta()
    unit, number = ("days", time // _DAY) if whole else ("hours", time // _HOUR)
    return FILTERS["put"](_of_number(words, lang, unit, number), number=number)


def _of_number(words: Mapping[str, str], lang: str, unit: str, number: int) -> str:
    """Return the phrase of a unit after a number (Unicode CLDR, plural rules of cardinals)."""
    form = {1: "one", 2: "two"}.get(number, "other")
    if lang == "ar" and 3 <= number % 100 <= 10:
        form = "few"
    elif lang == "ar" and number % 100 >= 11:
        form = "many"
    return words.get(f"{unit}_{form}") or words[f"{unit}_other"]
