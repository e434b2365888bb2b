"""No one's number, address, name or words in any log line: the whole job, with every way a
hand-over can end, then a scan.
"""

from __future__ import annotations

import json
import signal
import subprocess
import time
import urllib.request

from tests.console.cli import ENTRY, Cli, process_env

PEOPLE = 40
NAMES = [f"Wilhelmina{n}" for n in range(PEOPLE)]
CSV = "external_id,name,kind,mobile,email,area,channels\n" + "".join(
    f"p{n},{NAMES[n]},resident,07700"
    f" 900{n:03d},{('refuse' if n % 5 == 0 else 'drop-after-dot' if n % 7 == 0 else f'inbox{n}')}"
    f"@host{n}.example.org,E09000033,sms;email\n"
    for n in range(PEOPLE)
)
TEXT = """kind: incident
status: Actual
areas: [E09000033]
severity: Extreme
urgency: Immediate
languages:
  en: {headline: Zeppelin over Victoria Street, instruction: Look at the marmalade sky.}
"""


def test_a_whole_job_with_failures_doubts_and_stops_logs_nobody(cli: Cli) -> None:
    log = cli.folder / "up.log"
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
        control = {
            "lose_reply": 0.2,
            "error_after": 0.1,
            "error_before": 0.1,
            "numbers": {f"+447700900{n:03d}": "refuse 21610" for n in range(0, PEOPLE, 3)},
        }
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {where['token']}"}
        urllib.request.urlopen(
            urllib.request.Request(
                f"{where['http']}/control", json.dumps(control).encode(), headers
            ),
            timeout=10,
        ).close()
        cli.ok(
            "areas",
            "import",
            cli.file("areas.csv", "code,name\nE09000033,Westminster\n"),
            "--level",
            "borough",
        )
        cli.ok("subscribers", "import", cli.file("people.csv", CSV), "--basis", "consent")
        author, approver = cli.operator("Ann", "author"), cli.operator("Ben", "approver")
        with (
            log.open("w") as errors,
            subprocess.Popen(
                [*ENTRY, "up", "--port", "0"],
                cwd=cli.folder,
                env=process_env(cli.env),
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            ) as up,
        ):
            assert up.stdout is not None
            assert up.stdout.readline().startswith("http://127.0.0.1:")
            number = cli.ok("message", "draft", cli.file("text.yaml", TEXT), token=author)["id"]
            cli.ok("message", "submit", number, token=author)
            cli.approve(number, token=approver)
            until = time.monotonic() + 15
            while time.monotonic() < until:
                people = cli.ok("deliveries", number)["channels"]
                if sum(people["sms"].values()) == sum(
                    people["email"].values()
                ) == PEOPLE and not any(
                    people[c][line]
                    for c in ("sms", "email")
                    for line in ("waiting", "handing_over")
                ):
                    break
                time.sleep(0.5)
            up.send_signal(signal.SIGTERM)
            assert up.wait(20) == 0
        simulator.send_signal(signal.SIGTERM)
    lines = log.read_text().casefold()
    assert "person.failed" in lines
    assert "person.in_doubt" in lines
    assert "slice.done" in lines
    secret = [
        *NAMES,
        *(f"7700900{n:03d}" for n in range(PEOPLE)),
        *(f"host{n}.example.org" for n in range(PEOPLE)),
        "zeppelin",
        "marmalade",
        "demonstration000",
    ]
    assert [word for word in secret if word.casefold() in lines] == []
