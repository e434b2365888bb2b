"""fasttime doctor: what is wrong is named with how to mend it, and the exit code says how wrong."""

from __future__ import annotations

import socket
import socketserver
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest

from broadcast.problems import Problem
from console.doctor import Check, exit_code, failed, passed
from tests.console.cli import Cli

TWILIO = {
    "TWILIO_ACCOUNT_SID": "ACdede000000000000000000000000000000",
    "TWILIO_AUTH_TOKEN": "demonstration0000000000000000000",
    "TWILIO_FROM": "+447700900998",
}


@contextmanager
def a_server(answers: dict[bytes, bytes], *, greeting: bytes = b"") -> Iterator[int]:
    """Listen, greet, and answer each line that begins as a key does; give the port."""

    class Line(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(greeting)
            with suppress(ConnectionError):
                for line in self.rfile:
                    for start, answer in answers.items():
                        if line.startswith(start):
                            self.wfile.write(answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Line) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def a_dead_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def checks(ran) -> dict[str, dict[str, object]]:
    return {check["name"]: check for check in ran.json["checks"]}


def test_an_empty_folder_is_well_and_says_which_channels_are_off(cli: Cli):
    ran = cli("doctor", "--json")
    assert ran.code == 0
    assert all(set(check) >= {"name", "ok", "fix"} and check["ok"] for check in ran.json["checks"])
    assert "sms, voice, email" in str(checks(ran)["channels Actual"]["detail"])
    assert {
        "settings",
        "data_folder",
        "secret_key",
        "contact_keys",
        "database",
        "clock",
        "durability",
        "schema",
    } <= set(checks(ran))
    assert "not running" in str(checks(ran)["data_folder"]["detail"])


def test_a_wrong_setting_is_exit_2_and_the_answer_is_still_checks(cli: Cli):
    ran = cli("doctor", "--json", SHARD="2")
    assert (ran.code, ran.json["checks"][0]["ok"]) == (2, False)
    assert "FASTTIME_SHARDS" in ran.json["checks"][0]["fix"]
    half = {
        "TWILIO_ACCOUNT_SID": TWILIO["TWILIO_ACCOUNT_SID"],
        "TWILIO_API_BASE": f"http://127.0.0.1:{a_dead_port()}",
    }
    assert cli("doctor", "--json", **half).code == 2


def test_a_key_that_others_may_read_fails_with_the_line_to_type(cli: Cli):
    cli.ok("doctor")
    key = cli.folder / ".fasttime" / "secret_key"
    key.write_text("0" * 64)
    key.chmod(0o644)
    ran = cli("doctor", "--json")
    assert (ran.code, checks(ran)["secret_key"]["ok"]) == (1, False)
    assert str(checks(ran)["secret_key"]["fix"]).startswith("chmod 600 ")
    key.chmod(0o600)
    assert cli("doctor").code == 0


def test_whether_a_day_is_stated_after_which_backups_are_gone(cli: Cli):
    assert "FASTTIME_BACKUP_DAYS" in str(checks(cli("doctor", "--json"))["backups"])
    ran = cli("doctor", "--json", BACKUP_DAYS="35")
    assert "after 35 days" in str(checks(ran)["backups"])


def test_twilio_without_a_public_url_fails_and_its_base_is_reached(cli: Cli):
    with a_server({}) as port:
        ran = cli("doctor", "--json", **TWILIO, TWILIO_API_BASE=f"http://127.0.0.1:{port}")
        assert (ran.code, checks(ran)["public_url"]["ok"], checks(ran)["twilio"]["ok"]) == (
            1,
            False,
            True,
        )
        ran = cli(
            "doctor",
            "--json",
            **TWILIO,
            TWILIO_API_BASE=f"http://127.0.0.1:{port}",
            PUBLIC_URL="https://alerts.example.org",
        )
        assert ran.code == 0


@pytest.mark.parametrize(
    "settings, name",
    [
        (
            {"SMTP_URL": "smtp://127.0.0.1:{port}", "MAIL_FROM": "Police <alerts@example.org>"},
            "smtp",
        ),
        ({"REDIS_URL": "redis://127.0.0.1:{port}/0"}, "redis"),
        ({"SIMULATOR_SMTP": "smtp://127.0.0.1:{port}"}, "simulator_smtp"),
        ({"SIMULATOR_HTTP": "http://127.0.0.1:{port}"}, "simulator_http"),
    ],
)
def test_a_service_that_is_away_is_exit_69_and_named(cli: Cli, settings, name):
    port = a_dead_port()
    ran = cli("doctor", "--json", **{k: v.format(port=port) for k, v in settings.items()})
    assert ran.code == 69
    assert [check["name"] for check in ran.json["checks"] if not check["ok"]] == [name]
    assert f"127.0.0.1:{port}" in str(checks(ran)[name]["detail"])


def test_services_that_answer_are_well(cli: Cli):
    with (
        a_server({b"QUIT": b"221 bye\r\n"}, greeting=b"220 mail.example.org\r\n") as mail,
        a_server(
            {b"PING": b"+PONG\r\n", b"wrong": b"-WRONGPASS\r\n", b"right": b"+OK\r\n"}
        ) as cache,
    ):
        well = cli(
            "doctor",
            "--json",
            SMTP_URL=f"smtp://127.0.0.1:{mail}",
            MAIL_FROM="alerts@example.org",
            REDIS_URL=f"redis://:right@127.0.0.1:{cache}/0",
        )
        assert (well.code, checks(well)["smtp"]["ok"], checks(well)["redis"]["ok"]) == (
            0,
            True,
            True,
        )
        refused = cli("doctor", "--json", REDIS_URL=f"redis://:wrong@127.0.0.1:{cache}/0")
        assert (refused.code, checks(refused)["redis"]["ok"]) == (1, False)
        assert "wrong" not in refused.out


def test_a_mail_server_that_turns_us_away_is_away(cli: Cli):
    with a_server({}, greeting=b"421 too busy\r\n") as mail:
        ran = cli(
            "doctor", "--json", SMTP_URL=f"smtp://127.0.0.1:{mail}", MAIL_FROM="alerts@example.org"
        )
    assert ran.code == 69
    assert "421 too busy" in str(checks(ran)["smtp"]["detail"])


def test_a_wrong_setting_weighs_more_than_a_service_away_and_that_more_than_a_failed_check():
    away = failed("a", Problem(code="x", detail="", status=503))
    wrong, weak = Check(name="b", ok=False, exit_code=2), Check(name="c", ok=False)
    assert [
        exit_code(found) for found in ([passed("d")], [weak], [weak, away], [weak, away, wrong])
    ] == [0, 1, 69, 2]


@pytest.mark.postgres
def test_a_postgresql_without_fsync_fails_and_one_with_it_is_well(cli: Cli, postgres, postgres_url):
    ran = cli("doctor", "--json", DATABASE_URL=postgres_url)
    assert checks(ran)["database"]["ok"]
    assert checks(ran)["clock"]["ok"]
    assert checks(ran)["schema"]["ok"]
    assert checks(ran)["durability"]["detail"]
    assert ran.code == (0 if checks(ran)["durability"]["ok"] else 1)


@pytest.fixture
def dkim_keys(tmp_path: Path) -> str:
    for name, kind in (("ed", "ed25519"), ("rsa", "rsa")):
        file = tmp_path / f"{name}.pem"
        words = ["openssl", "genpkey", "-algorithm", kind, "-out", str(file)]
        subprocess.run(words, check=True, capture_output=True)
        file.chmod(0o600)
    return f"ed1:{tmp_path}/ed.pem,rsa1:{tmp_path}/rsa.pem"


def test_doctor_prints_the_record_of_each_key_that_signs(cli: Cli, dkim_keys: str):
    with a_server({b"QUIT": b"221 bye\r\n"}, greeting=b"220 there\r\n") as port:
        mail = {
            "SMTP_URL": f"smtp://127.0.0.1:{port}",
            "MAIL_FROM": "Police <alerts@police.example.org>",
        }
        signed = cli("doctor", "--json", DKIM_KEYS=dkim_keys, **mail)
        assert signed.code == 0
        found = checks(signed)
        ed = str(found["dkim ed1._domainkey.police.example.org"]["detail"])
        assert 'ed1._domainkey.police.example.org. TXT "v=DKIM1; k=ed25519; p=' in ed
        assert '"v=DKIM1; k=rsa; p=' in str(
            found["dkim rsa1._domainkey.police.example.org"]["detail"]
        )
        assert "alerts@police.example.org" in str(found["dkim Actual"]["detail"])

        foreign = cli(
            "doctor", "--json", DKIM_KEYS=dkim_keys, DKIM_DOMAIN="other.example.com", **mail
        )
        assert (foreign.code, checks(foreign)["dkim Actual"]["ok"]) == (1, False)
        assert "domain that signs" in str(checks(foreign)["dkim Actual"]["fix"])

        Path(dkim_keys.partition(",")[0].removeprefix("ed1:")).chmod(0o644)
        opened = cli("doctor", "--json", DKIM_KEYS=dkim_keys, **mail)
        check = checks(opened)["dkim ed1._domainkey.police.example.org"]
        assert (opened.code, check["ok"]) == (1, False)
        assert "chmod 600" in str(check["fix"])

        bare = cli("doctor", "--json", **mail)
        assert (bare.code, checks(bare)["dkim"]["ok"]) == (0, True)
        assert "unsigned" in str(checks(bare)["dkim"]["detail"])


def test_a_key_that_cannot_be_read_is_exit_2_and_names_the_file(cli: Cli, tmp_path: Path):
    ran = cli(
        "doctor",
        "--json",
        SMTP_URL=f"smtp://127.0.0.1:{a_dead_port()}",
        MAIL_FROM="alerts@police.example.org",
        DKIM_KEYS=f"ed1:{tmp_path}/absent.pem",
    )
    assert ran.code == 2
    assert "absent.pem" in str(checks(ran)["channels"]["detail"])
