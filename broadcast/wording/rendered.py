"""What one version says on one channel in one language, ready to be spliced per person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from broadcast.wording.times import DEFAULT_ZONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a rendering needs beside the author's content; all of it is fixed at publication.

    `code` is the short public code of `/v/{code}`; `public_url` has no trailing slash and may be
    empty. `names` are those of the areas by their codes, as they were when the version was
    submitted; a code without a name stands for itself. `near` are the names of the areas that
    anything drawn touches. `groups` are those of communities, sectors and the information
    provider, by scope and language. `zone` is the time zone that people are told times in.
    `expires` is None where it is not known.
    `updates`: whether it updates what went out before it.
    `repeat` marks an attempt that a person ordered although the first may have arrived. `replies`:
    whether a text can be replied to; where its sender is a name it cannot, and says at which
    address one stops instead. `roles`: as what somebody gets it who is registered several times:
    the kinds of their registrations, else none.
    `discreet`: for who asked that sender, subject and first words give nothing away.
    """

    sender_name: str
    code: str
    public_url: str
    sent: datetime
    names: Mapping[str, str] = field(default_factory=dict)
    near: tuple[str, ...] = ()
    groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    zone: str = DEFAULT_ZONE
    expires: datetime | None = None
    updates: bool = False
    repeat: bool = False
    replies: bool = True
    roles: tuple[str, ...] = ()
    discreet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """One rendering, shared by every person of (version, channel, language).

    sms: `body` is the text. voice: `body` is what is read aloud. email: `subject`, `body` (plain
    text) and `html`. `unsubscribe`: what stands in an e-mail's `body` and `html` where each person
    gets a link of their own; empty where there is none. `answer`: the same of the link by which one
    answers, in a text or a mail; it is as long as each person's own. `secret` and `earlier` belong
    to this version and those before it, the newest first: the Message-IDs of their mails are made
    of them. `discreet`: made for who asked that sender, subject and first words give nothing away;
    `discreetly`: the same message for these, where both are made together.
    """

    channel: str
    language: str
    body: str
    subject: str = ""
    html: str = ""
    encoding: str = ""  # sms: "GSM-7" or "UCS-2"
    segments: int = 0  # sms
    unsubscribe: str = ""  # email
    answer: str = ""  # sms, email
    secret: str = field(default="", repr=False)  # email
    earlier: tuple[str, ...] = field(default=(), repr=False)  # email
    discreet: bool = False
    discreetly: Rendered | None = None

    def words_for(self, answer_url: str) -> str:
        """Return the body with somebody's own link to answer by, where one stands."""
        if not self.answer or not answer_url:
            return self.body
        return self.body.replace(self.answer, answer_url)
