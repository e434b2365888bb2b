"""What every rendering is made of: the author's words, and ours around them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from broadcast.answers.links import LENGTH, PATH
from broadcast.content.model import Content, Text, provided_by
from broadcast.wording import discreet
from broadcast.wording.languages import pack_for
from broadcast.wording.level_ending import level_ended
from broadcast.wording.levels import ENDED, UK, Level, is_official
from broadcast.wording.pack import Pack, called, fill, following_marks
from broadcast.wording.rendered import Facts
from broadcast.wording.roles import as_whom
from broadcast.wording.times import until

ELLIPSIS = "..."
"""Three full stops: the one character costs a UCS-2 message."""
MOST_PLACES = 6
"""So many areas a message names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What every rendering is made of: the author's words in `language`, ours in `ours_in`."""

    content: Content
    facts: Facts
    language: str
    ours_in: str
    pack: Pack
    text: Text

    @property
    def opening(self) -> str:
        """The mark of the status; beside that of an exercise its name, which is never cut."""
        mark = self.pack.opening(self.content.status)
        name = one_line(self.content.exercise) if self.content.status == "Exercise" else ""
        return f"{mark} {name}" if name else mark

    @property
    def closing(self) -> str:
        """What stands last: the mark of the status."""
        return self.pack.closing(self.content.status)

    @property
    def marks(self) -> list[str]:
        """What stands first, in this order: exercise, repeat, update, correction or all clear."""
        following = following_marks(self.pack, self.content.kind, updates=self.facts.updates)
        return [
            mark
            for mark in (self.opening, self.pack.repeat if self.facts.repeat else "", *following)
            if mark
        ]

    @property
    def sender(self) -> str:
        """Who sends it, as a sentence; an information provider, who need not be police, by its name
        alone.
        """
        if self.content.provider:
            return self.sender_name
        return fill(self.pack.police_message, sender=self.sender_name)

    @property
    def sender_name(self) -> str:
        """Who sends it, in one line: the information provider as it is called in our language, else
        the installation.
        """
        names = self.facts.groups.get(provided_by(self.content), {})
        ours = called(names, self.ours_in) or self.content.provider
        return one_line(ours or self.facts.sender_name)

    def beginning(self, sender: str) -> list[tuple[str, str]]:
        """Return what stands first, each with what it is: the marks, then who sends it. Who asked
        for it discreetly gets in their place words that give nothing away; only the mark of what is
        no real message stands before these.
        """
        if not self.facts.discreet:
            return [*(("mark", mark) for mark in self.marks), ("sender", sender)]
        real = self.marks[1:] if self.opening else self.marks
        first = [("mark", self.opening)] if self.opening else []
        return [*first, ("sender", sender), *(("mark", mark) for mark in real)]

    @property
    def neutral(self) -> str:
        """A subject that says nothing of what it is about, or from whom."""
        return discreet.subject(self.language)

    @property
    def note(self) -> str:
        """What was wrong, in a correction; else empty."""
        return (
            fill(self.pack.was_wrong, note=self.content.note.strip())
            if self.content.kind == "correction" and self.content.note
            else ""
        )

    @property
    def where(self) -> str:
        """Where it is, by the names of its areas, and of those that anything drawn touches; empty
        where one has no name, and where the sentence about the level says it.
        """
        names = [self.facts.names.get(code, "") for code in self.content.areas]
        if not all(names) or self.content.level or bool(self.drawn) != self.is_drawn:
            return ""
        more = f", {ELLIPSIS}" if len(names) > MOST_PLACES else ""
        called = one_line(", ".join(names[:MOST_PLACES]) + more)
        place = ", ".join(part for part in (called, self.drawn) if part)
        return fill(self.pack.where, place=place) if place else ""

    @property
    def is_drawn(self) -> bool:
        """Whether any of its place was drawn."""
        return bool(self.content.polygons or self.content.circles)

    @property
    def drawn(self) -> str:
        """Where anything drawn lies: "part of Camden, Westminster"; empty where nothing is drawn,
        and where no area that it touches is known.
        """
        if not self.is_drawn or not self.facts.near:
            return ""
        return fill(self.pack.in_part, place=one_line(", ".join(self.facts.near)))

    @property
    def as_whom(self) -> str:
        """The sentence that says for which registrations somebody gets it ("as a resident and as an
        officer"), for people who are registered several times; empty for everybody else.
        """
        return as_whom(self.language, self.facts.roles)

    def until(self, *, short: bool = False, shows_day: bool = False) -> str:
        """Until when it holds. The `short` form is for what is read or heard as it comes; a
        telephone `shows_day` beside a text.
        """
        facts = self.facts
        sent = facts.sent if short else None
        return until_when(
            self.content, facts.expires, self.pack.tag, facts.zone, sent, shows_day=shows_day
        )

    def level(self, separator: str, *, named: bool) -> str:
        """Return the sentence that states the new level, where, and what it officially means;
        empty where no level changes.

        The official meanings are those of the national scale: a sector's or a community's level is
        explained by its author. Without a `separator` the meaning is left out.
        """
        if self.content.level is None:
            return ""
        if self.content.level == ENDED:
            return f"{level_ended(self.pack, self.place)}{self.pack.full_stop}"
        level, scope = Level(self.content.level), self.content.scope or UK
        name = f" ({self.pack.level_name(level)})" if named and self.pack.tag != "en" else ""
        said = fill(self.pack.level_is(scope), level=f"{level}{name}", place=self.place)
        means = f"{separator}{self.meaning}" if separator and self.meaning else ""
        return f"{said}{means}{self.pack.full_stop}"

    @property
    def headline(self) -> str:
        """The author's headline; empty where our sentence about the level says just the same."""
        said = self.level("", named=False).rstrip(self.pack.full_stop).casefold()
        mine = one_line(self.text.headline).rstrip(self.pack.full_stop).casefold()
        return "" if said and said == mine else self.text.headline

    @property
    def place(self) -> str:
        """What the level is for, as people call it; empty where it is for the whole country."""
        scope = self.content.scope or UK
        if scope == UK:
            return ""
        ours = called(self.facts.groups.get(scope, {}), self.ours_in)
        return one_line(ours or self.facts.names.get(scope, scope.partition(":")[2] or scope))

    @property
    def meaning(self) -> str:
        """What the new level officially means; empty where no official meaning belongs to it."""
        level = self.content.level
        if level is None or level == ENDED or not is_official(self.content.scope or UK):
            return ""
        return self.pack.level_meaning(level)


def words_of(content: Content, facts: Facts, language: str, ours_in: str) -> Words:
    """Return what the renderings of one language are made of."""
    return Words(
        content=content,
        facts=facts,
        language=language,
        ours_in=ours_in,
        pack=pack_for(ours_in),
        text=content.languages[language],
    )


def one_line(text: str) -> str:
    """Return the text with every run of blanks and line ends as one blank."""
    return " ".join(text.split())


_ENDS = frozenset(".!?:;…。！？：；।॥۔؟؛·")


def sentence(text: str, full_stop: str) -> str:
    """Return the text with a full stop, unless it ends in punctuation already."""
    text = text.rstrip()
    return text if not text or text[-1] in _ENDS else text + full_stop


def sentences(parts: list[str], full_stop: str) -> str:
    """Return the parts that say anything as sentences, one behind the other."""
    return " ".join(sentence(part, full_stop) for part in parts if part.strip())


def until_when(
    content: Content,
    expires: datetime | None,
    language: str,
    zone: str,
    sent: datetime | None = None,
    *,
    shows_day: bool = False,
) -> str:
    """Return until when a message holds, in words; empty for a level, which stays when its message
    ends, and for an all-clear. With `sent` the short form (`times.until`).
    """
    if expires is None or content.kind in ("threat_level_change", "all_clear"):
        return ""
    return until(expires, language, zone, sent=sent, shows_day=shows_day)


def own_link(words: Words) -> str:
    """Return what stands for each person's own link until the mail is theirs: text that nobody else
    has written, so that nothing of an author's is ever substituted.
    """
    if not words.facts.public_url:
        return ""
    own, written = f"{words.facts.public_url}/u/your-own-link", _written(words)
    while own in written:
        own += "-"
    return own


def answer_link(words: Words) -> str:
    """Return the same of the link by which one answers an appeal, as long as each person's own: a
    text is counted with it. Empty where nothing is asked.
    """
    if not words.facts.public_url or words.content.kind != "appeal":
        return ""
    written = _written(words)
    for filler in "-xyz0123456789":
        link = f"{words.facts.public_url}{PATH}{'your-own-link'.ljust(LENGTH, filler)}"
        if link not in written:
            return link
    return ""  # an author who wrote all of these wants none


def _written(words: Words) -> str:
    """Return everything in a message that its author wrote."""
    text, content, facts = words.text, words.content, words.facts
    said = [
        text.headline,
        text.description,
        text.instruction,
        text.sms,
        content.note,
        content.source,
        content.exercise,
    ]
    return "\n".join(
        [*(part or "" for part in said), *content.hotlines, facts.sender_name, words.sender_name]
    )
