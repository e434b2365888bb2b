"""What a code says, by channel and language."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from broadcast.wording import discreet as wording
from broadcast.wording.pack import fill, primary
from broadcast.wording.rendered import Rendered
from service.residents.code_words import CODE_WORDS

ENGLISH = "en"
SAMPLE = "sample"
"""What is sent to show how messages arrive: it holds no code."""
BOUNCED = "bounced_"
"""What tells that one's address on a channel, whose name follows, takes no messages: no code."""


def language_for(tag: str) -> str:
    """Return the language in which a code is written for a reader of the language `tag`."""
    return primary(tag) if primary(tag) in CODE_WORDS else ENGLISH


def rendered(
    channel: str,
    what: str,
    language: str,
    *,
    code: str,
    sender: str,
    public_url: str,
    discreet: bool = False,
) -> Rendered:
    """Return what is sent. `what`: join, known, sign_in, add, same_person, sample, or what
    BOUNCED begins. `discreet`: for who asked that it gives nothing away: then it names neither who
    sends it nor our address.

    A text ends with the line by which a phone fills in the code on our page alone:
    https://wicg.github.io/sms-one-time-codes/
    """
    lang = language_for(language)
    words = CODE_WORDS[lang]
    neutral = wording.subject(lang)
    if discreet:
        sender, public_url = neutral, ""
        what = "join_discreetly" if what == "join" else what
    said = fill(words[what], sender=sender, code=_read_out(code) if channel == "voice" else code)
    bounced = what.startswith(BOUNCED)
    holds_code = not bounced and what != SAMPLE
    body = f"{said} {words['lasts']}" if holds_code else said
    if bounced and public_url and channel != "voice":
        body = f"{said} {fill(words['look'], page=f'{public_url}/me')}"
    host = urlsplit(public_url).hostname
    if channel == "sms" and host and holds_code:
        body = f"{body}\n\n@{host} #{code}"
    if channel != "email":
        return Rendered(channel=channel, language=lang, body=body)
    subject = (
        said
        if what == SAMPLE
        else fill(words["subject_bounced" if bounced else "subject"], sender=sender)
    )
    own = secrets.token_hex(16)  # of which the mail's Message-ID is made
    return Rendered(
        channel=channel,
        language=lang,
        body=f"{body}\n",
        subject=neutral if discreet else subject,
        secret=own,
        discreet=discreet,
    )


def _read_out(code: str) -> str:
    return ", ".join(code)
