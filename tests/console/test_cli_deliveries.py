"""fasttime deliveries, explain, resend, beside a running `up` and the simulator."""

from __future__ import annotations

import csv
import json
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.console.cli import ENTRY, Cli, process_env

PEOPLE = "external_id,name,kind,mobile,email,area,channels,topics\n" + "".join(
    f"{'-' if n == 3 else ''}p{n},Person {n},resident,07700"
    f" 900{n:03d},p{n}@example.org,E09000033,sms;email,{'appeal' if n == 5 else ''}\n"
    for n in range(20)
).replace("-p3", "'-p3")
TEXT = """kind: incident
status: Actual
areas: [E09000033]
severity: Severe
urgency: Immediate
languages:
  en: {headline: Gas leak in Victoria Street, instruction: Stay away from the area.}
"""


@pytest.fixture
def running(cli: Cli) -> Iterator[Cli]:
    """The command line beside a running `up` whose texts and mails go to the simulator."""
    with subprocess.Popen(
        [*ENTRY, "simulator", "--http", "0", "--smtp", "0", "--json"],
        cwd=cli.folder,
        env=process_env({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as simulator:
        assert simulator.stdout is not None
        where = json.loads(simulator.stdout.readline())
        cli.env = {
            "FASTTIME_TWILIO_API_BASE": where["http"],
            "FASTTIME_TWILIO_ACCOUNT_SID": "ACdede000000000000000000000000000000",
            "FASTTIME_TWILIO_AUTH_TOKEN": "demonstration0000000000000000000",
            "FASTTIME_TWILIO_FROM": "+447700900998",
            "FASTTIME_SMTP_URL": where["smtp"],
            "FASTTIME_MAIL_FROM": "Police <alerts@example.org>",
        }
        with subprocess.Popen(
            [*ENTRY, "up", "--port", "0"],
            cwd=cli.folder,
            env=process_env(cli.env),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as up:
            assert up.stdout is not None
            assert up.stdout.readline().startswith("http://127.0.0.1:")
            try:
                yield cli
            finally:
                up.send_signal(signal.SIGTERM)
                assert up.wait(20) == 0
                simulator.send_signal(signal.SIGTERM)


def test_a_message_is_watched_to_its_end_and_its_account_is_told_in_every_form(running: Cli):
    cli = running
    cli.ok(
        "areas",
        "import",
        cli.file("areas.csv", "code,name\nE09000033,Westminster\n"),
        "--level",
        "borough",
    )
    cli.ok("subscribers", "import", cli.file("people.csv", PEOPLE), "--basis", "consent")
    author, approver, operator = (
        cli.operator("Ann", "author"),
        cli.operator("Ben", "approver"),
        cli.operator("Cat", "operator"),
    )
    number = cli.ok("message", "draft", cli.file("text.yaml", TEXT), token=author)["id"]
    ran = cli("deliveries", "watch", number, "--json")
    assert (ran.code, ran.codes) == (1, ["state_conflict"])
    agreed = cli.ok("message", "submit", number, token=author)["content_hash"]
    ran = cli("message", "approve", number, "--hash", agreed, "--json", token=approver)
    assert (ran.code, ran.json["running"]) == (0, True)
    assert "nothing is running" not in ran.err

    watched = cli.apart("deliveries", "watch", number, "--json", timeout=60)
    account = watched.json
    assert watched.code == 0
    assert f"message {number} version 1 is live" in watched.err
    assert "sms: 19 of 19" in watched.err
    assert sum(account["people"].values()) == account["addressed"] == 20
    assert account["people"]["accepted"] + account["people"]["delivered"] == 19
    assert (
        account["people"]["not_sent"]
        == sum(account["suppressed"].values())
        == account["suppressed"]["not_chosen"]
        == 1
    )
    assert set(account["channels"]) == {"sms", "voice", "email", "web"}
    assert set(account["people"]) == {
        "waiting",
        "handing_over",
        "accepted",
        "delivered",
        "failed",
        "not_sent",
        "expired",
        "in_doubt",
    }
    assert cli.ok("message", "show", number)["counts"]["people"] == account["people"]

    listed = cli.ok("deliveries", number, "--state", "not_sent", "--export", "out.csv")
    assert [(p["external_id"], p["reason"]) for p in listed["list"]] == [("p5", "not_chosen")]
    cli.ok("deliveries", number, "--export", "out.csv")
    with (cli.folder / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "person",
        "external_id",
        "line",
        "sms",
        "voice",
        "email",
        "web",
        "reason",
    ]
    assert len(rows) == 20
    # a spreadsheet must not run it
    assert [r["external_id"] for r in rows if "p3" in r["external_id"]] == ["'-p3"]
    assert len(cli.ok("deliveries", number, "--channel", "email")["list"]) == 19
    assert cli("deliveries", number, "--state", "sent", "--json").codes == ["state_unknown"]
    listed = cli.ok("deliveries", number, "--reason", "not_chosen")
    assert ([p["external_id"] for p in listed["list"]], listed["next"]) == (["p5"], None)
    assert cli("deliveries", number, "--reason", "sent", "--json").codes == ["reason_unknown"]

    pages: list[list[int]] = []
    after: int | None = 0
    while after is not None:
        page = cli.ok("deliveries", number, "--channel", "email", "--limit", 8, "--after", after)
        pages.append([p["person"] for p in page["list"]])
        after = page["next"]
    assert [len(page) for page in pages] == [8, 8, 3]
    listed_people = [person for page in pages for person in page]
    assert listed_people == sorted(set(listed_people))
    assert (
        "  and 11 more: go on with --after "
        in cli("deliveries", number, "--channel", "email", "--limit", 8).out
    )

    assert cli.ok("deliveries", number, "--recount")["differences"] == []
    assert cli("deliveries", number, "--recount", "--state", "failed").code == 2
    with sqlite3.connect(next(cli.folder.glob(".fasttime/*.db")), timeout=20) as ledger:
        while ledger.execute("SELECT 1 FROM slice WHERE kept_at IS NULL").fetchone():
            time.sleep(0.05)
        ledger.execute("DELETE FROM kept_outcome WHERE state = 'claimed'")
    ran = cli("deliveries", number, "--recount")
    assert ran.code == 1
    assert "email, pass 1: 19 people are not claimed on one side only" in ran.out
    assert cli.ok("deliveries", number, "--recount")["differences"] == []

    told = cli.ok("explain", number, "p1")
    assert told["line"] in ("accepted", "delivered")
    assert {a["channel"] for a in told["attempts"]} == {"sms", "email"}
    tries = [said for said in told["sentences"] if said.startswith("Try 1, by ")]
    assert len(tries) == 2
    assert tries[0] in cli("explain", number, "p1").out
    assert cli.ok("explain", number, "p5")["reason"] == "not_chosen"
    said = cli("explain", number, "p5").out
    assert "Did they choose this topic? No. They did not ask for messages about " in said
    assert "So they are on the line “not sent”: did not choose this topic." in said

    ran = cli("resend", number, "--only", "failed", "--json", token=operator)
    assert (ran.code, ran.codes) == (1, ["audience_empty"])
    assert cli("resend", number, "--only", "delivered", "--json", token=operator).code == 2
    assert cli("resend", number, "--only", "failed", "--json", token=author).codes == ["wrong_role"]

    for more in ([], ["--message", number], ["--from", "2026-01-01"]):
        replayed = cli("replay", *more, "--json")
        assert (replayed.code, replayed.json["differences"]) == (0, [])
    assert cli.ok("replay")["events"] > 0
    assert cli("replay", "--message", 77, "--json").codes == ["message_unknown"]

    ran = cli.apart("up", "--port", "0", timeout=30)
    assert (ran.code, ran.out) == (2, "")
    assert "data_folder_in_use" in ran.err
