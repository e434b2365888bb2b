"""docs/reliability.md names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_test_that_the_page_names_exists_and_every_rule_but_those_to_come_has_one() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    there = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)\(", path.read_text(encoding="utf-8"))
    }
    assert sorted(set(re.findall(r"`(test_\w+)`", page)) - there) == []
    rules = {int(n) for n in re.findall(r"^\| R(\d+) .*`test_", page, flags=re.MULTILINE)}
    to_come = {5}
    assert rules == set(range(1, 19)) - to_come
    assert "@@" not in page
