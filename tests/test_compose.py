"""The compose file and the image name what the code has: its roles, its commands, its settings; and
nothing floats or runs as root.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from broadcast.events.topics import ROLES
from config.settings import NAMES, PREFIX, load
from tests.console.cli import ENTRY, Cli, cli, process_env

__all__ = ["cli"]

ROOT = Path(__file__).parents[1]
INFRASTRUCTURE = {"kafka", "postgres", "redis"}
COMMANDS = {
    "migrate": ["migrate"],
    "web": ["web"],
    "relay": ["relay"],
    "simulator": ["simulator"],
    **{f"worker-{role}": ["worker", "--role", role] for role in ROLES},
}
VERSION = r"\d+\.\d+(\.\d+)?(-[a-z]+)*"

compose: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
services: dict[str, dict[str, Any]] = compose["services"]
ours = {name: service for name, service in services.items() if name not in INFRASTRUCTURE}


def names_in(path: str) -> set[str]:
    return set(re.findall(rf"\b{PREFIX}([A-Z_]+)\b", (ROOT / path).read_text(encoding="utf-8")))


def test_there_is_one_service_per_program_and_one_worker_per_role() -> None:
    assert set(services) == INFRASTRUCTURE | set(COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_service_runs_its_command(name: str) -> None:
    assert services[name]["command"][: len(COMMANDS[name])] == COMMANDS[name]


@pytest.mark.parametrize("path", ["docker-compose.yml", ".env.example", "Dockerfile"])
def test_every_setting_named_is_one_that_the_code_reads(path: str) -> None:
    assert names_in(path) <= set(NAMES)


def test_whatever_compose_reads_from_the_env_file_may_stand_there() -> None:
    """All processes are given the whole `.env`: a name that only compose reads must not stop
    them.
    """
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    read = set(re.findall(rf"\$\{{({PREFIX}[A-Z_]+)", text))
    assert "FASTTIME_LISTEN" in read
    values = {
        "FASTTIME_LISTEN": "0.0.0.0",
        "FASTTIME_CONTACT_KEYS": "fedcba9876543210" * 4,
        "FASTTIME_PUBLIC_URL": "http://localhost:8000",
        "FASTTIME_SECRET_KEY": "0123456789abcdef" * 4,
        "FASTTIME_LOG_FORMAT": "json",
    }
    load({name: values.get(name, "1") for name in read})


WORKERS = sorted(set(ours) - {"migrate", "web", "simulator"})


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_is_asked_itself_whether_it_is_well(name: str) -> None:
    port = services[name]["environment"]["FASTTIME_METRICS_LISTEN"].rpartition(":")[2]
    assert f"http://127.0.0.1:{port}/healthz" in " ".join(services[name]["healthcheck"]["test"])
    assert "doctor" not in services[name]["healthcheck"]["test"]


def health_check(port: int) -> int:
    """Run the health check of the file as Docker does, at another port; return its exit code."""
    _, program, *arguments = services["worker-urgent"]["healthcheck"]["test"]
    assert program == "python"
    told = [argument.replace(":9464/", f":{port}/") for argument in arguments]
    return subprocess.run(
        [sys.executable, *told], capture_output=True, timeout=30, check=False
    ).returncode


def test_the_health_check_sees_an_engine_that_hangs_and_forgives_a_mail_server_that_is_away(
    cli: Cli,
) -> None:
    port = free_ports(2)
    cli.env = {
        "FASTTIME_METRICS_LISTEN": f"127.0.0.1:{port}",
        "FASTTIME_SMTP_URL": "smtp://127.0.0.1:9",
        "FASTTIME_MAIL_FROM": "Police <alerts@example.org>",
    }
    log = cli.folder / "log"
    with (
        log.open("wb") as told,
        subprocess.Popen(
            [*ENTRY, "up", "--port", "0"],
            cwd=cli.folder,
            env=process_env(cli.environment()),
            stdout=subprocess.DEVNULL,
            stderr=told,
        ) as running,
    ):
        try:
            until = time.monotonic() + 60
            while health_check(port) or health_check(port + 1):
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.2)
            started = [json.loads(line) for line in log.read_text().splitlines()]
            engine = next(
                line["pid"]
                for line in started
                if (line["event"], line.get("child")) == ("up.child_started", "engine")
            )
            os.kill(engine, signal.SIGSTOP)
            try:
                assert health_check(port + 1) != 0
                assert health_check(port) == 0
            finally:
                os.kill(engine, signal.SIGCONT)
        finally:
            running.terminate()
            running.wait(20)


def free_ports(count: int) -> int:
    """Return the first of so many free ports that follow one another."""
    while True:
        with contextlib.ExitStack() as held:
            first = held.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
            try:
                for n in range(1, count):
                    held.enter_context(socket.create_server(("127.0.0.1", first + n)))
            except OSError:
                continue
            return int(first)


def test_areas_and_people_are_loaded_as_the_how_to_says(cli: Cli) -> None:
    """The lines of docs/how-to.md, with `docker compose run … web` as this program and
    /import as the folder that they mount.
    """
    text = (ROOT / "docs/how-to.md").read_text(encoding="utf-8")
    lines = re.findall(r"^docker compose run (.*?) web (.* import .*)$", text, re.MULTILINE)
    assert len(lines) == 4
    (cli.folder / "import").mkdir()
    files = {
        "boroughs.csv": "code,name\nE09000033,Westminster\n",
        "people.csv": (
            "external_id,name,kind,mobile,language,area,channels\n"
            "p1,Ann Example,resident,07700900001,en,E09000033,sms\n"
        ),
    }
    for name, content in files.items():
        cli.file(name, content)
        cli.file(f"import/{name}", content)
    for options, words in lines:
        arguments, _, given = words.partition(" < ")
        mounted = "-v ./import:/import:ro" in options
        assert mounted != bool(given), "stdin without a terminal, or a mounted folder"
        assert given == "" or "-T" in options
        typed = [
            word.replace("/import", str(cli.folder / "import")) for word in shlex.split(arguments)
        ]
        stdin = (cli.folder / given).read_text(encoding="utf-8") if given else ""
        ran = cli.apart(*typed, stdin=stdin) if given else cli(*typed)
        assert ran.code == 0, ran.err
    assert [area["code"] for area in cli.ok("areas", "list")] == ["E09000033"]
    assert cli.ok("subscribers", "show", "p1")["name"] == "Ann Example"


def test_all_our_processes_share_the_settings_that_must_be_equal() -> None:
    for service in ours.values():
        assert {
            PREFIX + name
            for name in (
                "DATABASE_URL",
                "KAFKA_BOOTSTRAP",
                "REDIS_URL",
                "SECRET_KEY",
                "CONTACT_KEYS",
            )
        } <= set(service["environment"])
    assert len({str(service["environment"]) for service in ours.values()}) == 1


def test_the_settings_of_the_file_are_accepted_by_the_code() -> None:
    given = {
        "POSTGRES_PASSWORD": "p4ss",
        "FASTTIME_SECRET_KEY": "0123456789abcdef" * 4,
        "FASTTIME_CONTACT_KEYS": "fedcba9876543210" * 4,
        "FASTTIME_PUBLIC_URL": "http://localhost:8000",
    }

    def filled(value: object) -> str:
        return re.sub(
            r"\$\{(\w+):([-?])([^}]*)\}",
            lambda m: given.get(m[1], m[3] if m[2] == "-" else ""),
            str(value),
        )

    settings = load({name: filled(value) for name, value in services["web"]["environment"].items()})
    assert (settings.embedded, settings.kafka_bootstrap, settings.database_url) == (
        False,
        "kafka:9092",
        "postgresql://fasttime:p4ss@postgres:5432/fasttime",
    )


@pytest.mark.parametrize("name", sorted(services))
def test_an_image_is_named_by_its_full_version(name: str) -> None:
    image, _, tag = services[name]["image"].rpartition(":")
    assert re.fullmatch(VERSION, tag)
    assert "." not in image.partition("/")[0], "no registry host: whoever runs it chooses"


def test_our_image_carries_our_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "version"
    ]
    assert {service["image"] for service in ours.values()} == {f"fasttime:{version}"}


@pytest.mark.parametrize("name", sorted(set(services) - {"migrate"}))
def test_a_service_says_whether_it_is_well_and_comes_back(name: str) -> None:
    assert services[name]["healthcheck"]["test"][0] == "CMD"
    assert services[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", sorted(set(ours) - {"migrate", "simulator"}))
def test_our_processes_start_after_the_schema_and_the_topics_are_there(name: str) -> None:
    waits = services[name]["depends_on"]
    assert waits["migrate"] == {"condition": "service_completed_successfully"}
    assert all(waits[each] == {"condition": "service_healthy"} for each in INFRASTRUCTURE)
    assert services[name]["stop_grace_period"] == "15s"


def test_the_simulator_runs_only_when_asked_for() -> None:
    assert [name for name, service in services.items() if "profiles" in service] == ["simulator"]


def test_no_secret_stands_in_the_file() -> None:
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|TOKEN", name):
                assert str(value).startswith("${")
                assert ":?" in str(value)


def test_the_image_is_pinned_and_does_not_run_as_root() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert (
        re.findall(r"^FROM .*?(\S+:\S+)", text, re.MULTILINE)
        == ["python:3.12.12-slim-bookworm"] * 2
    )
    assert "--require-hashes" in text
    assert re.findall(r"^USER (\S+)", text, re.MULTILINE) == ["10001:10001"]


def test_the_image_holds_every_package_of_the_wheel() -> None:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
        "hatch"
    ]["build"]["targets"]["wheel"]["packages"]
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert re.findall(r"^COPY (\w+) \1$", text, re.MULTILINE) == packages
    assert set(packages) <= {
        line.strip("!/")
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    }
