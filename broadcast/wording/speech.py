"""How a message is spoken: the voice for each language, digits one by one, and the TwiML of a call.

Source: https://www.twilio.com/docs/voice/twiml (Say, Gather, Pause, Redirect). No Twilio library is
needed to write its XML.
"""

from __future__ import annotations

import re
import unicodedata

from lxml import etree

from broadcast.wording import discreet
from broadcast.wording.languages import pack_for
from broadcast.wording.pack import Pack, direction, primary
from broadcast.wording.rendered import Rendered

FALLBACK_VOICE = "en-GB"
SAY_LIMIT = 4000
"""Characters in one <Say>: Twilio takes 4,096."""
KEY_SECONDS = 10
"""How long a call waits for a key after the last word."""

_VOICES = {
    "af": "af-ZA", "ar": "arb", "bg": "bg-BG", "bn": "bn-IN", "ca": "ca-ES", "cs": "cs-CZ",
    "cy": "cy-GB", "da": "da-DK", "de": "de-DE", "el": "el-GR", "en": "en-GB",
    "es": "es-ES", "eu": "eu-ES", "fi": "fi-FI", "fil": "fil-PH", "fr": "fr-FR", "gl": "gl-ES",
    "gu": "gu-IN", "he": "he-IL", "hi": "hi-IN", "hu": "hu-HU",
    "id": "id-ID", "is": "is-IS", "it": "it-IT", "ja": "ja-JP", "kn": "kn-IN", "ko": "ko-KR",
    "lt": "lt-LT", "lv": "lv-LV", "ml": "ml-IN", "mr": "mr-IN",
    "ms": "ms-MY", "nb": "nb-NO", "nl": "nl-NL", "no": "nb-NO", "pa": "pa-IN", "pl": "pl-PL",
    "pt": "pt-PT", "ro": "ro-RO", "ru": "ru-RU", "sk": "sk-SK",
    "sr": "sr-RS", "sv": "sv-SE", "ta": "ta-IN", "te": "te-IN", "th": "th-TH", "tr": "tr-TR",
    "uk": "uk-UA", "vi": "vi-VN", "yue": "yue-HK", "zh": "zh-CN",
}  # fmt: skip
_EXACT_VOICES = {
    tag.lower(): tag
    for tag in ("en-AU", "en-GB", "en-IN", "en-US", "es-ES", "es-MX", "es-US", "fr-BE", "fr-CA",
    "fr-FR", "nl-BE", "nl-NL", "pt-BR", "pt-PT", "zh-CN", "zh-HK", "zh-TW")
}  # fmt: skip


def speaks(tag: str) -> bool:
    """Return whether there is a voice for the language. Of those of our packs Urdu, Persian, Somali
    and Albanian have none.
    """
    return tag.lower() in _EXACT_VOICES or primary(tag) in _VOICES


def voice_language(tag: str) -> str:
    """Return the language that Twilio's <Say> takes for this tag: with its region where there is
    one, else the language's usual one, else en-GB.
    """
    return _EXACT_VOICES.get(tag.lower()) or _VOICES.get(primary(tag), FALLBACK_VOICE)


def spell(text: str) -> str:
    """Return a code as an engine reads it sign by sign: "AB3-7K" is "A B 3, 7 K"."""
    return ", ".join(" ".join(group) for group in re.findall(r"[^\W_]+", text))


def spell_numbers(text: str) -> str:
    """Return the text with its numbers as an engine reads them digit by digit: "0800 789-12" is "0
    8 0 0, 7 8 9, 1 2". Words stay.
    """
    return re.sub(r"[0-9]+(?:[ -]+[0-9]+)*", lambda match: spell(match.group(0)), text)


def spoken_pack(pack: Pack) -> Pack:
    """Return the pack whose prompts can be heard: its own, or English where no voice reads its
    language and script.
    """
    return pack if speaks(pack.tag) or direction(pack.tag) == "ltr" else pack_for("en")


def twiml(rendered: Rendered, pack: Pack, *, action_url: str) -> bytes:
    """Return the TwiML of a call: the message, once more, how to confirm it, and a goodbye if no
    key is pressed.

    A key (1 confirms, 2 repeats) may be pressed at any time and is posted to `action_url`. Where
    the message opens with a mark (EXERCISE), the call ends with it too. `pack` is that of
    `rendered.language`. With an empty `action_url` no key is asked for: nobody would hear it.
    """
    voice, prompts = voice_language(rendered.language), spoken_pack(pack)
    response = etree.Element("Response")
    parent = response
    if action_url:
        parent = _gather(response, action_url)
    for again in (False, True):
        if again:
            etree.SubElement(parent, "Pause", length="1")
        _say(parent, rendered.body, voice)
        if action_url:
            _say(parent, f"{prompts.press_1} {prompts.press_2}", voice_language(prompts.tag))
    _goodbye(response, prompts, prompts.goodbye, _status_of(rendered.body, pack))
    return _document(response)


def twiml_before_key(language: str, *, action_url: str) -> bytes:
    """Return the TwiML of a call to who asked that it gives nothing away: nothing is said of the
    message before a key is pressed, which is posted to `action_url`. A mailbox that was taken for a
    person keeps no more than these words.
    """
    tag = language if speaks(language) else "en"
    response = etree.Element("Response")
    gather = _gather(response, action_url)
    for again in (False, True):
        if again:
            etree.SubElement(gather, "Pause", length="2")
        _say(gather, discreet.press_to_hear(tag), voice_language(tag))
    etree.SubElement(response, "Hangup")
    return _document(response)


def twiml_hang_up() -> bytes:
    """Return the TwiML that ends a call without a word."""
    response = etree.Element("Response")
    etree.SubElement(response, "Hangup")
    return _document(response)


def twiml_after_key(
    digit: str, pack: Pack, *, again_url: str = "", status: str = "Actual"
) -> bytes:
    """Return the TwiML that answers a key: 1 is confirmed, 2 goes back to `again_url` (by POST),
    everything else is thanked for.

    `status` is the message's CAP status: an exercise ends with its mark.
    """
    prompts = spoken_pack(pack)
    response = etree.Element("Response")
    if digit == "2" and again_url:
        etree.SubElement(response, "Redirect", method="POST").text = _xml_text(again_url)
        return _document(response)
    _goodbye(response, prompts, prompts.confirmed if digit == "1" else prompts.goodbye, status)
    return _document(response)


def _status_of(body: str, pack: Pack) -> str:
    return next(
        (
            status
            for status in ("Exercise", "Test", "System", "Draft")
            if body.startswith(pack.opening(status).split(" / ")[0])
        ),
        "Actual",
    )


def _goodbye(response: etree._Element, pack: Pack, words: str, status: str) -> None:
    _say(
        response,
        " ".join(part for part in (words, pack.closing(status).replace(" / ", ", ")) if part),
        voice_language(pack.tag),
    )
    etree.SubElement(response, "Hangup")


def _gather(response: etree._Element, action_url: str) -> etree._Element:
    """Add what waits for one key and posts it; what it says stands in it."""
    return etree.SubElement(
        response,
        "Gather",
        input="dtmf",
        numDigits="1",
        timeout=str(KEY_SECONDS),
        action=_xml_text(action_url),
        method="POST",
    )


def _say(parent: etree._Element, text: str, language: str) -> None:
    for chunk in _chunks(_xml_text(text)):
        etree.SubElement(parent, "Say", language=language).text = chunk


def _chunks(text: str) -> list[str]:
    """Return the text in pieces that one <Say> takes, cut after a sentence or a word where
    possible.
    """
    chunks = []
    while len(text) > SAY_LIMIT:
        head = text[:SAY_LIMIT]
        cut = max(head.rfind(". ") + 1, head.rfind("。") + 1) or head.rfind(" ") or SAY_LIMIT
        cut = cut if cut > 0 else SAY_LIMIT
        chunks.append(text[:cut].strip())
        text = text[cut:].strip()
    return [*chunks, text]


def _xml_text(text: str) -> str:
    """Return the text without what XML 1.0 cannot hold (section 2.2, Char): a call never fails for
    one bad character.
    """
    return "".join(
        (
            char
            if char in "\t\n\r"
            or not (unicodedata.category(char) in ("Cc", "Cs") or char in "\ufffe\uffff")
            else " "
        )
        for char in text
    )


def _document(response: etree._Element) -> bytes:
    return bytes(etree.tostring(response, xml_declaration=True, encoding="UTF-8"))
