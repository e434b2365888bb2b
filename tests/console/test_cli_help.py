"""What somebody sees who does not know the commands yet."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from broadcast.drafts.json_schema import message_schema
from console.cli import build
from tests.console.cli import ENTRY, Cli, process_env


def test_the_version_and_the_short_help(cli: Cli) -> None:
    version = cli("--version")
    assert (version.code, version.out.split()[0]) == (0, "fasttime")
    assert cli("-h").out == cli("--help").out
    assert cli("message", "-h").out == cli("message", "--help").out


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["send"], "fasttime message draft"),
        (["mesage"], "fasttime message`"),
        (["message", "aprove"], "fasttime message approve`"),
        (["Message"], "fasttime message`"),
    ],
)
def test_a_word_that_is_no_command_names_the_one_that_is_meant(
    cli: Cli, typed: list[str], meant: str
) -> None:
    ran = cli(*typed)
    assert ran.code == 2
    assert "there is no command" in ran.err
    assert meant in ran.err


def test_the_schema_of_a_message_file_is_printed(cli: Cli) -> None:
    ran = cli("message", "schema")
    assert ran.code == 0
    assert json.loads(ran.out) == message_schema()


def every_command() -> Iterator[list[str]]:
    """Yield the words of every command and group of commands."""

    def below(command: Any, words: list[str]) -> Iterator[list[str]]:
        yield words
        for name, under in getattr(command, "commands", {}).items():
            yield from below(under, [*words, name])

    return below(typer.main.get_command(build()), [])


def test_every_help_text_is_whole_at_eighty_columns(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    found = list(every_command())
    assert ["message", "approve"] in found
    for words in found:
        said = cli(*words, "--help").out.splitlines()
        assert said, words
        assert max(len(line) for line in said) <= 80, words
        assert not [line for line in said[1:] if line.endswith(("...", "…"))], words


def test_colours_are_for_a_terminal_that_has_some_and_nobody_else(cli: Cli) -> None:
    command = [*ENTRY, "message", "show", "9"]
    ours = process_env(cli.environment())
    for more, coloured in (({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False)):
        main_end, their_end = os.openpty()
        with subprocess.Popen(
            command, cwd=cli.folder, env={**ours, "NO_COLOR": "", **more}, stderr=their_end
        ):
            os.close(their_end)
            said = b""
            with contextlib.suppress(OSError):  # EIO: the other end is closed
                while piece := os.read(main_end, 4096):
                    said += piece
            os.close(main_end)
        assert b"message_unknown" in said
        assert (b"\x1b[31m" in said) is coloured
    assert "\x1b" not in cli.apart("message", "show", "9", TERM="xterm").err


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("fasttime mess", {"message"}),
        ("fasttime message a", {"approve", "all-clear"}),
        ("fasttime message show --js", {"--json"}),
    ],
)
def test_a_shell_is_offered_what_can_follow(cli: Cli, typed: str, offered: set[str]) -> None:
    ours = process_env(cli.environment())
    asked = {"COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    for how, more in (("complete", asked), ("source", {})):
        said = subprocess.run(
            ENTRY,
            env={**ours, "_FASTTIME_COMPLETE": f"{how}_bash", **more},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        if how == "complete":
            assert set(said.split()) == offered
        else:  # what turns completion on in the shell that is named
            assert "_FASTTIME_COMPLETE=complete_bash" in said


def test_a_hyphen_is_stdin_or_stdout_for_every_file(cli: Cli) -> None:
    given = {
        ("areas", "import", "-", "--level", "borough"): "code,name\nE09000033,Westminster\n",
        ("areas", "locate", "--file", "-"): "lat,lon\n51.5,-0.1\n",
        ("subscribers", "import", "-", "--basis", "x"): "external_id,mobile\na,07700900001\n",
        ("level", "import", "-"): "date,scale,level,note\n2006-08-01,international,SEVERE,x\n",
        ("sms", "segments", "--file", "-"): "hello",
        ("cap", "validate", "-"): "<alert/>",
        ("groups", "import", "-"): "kind,name\nsector,retail\n",
        ("organisations", "import", "-"): "external_id,name,trade,size\no-1,The Bell,I,7\n",
        ("subscribers", "erase-again", "-"): "",
    }
    for words, text in given.items():
        ran = cli.apart(*words, "--json", stdin=text)
        assert ran.code in (0, 1), (words, ran.err)
        assert "problems" not in ran.json, (words, ran.out)
    refused = cli.apart("cap", "import", "-", "--json", stdin="<alert/>")
    assert (refused.code, "file_" in refused.out) == (1, False), refused.out
    assert cli("subscribers", "export", "-o", "-").out.splitlines()[1].startswith("a,")
    cli.ok("subscribers", "erase", "a", "--why", "asked")
    marks = cli("subscribers", "erased", "-o", "-")
    cli("subscribers", "erased", "-o", "marks")
    assert marks.out == (cli.folder / "marks").read_text() != ""
    assert not (cli.folder / "-").exists()


NO_HYPHEN = {
    "registry keygen": "a private key goes into a new file of its owner's, and nowhere else",
}
ELSEWHERE = {
    *(f"message {act}" for act in ("draft", "edit", "update", "correct", "all-clear")),
    *("answers list", "answers read", "deliveries", "areas postcodes"),
    *("registry export", "registry import"),
}
"""Tested where these commands are."""


def test_no_command_takes_a_file_that_nobody_decided_about() -> None:
    found = set()
    root = typer.main.get_command(build())
    for words in every_command():
        command: Any = root
        for word in words:
            command = command.commands[word]
        if any("FILE" in (parameter.metavar or "") for parameter in command.params):
            found.add(" ".join(words))
    tested = {"areas import", "subscribers import", "level import", "cap validate", "cap import"}
    tested |= {"groups import", "organisations import", "subscribers erase-again"}
    tested |= {"subscribers erased"}
    assert found == tested | ELSEWHERE | set(NO_HYPHEN)
