"""One version's content as it is sent: the SMS, the spoken words, the e-mail and the page, in one
language.

Pure and deterministic: the same content, facts and language give the same bytes for as long as
`revision.wording_revision` is the same. An author's words are literal everywhere: no template
language, nothing of theirs is ever substituted, and HTML is escaped.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from html import escape

from broadcast.answers.links import LENGTH, PATH
from broadcast.content.model import Content, Text, is_urgent
from broadcast.content.segments import count
from broadcast.wording import discreet
from broadcast.wording.answering import answer_at, stop_at
from broadcast.wording.languages import pack_for
from broadcast.wording.level_ending import level_ended
from broadcast.wording.levels import ENDED, UK, Level, is_official
from broadcast.wording.pack import Pack, called, direction, fill, primary
from broadcast.wording.rendered import Facts, Rendered
from broadcast.wording.roles import as_whom
from broadcast.wording.speech import speaks, spell, spell_numbers
from broadcast.wording.times import local_time, says_a_time, until

SMS_SEGMENTS = 3
"""How long an SMS made by rule may become: the headline and instruction are cut to fit, what we
add never is.
"""
ELLIPSIS = "..."
"""Three full stops: the one character costs a UCS-2 message."""
MOST_PLACES = 6
"""So many areas a message names."""
LONG_WORD = 30
"""Only a first word longer than this may be cut inside."""


def choose_language(content: Content, wanted: str, channel: str = "") -> str:
    """Return the tag in `content.languages` that a person who wants `wanted` gets: exactly it, else
    its primary language, else the first.

    For channel "voice" a language that no speech engine reads aloud gives way to the first one that
    it does, where there is one.
    """
    tags = list(content.languages)
    if channel == "voice":
        tags = [tag for tag in tags if speaks(tag)] or tags
    same = [tag for tag in tags if tag.lower() == wanted.lower()]
    plain = [tag for tag in tags if tag.lower() == primary(wanted)]
    related = [tag for tag in tags if primary(tag) == primary(wanted)]
    return (same + plain + related + tags)[0]


def render(
    content: Content, facts: Facts, channel: str, language: str, *, ours_in: str = ""
) -> Rendered:
    """Return what is sent on `channel` ("sms", "voice", "email", "web") to those who get
    `language`, a tag in `content.languages`.

    `ours_in` is the language of the words that we add, where a page has readers of another language
    than the message: they understand at least who says it, whom to call and the code.

    For every status but Actual the status's mark (EXERCISE, TEST) is the first and the last word of
    the SMS, the speech, the subject, the plain text and the visible text of the HTML. Raises
    ValueError for an unknown channel or language.
    """
    if language not in content.languages:
        raise ValueError(f"the content has no {language!r} text; ask choose_language first")
    words = _words(content, facts, language, ours_in or language)
    match channel:
        case "sms":
            return replace(_as_whom(words, _sms(words)), discreet=facts.discreet)
        case "voice":
            body = _spoken(words)
            return Rendered(channel=channel, language=language, body=body, discreet=facts.discreet)
        case "email":
            return replace(_email(words), discreet=facts.discreet)
        case "web":
            return Rendered(
                channel=channel,
                language=language,
                subject=_subject(words),
                body=_plain(words, mail=False),
                html=_article(words, mail=False),
            )
    raise ValueError(
        f"nothing can be rendered for channel {channel!r}; channels are sms, voice, email and web"
    )


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


def level_and_note(content: Content, facts: Facts, language: str) -> tuple[str, str]:
    """Return the sentence that states the level, and what was wrong: what an author may leave to
    us, so that whoever shows the author's words alone shows these too; each "" where it is none.
    """
    words = _words(content, facts, language, language)
    return words.level(": ", named=True), _sentence(words.note, words.pack.full_stop)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
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
        name = _one_line(self.content.exercise) if self.content.status == "Exercise" else ""
        return f"{mark} {name}" if name else mark

    @property
    def closing(self) -> str:
        return self.pack.closing(self.content.status)

    @property
    def marks(self) -> list[str]:
        """What stands first, in this order: exercise, repeat, correction or all clear."""
        kind = {"correction": self.pack.correction, "all_clear": self.pack.all_clear}.get(
            self.content.kind, ""
        )
        return [
            mark
            for mark in (self.opening, self.pack.repeat if self.facts.repeat else "", kind)
            if mark
        ]

    @property
    def sender(self) -> str:
        return fill(self.pack.police_message, sender=_one_line(self.facts.sender_name))

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
        called = _one_line(", ".join(names[:MOST_PLACES]) + more)
        place = ", ".join(part for part in (called, self.drawn) if part)
        return fill(self.pack.where, place=place) if place else ""

    @property
    def is_drawn(self) -> bool:
        return bool(self.content.polygons or self.content.circles)

    @property
    def drawn(self) -> str:
        """Where anything drawn lies: "part of Camden, Westminster"; empty where nothing is drawn,
        and where no area that it touches is known.
        """
        if not self.is_drawn or not self.facts.near:
            return ""
        return fill(self.pack.in_part, place=_one_line(", ".join(self.facts.near)))

    @property
    def as_whom(self) -> str:
        """As whom somebody gets it who is registered several times; empty for everybody else."""
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
        mine = _one_line(self.text.headline).rstrip(self.pack.full_stop).casefold()
        return "" if said and said == mine else self.text.headline

    @property
    def place(self) -> str:
        """What the level is for, as people call it; empty where it is for the whole country."""
        scope = self.content.scope or UK
        if scope == UK:
            return ""
        ours = called(self.facts.groups.get(scope, {}), self.ours_in)
        return _one_line(ours or self.facts.names.get(scope, scope.partition(":")[2] or scope))

    @property
    def meaning(self) -> str:
        """What the new level officially means; empty where no official meaning belongs to it."""
        level = self.content.level
        if level is None or level == ENDED or not is_official(self.content.scope or UK):
            return ""
        return self.pack.level_meaning(level)


def _words(content: Content, facts: Facts, language: str, ours_in: str) -> _Words:
    return _Words(
        content=content,
        facts=facts,
        language=language,
        ours_in=ours_in,
        pack=pack_for(ours_in),
        text=content.languages[language],
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())


_ENDS = frozenset(".!?:;…。！？：；।॥۔؟؛·")


def _sentence(text: str, full_stop: str) -> str:
    """Return the text with a full stop, unless it ends in punctuation already."""
    text = text.rstrip()
    return text if not text or text[-1] in _ENDS else text + full_stop


def _sentences(parts: list[str], full_stop: str) -> str:
    return " ".join(_sentence(part, full_stop) for part in parts if part.strip())


# SMS


def _sms(words: _Words) -> Rendered:
    """Our words, the author's, our words again.

    The author's own `sms` text is taken whole; where and until when it is are added where it says
    neither and that costs no further segment. Without it the rule makes one of headline, what was
    wrong (a correction), instruction and the first hotline: in one line, and where all of it is
    more than SMS_SEGMENTS segments, cut at the end of a whole word (of Chinese: of a character),
    with an ellipsis. Where and until when it is are added where nothing need be cut for them. What
    we add is never cut; the hotline, and then what a level officially means,
    give way where the headline would suffer. The line about STOP is added to routine messages only,
    and only where it costs no further segment.
    """
    content, own = words.content, (words.text.sms or "").strip()
    if content.level and all(said in own for said in (content.level, words.meaning, words.place)):
        return _sms_with(words, own, "")[0]  # the author has said it
    rendered, whole = _sms_with(words, own, words.level(": ", named=False))
    if words.meaning and not whole:
        shorter, fits = _sms_with(words, own, words.level("", named=False))
        return shorter if fits else rendered
    return rendered


def _as_whom(words: _Words, made: Rendered) -> Rendered:
    """Return a text that says as whom somebody gets it who is registered several times, at the cost
    of no other word: they read what everybody reads, and may cost a segment more.
    """
    said = _sentence(words.as_whom, words.pack.full_stop)
    if not said:
        return made
    end = f" {words.closing}" if words.closing else ""
    return _as_sms(words, f"{made.body.removesuffix(end)} {said}{end}")


def _sms_with(words: _Words, own: str, level: str) -> tuple[Rendered, bool]:
    """Return the SMS with this sentence about the level, and whether it is SMS_SEGMENTS or less
    with the author's own text or headline whole.
    """
    pack, content = words.pack, words.content
    sender = words.neutral if words.facts.discreet else _one_line(words.facts.sender_name)
    said = [f"{part}{':' if role == 'sender' else '.'}" for role, part in words.beginning(sender)]
    before = " ".join(said + ([level] if level else []))
    code = (
        _sentence(fill(pack.code, code=words.facts.code), pack.full_stop)
        if words.facts.code
        else ""
    )
    if link := _answer_link(words):
        code = f"{code} {answer_at(pack.tag, link)}".strip()

    def whole(middle: str, *extra: str) -> str:
        return " ".join(part for part in (before, middle, *extra, words.closing) if part)

    if own:
        note = words.note if content.note and content.note.strip() not in own else ""
        author, extra = "\n".join(part for part in (own, note) if part), [code]
        for added in _place_and_time(words, author):
            if _costs_no_more(whole(author, code), whole(author, *added, code)):
                extra = [*added, code]
                break
        body = whole(author, *extra)
        kept = own
    else:
        author, extra, body = _by_rule(words, code, whole)
        kept = _one_line(_sentence(words.headline, pack.full_stop))
    how_to_stop = _how_to_stop(words)
    with_stop = whole(author, *extra, how_to_stop)
    free = author in body and _costs_no_more(body, with_stop) and _fits(with_stop)
    if how_to_stop and free and not is_urgent(content) and content.kind != "all_clear":
        body = with_stop
    rendered = _as_sms(words, body)
    return rendered, kept in body and rendered.segments <= SMS_SEGMENTS


def _place_and_time(words: _Words, author: str) -> list[list[str]]:
    """Return what an author's own SMS does not say of where and until when it is, the most of it
    first. An hour of the clock in it is taken for the time that it ends.
    """
    stop, said = words.pack.full_stop, author.casefold()
    place = "" if _said_already(words, said) else _sentence(words.where, stop)
    time = "" if says_a_time(said) else _sentence(words.until(short=True, shows_day=True), stop)
    return [[part for part in parts if part] for parts in ((place, time), (time,), (place,))]


def _costs_no_more(body: str, longer: str) -> bool:
    old, new = count(body), count(longer)
    return (new.encoding, new.segments) == (old.encoding, old.segments)


def _how_to_stop(words: _Words) -> str:
    """Return the line that says how to stop: by a reply, else at an address; "" where neither is
    possible.
    """
    pack, facts = words.pack, words.facts
    if facts.replies:
        return _sentence(pack.stop, pack.full_stop)
    return stop_at(pack.tag, f"{facts.public_url}/me") if facts.public_url else ""


def _by_rule(words: _Words, code: str, whole: Callable[..., str]) -> tuple[str, list[str], str]:
    """Return (the author's words uncut, what stands behind them, the body), for an author who gave
    no text for SMS.
    """
    stop = words.pack.full_stop
    author = _one_line(_sentences([words.headline, words.note, words.text.instruction], stop))
    headline = _one_line(_sentence(words.headline, stop))
    number = _one_line(words.content.hotlines[0]) if words.content.hotlines else ""
    hotline = (
        _sentence(fill(words.pack.call, number=number), stop)
        if number and number not in author
        else ""
    )
    said = author.casefold()
    place = "" if _said_already(words, said) else _sentence(words.where, stop)
    time = _sentence(words.until(short=True, shows_day=True), stop)
    for added in ([place, time], [time]):  # never at the cost of the author's words
        extra = [part for part in (*added, hotline, code) if part]
        if any(added) and _fits(whole(author, *extra)):
            return author, extra, whole(author, *extra)
    for extra in ([hotline, code] if hotline else [code], [code]):
        cut = _cut(author, lambda middle, extra=extra: whole(middle, *extra))  # type: ignore[misc]
        if cut.startswith(headline):
            break
    return author, extra, whole(cut, *extra)


def _said_already(words: _Words, said: str) -> bool:
    """Return whether the author's text names every area by itself, and one that anything drawn
    touches.
    """
    names, near = words.facts.names, words.facts.near if words.is_drawn else ()
    return all(names.get(code, code).casefold() in said for code in words.content.areas) and (
        not near or any(name.casefold() in said for name in near)
    )


def _as_sms(words: _Words, body: str) -> Rendered:
    size = count(body)
    return Rendered(
        channel="sms",
        language=words.language,
        body=body,
        encoding=size.encoding,
        segments=size.segments,
        answer=_answer_link(words),
    )


_PIECE = re.compile(
    r"[\u3000-\u303f\u3040-\u30ff\u3400-\u9fff\uff00-\uffef]\s*|[^\s\u3000-\u303f\u3040-\u30ff\u3400-\u9fff\uff00-\uffef]+\s*"
)


def _cut(author: str, whole: Callable[[str], str]) -> str:
    """Return as many whole words of the author's as fit SMS_SEGMENTS together with ours; of a first
    word that is too long, its beginning.
    """
    if not author or _fits(whole(author)):
        return author
    pieces = _PIECE.findall(author)
    if pieces and len(pieces[0]) > LONG_WORD and not _fits(whole(_shortened(pieces, 1))):
        pieces = _clusters(pieces[0])
    low, high = 1, max(1, len(pieces) - 1)
    while low < high:  # the longest that fits; a longer text never takes fewer segments
        middle = (low + high + 1) // 2
        if _fits(whole(_shortened(pieces, middle))):
            low = middle
        else:
            high = middle - 1
    return _shortened(pieces, low)


def _fits(body: str) -> bool:
    return count(body).segments <= SMS_SEGMENTS


def _clusters(word: str) -> list[str]:
    """Return a word's characters, each with the marks and joiners that belong to it."""
    out: list[str] = []
    for char in word:
        if out and (unicodedata.category(char)[0] == "M" or unicodedata.category(char) == "Cf"):
            out[-1] += char
        else:
            out.append(char)
    return out


def _shortened(pieces: list[str], number: int) -> str:
    return "".join(pieces[:number]).rstrip(" .,;:-") + ELLIPSIS


# Voice


def _spoken(words: _Words) -> str:
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
            fill(pack.call, number=spell_numbers(_one_line(number)))
            for number in words.content.hotlines
        ),
        fill(pack.code, code=spell(words.facts.code)) if words.facts.code else "",
        words.as_whom,
    ]
    return " ".join(
        part
        for part in (
            _sentences([_one_line(part) for part in parts], pack.full_stop),
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


# E-mail and page


def _subject(words: _Words) -> str:
    if words.facts.discreet:
        mark = f"{words.opening}: " if words.opening else ""
        return f"{mark}{words.neutral}" + (f" - {words.closing}" if words.closing else "")
    marks = "".join(f"{mark}: " for mark in words.marks)
    headline = "".join(
        char for char in _one_line(words.text.headline) if unicodedata.category(char) != "Cc"
    )
    return f"{marks}{headline}" + (f" - {words.closing}" if words.closing else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """One paragraph: what it is, what it says, and whether it is ours or the author's."""

    role: str
    text: str
    ours: bool


def _blocks(words: _Words, *, mail: bool) -> list[_Block]:
    content, facts, pack, text = words.content, words.facts, words.pack, words.text
    hidden = facts.discreet
    ours = [
        *words.beginning(discreet.first_words(words.language) if hidden else words.sender),
        ("level", words.level(": ", named=True)),
    ]
    theirs = [
        ("headline", text.headline),
        ("text", text.description),
        ("instruction", text.instruction),
    ]
    page = f"{facts.public_url}/v/{facts.code}" if facts.public_url and facts.code else ""
    own_link = _own_link(words)
    answer = _answer_link(words) if mail else ""
    end = [
        ("text", words.where if mail else ""),  # a page says both beside its map
        ("text", words.until() if mail else ""),
        ("note", words.note),
        *(("text", fill(pack.call, number=_one_line(number))) for number in content.hotlines),
        ("answer", answer_at(pack.tag, answer) if answer else ""),
        ("small", fill(pack.source, source=_one_line(content.source)) if content.source else ""),
        ("small", fill(pack.sent, time=local_time(facts.sent, pack.tag, facts.zone))),
        ("small", fill(pack.code, code=facts.code) if facts.code else ""),
        ("small", words.as_whom),
        ("check", fill(pack.check, url=page) if page else ""),
        ("unsubscribe", fill(pack.unsubscribe, url=own_link) if mail and own_link else ""),
        ("mark", words.closing),
    ]
    blocks = [_Block(role=role, text=said.strip(), ours=True) for role, said in ours]
    blocks += [_Block(role=role, text=said.strip(), ours=False) for role, said in theirs]
    blocks += [_Block(role=role, text=said.strip(), ours=True) for role, said in end]
    return [block for block in blocks if block.text]


def _plain(words: _Words, *, mail: bool) -> str:
    return "\n\n".join(block.text for block in _blocks(words, mail=mail))


_STYLES = {
    "mark": "margin:0 0 12px;padding:8px;border:3px solid #000;font-weight:bold;font-size:20px",
    "sender": "margin:0 0 12px;color:#333",
    "level": "margin:0 0 12px;font-weight:bold",
    "headline": "margin:0 0 12px;font-size:22px;line-height:1.3",
    "instruction": "margin:0 0 12px;font-weight:bold",
    "note": "margin:0 0 12px;padding-left:8px;border-left:4px solid #000",
    "small": "margin:0 0 6px;font-size:14px;color:#333",
    "check": "margin:0 0 6px;font-size:14px;color:#333",
    "answer": "margin:0 0 12px;font-weight:bold;overflow-wrap:anywhere",
    "unsubscribe": "margin:0 0 6px;font-size:14px;color:#333;overflow-wrap:anywhere",
}


_ARTICLE_STYLE = (
    "max-width:640px;font-family:Arial,sans-serif;font-size:16px;line-height:1.5;color:#000"
)


def _article(words: _Words, *, mail: bool) -> str:
    """Return the visible part: paragraphs of escaped text, in their language and direction, with
    simple inline styles and nothing from outside.
    """
    lang = words.language
    html = [f'<div lang="{escape(lang)}" dir="{direction(lang)}" style="{_ARTICLE_STYLE}">']
    for block in _blocks(words, mail=mail):
        tag = "h1" if block.role == "headline" else "p"
        ours = block.ours and primary(lang) != primary(words.pack.tag)
        language = f' lang="{words.pack.tag}" dir="{direction(words.pack.tag)}"' if ours else ""
        html.append(
            f"<{tag}{language}"
            f' style="{_STYLES.get(block.role, "margin:0 0 12px")}">'
            f"{_html_text(block, words)}</{tag}>"
        )
    return "\n".join([*html, "</div>"])


def _html_text(block: _Block, words: _Words) -> str:
    facts = words.facts
    said = escape(block.text).replace("\n", "<br>\n")
    if block.role == "note" and primary(words.ours_in) != primary(words.language):
        note = escape((words.content.note or "").strip()).replace("\n", "<br>\n")
        return said.replace(note, f"<bdi>{note}</bdi>", 1)  # in a direction of its own
    page = {
        "check": f"{facts.public_url}/v/{facts.code}",
        "answer": _answer_link(words),
        "unsubscribe": _own_link(words),
    }.get(block.role, "")
    if page and facts.public_url.startswith(("https://", "http://")):
        return said.replace(escape(page), f'<a href="{escape(page)}">{escape(page)}</a>', 1)
    return said


def _own_link(words: _Words) -> str:
    """Return what stands for each person's own link until the mail is theirs: text that nobody else
    has written, so that nothing of an author's is ever substituted.
    """
    if not words.facts.public_url:
        return ""
    own, written = f"{words.facts.public_url}/u/your-own-link", _written(words)
    while own in written:
        own += "-"
    return own


def _answer_link(words: _Words) -> str:
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


def _written(words: _Words) -> str:
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
    return "\n".join([*(part or "" for part in said), *content.hotlines, facts.sender_name])


def _email(words: _Words) -> Rendered:
    subject = _subject(words)
    html = "\n".join(
        [
            "<!DOCTYPE html>",
            f'<html lang="{escape(words.language)}" dir="{direction(words.language)}">',
            (
                '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width,'
                f' initial-scale=1"><title>{escape(subject)}</title></head>'
            ),
            '<body style="margin:0;padding:16px;background:#fff">',
            _article(words, mail=True),
            "</body>",
            "</html>",
            "",
        ]
    )
    return Rendered(
        channel="email",
        language=words.language,
        subject=subject,
        body=_plain(words, mail=True),
        html=html,
        unsubscribe=_own_link(words),
        answer=_answer_link(words),
    )
