"""Rules of the OWASP ASVS that hold everywhere in the program, so that one test each holds them."""

from __future__ import annotations

import ast
import json
import logging
import re
import tomllib
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from config.logging import configure
from console.server.edge import STAY_ENCRYPTED
from tests.console.site import Site, open_site
from tests.console.visitor import HERE, Visitor

ROOT = Path(__file__).parents[2]
PACKAGES = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"][
    "build"
]["targets"]["wheel"]["packages"]

EVALUATING = {"eval", "exec", "compile", "__import__"}
SHELLS = {"os.system", "os.popen", "subprocess.getoutput", "asyncio.create_subprocess_shell"}
UNSAFE = {"yaml.load", "yaml.unsafe_load", "pickle.loads", "pickle.load", "marshal.loads"}
TEMPLATES = {"jinja2.Template", "string.Template"}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path, FASTTIME_PUBLIC_URL=HERE) as running:
        yield running


def name_of(node: ast.expr) -> str:
    """Return "a.b" for what is called."""
    if isinstance(node, ast.Attribute):
        return f"{name_of(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def dangers(source: str) -> Iterator[str]:
    """Yield each call that would take text for a program, a command, a template or an object."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = name_of(node.func)
        shell = any(
            k.arg == "shell" and not (isinstance(k.value, ast.Constant) and k.value.value is False)
            for k in node.keywords
        )
        if (
            name in EVALUATING | SHELLS | UNSAFE
            or shell
            or name in TEMPLATES
            or name.endswith(".from_string")
        ):
            yield f"line {node.lineno}: {name}"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("eval(text)", "eval"),
        ("subprocess.run(line, shell=True)", "subprocess.run"),
        ("os.system(line)", "os.system"),
        ("yaml.load(text)", "yaml.load"),
        ("environment.from_string(text)", "environment.from_string"),
        ("jinja2.Template(text)", "jinja2.Template"),
        ("pickle.loads(data)", "pickle.loads"),
    ],
)
def test_what_would_run_a_strangers_text_is_seen(source: str, told: str) -> None:
    assert list(dangers(source)) == [f"line 1: {told}"]


def test_no_text_is_taken_for_a_program_a_command_or_a_template() -> None:
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    assert len(files) > 100
    # the pool's pipes carry objects between a parent and the worker that it started itself
    allowed = {
        ("console/server/pool.py", "pickle.load"),
        ("console/server/pool.py", "pickle.loads"),
    }
    found = [
        (path.relative_to(ROOT).as_posix(), told)
        for path in files
        for told in dangers(path.read_text(encoding="utf-8"))
    ]
    assert [
        (path, told) for path, told in found if (path, told.rpartition(" ")[2]) not in allowed
    ] == []


async def test_trace_does_nothing_on_any_kind_of_page(site: Site) -> None:
    for path in ("/", "/api/v1/messages", "/room", "/hooks/twilio/inbound", "/healthz"):
        answer = await site.call("TRACE", path, headers={"Cookie": "a=b"})
        assert answer.status == 405, path
        assert "a=b" not in answer.body.decode()


async def test_no_page_of_another_origin_may_read_or_ask(site: Site) -> None:
    foreign = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    for path in ("/", "/api/v1/messages", "/api/v1/threat-levels", "/room", "/feed.atom"):
        for method in ("GET", "OPTIONS"):
            answer = await site.call(method, path, headers=foreign)
            assert not [
                name for name in answer.headers if name.lower().startswith("access-control")
            ]


async def test_over_tls_a_browser_is_told_to_come_back_over_tls_alone(
    site: Site, tmp_path: Path
) -> None:
    name, value = (part.decode() for part in STAY_ENCRYPTED)
    assert name not in {found.lower() for found in (await site.get("/")).headers}
    async with open_site(tmp_path / "tls", FASTTIME_PUBLIC_URL="https://warn.example") as tls:
        for path in ("/", "/api/v1/messages", "/room/sign-in", "/nothing/here"):
            assert (await tls.get(path)).headers[name] == value, path


async def test_who_is_not_let_in_is_logged_without_what_they_showed(site: Site) -> None:
    wrong = "ft_" + "wrongtoken" * 4
    visitor = Visitor(site)
    with capture_logs() as lines:
        await site.get("/api/v1/messages", headers={"Authorization": f"Bearer {wrong}"})
        await visitor.ask("POST", "/room/sign-in", {"token": wrong})
        await visitor.ask("POST", "/room/invitation/" + wrong)
    told = [(line["way"], line["code"]) for line in lines if line["event"] == "web.entry_refused"]
    assert told == [
        ("token", "token_invalid"),
        ("sign-in", "token_invalid"),
        ("invitation", "invitation_used"),
    ]
    assert wrong not in str(lines)


def test_a_line_of_the_log_is_one_line_of_json_with_its_time_in_utc_on_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = structlog.get_config(), logging.getLogger().handlers[:], logging.getLogger().level
    try:
        configure("json")
        structlog.get_logger("web").warning("web.failed", route="/a\nfake line\r\n\u2028{}")
    finally:
        structlog.configure(**before[0])
        logging.getLogger().handlers[:], root = before[1], logging.getLogger()
        root.setLevel(before[2])
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    line = json.loads(err)
    assert line["route"] == "/a\nfake line\r\n\u2028{}"
    moment = datetime.fromisoformat(line["timestamp"])
    assert moment.utcoffset() is not None
    assert not moment.utcoffset()


def test_the_image_holds_the_program_alone() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert ignored.count("*") == 1
    taken = {line[1:].strip("/") for line in ignored if line.startswith("!")}
    assert taken == {*PACKAGES, "pyproject.toml", "requirements.lock", "README.md", "LICENSE"}
    steps = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert not re.search(r"^COPY \.|requirements-dev|\.git", steps, re.MULTILINE)
    assert re.search(r"^USER 10001:10001$", steps, re.MULTILINE)
