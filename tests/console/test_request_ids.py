"""Every request has an id: in its answer, and in every log line that it causes."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from broadcast.problems import Rejected
from config import logging as logs
from config.settings import LEVELS, load
from tests.console.site import Site, open_site


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as running:
        yield running


@pytest.mark.usefixtures("logging_as_it_was")
async def test_the_lines_of_a_request_carry_the_id_of_its_answer(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(_token: str) -> None:
        raise ZeroDivisionError

    logs.configure("json", level=LEVELS["debug"])
    known = await site.get("/healthz", role=None, headers={"X-Request-Id": "proxy-0123456789.a_b"})
    site.context.actor = broken  # type: ignore[assignment, method-assign]
    failed = await site.get("/api/v1/messages")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    found = {(line["event"], line["request_id"]) for line in lines if "request_id" in line}
    assert known.headers["X-Request-Id"] == "proxy-0123456789.a_b"
    assert failed.status == 500
    made = failed.headers["X-Request-Id"]
    assert found >= {
        ("web.answered", "proxy-0123456789.a_b"),
        ("web.failed", made),
        ("web.answered", made),
    }
    answered = next(line for line in lines if line["event"] == "web.answered")
    assert (answered["method"], answered["route"], answered["status"]) == ("GET", "/healthz", 200)


@pytest.mark.parametrize("given", ["short", "a" * 65, "two words here", "{inject: 12345}", "é" * 9])
async def test_an_id_that_could_not_stand_in_a_log_is_replaced(site: Site, given: str) -> None:
    answers = [
        await site.get("/healthz", role=None, headers={"X-Request-Id": given}) for _ in range(2)
    ]
    ids = [answer.headers.getall("X-Request-Id") for answer in answers]
    assert all(len(each) == 1 and each[0] != given and len(each[0]) == 16 for each in ids)
    assert ids[0] != ids[1]


async def test_what_the_edge_refuses_itself_has_an_id_too(site: Site) -> None:
    refused = await site.call("POST", "/u/x", role=None, data=b"x" * 20_000)
    assert refused.status == 413
    assert refused.headers["X-Request-Id"]


@pytest.mark.usefixtures("logging_as_it_was")
def test_the_level_of_the_log_is_a_setting(capsys: pytest.CaptureFixture[str]) -> None:
    for name, told in (("debug", 4), ("", 3), ("warning", 2), ("error", 1)):
        settings = load({"FASTTIME_LOG_LEVEL": name} if name else {})
        logs.configure(settings.log_format, level=settings.log_level)
        log = structlog.get_logger("test")
        for say in (log.debug, log.info, log.warning, log.error):
            say("one.line")
        assert len(capsys.readouterr().err.splitlines()) == told
    with pytest.raises(Rejected) as wrong:
        load({"FASTTIME_LOG_LEVEL": "loud"})
    assert wrong.value.problems[0].field == "FASTTIME_LOG_LEVEL"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("logging_as_it_was")
@pytest.mark.parametrize(
    ("where", "no_colour", "begins"),
    [(_Terminal, "", "\x1b["), (_Terminal, "1", "20"), (io.StringIO, "", "{")],
)
def test_a_person_at_a_terminal_reads_lines_and_a_program_json(
    where: type[io.StringIO], no_colour: str, begins: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", no_colour)
    with contextlib.redirect_stderr(where()) as told:
        logs.configure("auto")
        structlog.get_logger("test").info("process.stopping", role="web")
    assert told.getvalue().startswith(begins)
    assert ("\x1b" in told.getvalue()) is (begins == "\x1b[")
    assert "process.stopping" in told.getvalue()
