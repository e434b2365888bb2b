"""fasttime message: two people, exact text, one open version; nothing is running here, so nothing
is sent.
"""

from __future__ import annotations

import os
import pty
import subprocess
import time

import pytest

from tests.console.cli import ENTRY, Cli, process_env

SIMULATED = {
    "FASTTIME_TWILIO_API_BASE": "http://127.0.0.1:9",
    "FASTTIME_TWILIO_ACCOUNT_SID": "ACdede000000000000000000000000000000",
    "FASTTIME_TWILIO_AUTH_TOKEN": "demonstration0000000000000000000",
    "FASTTIME_TWILIO_FROM": "+447700900998",
}
TEXT = """kind: incident
status: Actual
areas: [E09000033]
severity: Moderate
languages:
  en: {headline: Gas leak in Victoria Street, instruction: Stay away from the area.}
"""
PEOPLE = "external_id,name,kind,mobile,area,channels\n" + "".join(
    f"p{n},Person {n},resident,07700 900{n:03d},E09000033,sms\n" for n in range(12)
)


class Room:
    """A control room with an author, two approvers and twelve people in one area."""

    def __init__(self, cli: Cli) -> None:
        self.cli = cli
        cli.env = dict(SIMULATED)
        cli.ok(
            "areas",
            "import",
            cli.file("areas.csv", "code,name\nE09000033,Westminster\nE09000001,City of London\n"),
            "--level",
            "borough",
        )
        cli.ok("subscribers", "import", cli.file("people.csv", PEOPLE), "--basis", "consent")
        self.author = cli.operator("Ann", "author")
        self.approver = cli.operator("Ben", "approver", "--email", "ben@example.org")
        self.other = cli.operator("Cat", "approver")
        cli.file("text.yaml", TEXT)

    def submitted(self) -> int:
        """Draft and submit; return the message's number."""
        number = int(self.cli.ok("message", "draft", "text.yaml", token=self.author)["id"])
        self.cli.ok("message", "submit", number, token=self.author)
        return number


@pytest.fixture
def room(cli: Cli) -> Room:
    return Room(cli)


def test_a_language_that_is_missing_is_warned_of_and_accepted_by_name(room: Room):
    rows = "external_id,name,kind,mobile,area,channels,language\n" + "".join(
        f"w{n},Wanda {n},resident,07700 901{n:03d},E09000033,sms,pl\n" for n in range(3)
    )
    room.cli.ok("subscribers", "import", room.cli.file("w.csv", rows), "--basis", "consent")
    number = room.cli.ok("message", "draft", "text.yaml", token=room.author)["id"]
    ran = room.cli("message", "submit", number, "--accept", "language_lacking", token=room.author)
    assert ran.code == 0, ran.err
    assert "language_lacking: people who read a language that it lacks get English [en]" in ran.err
    assert "Polish [pl] (3 people)" in ran.err
    agreed = room.cli.ok("message", "show", number)["content_hash"]
    approved = room.cli(
        "message", "approve", number, "--yes", "--hash", agreed, token=room.approver
    )
    assert approved.code == 0, approved.err
    assert "language_lacking" not in approved.err


SHAPE = {
    "id",
    "version",
    "kind",
    "status",
    "state",
    "content_hash",
    "identifier",
    "sent",
    "expires",
    "counts",
}


def test_an_approver_reads_the_sentence_of_each_warning_that_was_not_accepted(room: Room) -> None:
    room.cli.file(
        "loud.yaml", TEXT.replace("Gas leak in Victoria Street", "GAS LEAK IN VICTORIA STREET")
    )
    number = room.cli.ok("message", "draft", "loud.yaml", token=room.author)["id"]
    room.cli.ok("message", "submit", number, token=room.author)
    polish = "w1,Wanda,resident,07700 901001,E09000033,sms,pl\n"
    rows = f"external_id,name,kind,mobile,area,channels,language\n{polish}"
    room.cli.ok("subscribers", "import", room.cli.file("w.csv", rows), "--basis", "consent")
    code, said = _on_a_terminal(room, ["message", "approve", str(number)], "0\n")
    assert code == 1
    assert (
        "not accepted by the author: decide yourself (shouting): most of it is in capitals, which"
        " is hard to read and frightens" in " ".join(said.split())
    )
    new = "new since it was submitted (language_lacking): people who read a language that it lacks"
    assert new in " ".join(said.split())
    ran = room.cli(
        "message",
        "approve",
        number,
        "--hash",
        room.cli.ok("message", "show", number)["content_hash"],
        token=room.approver,
    )
    assert ran.code == 0
    assert "not accepted by the author: decide yourself (shouting): written in capitals" in ran.err


def test_a_message_goes_from_draft_to_approved_by_two_people_in_the_promised_json(room: Room):
    drafted = room.cli.ok("message", "draft", "text.yaml", token=room.author)
    assert set(drafted) >= SHAPE
    assert (drafted["state"], drafted["content_hash"], drafted["identifier"]) == (
        "draft",
        None,
        None,
    )
    seen = room.cli.ok("message", "preview", drafted["id"], token=room.author)
    assert (seen["counts"]["addressed"], seen["counts"]["channels"]["sms"], seen["people"]) == (
        12,
        12,
        12,
    )
    submitted = room.cli.ok("message", "submit", drafted["id"], token=room.author)
    assert (submitted["state"], len(submitted["content_hash"]), submitted["people"]) == (
        "pending_approval",
        64,
        12,
    )
    ran = room.cli(
        "message",
        "approve",
        drafted["id"],
        "--hash",
        submitted["content_hash"],
        "--json",
        token=room.approver,
    )
    assert (ran.code, ran.json["state"], ran.json["content_hash"]) == (
        0,
        "approved",
        submitted["content_hash"],
    )
    assert ran.json["identifier"]
    assert ran.json["sent"].endswith("+00:00")
    assert "approved; nothing is running here: start `fasttime up`" in ran.err
    assert "hash_missing" not in ran.err
    listed = room.cli.ok("message", "list")
    assert [(m["id"], m["state"], m["identifier"]) for m in listed] == [
        (drafted["id"], "approved", ran.json["identifier"])
    ]
    exported = room.cli.ok("cap", "export", drafted["id"])["document"]
    assert "<areaDesc>Westminster</areaDesc>" in exported  # the code stands in the geocode
    assert "<value>E09000033</value>" in exported
    assert exported == room.cli.ok("cap", "export", ran.json["identifier"])["document"]


@pytest.mark.parametrize("more", [[], ["--yes"]], ids=["bare", "with --yes"])
def test_off_a_terminal_an_approval_wants_the_hash_of_what_was_read(
    room: Room, more: list[str]
) -> None:
    number = room.submitted()
    ran = room.cli("message", "approve", number, *more, "--json", token=room.approver)
    assert (ran.code, ran.codes) == (1, ["hash_missing"])
    assert room.cli.ok("message", "show", number)["state"] == "pending_approval"
    assert room.cli.approve(number, token=room.approver)["state"] == "approved"


REFUSED = [
    ("the author's role", "approve", "author", [], "wrong_role"),
    ("a stale hash", "approve", "approver", ["--hash", "0" * 64], "content_changed"),
    ("hold before approval", "hold", "approver", [], "state_conflict"),
    ("cancel before approval", "cancel", "approver", ["--why", "x"], "state_conflict"),
    ("submit twice", "submit", "author", [], "state_conflict"),
]


@pytest.mark.parametrize(
    "action, who, more, code", [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_what_a_rule_refuses_is_exit_1_and_changes_nothing(room: Room, action, who, more, code):
    number = room.submitted()
    ran = room.cli("message", action, number, *more, "--json", token=getattr(room, who))
    assert (ran.code, ran.codes) == (1, [code])
    assert room.cli.ok("message", "show", number)["state"] == "pending_approval"


def test_nobody_approves_their_own_under_another_account_either(room: Room):
    number = int(room.cli.ok("message", "draft", "text.yaml", token=room.approver)["id"])
    room.cli.ok("message", "submit", number, token=room.approver)
    twin = room.cli(
        "operators",
        "add",
        "Ben again",
        "--role",
        "approver",
        "--email",
        "BEN+x@example.org",
        "--json",
    )
    assert (twin.code, twin.codes) == (1, ["person_exists"])
    agreed = ("--hash", room.cli.ok("message", "show", number)["content_hash"])
    ran = room.cli("message", "approve", number, *agreed, "--json", token=room.approver)
    assert (ran.code, ran.codes) == (1, ["same_person"])
    assert room.cli("message", "approve", number, *agreed, token=room.other).code == 0


def test_a_returned_message_is_edited_and_submitted_anew_and_a_rejected_one_is_over(room: Room):
    number = room.submitted()
    assert (
        room.cli.ok("message", "return", number, "--why", "say which street", token=room.approver)[
            "state"
        ]
        == "returned"
    )
    assert room.cli.ok("message", "show", number)["why"] == "say which street"
    edited = room.cli.file(
        "text2.json",
        '{"kind":"incident","status":"Actual","areas":["E09000033"],"languages":{"en":{"headline":"Gas'
        ' leak at 10 Victoria Street"}}}',
    )
    assert room.cli.ok("message", "edit", number, edited, token=room.author)["state"] == "draft"
    room.cli.ok("message", "submit", number, token=room.author)
    assert (
        room.cli.ok("message", "reject", number, "--why", "a false report", token=room.approver)[
            "state"
        ]
        == "rejected"
    )
    assert room.cli("message", "submit", number, "--json", token=room.author).codes == [
        "state_conflict"
    ]


def test_hold_resume_and_cancel_say_what_they_did(room: Room):
    number = room.submitted()
    room.cli.approve(number, token=room.approver)
    assert room.cli.ok("message", "hold", number, token=room.other)["state"] == "held"
    assert room.cli.ok("message", "resume", number, token=room.other)["state"] == "approved"
    cancelled = room.cli.ok(
        "message", "cancel", number, "--why", "a false report", token=room.approver
    )
    assert (cancelled["state"], cancelled["handing_over"]) == ("cancelled", 0)
    assert cancelled["warnings"] == []  # nobody got it, so nobody read it in another language
    assert "<msgType>Cancel<" in room.cli.ok("cap", "export", number)["document"]


def test_a_correction_is_drafted_on_what_went_out(room: Room):
    number = room.submitted()
    room.cli.approve(number, token=room.approver)
    room.cli.ok("message", "cancel", number, "--why", "wrong street", token=room.approver)
    room.cli.file(
        "correction.yaml",
        "status: Actual\nnote: It is Vauxhall Bridge Road.\nlanguages:\n  en: {headline: Gas leak"
        " in Vauxhall Bridge Road}\n",
    )
    made = room.cli.ok("message", "correct", number, "correction.yaml", token=room.author)
    assert (made["id"], made["version"], made["kind"], made["state"]) == (
        number,
        2,
        "correction",
        "draft",
    )
    again = room.cli("message", "update", number, "correction.yaml", "--json", token=room.author)
    assert (again.code, again.codes) == (1, ["version_open"])
    edited = room.cli.ok("message", "edit", number, "correction.yaml", token=room.author)
    assert (edited["version"], edited["kind"]) == (2, "correction")


def test_a_text_comes_from_stdin_too(room: Room):
    ran = room.cli.apart("message", "draft", "-", "--json", token=room.author, stdin=TEXT)
    assert (ran.code, ran.json["state"]) == (0, "draft")


def test_a_message_that_is_not_there_is_refused_by_name(room: Room):
    for arguments in (["message", "show", 77], ["deliveries", 77], ["explain", 77, "p1"]):
        ran = room.cli(*arguments, "--json")
        assert (ran.code, ran.codes) == (1, ["message_unknown"])


def test_on_a_terminal_an_approval_wants_the_number_of_people_typed(room: Room):
    number = room.submitted()
    code, shown = _on_a_terminal(room, ["message", "approve", str(number)], "11\n")
    assert code == 1
    assert "Gas leak in Victoria Street" in shown
    # what arrives, word by word: what we add, and until when, too
    assert "en, text message, 1 part:" in shown
    assert "Until" in shown.partition("text message")[2].partition("mail:")[0]
    assert "Message code: " in shown
    more = "and up to 20 more who register meanwhile, by sms"
    assert f"to 12 people in Westminster (E09000033), {more}" in shown
    assert room.cli.ok("message", "show", number)["state"] == "pending_approval"
    assert _on_a_terminal(room, ["message", "approve", str(number)], "12\n")[0] == 0
    assert room.cli.ok("message", "show", number)["state"] == "approved"


def _on_a_terminal(room: Room, arguments: list[str], typed: str) -> tuple[int, str]:
    ours, theirs = pty.openpty()
    try:
        env = process_env(room.cli.environment(token=room.approver))
        with subprocess.Popen(
            [*ENTRY, *arguments],
            cwd=room.cli.folder,
            env=env,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        ) as process:
            os.write(ours, typed.encode())
            code = process.wait(60)
        time.sleep(0.05)
        return code, os.read(ours, 65536).decode()
    finally:
        os.close(ours)
        os.close(theirs)


def test_web_alone_is_published_and_the_approver_reads_that_nobody_is_sent_to(room: Room):
    room.cli.file("web.yaml", TEXT.replace("E09000033", "E09000001") + "channels: [sms, web]\n")
    number = room.cli.ok("message", "draft", "web.yaml", token=room.author)["id"]
    ran = room.cli("message", "submit", number, token=room.author)
    assert ran.code == 0, ran.err
    assert "nobody_there: nobody would be sent to: it would stand on the page" in ran.err
    code, said = _on_a_terminal(room, ["message", "approve", str(number)], "0\n")
    assert code == 0, said
    more = ", and up to 20 more who register meanwhile"
    assert f"This goes at once to 0 people by text, call or mail{more}; page and feeds" in said
    room.cli.file("web.yaml", TEXT + "channels: [web]\n")
    number = room.cli.ok("message", "draft", "web.yaml", token=room.author)["id"]
    seen = room.cli.ok("message", "submit", number, token=room.author)
    assert (seen["people"], seen["counts"]["suppressed"]) == (0, {"no_channel": 12})
    code, said = _on_a_terminal(room, ["message", "approve", str(number)], "0\n")
    assert code == 0, said
    assert "This goes at once to 0 people by text, call or mail; page and feeds" in said


def test_what_was_done_as_the_machines_administrator_is_on_record(room: Room):
    import sqlite3

    room.cli.ok("message", "list")
    with sqlite3.connect(room.cli.folder / ".fasttime" / "fasttime.db") as database:
        rows = database.execute(
            "SELECT actor, action FROM audit WHERE kind <> 'decision'"
        ).fetchall()
    database.close()
    assert {action for _, action in rows} >= {
        "areas.import",
        "subscribers.import",
        "operators.add",
        "message.list",
    }
    assert all(actor.startswith("machine:") for actor, _ in rows)
