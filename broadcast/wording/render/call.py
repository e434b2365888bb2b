"""What a call reads aloud of one version."""

from __future__ import annotations

import re

from broadcast.wording.pack import fill
from broadcast.wording.render.words import (
    Words,
    one_line,
    sentences,
)
from broadcast.wording.speech import spell, spell_numbers


def spoken(words: Words) -> str:
    """Everything as sentences; telephone numbers and the code digit by digit."""
    text, pack = words.text, words.pack
    own = text.voice if text.voice is not None and text.voice.strip() else ""
    discreetly = words.facts.discreet
    said = [own] if own else [words.headline, text.description, text.instruction]
    parts = [
        *(
            part.replace(" / ", ", ") if role == "mark" else part
            for role, part in words.beginning(words.neutral if discreetly else words.sender)
        ),
        words.level(", ", named=True),
        *(
            _spell_numbers(part, words.content.hotlines)
            for part in (*said[:1], words.note, *said[1:])
        ),
        words.where,
        words.until(short=True),
        *(
            fill(pack.call, number=spell_numbers(one_line(number)))
            for number in words.content.hotlines
        ),
        fill(pack.code, code=spell(words.facts.code)) if words.facts.code else "",
        words.as_whom,
    ]
    return " ".join(
        part
        for part in (
            sentences([one_line(part) for part in parts], pack.full_stop),
            words.closing.replace(" / ", ", "),
        )
        if part
    )


_TELEPHONE = r"(?<![\w.,/-])(?:\+[ ]?|(?=0))[0-9](?:[ -]?[0-9]){8,14}(?![\w/-]|[.,][0-9])"


def _spell_numbers(text: str, hotlines: tuple[str, ...]) -> str:
    """Return the text with its hotlines and what looks like a telephone number spelt; dates, times
    and amounts stay.
    """
    known = [
        rf"(?<!\w){re.escape(hotline)}(?!\w)"
        for hotline in sorted({h.strip() for h in hotlines} - {""}, key=lambda h: (-len(h), h))
    ]
    return re.sub("|".join([*known, _TELEPHONE]), lambda match: spell_numbers(match.group(0)), text)
