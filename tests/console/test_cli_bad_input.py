"""Bad input at the command line and in settings: refused by name, with its exit code."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
import time

import pytest

from tests.console.cli import REPOSITORY, Cli, Ran, lines, process_env

ACCOUNT = "ACdede000000000000000000000000000000"
TWILIO = {"FASTTIME_TWILIO_ACCOUNT_SID": ACCOUNT, "FASTTIME_TWILIO_FROM": "+447700900998"}
TOKEN = {"FASTTIME_TWILIO_AUTH_TOKEN": "demonstration0000000000000000000"}
KEY = {
    "FASTTIME_SECRET_KEY": "0123456789abcdef0123456789abcdef",
    "FASTTIME_CONTACT_KEYS": "0123456789abcdef" * 4,
}

SETTINGS = [
    ("94 no token", ["areas", "list"], TWILIO, 2, "FASTTIME_TWILIO_AUTH_TOKEN"),
    (
        "94 the token of an example",
        ["areas", "list"],
        {**TWILIO, "FASTTIME_TWILIO_AUTH_TOKEN": "changeme"},
        2,
        "FASTTIME_TWILIO_AUTH_TOKEN",
    ),
    (
        "94 up does not start with it",
        ["up", "--port", "0"],
        {**TWILIO, "FASTTIME_TWILIO_AUTH_TOKEN": "changeme"},
        2,
        "FASTTIME_TWILIO_AUTH_TOKEN",
    ),
    (
        "95 half a pair",
        ["areas", "list"],
        {**TOKEN, "FASTTIME_TWILIO_FROM": "+447700900998"},
        2,
        "FASTTIME_TWILIO_ACCOUNT_SID",
    ),
    (
        "95 an account without a sender",
        ["areas", "list"],
        {**TOKEN, "FASTTIME_TWILIO_ACCOUNT_SID": ACCOUNT},
        2,
        "FASTTIME_TWILIO_FROM",
    ),
    (
        "95 a mail server without an address",
        ["areas", "list"],
        {"FASTTIME_SMTP_URL": "smtp://127.0.0.1:2525"},
        2,
        "FASTTIME_MAIL_FROM",
    ),
    (
        "96 an unknown setting",
        ["areas", "list"],
        {"FASTTIME_TWILLIO_FROM": "x"},
        2,
        "did you mean FASTTIME_TWILIO_FROM?",
    ),
    (
        "96 an unknown setting, up",
        ["up", "--port", "0"],
        {"FASTTIME_KAFKA_BOOTSTRAPS": "x"},
        2,
        "did you mean FASTTIME_KAFKA_BOOTSTRAP?",
    ),
    ("a number that is none", ["areas", "list"], {"FASTTIME_SHARDS": "four"}, 2, "FASTTIME_SHARDS"),
    (
        "a database of another kind",
        ["areas", "list"],
        {"FASTTIME_DATABASE_URL": "mysql://localhost/x"},
        2,
        "FASTTIME_DATABASE_URL",
    ),
    (
        "a cluster without a key",
        ["areas", "list"],
        {"FASTTIME_KAFKA_BOOTSTRAP": "127.0.0.1:1"},
        2,
        "FASTTIME_SECRET_KEY",
    ),
    (
        "a key out of an example",
        ["areas", "list"],
        {"FASTTIME_SECRET_KEY": "changeme-changeme"},
        2,
        "FASTTIME_SECRET_KEY",
    ),
    (
        "98 a database that is away",
        ["areas", "list"],
        {"FASTTIME_DATABASE_URL": "postgresql://u:p@127.0.0.1:9/x"},
        69,
        "127.0.0.1:9",
    ),
    (
        "98 a database that is away, up",
        ["up", "--port", "0"],
        {"FASTTIME_DATABASE_URL": "postgresql://u:p@127.0.0.1:9/x"},
        69,
        "127.0.0.1:9",
    ),
    (
        "a folder that cannot be",
        ["areas", "list"],
        {"FASTTIME_DATA": "/dev/null/x"},
        2,
        "FASTTIME_DATA",
    ),
    ("103 no checks", ["areas", "list"], {"PYTHONOPTIMIZE": "1"}, 2, "python_optimised"),
    ("105 replay never sends", ["replay", "--send"], {}, 2, "No such option: --send"),
    ("no token", ["message", "approve", "1"], {}, 2, "FASTTIME_TOKEN"),
    (
        "a token of nobody",
        ["message", "approve", "1"],
        {"FASTTIME_TOKEN": "ft_x"},
        2,
        "FASTTIME_TOKEN",
    ),
    (
        "an up in a cluster",
        ["up", "--port", "0"],
        {
            **KEY,
            "FASTTIME_KAFKA_BOOTSTRAP": "127.0.0.1:1",
            "FASTTIME_DATABASE_URL": "postgresql://u:p@127.0.0.1:9/x",
        },
        2,
        "fasttime web",
    ),
    ("a worker of no role", ["worker", "--role", "sms"], {}, 2, "match, urgent, routine, log"),
]


@pytest.mark.parametrize(
    "arguments, settings, code, words",
    [case[1:] for case in SETTINGS],
    ids=[case[0] for case in SETTINGS],
)
def test_a_wrong_setting_is_refused_by_its_name_and_nothing_starts(
    cli: Cli, arguments, settings, code, words
):
    ran = _apart(cli, arguments, settings)
    assert (ran.code, ran.out) == (code, "")
    assert words in ran.err
    assert "Traceback" not in ran.err
    assert all(len(line) < 400 for line in lines(ran.err))


def _apart(cli: Cli, arguments, settings):
    done = subprocess.run(
        [sys.executable, "-m", "console.cli", *arguments],
        cwd=cli.folder,
        env={**process_env({}), **settings},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    "text, code",
    [
        # 97: YAML's no is false, not Norway
        (
            (
                "kind: incident\nstatus: Actual\nareas: [E09000033]\nlanguages:\n  no: {headline:"
                " Hei}\n"
            ),
            "field_type",
        ),
        # 97: octal, or nine hundred
        (
            (
                "kind: incident\nstatus: Actual\nareas: [E09000033]\nlanguages:\n  en: {headline:"
                " Call}\nhotlines: [0900]\n"
            ),
            "field_type",
        ),
        (
            "kind: incident\nstatus: no\nareas: [E09000033]\nlanguages:\n  en: {headline: x}\n",
            "field_type",
        ),
        (
            "kind: incident\nstats: Actual\nareas: [E09000033]\nlanguages:\n  en: {headline: x}\n",
            "field_unknown",
        ),
        ("{", "yaml_invalid"),
    ],
)
def test_a_draft_with_a_trap_of_yaml_is_refused_with_its_line(cli: Cli, text, code):
    author = cli.operator("Ann", "author")
    ran = cli("message", "draft", cli.file("m.yaml", text), "--json", token=author)
    assert ran.code == 2
    assert code in ran.codes
    assert "m.yaml:" in ran.err


@pytest.mark.parametrize(
    "name, code", [("m.txt", "file_type"), ("missing.yaml", "file_unreadable")]
)
def test_a_file_that_is_no_draft_is_exit_2(cli: Cli, name, code):
    cli.file("m.txt", "kind: incident")
    ran = cli("message", "draft", name, "--json", token=cli.operator("Ann", "author"))
    assert (ran.code, ran.codes) == (2, [code])


def test_a_broker_that_is_away_is_named_within_ten_seconds_and_exit_69(cli: Cli):
    with socket.socket() as silent:  # takes the connection and says nothing: the worst of brokers
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        settings = {
            **KEY,
            "FASTTIME_KAFKA_BOOTSTRAP": f"127.0.0.1:{port}",
            "FASTTIME_DATABASE_URL": "postgresql://u:p@127.0.0.1:9/x",
        }
        began = time.monotonic()
        ran = _apart(cli, ["doctor", "--json"], settings)
        took = time.monotonic() - began
    assert ran.code == 69
    away = {check["name"]: check for check in ran.json["checks"] if not check["ok"]}
    assert set(away) >= {"kafka", "database"}
    assert f"127.0.0.1:{port}" in away["kafka"]["detail"]
    assert took < 20


def test_a_schema_newer_than_this_version_is_exit_2(cli: Cli):
    cli.ok("areas", "list")
    with sqlite3.connect(cli.folder / ".fasttime" / "fasttime.db") as database:
        database.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    database.close()
    ran = cli("areas", "list", "--json")
    assert (ran.code, ran.codes) == (2, ["schema_newer"])


def test_a_file_that_is_no_database_is_exit_2(cli: Cli):
    (cli.folder / ".fasttime").mkdir()
    (cli.folder / ".fasttime" / "fasttime.db").write_bytes(b"not a database at all" * 500)
    ran = cli("areas", "list", "--json")
    assert (ran.code, ran.codes) == (2, ["database_unusable"])


def test_off_a_terminal_nothing_asks(cli: Cli):
    cli.operator("Ann", "author")
    ran = cli.apart("operators", "disable", "Ann", stdin="no\n")
    assert (ran.code, "Type" in ran.err) == (0, False)


def test_a_wrong_env_file_is_named_with_its_line(cli: Cli):
    cli.file(".env", "FASTTIME_SHARDS=2\nnonsense\n")
    ran = cli("areas", "list", "--json")
    assert (ran.code, ran.codes) == (2, ["env_file"])
    assert ".env:2" in ran.err


def test_the_entry_point_of_the_package_is_this_command_line():
    assert 'fasttime = "console.cli:main"' in (REPOSITORY / "pyproject.toml").read_text(
        encoding="utf-8"
    )
