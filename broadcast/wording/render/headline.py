"""The headline as it stands alone, and what we say of a level where an author leaves it to us."""

from __future__ import annotations

from broadcast.content.model import Content
from broadcast.wording.render.words import sentence, words_of
from broadcast.wording.rendered import Facts

HEADLINE = 160
"""So many characters a headline that stands alone should have at most (CAP 1.2, info.headline)."""


def level_and_note(content: Content, facts: Facts, language: str) -> tuple[str, str]:
    """Return the sentence that states the level, and what was wrong: what an author may leave to
    us, so that whoever shows the author's words alone shows these too; each "" where it is none.
    """
    words = words_of(content, facts, language, language)
    return words.level(": ", named=True), sentence(words.note, words.pack.full_stop)


def headline_alone(content: Content, facts: Facts, language: str) -> str:
    """Return the headline as it stands alone, on a map or in another system's list: the author's,
    and of a level change before it the sentence that states the level, as in every text and call.
    What the level officially means gives way where all is longer than HEADLINE.
    """
    words = words_of(content, facts, language, language)
    if not words.level("", named=True):
        return words.text.headline
    said = [
        " ".join(part for part in (words.level(separator, named=True), words.headline) if part)
        for separator in (": ", "")
    ]
    return said[0] if len(said[0]) <= HEADLINE else said[1]
