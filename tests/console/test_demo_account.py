"""The table at the end of the demonstration."""

from __future__ import annotations

import io
from typing import Any, ClassVar, cast

from rich.console import Console

from broadcast.ledger.delivery_report import Account
from broadcast.ledger.evidence import LINES, SUPPRESSION_REASONS
from console.demo.account import print_account


class Told:
    """An account of which only the numbers are asked."""

    people: ClassVar[dict[str, list[int]]] = {"waiting": []}

    def to_json(self) -> dict[str, Any]:
        reasons = dict.fromkeys(SUPPRESSION_REASONS, 0) | {"below_severity": 3}
        people = dict.fromkeys(LINES, 0) | {"not_sent": 3}
        return {"status": "Test", "addressed": 3, "people": people, "suppressed": reasons}


def test_only_reasons_that_were_given_have_a_column_so_that_each_can_be_read() -> None:
    out = Console(file=io.StringIO(), width=160)
    print_account(out, [("Appeal", cast("Account", Told()))], ok=True, seconds=1.0)
    said = cast("io.StringIO", out.file).getvalue()
    assert "below severity" in said
    assert "erased" not in said
    assert "…" not in said
