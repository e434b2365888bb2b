"""What a code says, by channel and language.

The translations AWAIT A NATIVE SPEAKER'S CHECK; English is the original, and stands in for a
language that is not here.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

from broadcast.wording import discreet as wording
from broadcast.wording.pack import fill, primary
from broadcast.wording.rendered import Rendered

ENGLISH = "en"
SAMPLE = "sample"
"""What is sent to show how messages arrive: it holds no code."""
BOUNCED = "bounced_"
"""What tells that one's address on a channel, whose name follows, takes no messages: no code."""

_ENGLISH: Mapping[str, str] = MappingProxyType(
    {
        "join": "{sender}: {code} is your code to register for alerts.",
        "join_discreetly": "{sender}: {code} is your code to register.",
        "known": "{sender}: you are registered already. {code} is your code to sign in.",
        "sign_in": "{sender}: {code} is your code to sign in.",
        "add": "{sender}: {code} is your code to get messages here.",
        "same_person": "{sender}: {code} is your code to join your registrations.",
        "sample": (
            "{sender}: this is a sample of the messages that you will get. Nothing has happened, do"
            " nothing."
        ),
        "bounced_email": "{sender}: your e-mail address takes no messages from us any more.",
        "bounced_sms": "{sender}: your mobile number takes no messages from us any more.",
        "bounced_voice": "{sender}: your telephone number takes no calls from us any more.",
        "look": "Check it at {page}.",
        "subject_bounced": "{sender}: we could not reach you",
        "lasts": "It is good for 10 minutes. If you did not ask for it, do nothing.",
        "subject": "Your code for {sender}",
    }
)
_WELSH: Mapping[str, str] = MappingProxyType(
    {
        "join": "{sender}: {code} yw eich cod i gofrestru ar gyfer rhybuddion.",
        "join_discreetly": "{sender}: {code} yw eich cod i gofrestru.",
        "known": "{sender}: rydych wedi cofrestru eisoes. {code} yw eich cod i fewngofnodi.",
        "sign_in": "{sender}: {code} yw eich cod i fewngofnodi.",
        "add": "{sender}: {code} yw eich cod i gael negeseuon yma.",
        "same_person": "{sender}: {code} yw eich cod i uno eich cofrestriadau.",
        "sample": (
            "{sender}: sampl yw hwn o'r negeseuon a gewch. Nid oes dim wedi digwydd, peidiwch"
            " gwneud dim."
        ),
        "bounced_email": "{sender}: nid yw eich cyfeiriad e-bost yn derbyn ein negeseuon mwyach.",
        "bounced_sms": "{sender}: nid yw eich rhif symudol yn derbyn ein negeseuon mwyach.",
        "bounced_voice": "{sender}: nid yw eich rhif ffôn yn derbyn ein galwadau mwyach.",
        "look": "Gwiriwch ef yn {page}.",
        "subject_bounced": "{sender}: ni allem eich cyrraedd",
        "lasts": "Mae'n ddilys am 10 munud. Os na wnaethoch ofyn amdano, peidiwch gwneud dim.",
        "subject": "Eich cod ar gyfer {sender}",
    }
)
_ARABIC: Mapping[str, str] = MappingProxyType(
    {
        "join": "{sender}: {code} هو رمزك للتسجيل في التنبيهات.",
        "join_discreetly": "{sender}: {code} هو رمزك للتسجيل.",
        "known": "{sender}: أنت مسجل بالفعل. {code} هو رمزك لتسجيل الدخول.",
        "sign_in": "{sender}: {code} هو رمزك لتسجيل الدخول.",
        "add": "{sender}: {code} هو رمزك لتلقي الرسائل هنا.",
        "same_person": "{sender}: {code} هو رمزك لضم تسجيلاتك.",
        "sample": "{sender}: هذه عينة من الرسائل التي ستصلك. لم يحدث شيء، فلا تفعل شيئًا.",
        "bounced_email": "{sender}: لم يعد عنوان بريدك الإلكتروني يستقبل رسائلنا.",
        "bounced_sms": "{sender}: لم يعد رقم هاتفك المحمول يستقبل رسائلنا.",
        "bounced_voice": "{sender}: لم يعد رقم هاتفك يستقبل مكالماتنا.",
        "look": "تحقق منه في {page}.",
        "subject_bounced": "{sender}: لم نتمكن من الوصول إليك",
        "lasts": "الرمز صالح لمدة 10 دقائق. إذا لم تطلبه فلا تفعل شيئًا.",
        "subject": "رمزك لدى {sender}",
    }
)
CODE_WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {ENGLISH: _ENGLISH, "cy": _WELSH, "ar": _ARABIC}
)
"""Every phrase of a code, by the language's tag."""


def language_for(tag: str) -> str:
    """Return the language that a code for somebody of this language is written in."""
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
