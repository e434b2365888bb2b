"""The text message of one version: our words, the author's, our words again."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from broadcast.content.model import is_urgent
from broadcast.content.segments import count
from broadcast.wording.answering import answer_at, stop_at
from broadcast.wording.pack import fill
from broadcast.wording.render.words import (
    ELLIPSIS,
    Words,
    answer_link,
    one_line,
    sentence,
    sentences,
)
from broadcast.wording.rendered import Rendered
from broadcast.wording.times import says_a_time

SMS_SEGMENTS = 3
"""How long an SMS made by rule may become: the headline and instruction are cut to fit, what we
add never is.
"""
LONG_WORD = 30
"""Only a first word longer than this may be cut inside."""


def text_message(words: Words) -> Rendered:
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


def said_as_whom(words: Words, made: Rendered) -> Rendered:
    """Add to a text for which registrations somebody gets it. No other word is dropped for it: the
    text may take a segment more.
    """
    said = sentence(words.as_whom, words.pack.full_stop)
    if not said:
        return made
    end = f" {words.closing}" if words.closing else ""
    return _as_sms(words, f"{made.body.removesuffix(end)} {said}{end}")


def _sms_with(words: Words, own: str, level: str) -> tuple[Rendered, bool]:
    """Return the SMS with this sentence about the level, and whether it is SMS_SEGMENTS or less
    with the author's own text or headline whole.
    """
    pack, content = words.pack, words.content
    sender = words.neutral if words.facts.discreet else words.sender_name
    said = [f"{part}{':' if role == 'sender' else '.'}" for role, part in words.beginning(sender)]
    before = " ".join(said + ([level] if level else []))
    code = (
        sentence(fill(pack.code, code=words.facts.code), pack.full_stop) if words.facts.code else ""
    )
    if link := answer_link(words):
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
        kept = one_line(sentence(words.headline, pack.full_stop))
    how_to_stop = _how_to_stop(words)
    with_stop = whole(author, *extra, how_to_stop)
    free = author in body and _costs_no_more(body, with_stop) and _fits(with_stop)
    if how_to_stop and free and not is_urgent(content) and content.kind != "all_clear":
        body = with_stop
    rendered = _as_sms(words, body)
    return rendered, kept in body and rendered.segments <= SMS_SEGMENTS


def _place_and_time(words: Words, author: str) -> list[list[str]]:
    """Return what an author's own SMS does not say of where and until when it is, the most of it
    first. An hour of the clock in it is taken for the time that it ends.
    """
    stop, said = words.pack.full_stop, author.casefold()
    place = "" if _said_already(words, said) else sentence(words.where, stop)
    time = "" if says_a_time(said) else sentence(words.until(short=True, shows_day=True), stop)
    return [[part for part in parts if part] for parts in ((place, time), (time,), (place,))]


def _costs_no_more(body: str, longer: str) -> bool:
    old, new = count(body), count(longer)
    return (new.encoding, new.segments) == (old.encoding, old.segments)


def _how_to_stop(words: Words) -> str:
    """Return the line that says how to stop: by a reply, else at an address; "" where neither is
    possible.
    """
    pack, facts = words.pack, words.facts
    if facts.replies:
        return sentence(pack.stop, pack.full_stop)
    return stop_at(pack.tag, f"{facts.public_url}/me") if facts.public_url else ""


def _by_rule(words: Words, code: str, whole: Callable[..., str]) -> tuple[str, list[str], str]:
    """Return (the author's words uncut, what stands behind them, the body), for an author who gave
    no text for SMS.
    """
    stop = words.pack.full_stop
    author = one_line(sentences([words.headline, words.note, words.text.instruction], stop))
    headline = one_line(sentence(words.headline, stop))
    number = one_line(words.content.hotlines[0]) if words.content.hotlines else ""
    hotline = (
        sentence(fill(words.pack.call, number=number), stop)
        if number and number not in author
        else ""
    )
    said = author.casefold()
    place = "" if _said_already(words, said) else sentence(words.where, stop)
    time = sentence(words.until(short=True, shows_day=True), stop)
    for added in ([place, time], [time]):  # never at the cost of the author's words
        extra = [part for part in (*added, hotline, code) if part]
        if any(added) and _fits(whole(author, *extra)):
            return author, extra, whole(author, *extra)
    for extra in ([hotline, code] if hotline else [code], [code]):
        cut = _cut(author, lambda middle, extra=extra: whole(middle, *extra))  # type: ignore[misc]
        if cut.startswith(headline):
            break
    return author, extra, whole(cut, *extra)


def _said_already(words: Words, said: str) -> bool:
    """Return whether the author's text names every area by itself, and one that anything drawn
    touches.
    """
    names, near = words.facts.names, words.facts.near if words.is_drawn else ()
    return all(names.get(code, code).casefold() in said for code in words.content.areas) and (
        not near or any(name.casefold() in said for name in near)
    )


def _as_sms(words: Words, body: str) -> Rendered:
    size = count(body)
    return Rendered(
        channel="sms",
        language=words.language,
        body=body,
        encoding=size.encoding,
        segments=size.segments,
        answer=answer_link(words),
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
