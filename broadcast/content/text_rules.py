"""What an author's words may hold: the rules of text, each with its code and how to mend it.

Pure functions over one text. Nothing here changes a text: what is not refused is sent as it was
written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from broadcast.content.segments import GSM_BASIC, GSM_EXTENSION, count
from broadcast.problems import Problem
from broadcast.wording.languages import all_packs

MAX_SMS_CHARACTERS = 1600  # Twilio refuses more (error 21617)
MAX_SMS_SEGMENTS = 10  # concatenated beyond this, carriers begin to lose parts

SHORTENERS = frozenset(
    {
        "adf.ly", "amzn.to", "bit.do", "bit.ly", "bitly.com", "bl.ink", "buff.ly", "clck.ru",
        "cutt.ly", "dlvr.it", "dub.sh", "fb.me", "goo.gl", "goo.su", "gg.gg",
        "hubs.ly", "ift.tt", "is.gd", "j.mp", "kutt.it", "lnkd.in", "mcaf.ee", "n9.cl", "ow.ly",
        "po.st", "qr.ae", "qrco.de", "rb.gy", "rebrand.ly", "s.id",
        "short.gy", "short.io", "shorturl.at", "shrtco.de", "snip.ly", "soo.gd", "surl.li", "t.co",
        "t.ly", "t2m.io", "tiny.cc", "tiny.one", "tiny.pl", "tinyurl.com",
        "tr.ee", "trib.al", "u.to", "urlz.fr", "v.gd", "v.ht", "x.co", "zpr.io",
    }
)  # fmt: skip
"""Hosts that hide where a link leads: criminals use them, so we do not."""

_BIDI_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_SPOOFING_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU")
# stand beside Latin letters as units and symbols, and look like none of them
_GREEK_SYMBOLS = frozenset("ΔΘΛΞΠΣΦΨΩλμπ")


def check_text(
    field: str, text: str, *, required: bool, placeholders: bool = True
) -> list[Problem]:
    """Return everything that is wrong with one text of a message; an empty list where it may be
    sent as it is.

    Codes: text_empty, text_blank (only where `required`), bad_encoding (400; then nothing else is
    looked at), control_character, mixed_script, link_not_allowed, placeholder_unfilled. Positions
    count characters from 0. With `placeholders=False` an unfilled placeholder passes: a draft may
    wait for its details, an approval may not.
    """
    halves = [i for i, char in enumerate(text) if "\ud800" <= char <= "\udfff"]
    if halves:
        fix = "send the text as UTF-8"
        return [
            Problem(
                code="bad_encoding",
                detail=f"half a character (a lone surrogate) at position {halves[0]}",
                fix=fix,
                field=field,
                status=400,
            )
        ]
    problems = []
    if not text and required:
        problems.append(
            Problem(
                code="text_empty",
                detail="the text is empty",
                fix="write what people should read",
                field=field,
            )
        )
    elif text and not any(is_visible(char) for char in text) and required:
        problems.append(
            Problem(
                code="text_blank",
                detail="the text holds only spaces and characters that nobody sees",
                fix="write what people should read",
                field=field,
            )
        )
    problems += [
        *_control_characters(field, text),
        *_mixed_scripts(field, text),
        *_links(field, text),
    ]
    return problems + (check_placeholders(field, text) if placeholders else [])


def is_visible(char: str) -> bool:
    """Return whether a reader sees anything of it."""
    return (
        unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zs", "Zl", "Zp", "Mn")
        and char not in "\u115f\u1160\u2800\u3164\uffa0"
    )


# Characters that act on the text around them


def _control_characters(field: str, text: str) -> Iterator[Problem]:
    for position, char in enumerate(text):
        category = unicodedata.category(char)
        if (
            char in _BIDI_OVERRIDES
            or (category == "Cc" and char not in "\n\t")
            or category in ("Zl", "Zp")
        ):
            what = (
                "turns the direction of the text"
                if char in _BIDI_OVERRIDES
                else "is a control character"
            )
            yield Problem(
                code="control_character",
                detail=f"U+{ord(char):04X} at position {position} {what}",
                fix="remove it",
                field=field,
            )
        elif (
            category == "Cf"
            and 0 < position < len(text) - 1
            and _spoofing_script(text[position - 1])
            and _spoofing_script(text[position + 1])
        ):
            yield Problem(
                code="control_character",
                detail=f"U+{ord(char):04X} at position {position} is hidden inside a word",
                fix="remove it",
                field=field,
            )


# Letters that pass for others


@lru_cache(maxsize=8192)
def _spoofing_script(char: str) -> str:
    """Return the script of a letter that has look-alikes in the others of `_SPOOFING_SCRIPTS`, or
    "" for everything else.

    Full-width and mathematical forms of Latin letters are a script of their own: beside plain
    letters they only deceive.
    """
    if not char.isalpha():
        return ""
    if "\uff21" <= char <= "\uff5a" or "\U0001d400" <= char <= "\U0001d7ff":
        return "LATIN OF ANOTHER FORM"
    name = unicodedata.name(char, "")
    return next((script for script in _SPOOFING_SCRIPTS if name.startswith(script + " ")), "")


def _words(text: str) -> Iterator[tuple[int, str]]:
    """Yield (position, word): runs of letters, marks, digits and invisible joiners."""
    start = None
    for i, char in enumerate(text + " "):
        inside = unicodedata.category(char)[0] in "LMN" or unicodedata.category(char) == "Cf"
        if inside and start is None:
            start = i
        elif not inside and start is not None:
            yield start, text[start:i]
            start = None


def _mixture(word: str) -> int | None:
    """Return the offset of the first letter that is foreign to its word, or None."""
    if word.isascii():
        return None
    scripts = [_spoofing_script(char) for char in word]
    used = {script for script in scripts if script}
    if len(used) < 2:
        return None
    if (
        used == {"LATIN", "GREEK"}
        and scripts.count("GREEK") == 1
        and word[scripts.index("GREEK")] in _GREEK_SYMBOLS
    ):
        return None  # 5 kΩ, ΔT
    first = next(script for script in scripts if script)
    main = max(sorted(used), key=lambda script: (scripts.count(script), script == first))
    return next(i for i, script in enumerate(scripts) if script and script != main)


def _mixed_scripts(field: str, text: str) -> Iterator[Problem]:
    for start, word in _words(text):
        offset = _mixture(word)
        if offset is not None:
            char = word[offset]
            name = unicodedata.name(char, "unnamed").lower()
            yield Problem(
                code="mixed_script",
                detail=(
                    f"U+{ord(char):04X} ({name}) at position {start + offset} stands among letters"
                    " of another script"
                ),
                fix="type the word again in one script",
                field=field,
            )


# Links

_HOST = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]{1,10}):/{1,3}(?P<user>[^\s/@]{0,200}@)?)?"
    r"(?P<host>(?<![\w-])(?:[\w-]{1,63}\.){1,10}[\w-]{1,63})(?P<rest>[/:?#]?)",
    re.IGNORECASE,
)
_COMMON_TLDS = frozenset({"com", "org", "net", "info", "biz", "uk", "ru", "eu", "app", "xyz"})


def _links(field: str, text: str) -> Iterator[Problem]:
    # What a mail program or a telephone would make a link of: full-width letters and dots count,
    # invisible characters do not.
    folded = "".join(
        c
        for c in unicodedata.normalize("NFKC", text)
        if unicodedata.category(c) not in ("Cf", "Cs")
    )
    folded = re.sub("[\u3002\uff0e\uff61\u2024]", ".", folded)
    seen = set()
    for match in _HOST.finditer(folded):
        host = match["host"].lower()
        why = _why_not_linked(
            host, scheme=bool(match["scheme"]), path=match["rest"] == "/", user=bool(match["user"])
        )
        if why and host not in seen:
            seen.add(host)
            yield Problem(
                code="link_not_allowed",
                detail=f"the link to {host!a} {why}",
                fix="give the full address of a page that people know, or none",
                field=field,
            )


def _why_not_linked(host: str, *, scheme: bool, path: bool, user: bool) -> str:
    """Return why nobody may link to this host, or ""."""
    labels = host.split(".")
    if any(".".join(labels[i:]) in SHORTENERS for i in range(len(labels) - 1)):
        return "hides where it leads (a link shortener)"
    if any(label.startswith("xn--") for label in labels):
        return "is written in punycode, which can look like another"
    if user:
        return "hides its host behind a user name"
    if all(label.isdigit() for label in labels) and (scheme or (path and len(labels) == 4)):
        return "is a bare number"
    scripts = {_spoofing_script(char) for char in host} - {""}
    if len(scripts) > 1 and (scheme or path or labels[0] == "www" or labels[-1] in _COMMON_TLDS):
        return "mixes letters of several scripts"
    return ""


# Placeholders

_ORDERS = r"(?:insert|enter|add|fill|your|tbc|tbd|todo)\b"
_BLANK = (
    r"(?:name|date|time|day|place|location|area|address|number|phone|tel|street|road|"
    r"town|borough|force|officer|description|details|text|link|url|reference|type)"
)
_BLANKS = (
    rf"(?i:{_BLANK}(?:[\s/]+(?:{_BLANK}|of|the|here|and|or|to|be|confirmed|incident|suspect|victim"
    r"|vehicle|police))*)"
)
_PLACEHOLDERS = re.compile(
    r"(?=[\[{$<%«XxlL_+\d])"  # how one may begin: fifteen ways are tried only there
    r"(?:\{\{[^{}]{0,200}\}\}"
    r"|\$\{[^{}]{0,200}\}"
    r"|<%(?:(?!<%).){0,200}?%>|\{%(?:(?!\{%).){0,200}?%\}"
    r"|%\([^)\s]{1,60}\)[sd]?"
    r"|\{[^{}\n]{0,60}\}"
    rf"|\[\s*(?i:{_ORDERS})[^\[\]]{{0,200}}\]|<\s*(?i:{_ORDERS})[^<>]{{0,200}}>|«\s*(?i:{_ORDERS})[^«»]{{0,200}}»"
    rf"|\[\s*{_BLANKS}\s*\]|<\s*{_BLANKS}\s*>|«\s*{_BLANKS}\s*»"
    r"|\[\s*(?:_+|\?+|[xX]{2,})?\s*\]"
    r"|(?<![^\W_])(?:X{4,}|x{4,})(?![^\W_])"
    r"|(?<![^\W_])X{2,}(?:[ :/.-]X{2,})+(?![^\W_])"
    r"|(?<!\w)\+?\d+[ -]?X{3,}(?:[ -]?X+)*(?![^\W_])"
    r"|_{3,}"
    r"|\blorem ipsum\b)",
    re.DOTALL,
)


def unfilled_placeholders(text: str) -> list[str]:
    """Return every part of the text that still waits for its details, in the order of the text:
    {name}, {{…}}, ${…}, [INSERT …], <insert …>, XXXX, ____.
    """
    return [match.group(0) for match in _PLACEHOLDERS.finditer(unicodedata.normalize("NFKC", text))]


def check_placeholders(field: str, text: str) -> list[Problem]:
    """Return one problem (placeholder_unfilled) for each unfilled placeholder: it blocks
    approval.
    """
    return [
        Problem(
            code="placeholder_unfilled",
            detail=f"{found[:60]!a} still stands in the text",
            fix="write what belongs there",
            field=field,
        )
        for found in unfilled_placeholders(text)
    ]


# "This is not a drill"

_ENGLISH_ANYWHERE = (
    "not a drill", "isnt a drill", "aint a drill", "not an drill", "not just a drill",
    "not only a drill", "not merely a drill", "not another drill", "not any drill",
    "not a fire drill", "not a safety drill", "not a practice", "not a rehearsal",
    "not a simulation", "not a training", "not an exercise", "isnt an exercise",
    "aint an exercise", "not a exercise", "not just an exercise", "not only an exercise",
    "not merely an exercise", "not another exercise", "not an excercise",
    "this is no drill", "this is not drill", "this is no exercise", "this is not exercise",
    "is no exercise", "real not exercise", "real not drill", "drill this is not",
    "exercise this is not", "never a drill", "not part of a drill", "not part of an exercise",
    "not part of the exercise", "not part of the drill", "not the drill",
)  # fmt: skip
_ENGLISH_FROM_A_WORD = (
    "no drill",
    "not drill",
    "non drill",
    "not exercise",
    "not a test",
    "isnt a test",
)
LOOK_ALIKES = str.maketrans(
    "АВЕЗКМНОРСТУХІЇЈЅавекмнорстухіїјѕԁһӏԛԝгпғԍΑΒΕΖΗΙΚΜΝΟΡΤΥΧαεηικνορτυχγωłŁøØđĐıɑɡɩʟɪʀᴅᴀɴᴏᴛꜱᴇхℓ",
    "ABE3KMHOPCTYXIIJSabekmhopctyxiijsdhlqwrnfgABEZHIKMNOPTYXaenikvoptuxywlLoOdDiagilirdanotsexl",
)
_DIGITS = str.maketrans("01345789", "oieastbg")
_SYMBOLS = str.maketrans("@$!|+€", "asiite")


def check_not_a_drill(text: str) -> bool:
    """Return True where the text claims that an exercise is real ("this is not a drill", "no
    drill", "not an exercise").

    In any case and spelling: spaces, punctuation and invisible characters between letters, doubled
    letters, digits and symbols for letters, full-width, mathematical and circled letters, accents,
    look-alikes of other scripts; and in every language of the packs.
    """
    for symbols, look_alikes in ((False, True), (True, True), (False, False)):
        folded, starts, ends = _fold(text, symbols=symbols, look_alikes=look_alikes)
        for claim, from_a_word in _claims(look_alikes):
            at = folded.find(claim)
            while at >= 0:
                if not from_a_word or (at in starts and at + len(claim) in ends):
                    return True
                at = folded.find(claim, at + 1)
    return False


@lru_cache(maxsize=2)
def _claims(look_alikes: bool) -> tuple[tuple[str, bool], ...]:
    """Return (folded claim, whether it must be whole words): short ones could stand inside others,
    as in "casino drill".
    """
    spoken = [phrase for pack in all_packs().values() for phrase in pack.not_a_drill]
    written = [(phrase, False) for phrase in _ENGLISH_ANYWHERE] + [
        (phrase, True) for phrase in _ENGLISH_FROM_A_WORD
    ]
    written += [(phrase, len(phrase) < 10 and not _has_no_spaces(phrase)) for phrase in spoken]
    return tuple(
        dict.fromkeys(
            (_fold(phrase, symbols=False, look_alikes=look_alikes)[0], whole)
            for phrase, whole in written
        )
    )


def _has_no_spaces(phrase: str) -> bool:
    return any("\u4e00" <= char <= "\u9fff" for char in phrase)


def _fold(text: str, *, symbols: bool, look_alikes: bool) -> tuple[str, set[int], set[int]]:
    """Return the bare letters of a text, and where in them words start and end.

    i and l are one letter (as 1, ! and | stand for both), a run of one letter counts once (of i and
    l: at most twice, or "adrift" were "a drill").
    """
    out: list[str] = []
    starts, ends = {0}, set()
    for char in _letters(text, symbols=symbols, look_alikes=look_alikes):
        if char == " ":
            starts.add(len(out))
            ends.add(len(out))
        elif out[-1:] != [char] or (char == "i" and out[-2:-1] != ["i"]):
            out.append(char)
        elif len(out) in starts:
            # "been no": the n of both is one letter, and the second word starts with it
            starts.add(len(out) - 1)
    ends.add(len(out))
    return "".join(out), starts, ends


def _letters(text: str, *, symbols: bool, look_alikes: bool) -> Iterator[str]:
    """Yield folded letters, and a space for whatever separates words. Invisible characters and
    accents are nothing at all.
    """
    if symbols:
        text = text.translate(_SYMBOLS)
    text = unicodedata.normalize("NFKD", "".join(_unboxed(char) for char in text))
    if look_alikes:
        text = text.translate(LOOK_ALIKES)
    text = text.casefold().translate(_DIGITS).replace("l", "i").replace("ی", "ي").replace("ک", "ك")
    for char in text:
        category = unicodedata.category(char)
        if (
            category == "Cf"
            or char == "ـ"
            or (
                category[0] == "M"
                and (unicodedata.combining(char) or category == "Me" or not is_indic_vowel(char))
            )
        ):
            continue
        yield char if category[0] in "LNM" else " "


def is_indic_vowel(char: str) -> bool:
    """Return whether a combining character is a vowel sign of an Indian script (U+0900 to U+0DFF),
    which carries meaning.
    """
    return "\u0900" <= char <= "\u0dff"


def _unboxed(char: str) -> str:
    """Return the plain letter of a boxed or regional one, which Unicode does not decompose."""
    for first, last in ((0x1F150, 0x1F169), (0x1F170, 0x1F189), (0x1F1E6, 0x1F1FF)):
        if first <= ord(char) <= last:
            return chr(ord("a") + ord(char) - first)
    return char


# Size


def sms_too_long(text: str, *, field: str = "sms") -> Problem | None:
    """Return the problem (sms_too_long, with its parts) of a text that no SMS can carry. Give it
    the rendered text, marks included.
    """
    size = count(text[: 10 * MAX_SMS_CHARACTERS])
    if len(text) <= MAX_SMS_CHARACTERS and size.segments <= MAX_SMS_SEGMENTS:
        return None
    return Problem(
        code="sms_too_long",
        detail=(
            f"{len(text)} characters are {size.segments} parts of SMS ({size.encoding}) for every"
            " single person"
        ),
        fix=(
            f"write a shorter text for SMS: at most {MAX_SMS_SEGMENTS} parts and"
            f" {MAX_SMS_CHARACTERS} characters"
        ),
        field=field,
    )


_GSM_INSTEAD = {
    "‘": "'", "’": "'", "‚": "'", "`": "'", "´": "'", "“": '"', "”": '"', "„": '"', "«": '"',
    "»": '"', "–": "-", "—": "-", "‑": "-", "−": "-", "…": "...",
    "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\t": " ", "•": "*", "·": "-", "™": "TM",
    "®": "(R)", "©": "(C)", "ç": "c", "ł": "l", "Ł": "L", "đ": "d", "ı": "i",
}  # fmt: skip


def gsm_instead(char: str) -> str:
    """Return what GSM-7 can write in place of a character: without its accent, plain quotes and
    dashes, or nothing.
    """
    if char in GSM_BASIC or char in GSM_EXTENSION:
        return char
    if char in _GSM_INSTEAD:
        return _GSM_INSTEAD[char]
    return "".join(c for c in unicodedata.normalize("NFKD", char) if c in GSM_BASIC)


def plainer(text: str) -> str:
    """Return a text with plain characters for those that GSM-7 lacks. Letters stay: without its
    accent a word is misspelt.
    """
    return "".join(char if char.isalpha() else gsm_instead(char) or char for char in text)


def warnings(field: str, text: str) -> list[Problem]:
    """Return warnings (status 200; nothing is refused): a few characters that turn a GSM-7 text
    into UCS-2, with the parts before and after.

    A text in a script that GSM-7 cannot write at all is not warned about: there is nothing to mend.
    """
    size = count(text)
    if size.encoding == "GSM-7" or sum(char.isalpha() for char, _ in size.costly) * 4 > len(text):
        return []
    without = count("".join(gsm_instead(char) for char in text))
    found = list(dict.fromkeys(char for char, _ in size.costly))
    shown = ", ".join(
        f"{_shown(char)} at {next(i for c, i in size.costly if c == char)}" for char in found[:5]
    ) + (", …" if len(found) > 5 else "")
    instead = [
        f"{gsm_instead(char)!r} for {_shown(char)}" for char in found[:5] if gsm_instead(char)
    ]
    left_out = [_shown(char) for char in found[:5] if not gsm_instead(char)]
    fix = " and ".join(
        [
            *(["write " + ", ".join(instead)] if instead else []),
            *(["leave out " + ", ".join(left_out)] if left_out else []),
        ]
    )
    return [
        Problem(
            code="sms_costs_more",
            detail=(
                f"{shown} makes the SMS UCS-2: {without.segments} → {size.segments} parts for every"
                " person"
            ),
            fix=f"{fix}, or accept the cost",
            field=field,
            status=200,
        )
    ]


def _shown(char: str) -> str:
    return (
        char if is_visible(char) and unicodedata.category(char)[0] != "M" else f"U+{ord(char):04X}"
    )
