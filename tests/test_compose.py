"""The compose file and the image name what the code has: its roles, its commands, its settings; and
nothing floats or runs as root.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from broadcast.events.topics import ROLES
from config.settings import NAMES, PREFIX

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
    compose_only = {"LISTEN"}  # where the web port is published: Docker reads it, not we
    assert names_in(path) - compose_only <= set(NAMES)


def test_all_our_processes_share_the_settings_that_must_be_equal() -> None:
    for service in ours.values():
        assert {
            PREFIX + name for name in ("DATABASE_URL", "KAFKA_BOOTSTRAP", "REDIS_URL", "SECRET_KEY")
        } <= set(service["environment"])
    assert len({str(service["environment"]) for service in ours.values()}) == 1


def test_the_settings_of_the_file_are_accepted_by_the_code() -> None:
    from config.settings import load

    given = {
        "POSTGRES_PASSWORD": "p4ss",
        "FASTTIME_SECRET_KEY": "0123456789abcdef" * 4,
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
