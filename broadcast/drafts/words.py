"""The words of a draft, in each of its languages: read, and checked as people will read them."""

from __future__ import annotations

from typing import Final

from broadcast.content.model import (
    Text,
)
from broadcast.content.text_rules import (
    check_not_a_drill,
    check_text,
    sms_too_long,
)
from broadcast.drafts.language_tags import language_tag
from broadcast.drafts.model import TextIn
from broadcast.drafts.one_pass import OnePass
from broadcast.drafts.source import Path
from broadcast.files.nearest import shown
from broadcast.files.safe_json import field_path

NO_DRILL_STATUSES: Final = ("Exercise", "Test")  # where nothing may claim to be real


class Words(OnePass):
    """The part of a pass that reads words."""

    __slots__ = ()

    def words(self, path: Path, text: str | None, *, required: bool = False) -> str:
        """Return the text, checked; a placeholder may still stand in it."""
        text = (text or "").replace("\r\n", "\n")  # what forms and Windows write
        self.problems += [
            self.source.placed(p, path)
            for p in check_text(field_path(*path), text, required=required, placeholders=False)
        ]
        return text

    def no_drill(self, path: Path, text: str) -> bool:
        """Refuse words by which an exercise could pass for real."""
        found = bool(text) and check_not_a_drill(text)
        if found:
            self.add(
                path,
                "not_a_drill",
                "an exercise or test may not claim to be real",
                "take the claim out of the text",
            )
        return found

    def languages(self, status: str | None) -> dict[str, Text]:
        """Return the texts by language tag."""
        found: dict[str, Text] = {}
        given = self.draft.languages or {}
        if not given and not self.is_bad("languages"):
            self.add(
                ("languages",),
                "language_missing",
                "the message has no words in any language",
                "write languages: {en: {headline: …}}",
            )
        for key, words in given.items():
            tag = language_tag(key)
            if tag is None:
                self.add(
                    ("languages", key),
                    "language_invalid",
                    f"{shown(key)} is no language tag",
                    "write a tag of BCP 47 such as en, cy or zh-Hant, with hyphens",
                )
            elif tag in found:
                self.add(
                    ("languages", key),
                    "language_twice",
                    f"{shown(key)} and {tag} are one language",
                    "keep one",
                )
            text = self.text(key, words, drill_refused=status in NO_DRILL_STATUSES)
            if tag is not None:
                found.setdefault(tag, text)
        return found

    def text(self, tag: str, words: TextIn, *, drill_refused: bool) -> Text:
        """Return the texts of one language, each checked."""
        path = ("languages", tag)
        headline = (
            words.headline
            if self.is_bad(*path, "headline")
            else self.words((*path, "headline"), words.headline, required=True)
        )
        description = self.words((*path, "description"), words.description)
        instruction = self.words((*path, "instruction"), words.instruction)
        # an empty text for one channel would send nothing by it: leave it out, or write it
        sms = None if words.sms is None else self.words((*path, "sms"), words.sms, required=True)
        voice = (
            None
            if words.voice is None
            else self.words((*path, "voice"), words.voice, required=True)
        )
        too_long = sms_too_long(sms, field=field_path(*path, "sms")) if sms else None
        if too_long:
            self.problems.append(self.source.placed(too_long, (*path, "sms")))
        text = Text(
            headline=headline or "",
            description=description,
            instruction=instruction,
            sms=sms,
            voice=voice,
        )
        if drill_refused:
            parts = [
                (name, getattr(text, name) or "")
                for name in ("headline", "description", "instruction", "sms", "voice")
            ]
            said = [self.no_drill((*path, name), part) for name, part in parts]
            if not any(
                said
                # nor split over what a person reads in one go: an SMS is headline and instruction,
                # a mail all three
            ):
                joined = (
                    f"{text.headline} {text.instruction}",
                    f"{text.headline} {text.description} {text.instruction}",
                    f"{text.headline} {text.description}",
                )
                any(self.no_drill(path, one) for one in joined)
        return text
