"""Tests of the rules that an author's words keep."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.content.text_rules import (
    check_not_a_drill,
    check_placeholders,
    check_text,
    gsm_instead,
    is_indic_vowel,
    sms_too_long,
    unfilled_placeholders,
    warnings,
)
from broadcast.wording.languages import all_packs
from broadcast.wording.pack import fill


def codes(text, *, required=True, placeholders=True):
    return [
        problem.code
        for problem in check_text(
            "languages.en.headline", text, required=required, placeholders=placeholders
        )
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["text_empty"]),
        (" \t\n", ["text_blank"]),
        ("\u200b \u00a0\u2060\ufeff", ["text_blank"]),
        ("\u3164\u2800", ["text_blank"]),
        ("a\x00b", ["control_character"]),
        ("a\x85b\x1b", ["control_character", "control_character"]),
        ("a\rb", ["control_character"]),
        ("a\u2028b", ["control_character"]),
        *(
            (f"go {char}west", ["control_character"])
            for char in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
        ),
        ("Padd\u200bington", ["control_character"]),
        ("Padd\u00adington", ["control_character"]),
        ("Pаddington", ["mixed_script"]),
        ("Москвa", ["mixed_script"]),
        ("Αthens", ["mixed_script"]),
        ("Ｐaddington", ["mixed_script"]),
        ("𝐏addington", ["mixed_script"]),
        ("𝐀lbert", ["mixed_script"]),
        ("\ud800", ["bad_encoding"]),
        ("a\u200bb", ["control_character"]),
        ("Albert\u200d", []),
        ("Աbc", ["mixed_script"]),
        ("half a \ud83d character", ["bad_encoding"]),
        ("Read bit.ly/3xYz", ["link_not_allowed"]),
        ("Read HTTPS://WWW.TINYURL.COM/abc", ["link_not_allowed"]),
        ("Read ｂｉｔ。ｌｙ/x", ["link_not_allowed"]),
        ("Read bit.\u2060ly/x", ["link_not_allowed"]),
        ("Read https://t.co/abc.", ["link_not_allowed"]),
        ("Read foo.bit.ly/abc", ["link_not_allowed"]),
        ("Read http://xn--80ak6aa92e.com/", ["link_not_allowed"]),
        ("Read https://аррӏе.com/login", ["link_not_allowed"]),
        ("Read https://police.uk@example.com/", ["link_not_allowed"]),
        ("Read http://192.0.2.7/a", ["link_not_allowed"]),
        ("Read 192.0.2.7/a", ["link_not_allowed"]),
        ("Read 1.2.3/a", []),
        ("Meet at {place}", ["placeholder_unfilled"]),
    ],
)
def test_what_may_not_stand_in_a_text_has_its_code(text, found):
    assert codes(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "Stay away from Paddington station.\nUse other roads.\tThank you.",
        "Не приближайтесь к станции Paddington. Пользуйтесь Wi-Fi и SIM-картой, e-mail'ом, 5G.",
        "Μείνετε μακριά από το Paddington (Λονδίνο). 10 kΩ, ΔT, 5 μm.",
        "ابتعدوا عن محطة Paddington الآن.",
        "\u200fابتعدوا\u200e عن المحطة",  # marks of direction are no overrides
        "این پیام‌ها را بخوانید",  # zero-width non-joiner, as Persian is written
        "প্যাডিংটন স্টেশন থেকে দূরে থাকুন। র‍্যাব",  # zero-width joiner
        "Arhoswch i ffwrdd o’r tŷ a’r dŵr yn Llŷn.",
        "請遠離Paddington車站。ＡＴＭ",
        "Zażółć gęślą jaźń; Çıkış; naïve ﬁle; 1º piso",
        "Family 👨‍👩‍👧 safe, Wales 🏴󠁧󠁢󠁷󠁬󠁳󠁿",
        (
            "Details: https://www.met.police.uk/a?b=c#d or gov.uk, call 101, 12.30 to 13.45 on"
            " 01.02.2026"
        ),
        "Write to info@example.org. At 5.30 p.m. it.Colours",
        "COVID-19 vaccinations at 10%, tickets at £5, A&E open, #tag",
        "e.g. т.е. и/или",
    ],
)
def test_what_people_really_write_is_left_alone(text):
    assert codes(text) == []


def test_no_phrase_of_our_own_packs_breaks_a_rule():
    for pack in all_packs().values():
        for name in pack.__slots__:
            for phrase in (
                [getattr(pack, name)]
                if isinstance(getattr(pack, name), str)
                else getattr(pack, name)
            ):
                said = fill(
                    phrase,
                    **dict.fromkeys(re.findall(r"\{(\w+)\}", phrase), "Kent"),
                )
                assert (pack.tag, name, codes(said)) == (pack.tag, name, [])


def test_an_optional_text_may_be_empty_and_bad_encoding_is_a_400():
    assert codes("", required=False) == []
    assert codes(" ", required=False) == []
    assert codes("\x00", required=False) == ["control_character"]
    [problem] = check_text("languages.en.sms", "\udfff", required=True)
    assert (problem.status, problem.field) == (400, "languages.en.sms")


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("Pаddington", 1),
        ("near Pаddington", 6),
        ("12345 Москвa", 11),
        # of as many letters each, the first script is the word's own
        ("a\u0430", 1),
        ("\u0430a", 1),
        ("ok\x00", 2),
        ("abc \u202e", 4),
    ],
)
def test_a_position_is_named(text, position):
    [problem] = check_text("f", text, required=True)
    assert f"position {position} " in problem.detail


@given(st.text(st.characters(), max_size=200))
def test_any_text_gets_problems_and_never_an_error(text):
    found = check_text("f", text, required=True)
    assert all(problem.code and problem.fix and problem.status in (400, 422) for problem in found)
    for problem in found:
        problem.line().encode("utf-8")
    check_not_a_drill(text)
    warnings("f", text)
    sms_too_long(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "Dear {name}, {{ first.name }} at {0.__class__}",
            ["{name}", "{{ first.name }}", "{0.__class__}"],
        ),
        ("{{7*7}} ${jndi:x} ${} {}", ["{{7*7}}", "${jndi:x}", "${}", "{}"]),
        ("%(name)s <%= x %> {% if x %}", ["%(name)s", "<%= x %>", "{% if x %}"]),
        ("At [INSERT PLACE] and <insert time>", ["[INSERT PLACE]", "<insert time>"]),
        (
            "[Date] [location of incident] <ADDRESS> [ ] [???]",
            ["[Date]", "[location of incident]", "<ADDRESS>", "[ ]", "[???]"],
        ),
        ("Call XXXX at XX:XX on 0800 XXX XXX", ["XXXX", "XX:XX", "0800 XXX XXX"]),
        ("At ____ today", ["____"]),
        ("％n %n %s 100% [CCTV] [UPDATE] [Ref: CAD 123] XXX <b>bold</b> (name) Max XX", []),
        ("Plate ending LV12 XXX, a [sic] b, f(x)=x", []),
    ],
)
def test_unfilled_placeholders_are_found_and_nothing_else(text, found):
    assert unfilled_placeholders(text) == found
    assert [problem.code for problem in check_placeholders("f", text)] == [
        "placeholder_unfilled"
    ] * len(found)


def test_a_draft_may_wait_for_its_details():
    assert codes("Meet at {place}", placeholders=False) == []


@pytest.mark.parametrize(
    "text",
    [
        "This is not a drill",
        "THIS IS NOT A DRILL!!!",
        "tHiS iS nOt A dRiLl",
        "This is NOT, repeat NOT, a drill",
        "this\nis\nnot\na\ndrill",
        "thisisnotadrill",
        "n o t  a  d r i l l",
        "n.o.t.a.d.r.i.l.l",
        "not-a-drill not_a_drill",
        "not a dr\u200bi\u00adll",
        "th1s 1s n0t 4 dr1ll",
        "n0t @ dr!||",
        "noooot a drilllll",
        "ｎｏｔ ａ ｄｒｉｌｌ",
        "𝐧𝐨𝐭 𝓪 𝔡𝔯𝔦𝔩𝔩",
        "ⓝⓞⓣ ⓐ ⓓⓡⓘⓛⓛ",
        "🅽🅾🆃 🅰 🅳🆁🅸🅻🅻",
        "ᴛʜɪꜱ ɪꜱ ɴᴏᴛ ᴀ ᴅʀɪʟʟ",
        "nót à drïll",
        "nоt а drіll",  # Cyrillic o, a, i
        "ΝΟΤ Α DRILL",  # Greek capitals
        "not a d\u0336r\u0336i\u0336l\u0336l",
        "not a d\u034frill",
        "n0t \u0430 dr!ll",  # a Cyrillic a among symbols
        "xnot a drillx",
        "It isn't a drill",
        "It isn’t a drill",
        "this ain't no drill",
        "No drill. Leave now.",
        "It has been no drill",
        "Not an exercise",
        "this isn't an exercise",
        "REAL, NOT EXERCISE",
        "This is no exercise",
        "This is not a test.",
        "Exercise? This is not.",
        "To nie są ćwiczenia",
        "TO NIE CWICZENIA",
        "Это не учения!",
        "هذا ليس تمريناً",
        "এটি মহড়া নয়",
        "这不是演习",
        "這不是演習",
        "Nid ymarfer yw hwn",
        "ΔΕΝ ΕΙΝΑΙ ΑΣΚΗΣΗ",
        "Bu bir TATBİKAT DEĞİLDİR",
        "Ceci n’est pas un exercice",
    ],
)
def test_no_spelling_of_not_a_drill_gets_through(text):
    assert check_not_a_drill(text)


def test_every_pack_knows_how_its_language_says_it():
    for pack in all_packs().values():
        for phrase in pack.not_a_drill:
            assert check_not_a_drill(f"!! {phrase.upper()}."), (pack.tag, phrase)
            assert check_not_a_drill(phrase.replace(" ", " \u200b-  ")), (pack.tag, phrase)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "This is a drill",
        "This is an exercise, not real",
        "THIS IS NOT REAL. EXERCISE ONLY.",
        "The boat is not adrift",
        "The casino drill begins at 10",
        "Piano exercise at noon",
        "Those not attested or not tested leave",
        "A note: a drill bit was found",
        "Это учения",
        "To są ćwiczenia",
        "这是演习",
    ],
)
def test_an_honest_exercise_is_left_alone(text):
    assert not check_not_a_drill(text)


@given(st.text("nota drilexcs-' \u200b0145é", max_size=60))
def test_the_claim_is_found_wherever_it_stands(noise):
    assert check_not_a_drill(f"{noise} this is not a drill {noise}")


def test_a_text_that_no_sms_carries_names_its_parts():
    assert sms_too_long("a" * 1530) is None
    problem = sms_too_long("a" * 10_000, field="languages.en.sms")
    assert problem is not None
    assert (problem.code, problem.field, problem.status) == (
        "sms_too_long",
        "languages.en.sms",
        422,
    )
    assert "66 parts" in problem.detail
    assert sms_too_long("ж" * 671) is not None


def test_an_emoji_that_makes_three_parts_of_one_is_a_warning():
    [warning] = warnings("languages.en.sms", "Fire 🔥 " + "a" * 150)
    assert (warning.code, warning.status) == ("sms_costs_more", 200)
    assert "1 → 3 parts" in warning.detail
    assert "🔥 at 5" in warning.detail


def test_a_warning_says_what_to_write_instead():
    [warning] = warnings("f", "It’s the tŷ at 5")
    assert '"\'" for ’' in warning.fix
    assert "'y' for ŷ" in warning.fix


@pytest.mark.parametrize(
    "text", ["Plain £5, €5 [x]", "", "Это сообщение полиции", "এটি মহড়া", "警方消息"]
)
def test_nothing_is_warned_about_that_cannot_be_mended(text):
    assert warnings("f", text) == []


def test_a_warning_names_five_characters_and_says_that_there_are_more():
    [five] = warnings("f", "‘’“”– " + "a" * 40)
    [six] = warnings("f", "‘’“”–— " + "a" * 40)
    assert "…" not in five.detail
    assert "– at 4, …" in six.detail
    assert "'-' for –" in six.fix
    assert "for —" not in six.fix


@pytest.mark.parametrize(("letters", "warned"), [(9, 0), (10, 1)])
def test_a_text_with_a_quarter_of_letters_that_gsm_7_lacks_is_of_another_script(letters, warned):
    # above a quarter there is nothing to mend; three in twelve is a quarter
    assert len(warnings("f", "жжж" + "a" * (letters - 1))) == warned


def test_a_warning_says_what_to_leave_out_and_shows_a_mark_by_its_number():
    [warning] = warnings("f", "abcdefgh 🔥 e\u0301 " + "a" * 20)
    assert "🔥 at 9, U+0301 at 12" in warning.detail
    assert "leave out 🔥, U+0301" in warning.fix
    [many] = warnings("f", "🔥🔦🔧🔨🔩🔪" + "a" * 60)
    assert "leave out 🔥, 🔦, 🔧, 🔨, 🔩, or" in many.fix
    [none] = warnings("f", "a “word” " + "a" * 20)
    assert "leave out" not in none.fix


@pytest.mark.parametrize("char", "\u200b\u2028\u00ad\u2060\u200d")
def test_a_warning_shows_what_nobody_sees_by_its_number(char):
    [warning] = warnings("f", f"ab{char}cd " + "a" * 30)
    assert f"U+{ord(char):04X} at 2" in warning.detail
    assert f"leave out U+{ord(char):04X}" in warning.fix
    assert char not in warning.detail + warning.fix


@pytest.mark.parametrize("char", "a€Ω[")
def test_what_gsm_7_has_stays_as_it_is(char):
    assert gsm_instead(char) == char


@pytest.mark.parametrize(
    ("char", "vowel"), [("\u08ff", False), ("\u0900", True), ("\u0dff", True), ("\u0e00", False)]
)
def test_the_vowel_signs_of_indian_scripts_lie_in_one_range(char, vowel):
    assert is_indic_vowel(char) is vowel


@given(st.characters())
def test_what_is_written_instead_is_gsm_7(char):
    assert warnings("f", "plain text " + gsm_instead(char)) == []
