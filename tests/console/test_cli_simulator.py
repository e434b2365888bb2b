"""fasttime simulator: addresses first, a clean end."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import urllib.request

from tests.console.cli import ENTRY, Cli, process_env


def test_free_ports_are_printed_first_and_sigterm_ends_it_clean(cli: Cli):
    with subprocess.Popen(
        [*ENTRY, "simulator", "--http", "0", "--smtp", "0", "--json"],
        cwd=cli.folder,
        env=process_env({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        where = json.loads(running.stdout.readline())
        with urllib.request.urlopen(where["http"] + "/ledger", timeout=10) as answer:
            assert set(json.load(answer)) == {"sms", "calls", "mails"}
        host, _, port = where["smtp"].removeprefix("smtp://").rpartition(":")
        with socket.create_connection((host, int(port)), 10) as line:
            assert line.recv(100).startswith(b"220")
        running.send_signal(signal.SIGTERM)
        assert running.wait(20) == 0


def test_a_port_that_is_taken_is_exit_69(cli: Cli):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = cli.apart("simulator", "--http", taken.getsockname()[1], "--smtp", 0, "--json")
    assert (ran.code, ran.codes) == (69, ["port_in_use"])
