"""Nobody controls the simulator without its token, and it calls nobody but the installation."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from structlog.testing import capture_logs

from channels.simulator import Simulator, SimulatorSettings, run_simulator
from channels.simulator.door import Door

TOKEN = "t0ken-of-the-handsets"
MESSAGES = "/2010-04-01/Accounts/AC1/Messages.json"
CALLS = "/2010-04-01/Accounts/AC1/Calls.json"
CONTROLS = (
    ("GET", "/control"),
    ("POST", "/control"),
    ("POST", "/control/inbound"),
    ("POST", "/control/press"),
    ("POST", "/control/nothing"),
)


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    made = await run_simulator(settings=SimulatorSettings(callback_delay=0.01), token=TOKEN)
    yield made
    await made.close()


async def ask(
    simulator: Simulator, method: str, path: str, body: bytes = b"{}", **headers: str
) -> tuple[int, str]:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    url = simulator.http_url + path
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, url, data=body if method == "POST" else None, headers=given) as answer,
    ):
        told = await answer.json(content_type=None) if "json" in answer.content_type else {}
        return answer.status, str(told.get("code", ""))


@pytest.mark.parametrize(("method", "path"), CONTROLS)
async def test_a_control_wants_the_token_json_and_no_page_of_a_browser(
    simulator: Simulator, method: str, path: str
) -> None:
    kind, good = "application/json", f"Bearer {TOKEN}"
    before = simulator.settings
    body = b'{"lose_reply": 1, "from": "+447700900123", "body": "STOP", "to": "x", "digits": "1"}'
    missing = await ask(simulator, method, path, body, Content_Type=kind)
    assert missing == (401, "token_missing")
    wrong = await ask(simulator, method, path, body, Content_Type=kind, Authorization="Bearer x")
    assert wrong == (401, "token_invalid")
    for origin in ("https://evil.example", "null", simulator.http_url):
        page = {"Content_Type": kind, "Authorization": good, "Origin": origin}
        assert await ask(simulator, method, path, body, **page) == (403, "origin_foreign")
    if method == "POST":
        for other in ("text/plain", "application/x-www-form-urlencoded"):
            told = await ask(simulator, method, path, body, Content_Type=other, Authorization=good)
            assert told == (415, "media_type")
    assert simulator.settings == before


async def test_with_the_token_the_controls_work(simulator: Simulator) -> None:
    good = {"Content_Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
    assert (await ask(simulator, "POST", "/control", b'{"pace": 3}', **good))[0] == 200
    assert simulator.settings.pace == 3
    assert (await ask(simulator, "GET", "/control", b"", **good))[0] == 200


async def test_the_ledger_is_open_to_programs_of_this_machine_only(simulator: Simulator) -> None:
    assert (await ask(simulator, "GET", "/ledger"))[0] == 200
    rebound = await ask(simulator, "GET", "/ledger", Host="evil.example:8010")
    assert rebound == (401, "token_missing")
    page = await ask(simulator, "GET", "/ledger", Origin="https://evil.example")
    assert page == (403, "origin_foreign")
    with_token = {"Host": "simulator:8010", "Authorization": f"Bearer {TOKEN}"}
    assert (await ask(simulator, "GET", "/ledger", b"", **with_token))[0] == 200


@pytest.mark.parametrize(
    ("base", "url", "refused"),
    [
        ("", "http://127.0.0.1:8000/hooks/twilio/inbound", ""),
        ("", "http://[::1]:8000/hooks/twilio/inbound", ""),
        ("", "http://localhost/x", ""),
        ("", "http://169.254.169.254/latest/meta-data", "169.254.169.254"),
        ("", "http://127.0.0.1.evil.example/", "127.0.0.1.evil.example"),
        ("", "http://127.0.0.1@evil.example/", "evil.example"),
        ("", "http://10.0.0.5:5432/", "10.0.0.5"),
        ("", "http://2130706433/", "2130706433"),
        ("", "file:///etc/passwd", "an address that is none"),
        ("", "http://127.0.0.1:99999/", "an address that is none"),
        ("http://web:8000", "http://web:8000/hooks/twilio/inbound", ""),
        ("http://web:8000", "http://web:8001/hooks", "web"),
        ("http://web:8000", "https://web:8000/hooks", "web"),
        ("http://web:8000", "http://127.0.0.1:8000/hooks", "127.0.0.1"),
        ("https://a.example", "https://a.example:443/hooks", ""),
        ("https://a.example/alerts", "https://a.example/alerts/hooks", ""),
        ("https://a.example/alerts", "https://a.example/alerts/../admin", "a.example"),
        ("https://a.example/alerts", "https://a.example/admin", "a.example"),
    ],
)
def test_callbacks_go_to_the_base_and_nowhere_else(base: str, url: str, refused: str) -> None:
    assert Door(token=TOKEN, callback_base=base).refused_host(url) == refused


async def test_a_message_whose_callback_goes_elsewhere_is_refused_by_name(
    simulator: Simulator,
) -> None:
    text = b"To=%2B447700900123&From=%2B1500&Body=x&StatusCallback=http%3A%2F%2Fevil.example%2Fx"
    call = b"To=%2B447700900123&From=%2B1500&Url=http%3A%2F%2F10.0.0.5%2Fx"
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    with capture_logs() as logs:
        assert await ask(simulator, "POST", MESSAGES, text, **form) == (400, "21609")
        assert await ask(simulator, "POST", CALLS, call, **form) == (400, "21205")
    hosts = [entry["host"] for entry in logs if entry["event"] == "simulator.callback_refused"]
    assert hosts == ["evil.example", "10.0.0.5"]
    assert [entry.taken for entry in (*simulator.ledger.sms, *simulator.ledger.calls)] == [
        False
    ] * 2


async def test_a_reply_is_not_sent_to_an_address_of_the_asker_s(simulator: Simulator) -> None:
    simulator.control(account="AC1", token="a" * 32)
    good = {"Content_Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
    body = b'{"from": "+447700900123", "body": "STOP", "url": "http://evil.example/hook"}'
    told = await ask(simulator, "POST", "/control/inbound", body, **good)
    assert told == (422, "callback_foreign")
