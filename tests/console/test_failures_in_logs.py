"""A log line names type and place of what went wrong: an exception's words may be a person's."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from broadcast import failures
from config import logging as logs
from config.settings import LEVELS
from service.loops.turns import Turns
from tests.console.site import Site, open_site

pytestmark = pytest.mark.usefixtures("logging_as_it_was")

ADDRESS, NUMBER, WORDS = "ada.lovelace@example.org", "+447700900123", "I saw him by the bridge"
SECRETS = ("ada.lovelace", "7700900123", "by the bridge")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as running:
        yield running


def fails(words: str) -> None:
    try:
        raise ValueError(f"no such person: {NUMBER}")
    except ValueError as error:
        raise LookupError(f"{ADDRESS} wrote {words}") from error


def leaked(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


@pytest.mark.parametrize("form", ["json", "console"])
async def test_a_route_that_fails_on_what_somebody_wrote_logs_where_and_not_what(
    site: Site, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    async def broken(_token: str) -> None:
        fails(WORDS)

    logs.configure(form, level=LEVELS["debug"])
    site.context.actor = broken  # type: ignore[assignment, method-assign]
    answer = await site.get("/api/v1/messages")
    said = capsys.readouterr().err
    assert (answer.status, answer.code) == (500, "internal")
    assert leaked(said + answer.body.decode()) == []
    assert "web.failed" in said
    assert "LookupError; ValueError" in said
    assert "console/test_failures_in_logs.py" in said
    assert answer.headers["X-Request-Id"] in said
    if form == "json":
        (line,) = (
            one for one in map(json.loads, said.splitlines()) if one["event"] == "web.failed"
        )
        assert line["at"][-1].endswith(" fails")
        assert (line["method"], line["route"]) == ("GET", "/messages")


@pytest.mark.parametrize("form", ["json", "console"])
async def test_neither_a_library_nor_a_forgotten_task_nor_a_loop_logs_the_words(
    capsys: pytest.CaptureFixture[str], form: str
) -> None:
    async def step() -> None:
        fails(WORDS)

    logs.configure(form)
    try:
        fails(WORDS)
    except LookupError as error:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
        structlog.get_logger("x").exception("x.failed")
        task: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task.set_exception(error)
        asyncio.get_running_loop().call_exception_handler(
            {"message": "Task exception was never retrieved", "exception": error, "future": task}
        )
        task.exception()
    await Turns().guarded(step)
    said = capsys.readouterr().err
    assert leaked(said) == []
    for event in (
        "Exception in ASGI application",
        "x.failed",
        "Task exception was never retrieved",
        "step.failed",
    ):
        assert event in said
    assert said.count("LookupError; ValueError") == 4


def test_a_group_is_told_by_the_types_of_its_members() -> None:
    group = ExceptionGroup(WORDS, [ValueError(ADDRESS), KeyError(NUMBER)])
    assert failures.told(group) == {"error": "ExceptionGroup[ValueError, KeyError]", "at": []}
