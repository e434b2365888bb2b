"""What a language pack is: the fixed phrases that we add to an author's words. The packs
themselves, each with its word for an exercise, are the files of `packs/`.

The translations are an honest best effort and AWAIT A NATIVE SPEAKER'S CHECK (`AWAITING_CHECK`);
English is the original.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

from broadcast.wording.levels import Level

EXERCISE = "EXERCISE"
"""Stands in Latin capitals in every language, so that nobody anywhere takes an exercise for
real.
"""
REPEAT = "REPEAT"
TEST = "TEST"

AWAITING_CHECK = (
    "The phrases in every language but English are a best effort and await a native speaker's check"
    " before live use: broadcast/wording/packs, one file per language."
)

_BLANK = re.compile(r"\{([a-z_]+)\}")
_TEMPLATES = {
    "police_message": {"sender"},
    "code": {"code"},
    "check": {"url"},
    "was_wrong": {"note"},
    "call": {"number"},
    "where": {"place"},
    "in_part": {"place"},
    "uk_sector": {"place"},
    "uk_community": {"place"},
    "source": {"source"},
    "sent": {"time"},
    "level_uk": {"level"},
    "level_area": {"level", "place"},
    "level_sector": {"level", "place"},
    "level_community": {"level", "place"},
    "unsubscribe": {"url"},
}
_RIGHT_TO_LEFT = frozenset(
    {"ar", "arc", "ckb", "dv", "fa", "he", "khw", "ks", "nqo", "ps", "sd", "syr", "ug", "ur", "yi"}
)
_RIGHT_TO_LEFT_SCRIPTS = frozenset({"arab", "hebr", "syrc", "thaa", "nkoo"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """The phrases of one language. `{name}` marks what `fill` puts in; nothing else is ever
    substituted.

    `exercise`, `repeat` and `test` are complete opening marks: the English word in capitals, then "
    / " and the translation. `level_names` and `level_meanings` stand in the order of the levels,
    LOW first; the English level word itself is never translated. `not_a_drill` are ways to claim
    that an exercise is real: nobody may write them in an exercise. Raises ValueError at
    construction where a phrase is missing, an exercise mark above all.
    """

    tag: str
    exercise: str
    test: str
    repeat: str
    update: str
    correction: str
    all_clear: str
    police_message: str
    stop: str
    press_1: str
    press_2: str
    confirmed: str
    goodbye: str
    code: str
    check: str
    level_uk: str
    level_area: str
    level_sector: str
    level_community: str
    level_names: tuple[str, ...]
    level_meanings: tuple[str, ...]
    was_wrong: str
    where: str
    in_part: str
    united_kingdom: str
    uk_sector: str
    uk_community: str
    together: str
    drawn: str
    call: str
    source: str
    sent: str
    unsubscribe: str
    not_a_drill: tuple[str, ...]
    full_stop: str = "."

    def __post_init__(self) -> None:
        """Refuse a pack that could let an exercise pass for real, or leave a gap in what people
        read.
        """
        for name, word in (("exercise", EXERCISE), ("repeat", REPEAT), ("test", TEST)):
            mark, _, translation = getattr(self, name).partition(" / ")
            if mark != word or (
                name == "exercise" and not translation.strip() and primary(self.tag) != "en"
            ):
                raise ValueError(
                    f"pack {self.tag!r}: its {name} mark must be {word!r}, then ' / ' and the"
                    " translation"
                )
        for field in fields(self):
            value = getattr(self, field.name)
            phrases = value if isinstance(value, tuple) else (value,)
            if not phrases or any(not phrase.strip() for phrase in phrases):
                raise ValueError(f"pack {self.tag!r}: {field.name} is missing; write the phrase")
            for phrase in phrases:
                if set(_BLANK.findall(phrase)) != _TEMPLATES.get(field.name, set()) or set(
                    _BLANK.sub("", phrase)
                ) & set("{}"):
                    raise ValueError(
                        f"pack {self.tag!r}: {field.name} must have exactly the blanks"
                        f" {sorted(_TEMPLATES.get(field.name, set()))}"
                    )
                if any(unicodedata.category(char) in ("Cc", "Cs") for char in phrase):
                    raise ValueError(f"pack {self.tag!r}: {field.name} holds a control character")
        if len(self.level_names) != len(Level) or len(self.level_meanings) != len(Level):
            raise ValueError(
                f"pack {self.tag!r}: every level needs its name and its meaning, LOW first"
            )

    def opening(self, status: str) -> str:
        """Return the first words of everything of this CAP status; empty for Actual."""
        return {"Actual": "", "Exercise": self.exercise, "Test": self.test}.get(
            status, status.upper()
        )

    def closing(self, status: str) -> str:
        """Return the last words: the mark turned round, so that the English word is the very last
        one.
        """
        return " / ".join(reversed(self.opening(status).split(" / ")))

    def level_is(self, scope: str) -> str:
        """Return the sentence that states the level of such a scope: the country's, a place's, a
        sector's or a community's.
        """
        kind = scope.partition(":")[0] if ":" in scope else ""
        if kind:
            return self.level_sector if kind == "sector" else self.level_community
        return self.level_uk if scope == "UK" else self.level_area

    def level_holds(self, scope: str) -> str:
        """Return where the level of a scope that is no place holds: in the whole country, of a
        sector or community for its people there.
        """
        kind = scope.partition(":")[0] if ":" in scope else ""
        if kind:
            return self.uk_sector if kind == "sector" else self.uk_community
        return self.united_kingdom

    def level_name(self, level: str) -> str:
        """Return the level's name in this language, to stand beside the English word."""
        return self.level_names[Level(level).rank - 1]

    def level_meaning(self, level: str) -> str:
        """Return what the level officially means, in this language, without a full stop."""
        return self.level_meanings[Level(level).rank - 1]


def following_marks(pack: Pack, kind: str, *, updates: bool) -> tuple[str, ...]:
    """Return what marks a message that follows another: that it updates it, that it corrects it or
    that all is clear; nothing of a first message. An update of a correction says both.
    """
    of_kind = {"correction": pack.correction, "all_clear": pack.all_clear}.get(kind, "")
    return tuple(mark for mark in (pack.update if updates else "", of_kind) if mark)


def fill(phrase: str, **values: str) -> str:
    """Put `values` in place of the {blanks} of one of our own phrases, in one pass: a value is
    literal, whatever it holds.

    Raises KeyError for a blank without a value. Never given an author's text.
    """
    return _BLANK.sub(lambda match: values[match.group(1)], phrase)


def primary(tag: str) -> str:
    """Return the primary language subtag, in lower case (RFC 5646 section 2.2.1)."""
    return re.split("[-_]", tag, maxsplit=1)[0].lower()


def called(names: Mapping[str, str], language: str) -> str:
    """Return a name in a language: that of the tag, of its primary language, else the one under "",
    which is for every language; "" where there is none.
    """
    for tag in (language, primary(language), ""):
        if tag in names:
            return names[tag]
    return ""


def direction(tag: str) -> str:
    """Return "rtl" or "ltr", by the script subtag where there is one, else by the language."""
    subtags = re.split("[-_]", tag.lower())
    scripts = [subtag for subtag in subtags[1:] if len(subtag) == 4 and subtag.isalpha()]
    right_to_left = (
        scripts[0] in _RIGHT_TO_LEFT_SCRIPTS if scripts else subtags[0] in _RIGHT_TO_LEFT
    )
    return "rtl" if right_to_left else "ltr"


def load_packs(packs: tuple[Pack, ...]) -> Mapping[str, Pack]:
    """Return the packs by lower-case tag. Raises ValueError where one comes twice, or English is
    missing.
    """
    by_tag = {pack.tag.lower(): pack for pack in packs}
    if len(by_tag) != len(packs):
        raise ValueError("two packs have the same tag; keep one")
    if "en" not in by_tag:
        raise ValueError("there is no English pack; everything falls back to it")
    return MappingProxyType(by_tag)
