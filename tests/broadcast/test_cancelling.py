"""What a cancelled message says, and the revision of all the words that we add."""

from __future__ import annotations

import pytest

from broadcast.wording import cancelling
from broadcast.wording.languages import all_packs
from broadcast.wording.revision import wording_revision


@pytest.mark.parametrize("tag", sorted(all_packs()))
def test_every_language_of_ours_has_its_own_words_for_every_reason(tag: str) -> None:
    said = [cancelling.words(reason, tag) for reason in cancelling.REASONS]
    assert len(set(said)) == len(cancelling.REASONS)
    assert all(text.strip() == text and "{" not in text for text in said)
    if tag != "en":
        assert not set(said) & {cancelling.words(reason, "en") for reason in cancelling.REASONS}


@pytest.mark.parametrize("tag", sorted(all_packs()))
def test_every_language_says_what_is_cancelled_and_that_nothing_need_be_done(tag: str) -> None:
    headline, nothing = cancelling.headline("Road {x}", tag), cancelling.nothing_to_do(tag)
    assert headline.endswith("Road {x}")
    assert len(headline) > len("Road {x}") + 3
    assert nothing.strip() == nothing
    assert "{" not in nothing
    if tag != "en":
        assert headline != cancelling.headline("Road {x}", "en")
        assert nothing != cancelling.nothing_to_do("en")


def test_a_message_is_cancelled_in_each_of_its_languages_and_never_without_words() -> None:
    said = cancelling.in_languages("over", ("en-GB", "cy", "tlh", "ar"))
    # Klingon falls back to English, which is said already
    assert list(said) == [
        "en-GB",
        "cy",
        "ar",
    ]
    assert cancelling.words(None, "en") == cancelling.words("other", "en")


def test_the_revision_follows_the_words_and_the_senders_name() -> None:
    assert wording_revision("Police") == wording_revision("Police")
    assert wording_revision("Police") != wording_revision("Met Police")
    assert len(wording_revision("Police")) == 32
