"""A message that holds too much is refused by name, before anything costs time or memory."""

from __future__ import annotations

import json
import re
import resource
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from broadcast.content import limits
from broadcast.drafts import read_draft
from broadcast.problems import Rejected

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
DRAFT: dict[str, Any] = {
    "kind": "incident",
    "status": "Actual",
    "areas": ["E09000033"],
    "languages": {"en": {"headline": "Avoid it"}},
}


def refusal(**fields: Any) -> dict[str, str]:
    """Return {field: code} of the refusal; {} where it is accepted."""
    try:
        read_draft(json.dumps(DRAFT | fields).encode(), "json", now=NOON)
    except Rejected as refused:
        return {p.field: p.code for p in refused.problems}
    return {}


def teeth(corners: int, *, across: bool) -> dict[str, Any]:
    """Return a comb: two of them across each other have a quarter of corners² crossings."""
    n = corners // 2
    points = [
        (0.0, -0.1),
        *((p / n, y) for i in range(n) for p, y in ((i + 0.5, 1.1), (i + 0.8, 0.0))),
        (1.1, -0.1),
        (0.0, -0.1),
    ]
    return {
        "type": "Polygon",
        "coordinates": [[[y, 51 + x] if across else [x, 51 + y] for x, y in points]],
    }


ATTACKS: dict[str, tuple[dict[str, Any], str, str]] = {
    "a number of 50,000 digits": (
        {"circles": ["1" * 50_000 + "x,0 1"]},
        "circles[0]",
        "circle_invalid",
    ),
    "a pair of 50,000 digits": (
        {"polygons": ["1" * 50_000 + "x,0 0,1 1,1 0,0"]},
        "polygons[0]",
        "polygon_invalid",
    ),
    "90,000 circles": ({"circles": ["51,0 1"] * 90_000}, "circles", "too_many"),
    "100,000 parts": (
        {"polygons": [{"type": "MultiPolygon", "coordinates": [[]] * 100_000}]},
        "polygons",
        "too_many",
    ),
    "45,000 corners": (
        {"polygons": [" ".join(f"51,{i / 1e5}" for i in range(45_000))]},
        "polygons[0]",
        "polygon_too_complex",
    ),
    "combs that cross six million times": (
        {"polygons": [teeth(4900, across=a) for a in (False, True)]},
        "polygons",
        "polygon_too_complex",
    ),
    "3,200 hotlines": ({"hotlines": ["101"] * 3200}, "hotlines", "too_many"),
    "3.9 million characters": (
        {"languages": {"en": {"headline": "x", "description": "a" * 3_900_000}}},
        "languages.en.description",
        "text_too_long",
    ),
    "a level of 3.9 million characters": ({"level": "S" * 3_900_000}, "level", "text_too_long"),
    "two million values": ({"hotlines": [0] * 1_000_000}, "", "body_too_large"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused_by_name_at_once_and_with_little_memory(name: str) -> None:
    fields, field, code = ATTACKS[name]
    data = json.dumps(DRAFT | fields).encode()
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(Rejected) as refused:
        read_draft(data, "json", now=NOON)
    assert time.process_time() - started < 4
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024  # KiB
    assert (refused.value.problems[0].field, refused.value.problems[0].code) == (field, code)


def with_text(name: str, text: str) -> dict[str, Any]:
    if name in ("hotlines", "incidents"):
        return {name: [text]}
    if name in ("source", "note"):
        return {name: text}
    if name == "exercise":  # the name of one, which is what a message of another status has not
        return {name: text, "status": "Exercise"}
    return {"languages": {"en": {"headline": "x", name: text}}}


@pytest.mark.parametrize("name", limits.TEXT_LENGTHS)
def test_each_text_may_be_as_long_as_the_table_says_and_no_longer(name: str) -> None:
    length = limits.TEXT_LENGTHS[name]
    words = ("go on " * length)[:length]
    if name == "sms":  # its parts are a second limit, reached at 1,530 characters of GSM-7
        assert set(refusal(**with_text(name, "x" * 100_000)).values()) == {"sms_too_long"}
        return
    assert refusal(**with_text(name, words)) == {}
    assert set(refusal(**with_text(name, words + "x")).values()) == {"text_too_long"}


ITEMS: dict[str, Any] = {
    "languages": lambda n: {"languages": {f"en-x-{i}": {"headline": "x"} for i in range(n)}},
    "areas": lambda n: {"areas": [f"E{i:08}" for i in range(n)]},
    "polygons": lambda n: {"polygons": _squares(n)},
    "circles": lambda n: {"circles": [f"51,{i / 100} 1" for i in range(n)]},
    "hotlines": lambda n: {"hotlines": ["101"] * n},
    "incidents": lambda n: {"incidents": [f"one{i}" for i in range(n)]},
    "channels": lambda n: {"channels": ["sms"] * n},
    "audience.kinds": lambda n: {"audience": {"kinds": ["resident"] * n}},
    "audience.sectors": lambda n: {"audience": {"sectors": [f"s{i}" for i in range(n)]}},
    "audience.communities": lambda n: {"audience": {"communities": [f"c{i}" for i in range(n)]}},
    "audience.trades": lambda n: {"audience": {"trades": ["I"] * n}},
    "audience.sizes": lambda n: {"audience": {"sizes": ["micro"] * n}},
}


def _squares(n: int) -> list[str]:
    return [f"51,{i / 100} 51.1,{i / 100} 51.1,{i / 100 + 0.001} 51,{i / 100}" for i in range(n)]


@pytest.mark.parametrize("name", limits.COUNTS)
def test_each_list_may_hold_as_much_as_the_table_says_and_no_more(name: str) -> None:
    most = limits.COUNTS[name]
    assert refusal(**ITEMS[name](most)) == {}
    assert refusal(**ITEMS[name](most + 1)) == {name: "too_many"}


def test_all_texts_together_have_a_limit() -> None:
    languages = {f"en-x-{i}": {"headline": "x", "description": "a b " * 5_000} for i in range(11)}
    assert refusal(languages=languages) == {"languages": "text_too_long"}


def test_the_table_stands_in_the_documentation() -> None:
    text = (Path(__file__).parents[2] / "docs" / "interfaces.md").read_text()
    told = dict(
        re.findall(r"^\| `([a-z.]+)` \| ([0-9,]+) (?:characters|items) \|", text, re.MULTILINE)
    )
    texts = {name: f"{n:,}" for name, n in limits.TEXT_LENGTHS.items() if name not in limits.COUNTS}
    counts = {name: f"{n:,}" for name, n in limits.COUNTS.items()}
    assert {**texts, **counts} == told
    for number in (
        limits.ALL_TEXT,
        limits.CORNERS,
        limits.CROSSINGS,
        limits.WORD,
        limits.TEXT_LENGTHS["hotlines"],
    ):
        assert f"{number:,}" in text
