"""The e-mail of one version, and what a page shows of it."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from html import escape

from broadcast.wording import discreet
from broadcast.wording.answering import answer_at
from broadcast.wording.pack import direction, fill, primary
from broadcast.wording.render.words import (
    Words,
    answer_link,
    one_line,
    own_link,
)
from broadcast.wording.rendered import Rendered
from broadcast.wording.times import local_time


def subject_of(words: Words) -> str:
    """Return the subject of a mail, and what a page is called."""
    if words.facts.discreet:
        mark = f"{words.opening}: " if words.opening else ""
        return f"{mark}{words.neutral}" + (f" - {words.closing}" if words.closing else "")
    marks = "".join(f"{mark}: " for mark in words.marks)
    headline = "".join(
        char for char in one_line(words.text.headline) if unicodedata.category(char) != "Cc"
    )
    return f"{marks}{headline}" + (f" - {words.closing}" if words.closing else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """One paragraph: what it is, what it says, and whether it is ours or the author's."""

    role: str
    text: str
    ours: bool


def _blocks(words: Words, *, mail: bool) -> list[_Block]:
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
    own = own_link(words)
    answer = answer_link(words) if mail else ""
    end = [
        ("text", words.where if mail else ""),  # a page says both beside its map
        ("text", words.until() if mail else ""),
        ("note", words.note),
        *(("text", fill(pack.call, number=one_line(number))) for number in content.hotlines),
        ("answer", answer_at(pack.tag, answer) if answer else ""),
        ("small", fill(pack.source, source=one_line(content.source)) if content.source else ""),
        ("small", fill(pack.sent, time=local_time(facts.sent, pack.tag, facts.zone))),
        ("small", fill(pack.code, code=facts.code) if facts.code else ""),
        ("small", words.as_whom),
        ("check", fill(pack.check, url=page) if page else ""),
        ("unsubscribe", fill(pack.unsubscribe, url=own) if mail and own else ""),
        ("mark", words.closing),
    ]
    blocks = [_Block(role=role, text=said.strip(), ours=True) for role, said in ours]
    blocks += [_Block(role=role, text=said.strip(), ours=False) for role, said in theirs]
    blocks += [_Block(role=role, text=said.strip(), ours=True) for role, said in end]
    return [block for block in blocks if block.text]


def plain_text(words: Words, *, mail: bool) -> str:
    """Return everything as plain text, for a mail or a page."""
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


def article(words: Words, *, mail: bool) -> str:
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


def _html_text(block: _Block, words: Words) -> str:
    facts = words.facts
    said = escape(block.text).replace("\n", "<br>\n")
    if block.role == "note" and primary(words.ours_in) != primary(words.language):
        note = escape((words.content.note or "").strip()).replace("\n", "<br>\n")
        return said.replace(note, f"<bdi>{note}</bdi>", 1)  # in a direction of its own
    page = {
        "check": f"{facts.public_url}/v/{facts.code}",
        "answer": answer_link(words),
        "unsubscribe": own_link(words),
    }.get(block.role, "")
    if page and facts.public_url.startswith(("https://", "http://")):
        return said.replace(escape(page), f'<a href="{escape(page)}">{escape(page)}</a>', 1)
    return said


def email(words: Words) -> Rendered:
    """Return the whole mail, without what is each person's own."""
    subject = subject_of(words)
    html = "\n".join(
        [
            "<!DOCTYPE html>",
            f'<html lang="{escape(words.language)}" dir="{direction(words.language)}">',
            (
                '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width,'
                f' initial-scale=1"><title>{escape(subject)}</title></head>'
            ),
            '<body style="margin:0;padding:16px;background:#fff">',
            article(words, mail=True),
            "</body>",
            "</html>",
            "",
        ]
    )
    return Rendered(
        channel="email",
        language=words.language,
        subject=subject,
        body=plain_text(words, mail=True),
        html=html,
        unsubscribe=own_link(words),
        answer=answer_link(words),
    )
