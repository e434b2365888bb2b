"""What is kept of a person and for how long, in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from config.settings import Settings
from console.pages.frame import FILTERS
from console.residents.words import RESIDENT_WORDS
from service.residents import retention

Days = tuple[int, int]
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


def told(lang: str, days: Days) -> list[str]:
    """Return a sentence for each kind of data, by what is set here."""
    words = RESIDENT_WORDS[lang]
    return [
        FILTERS["put"](words[f"kept_{kind}"], time=lasting(lang, stays) if stays else "")
        for kind, stays in retention.kinds(*days).items()
    ]


def as_json(lang: str, days: Days) -> list[dict[str, Any]]:
    """Return the same for programs: the kind of data, seconds (null where no time is set, and the
    sentence says until when), the sentence.
    """
    return [
        {
            "kind": kind.partition("_")[0],
            "seconds": int(stays.total_seconds()) if stays else None,
            "words": said,
        }
        for (kind, stays), said in zip(
            retention.kinds(*days).items(), told(lang, days), strict=True
        )
    ]


def days_of(settings: Settings) -> Days:
    """Return after how many days what people answer, and copies of what was deleted, are gone."""
    return settings.answers_days, settings.backup_days


def lasting(lang: str, time: timedelta) -> str:
    """Return a time in whole days, or in hours where it is none."""
    words = RESIDENT_WORDS[lang]
    whole = time % _DAY == timedelta()
    unit, number = ("days", time // _DAY) if whole else ("hours", time // _HOUR)
    return FILTERS["put"](_of_number(words, lang, unit, number), number=number)


def _of_number(words: Mapping[str, str], lang: str, unit: str, number: int) -> str:
    """Return the phrase of a unit after a number (Unicode CLDR, plural rules of cardinals)."""
    form = {1: "one", 2: "two"}.get(number, "other")
    last, rest = number % 10, number % 100
    few = {
        "ar": 3 <= rest <= 10,
        "pl": 2 <= last <= 4 and not 12 <= rest <= 14,
        "ro": number != 1 and (number == 0 or 1 <= rest <= 19),
    }
    if few.get(lang):
        form = "few"
    elif lang == "ar" and rest >= 11:
        form = "many"
    return words.get(f"{unit}_{form}") or words[f"{unit}_other"]
