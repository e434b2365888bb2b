"""What somebody sees who does not know the commands yet."""

from __future__ import annotations

import json

import pytest

from broadcast.drafts.json_schema import message_schema
from tests.console.cli import Cli


def test_the_version_and_the_short_help(cli: Cli) -> None:
    version = cli("--version")
    assert (version.code, version.out.split()[0]) == (0, "fasttime")
    assert cli("-h").out == cli("--help").out
    assert cli("message", "-h").out == cli("message", "--help").out


def test_help_is_whole_at_eighty_columns(cli: Cli) -> None:
    for words in ([], ["message"], ["subscribers"], ["level"]):
        said = cli(*words, "--help", COLUMNS="80").out
        assert not [line for line in said.splitlines()[1:] if line.endswith("...")]
        assert max(len(line) for line in said.splitlines()) <= 80


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
