"""Trades and sizes of organisations, as a message names whose people it is for.

A trade is a section of the UK Standard Industrial Classification of economic activities 2007 (SIC
2007, the UK's form of NACE Rev. 2), by its letter. A size is that of the European Commission's
recommendation 2003/361/EC, which UK statistics use too, by the number of people employed alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from broadcast.files.nearest import nearest

if TYPE_CHECKING:
    from broadcast.content.model import Audience

TRADES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "A": "agriculture, forestry and fishing",
        "B": "mining and quarrying",
        "C": "manufacturing",
        "D": "electricity, gas, steam and air conditioning supply",
        "E": "water supply, sewerage and waste management",
        "F": "construction",
        "G": "wholesale and retail trade, and motor vehicle repair",
        "H": "transport and storage",
        "I": "accommodation and food service",
        "J": "information and communication",
        "K": "finance and insurance",
        "L": "real estate",
        "M": "professional, scientific and technical activities",
        "N": "administrative and support services",
        "O": "public administration, defence and social security",
        "P": "education",
        "Q": "human health and social work",
        "R": "arts, entertainment and recreation",
        "S": "other services",
        "T": "households as employers",
        "U": "extraterritorial organisations",
    }
)
"""What each section is, by its letter."""

_EVERYDAY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "farming": "A",
        "factories": "C",
        "builders": "F",
        "retail": "G",
        "shops": "G",
        "garages": "G",
        "transport": "H",
        "logistics": "H",
        "storage": "H",
        "hospitality": "I",
        "hotels": "I",
        "restaurants": "I",
        "pubs": "I",
        "media": "J",
        "banks": "K",
        "insurance": "K",
        "landlords": "L",
        "security": "N",
        "government": "O",
        "schools": "P",
        "health": "Q",
        "hospitals": "Q",
        "theatres": "R",
        "sports": "R",
        "hairdressers": "S",
        "churches": "S",
        "embassies": "U",
    }
)
"""What people call a trade, for the refusal that names the section meant."""

# The divisions of SIC 2007, its first two digits, by the last of each section.
_LAST_DIVISIONS: Final = (
    (3, "A"),
    (9, "B"),
    (33, "C"),
    (35, "D"),
    (39, "E"),
    (43, "F"),
    (47, "G"),
    (53, "H"),
    (56, "I"),
    (63, "J"),
    (66, "K"),
    (68, "L"),
    (75, "M"),
    (82, "N"),
    (84, "O"),
    (85, "P"),
    (88, "Q"),
    (93, "R"),
    (96, "S"),
    (98, "T"),
    (99, "U"),
)

SIZES: Final = ("micro", "small", "medium", "large")
"""By how many people are employed: fewer than 10, 50 and 250, or more. The first three are SMEs."""
_BELOW: Final = ((10, "micro"), (50, "small"), (250, "medium"))

PASSES_ON: Final = "passes_on"
"""Stands among what people act as for an organisation that passes on what it is told."""


def size_of(headcount: int) -> str:
    """Return the size class of an organisation that employs so many people."""
    return next((size for most, size in _BELOW if headcount < most), "large")


def named(trade: str) -> str:
    """Return a trade as an operator reads it: "I, accommodation and food service"."""
    return f"{trade}, {TRADES[trade]}"


def trade_fix(word: str) -> str:
    """Return how to mend a word that is no section's letter: the section that was probably meant,
    from a small letter, a code of SIC 2007, its name or what people call it.
    """
    meant = _meant(word.strip())
    if meant is not None:
        return f"did you mean {meant} ({TRADES[meant]})?"
    return "use the letter of a section, A to U, such as I (accommodation and food service)"


def _meant(word: str) -> str | None:
    if word.upper() in TRADES:
        return word.upper()
    division = word.split(".", 1)[0]
    if len(division) >= 2 and division.isascii() and division.isdigit():
        number = int(division[:2])
        return next((letter for last, letter in _LAST_DIVISIONS if number <= last), None)
    words = {name: letter for letter, name in TRADES.items()} | dict(_EVERYDAY)
    near = nearest(word, words) if len(word) > 1 else None
    return None if near is None else words[near]


def acting_as(trade: str, size: str) -> str:
    """Return how people who act for such an organisation are found: "i/small"."""
    return f"{trade}/{size}".casefold()


def meant_by(audience: Audience) -> tuple[str, ...]:
    """Return as what somebody must act, one of these, to be in an audience that names trades or
    sizes; empty where it names neither, and is not limited so.
    """
    if not (audience.trades or audience.sizes):
        return ()
    return tuple(
        acting_as(trade, size)
        for trade in audience.trades or TRADES
        for size in audience.sizes or SIZES
    )


def in_words(audience: Audience) -> str:
    """Return whom an audience is limited to by trade and size, for an approver: "people who act for
    small and medium organisations in accommodation and food service"; "" where it is not.
    """
    if not (audience.trades or audience.sizes):
        return ""
    trades = " or ".join(TRADES[trade] for trade in audience.trades)
    sizes = _joined(tuple(size for size in SIZES if size in audience.sizes))
    said = " ".join(word for word in ("people who act for", sizes, "organisations") if word)
    return f"{said} in {trades}" if trades else said


def _joined(words: tuple[str, ...]) -> str:
    return " and ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)
