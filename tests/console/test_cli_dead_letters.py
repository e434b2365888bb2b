"""fasttime dead-letters: listed, handed over again, closed; each on record."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from tests.console.cli import Cli


def put_aside(cli: Cli, *rows: tuple[str, str]) -> None:
    with closing(sqlite3.connect(cli.folder / ".fasttime" / "fasttime.db")) as database:
        for what, key in rows:
            database.execute(
                "INSERT INTO parked (at, what, key, error) VALUES (?, ?, ?, 'KeyError')",
                ("2026-11-27 12:00:00.000000", what, key),
            )
        database.commit()


def test_they_are_listed_closed_with_a_reason_and_refused_where_nothing_can_be_tried(
    cli: Cli,
) -> None:
    assert cli.ok("dead-letters", "list") == []
    put_aside(cli, ("render.failed", "9/sms/en"), ("look_ups", "operator 5"))
    listed = cli.ok("dead-letters", "list")
    assert [(each["id"], each["retry"]) for each in listed] == [(2, False), (1, True)]
    assert "operator 5" in cli("dead-letters", "list").out
    for number, code in ((1, "dead_letter_over"), (2, "dead_letter_notice")):
        refused = cli("dead-letters", "retry", number, "--json")
        assert (refused.code, code in refused.out + refused.err) == (1, True)
    assert cli("dead-letters", "close", 1, "--why", " ").code != 0
    done = cli("dead-letters", "close", 1, "--why", "It ended.")
    assert (done.code, done.out.strip()) == (0, "1: render.failed 9/sms/en is closed")
    for act in (("retry", 1), ("close", 1, "--why", "Again.")):
        refused = cli("dead-letters", *act, "--json")
        assert (refused.code, "dead_letter_closed" in refused.out + refused.err) == (1, True)
    actions = [link["action"] for link in cli.ok("audit", "list", "--kind", "admin")]
    assert actions.count("dead_letters.close") == 1
    assert "dead_letters.retry" not in actions
