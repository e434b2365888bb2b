"""What people really type, as a table: what stops, starts, asks for help, and what is an answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.wording.languages import all_packs
from channels.reply_words import HELP_WORDS, START_WORDS, STOP_WORDS, Reading, understand

STOPS = [
    "STOP", "stop", " Stop. ", "Stop\u200b", "\u200bS\u200dT\ufeffOP", "ＳＴＯＰ", "«STOP!»",
    '"stop"', "'STOP'", "STOP 🛑", "🛑", "⛔️", "STOPALL", "stop all",
    "Unsubscribe", "OPTOUT", "opt-out", "opt out", "stop please", "please stop", "Pls stop!!",
    "Please stop sending me these", "STOP STOP STOP", "stop texting me", "STOP MESSAGES",
    "unsubscribe me from all of this, now, I beg you", "I want to opt out of these alerts",
    "no more texts, stop", "no more messages please", "Reply STOP", "quit texting me", "stopp",
    "STOPP", "stpo", "sotp", "st0p", "unsubcribe", "Arrêt", "ARRET", "arretez s'il vous plaît",
    "STOP merci", "zatrzymaj", "opriți", "basta", "PARAR por favor", "বন্ধ করুন", "બંધ કરો",
    "ਬੰਦ ਕਰੋ", "İPTAL", "DURDUR", "توقف من فضلك", "بند کریں", "நிறுத்து", "لغو", "jooji",
    "sustabdyti", "σταμάτα", "ΣΤΟΠ", "стоп!", "СТОП", "停", "停止", "спри", "ndalo",
]  # fmt: skip
ACTED_ON_AND_KEPT = [
    ("cancel", "stop"), ("END", "stop"), ("quit", "stop"), ("Revoke", "stop"),
    ("cancel please", "stop"), ("Yes!", "start"), ("HELP", "help"), ("info?", "help"),
    ("aiuto", "help"), ("ПОМОЩЬ!", "help"), ("救命", "text"),
]  # fmt: skip
STARTS = [
    "START", "start", "unstop", "Start again", "start sending again", "resume", "старт", "开始",
    "ابدأ", "démarrer", "START please",
]  # fmt: skip
ANSWERS = [
    "I saw the bus stop", "I saw him at the bus stop", "The end of the road is blocked",
    "I saw the van stop near the bakery at ten", "They had to cancel the match",
    "yes I saw him", "help is needed at the bridge", "help me", "Stop! he has a gun",
    "non-stop noise from the works behind our house", "", " \u200b ", "👍", "no", "1",
    "I quit at 5",
    "He wouldn't stop at the lights on Mare Street", "they want to end this", "start of the road",
    "J'ai vu la voiture à l'arrêt de bus hier soir", "opt for the north entrance",
    "ho visto una pistola, basta poco", "我在车站看见他停车", "information about the man",
]  # fmt: skip
UNCLEAR = [
    "bus stop", "stop him", "stop it", "stop this", "please don't stop", "do not stop the messages",
    "stop the messages they wake my baby", "Liked “To stop these messages reply STOP”",
]  # fmt: skip


@pytest.mark.parametrize("body", STOPS)
def test_what_asks_to_stop_stops(body: str) -> None:
    assert understand(body) == Reading("stop", answer=False)


@pytest.mark.parametrize("body", STARTS)
def test_what_asks_to_start_starts(body: str) -> None:
    assert understand(body) == Reading("start", answer=False)


@pytest.mark.parametrize(("body", "kind"), ACTED_ON_AND_KEPT)
def test_a_word_that_may_be_an_answer_is_acted_on_and_kept(body: str, kind: str) -> None:
    assert understand(body) == Reading(kind, answer=True)  # type: ignore[arg-type]


@pytest.mark.parametrize("body", ANSWERS)
def test_an_answer_is_never_an_opt_out(body: str) -> None:
    assert understand(body) == Reading("text", answer=True)


@pytest.mark.parametrize("body", UNCLEAR)
def test_what_only_sounds_like_stop_stops_nobody_and_is_kept(body: str) -> None:
    assert understand(body) == Reading("stop_unclear", answer=True)


@pytest.mark.parametrize("table", [STOP_WORDS, START_WORDS, HELP_WORDS])
def test_there_are_words_in_every_language_of_the_packs(table: dict[str, str]) -> None:
    assert set(table) == set(all_packs())


@pytest.mark.parametrize(
    ("table", "kind"), [(STOP_WORDS, "stop"), (START_WORDS, "start"), (HELP_WORDS, "help")]
)
def test_every_word_of_the_tables_means_what_its_table_says(
    table: dict[str, str], kind: str
) -> None:
    for words in table.values():
        for word in words.split(","):
            for typed in (word, word.upper(), f"«{word.strip()}»!"):
                assert understand(typed).kind == kind, typed


def test_twilios_own_verdict_counts_more_than_the_words_and_the_words_are_kept() -> None:
    assert understand("ARRET", "STOP") == Reading("stop", answer=False)
    assert understand("hello", "unknown") == Reading("text", answer=True)
    assert understand("he has a gun", "STOP") == Reading("stop", answer=True)


@given(st.text())
def test_no_reply_makes_it_raise(body: str) -> None:
    assert understand(body).kind in ("stop", "start", "help", "stop_unclear", "text")


@given(
    st.sampled_from(["stop", "stopall", "unsubscribe", "quit"]),
    st.lists(st.sampled_from(list(" \t\r\n.,!?'\"\u200b\u200c\u2060\ufeff()[]*_-")), max_size=6),
    st.booleans(),
)
def test_a_stop_word_is_one_in_whatever_wrapping(
    word: str, wrapping: list[str], shout: bool
) -> None:
    around = "".join(wrapping)
    assert understand(around + (word.upper() if shout else word) + around).kind == "stop"


TELLING = ("saw", "him", "bus", "man", "ran", "car", "red", "van", "at", "a")


@given(st.lists(st.sampled_from(("i", "the", *TELLING)), min_size=3))
def test_telling_words_before_stop_never_stop(words: list[str]) -> None:
    if set(words) & set(TELLING):
        assert understand(" ".join([*words, "stop"])).kind != "stop"
