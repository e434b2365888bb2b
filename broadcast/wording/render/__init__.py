"""One version's content as it is sent: the SMS, the spoken words, the e-mail and the page, in one
language.

Pure and deterministic: the same content, facts and language give the same bytes for as long as
`revision.wording_revision` is the same. An author's words are literal everywhere: no template
language, nothing of theirs is ever substituted, and HTML is escaped.
"""

from __future__ import annotations

from dataclasses import replace

from broadcast.content.model import Content
from broadcast.wording.pack import primary
from broadcast.wording.render.call import spoken
from broadcast.wording.render.headline import HEADLINE, headline_alone, level_and_note
from broadcast.wording.render.mail import article, email, plain_text, subject_of
from broadcast.wording.render.text_message import SMS_SEGMENTS, said_as_whom, text_message
from broadcast.wording.render.words import (
    ELLIPSIS,
    MOST_PLACES,
    until_when,
    words_of,
)
from broadcast.wording.rendered import Facts, Rendered
from broadcast.wording.speech import speaks

__all__ = [
    "ELLIPSIS",
    "HEADLINE",
    "MOST_PLACES",
    "SMS_SEGMENTS",
    "choose_language",
    "headline_alone",
    "level_and_note",
    "render",
    "until_when",
]


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
    words = words_of(content, facts, language, ours_in or language)
    match channel:
        case "sms":
            return replace(said_as_whom(words, text_message(words)), discreet=facts.discreet)
        case "voice":
            body = spoken(words)
            return Rendered(channel=channel, language=language, body=body, discreet=facts.discreet)
        case "email":
            return replace(email(words), discreet=facts.discreet)
        case "web":
            return Rendered(
                channel=channel,
                language=language,
                subject=subject_of(words),
                body=plain_text(words, mail=False),
                html=article(words, mail=False),
            )
    raise ValueError(
        f"nothing can be rendered for channel {channel!r}; channels are sms, voice, email and web"
    )
