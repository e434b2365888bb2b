"""Trades and sizes: which word means which, what an approver reads, and what is said of others."""

from __future__ import annotations

import pytest

from broadcast.content.model import Audience, Content, Text, default_visibility
from broadcast.content.trades import SIZES, TRADES, in_words, meant_by, size_of, trade_fix
from broadcast.messages import versions


@pytest.mark.parametrize(
    ("headcount", "size"),
    [
        (0, "micro"),
        (9, "micro"),
        (10, "small"),
        (49, "small"),
        (50, "medium"),
        (249, "medium"),
        (250, "large"),
    ],
)
def test_a_size_is_told_by_how_many_people_are_employed(headcount: int, size: str) -> None:
    assert size_of(headcount) == size


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("i", "I"),
        ("56.10", "I"),
        ("01110", "A"),
        ("47", "G"),
        ("99", "U"),
        ("hospitality", "I"),
        ("Hospitalty", "I"),
        ("pubs", "I"),
        ("construction", "F"),
        ("Education", "P"),
        ("Z", None),
        ("", None),
        ("quantum", None),
        ("²²", None),
    ],
)
def test_a_word_that_is_no_letter_is_answered_with_the_nearest_section(
    word: str, meant: str | None
) -> None:
    fix = trade_fix(word)
    if meant is None:
        assert fix.startswith("use the letter of a section, A to U")
    else:
        assert fix == f"did you mean {meant} ({TRADES[meant]})?"


@pytest.mark.parametrize(
    ("trades", "sizes", "words"),
    [
        ((), (), ""),
        (
            ("I",),
            ("medium", "small"),
            "people who act for small and medium organisations in accommodation and food service",
        ),
        (("F", "P"), (), "people who act for organisations in construction or education"),
        ((), ("micro", "small", "medium"), "people who act for micro, small and medium"),
    ],
)
def test_an_approver_reads_whom_it_is_for_in_words(
    trades: tuple[str, ...], sizes: tuple[str, ...], words: str
) -> None:
    said = in_words(Audience(trades=trades, sizes=sizes))
    assert said.removesuffix(" organisations") == words


def test_a_rule_means_both_of_one_organisation() -> None:
    assert meant_by(Audience()) == ()
    assert meant_by(Audience(trades=("I",), sizes=("micro",))) == ("i/micro",)
    assert len(meant_by(Audience(trades=("I",)))) == len(SIZES)
    assert len(meant_by(Audience(sizes=("micro",)))) == len(TRADES) == 21


def test_what_is_for_a_trade_is_restricted_unless_its_author_says_otherwise() -> None:
    assert default_visibility(Audience(trades=("I",)), None) == "restricted"
    assert default_visibility(Audience(sizes=("micro",)), None) == "restricted"
    assert default_visibility(Audience(), None) == "public"


def test_what_was_agreed_on_covers_trades_and_sizes_and_nothing_older_changes() -> None:
    def of(audience: Audience) -> str:
        from datetime import timedelta

        return versions.canonical(
            Content(
                kind="advice",
                status="Actual",
                urgency="Future",
                severity="Minor",
                certainty="Possible",
                languages={"en": Text(headline="x")},
                expires=timedelta(hours=1),
                audience=audience,
            )
        )

    before = of(Audience())
    assert "trades" not in before
    assert "sizes" not in before
    told = {of(Audience(trades=("I",))), of(Audience(trades=("G",))), of(Audience(sizes=SIZES))}
    assert len(told | {before}) == 4
    limited = of(Audience(trades=("I",), sizes=("small",)))
    assert versions.read_content(limited).audience == Audience(trades=("I",), sizes=("small",))
