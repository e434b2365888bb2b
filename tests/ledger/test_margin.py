"""By how many people a released audience may differ from the approved count."""

from __future__ import annotations

import pytest

from broadcast.messages.versions import Margin


@pytest.mark.parametrize(
    ("margin", "count", "people"),
    [
        (Margin(), 12, 20),
        (Margin(), 1000, 20),
        (Margin(), 1049, 20),
        (Margin(), 1050, 21),
        (Margin(), 1_000_000, 20_000),
        (Margin(percent=0, people=0), 12, 0),
        (Margin(percent=0, people=0), 1_000_000, 0),
        (Margin(percent=0, people=5), 1_000_000, 5),
    ],
)
def test_the_margin_is_the_larger_of_a_share_and_a_number(
    margin: Margin, count: int, people: int
) -> None:
    assert margin.of(count) == people
