"""What is said of a message that holds no more."""

from __future__ import annotations

import pytest

from broadcast.messages.states import TRANSITIONS
from broadcast.wording import cancelling
from broadcast.wording.ending import ended
from broadcast.wording.languages import all_packs

ENDED = ("cancelled", "expired", "corrected", "superseded", "stood_down")


@pytest.mark.parametrize("tag", sorted(all_packs()))
def test_every_way_to_end_is_said_in_every_language_in_words_of_its_own(tag: str) -> None:
    said = [ended(state, tag) for state in ENDED]
    english = [ended(state, "en") for state in ENDED]
    for part in ("mark", "why"):
        assert len({getattr(words, part) for words in said}) == len(ENDED)
        if tag != "en":
            assert not {getattr(words, part) for words in said} & {
                getattr(words, part) for words in english
            }
    assert {words.tag for words in said if words} == {tag}
    assert len({words.before_old for words in said if words}) == 1


def test_a_cancel_says_its_reason_and_what_holds_says_nothing() -> None:
    words = ended("cancelled", "cy", "in_error")
    assert words is not None
    assert words.why == cancelling.words("in_error", "cy")
    assert ended("live", "en") is None
    assert ended("held", "en") is None


def test_every_state_that_the_public_may_see_ended_has_its_words() -> None:
    for state in {*TRANSITIONS.values()} - {"live", "held"}:
        assert (ended(state, "en") is not None) == (state in ENDED), state
