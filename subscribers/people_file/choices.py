"""Cells that choose among what there is: kind of person, topics, channels, severity, quiet hours,
language.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from broadcast.content.model import PERSONAL_CHANNELS, SEVERITIES, SUBSCRIBER_KINDS
from broadcast.files.csv_files import unescape
from broadcast.problems import refuse
from subscribers import quiet_hours as hours
from subscribers.people_file.texts import formula_or, nearest, shown

TOPICS: Final = ("threat_level", "incident", "appeal", "advice", "crime_update", "exercise")

MOST_LANGUAGES: Final = 4
"""Languages that somebody may name beside their own."""
MOST_A_WEEK: Final = 99
"""The highest number of routine messages a week that somebody may set as their most."""
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*", re.ASCII)


def kind(cell: str) -> str:
    """Return the kind of a person, "resident" for none. Raises Rejected."""
    low = unescape(cell).casefold() or "resident"
    if low not in SUBSCRIBER_KINDS:
        raise refuse("kind_unknown", f"{shown(cell)} is no kind", nearest(low, SUBSCRIBER_KINDS))
    return low


def topics(cell: str) -> str:
    """Return the topics chosen, in the order of `TOPICS`, with ; between. Raises Rejected."""
    chosen = _chosen(cell, TOPICS, "topic")
    return ";".join(topic for topic in TOPICS if topic in chosen)


def channels(cell: str) -> str:
    """Return the channels chosen, in the order chosen, with ; between. Raises Rejected."""
    return ";".join(_chosen(cell, PERSONAL_CHANNELS, "channel"))


def severity(cell: str) -> str:
    """Return a severity as CAP writes it, "" for none. Raises Rejected."""
    if not cell:
        return ""
    found = next((s for s in SEVERITIES if s.casefold() == cell.casefold()), None)
    if found is None:
        detail = f"{shown(cell)} is no severity"
        fix = nearest(cell.title(), SEVERITIES)
        raise formula_or(cell, refuse("severity_unknown", detail, fix))
    return found


def quiet_hours(cell: str) -> str:
    """Return quiet hours in their usual form, "" for none. Raises Rejected."""
    if not cell:
        return ""
    try:
        return str(hours.parse(cell))
    except ValueError as exc:
        fix = "write it as 22:00-07:00 Europe/London"
        raise formula_or(cell, refuse("quiet_hours_invalid", str(exc), fix)) from exc


def language_tag(cell: str) -> str:
    """Return a language tag in the usual case (RFC 5646 section 2.1.1), "en" for none. Raises
    Rejected.
    """
    if not cell:
        return "en"
    if not _LANGUAGE.fullmatch(cell) or len(cell) > 35:
        raise refuse(
            "language_invalid", "this is no language tag", "write en, cy, pt-BR, zh-Hant (RFC 5646)"
        )
    first, *rest = cell.split("-")
    return "-".join(
        [
            first.lower(),
            *(p.title() if len(p) == 4 else p.upper() if len(p) == 2 else p.lower() for p in rest),
        ]
    )


def other_languages(cell: str) -> str:
    """Return the tags of languages read beside, each once, in their order. Raises Rejected."""
    tags = [language_tag(part.strip()) for part in cell.split(";") if part.strip()]
    if len(tags) > MOST_LANGUAGES:
        detail = f"more than {MOST_LANGUAGES} other languages"
        raise refuse("too_many_languages", detail, "leave some out")
    return ";".join(dict.fromkeys(tags))


def discreet(cell: str) -> str:
    """Return "yes", "no" or, where nothing is said, "". Raises Rejected."""
    said = unescape(cell).casefold()
    if said not in ("", "yes", "no"):
        fix = "write yes or no, or leave it empty: then it stays as it was"
        raise formula_or(cell, refuse("discreet_invalid", f"{shown(cell)} is no yes or no", fix))
    return said


def most_a_week(cell: str) -> str:
    """Return how many routine messages a week somebody takes at most, "" for any number. Raises
    Rejected.
    """
    said = unescape(cell)
    number = int(said) if said.isascii() and said.isdigit() and len(said) < 4 else 0
    if said and not 1 <= number <= MOST_A_WEEK:
        detail = f"{shown(cell)} is no number from 1 to {MOST_A_WEEK}"
        fix = "write how many routine messages a week at most, or leave it empty for any number"
        raise formula_or(cell, refuse("most_a_week_invalid", detail, fix))
    return str(number) if said else ""


def _chosen(cell: str, allowed: Sequence[str], what: str) -> list[str]:
    """Return a cell's words, each once, in their order. Raises Rejected for one not allowed."""
    chosen = list(
        dict.fromkeys(part.strip().casefold() for part in cell.split(";") if part.strip())
    )
    for part in chosen:
        if part not in allowed:
            detail = f"{shown(part)} is no {what}"
            raise formula_or(cell, refuse(f"{what}_unknown", detail, nearest(part, allowed)))
    return chosen
