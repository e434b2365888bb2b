"""docs/cap-conformance.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from broadcast.cap import parameters
from broadcast.cap.validation.rules import RULES
from broadcast.content.model import KINDS

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "cap-conformance.md").read_text(
    encoding="utf-8"
)


def test_every_rule_stands_in_the_docs_under_its_severity():
    rows = dict(re.findall(r"^\| `([a-z_0-9]+)` \| (reject|warn) \|", PAGE, flags=re.MULTILINE))
    assert rows == {rule.name: rule.severity for rule in RULES.values()}


def test_every_parameter_of_ours_stands_in_the_docs():
    names = {
        value
        for value in vars(parameters).values()
        if isinstance(value, str)
        and value.startswith(parameters.PREFIX)
        and value != parameters.PREFIX
    }
    assert {name for name in names if f"`{name}`" not in PAGE} == set()


def test_every_kind_stands_in_the_docs():
    assert {kind for kind in KINDS if f"`{kind}`" not in PAGE} == set()
