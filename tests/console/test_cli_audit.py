"""fasttime audit: what stands in the chain, whether it is whole, and that a change behind it is
named.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing

from tests.console.cli import Cli


def by_hand(cli: Cli, sql: str) -> None:
    with closing(sqlite3.connect(cli.folder / ".fasttime" / "fasttime.db")) as database:
        database.execute(sql)
        database.commit()


def test_every_act_of_set_up_is_listed_and_the_chain_is_whole(cli: Cli):
    cli.ok("operators", "add", "Ada Bond", "--role", "author", "--email", "ada@example.org")
    cli.ok("operators", "disable", "Ada Bond", "--yes")
    cli.ok("subscribers", "export")
    links = cli.ok("audit", "list")
    assert [(link["kind"], link["action"]) for link in links] == [
        ("admin", "operators.add"),
        ("admin", "operators.disable"),
        ("export", "subscribers.export"),
        ("look_up", "audit.list"),
    ]
    assert all(link["actor"].startswith("machine:") for link in links)
    assert [link["number"] for link in cli.ok("audit", "list", "--after", 2, "--limit", 1)] == [3]
    told = cli.ok("audit", "verify")
    assert (told["ok"], told["broken"], told["head"]["number"]) == (True, None, 5)


def test_the_first_broken_link_is_named_with_exit_1(cli: Cli):
    cli.ok("operators", "list")
    cli.ok("operators", "list")
    head = cli.ok("audit", "verify")["head"]
    seen = f"{head['number']}:{head['hash']}"
    by_hand(cli, "UPDATE audit SET actor = 'nobody' WHERE number = 1")
    broken = cli("audit", "verify", "--json")
    assert (broken.code, broken.json["broken"]["number"]) == (1, 1)
    by_hand(cli, "DELETE FROM audit")
    assert cli("audit", "verify").code == 0
    cut = cli("audit", "verify", "--head", seen)
    assert cut.code == 1
    assert "BROKEN at link 1: it is missing" in cut.out


def test_a_head_that_is_none_is_refused(cli: Cli):
    for wrong in ("7", "0:" + "a" * 64, "7:xyz", "-1:" + "0" * 64):
        refused = cli("audit", "verify", f"--head={wrong}", "--json")
        assert (refused.code, refused.codes) == (2, ["head_invalid"])


def test_without_an_address_there_is_a_warning_on_stderr_and_in_the_json(cli: Cli):
    ran = cli("operators", "add", "Ada Bond", "--role", "author", "--json")
    assert (ran.code, [w["code"] for w in ran.json["warnings"]]) == (0, ["email_missing"])
    assert "email_missing" in cli("operators", "add", "Kit Lee", "--role", "author").err
    assert (
        cli.ok("operators", "add", "Jo", "--role", "author", "--email", "jo@example.org")[
            "warnings"
        ]
        == []
    )
