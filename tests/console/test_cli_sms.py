"""fasttime sms segments."""

from __future__ import annotations

import pytest

from tests.console.cli import Cli
from tests.sms_vectors import sms_vectors
from tests.sources import EITHER

ALSO = [
    ("", "GSM-7", 1, 0),
    ("-x", "GSM-7", 1, 2),
    ("--what", "GSM-7", 1, 6),
    ("a\nb", "GSM-7", 1, 3),
    ("€", "GSM-7", 1, 2),
    ("\ufeffa", "UCS-2", 1, 2),
]


@pytest.mark.parametrize("text, encoding, segments, units", ALSO)
def test_a_text_is_counted_as_it_is(cli: Cli, text, encoding, segments, units):
    counted = cli.ok("sms", "segments", text)
    assert (counted["encoding"], counted["segments"], counted["units"]) == (
        encoding,
        segments,
        units,
    )


@pytest.mark.parametrize("source", EITHER)
def test_the_vectors_are_counted_alike_as_argument_and_as_file(cli: Cli, source):
    vectors = sms_vectors(source)
    assert len(vectors) > 5
    for vector in vectors:
        wanted = {name: vector[name] for name in ("encoding", "segments")}
        for counted in (
            cli.ok("sms", "segments", vector["body"]),
            cli.ok("sms", "segments", "--file", cli.file("text.txt", vector["body"])),
        ):
            assert {name: counted[name] for name in wanted} == wanted, vector["name"]


@pytest.mark.parametrize(
    "data, units, segments", [(b"\xef\xbb\xbfhello", 6, 1), (b"a\r\nb\n", 5, 1), (b"", 0, 1)]
)
def test_no_byte_order_mark_and_no_newline_of_a_file_is_stripped(cli: Cli, data, units, segments):
    counted = cli.ok("sms", "segments", "--file", cli.file("text.txt", data))
    assert (counted["units"], counted["segments"]) == (units, segments)


@pytest.mark.parametrize(
    "arguments, code",
    [
        (["--file", "latin1.txt"], "bad_encoding"),
        (["--file", "missing.txt"], "file_unreadable"),
        ([], "text_missing"),
        (["text", "--file", "latin1.txt"], "text_missing"),
    ],
)
def test_what_cannot_be_counted_is_exit_2(cli: Cli, arguments, code):
    cli.file("latin1.txt", b"caf\xe9")
    ran = cli("sms", "segments", *arguments, "--json")
    assert (ran.code, ran.codes) == (2, [code])


def test_it_needs_no_folder_and_makes_none(cli: Cli):
    cli.ok("sms", "segments", "hello")
    assert list(cli.folder.iterdir()) == []


def test_half_a_character_is_counted_and_shown_as_a_replacement(cli: Cli):
    assert cli.ok("sms", "segments", "a\udcff")["costly"] == [{"char": "\ufffd", "position": 1}]
