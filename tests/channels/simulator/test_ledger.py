"""The simulator's ledger, and the controls that change what it does."""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from broadcast.problems import Rejected
from channels.contract import Refused
from channels.email import EmailChannel
from channels.simulator import Simulator, SimulatorSettings, run_simulator
from channels.twilio.settings import SmsSettings, VoiceSettings
from channels.twilio.sms import SmsChannel
from channels.twilio.voice import VoiceChannel
from tests.channels.messages import CALL, MAIL, a_delivery, an_attempt
from tests.channels.simulator.rig import ACCOUNT, TOKEN, Hooks


async def test_the_ledger_outlives_the_simulator(tmp_path: Path, hooks: Hooks) -> None:
    path = tmp_path / "ledger.jsonl"
    for run in range(2):
        simulator = await run_simulator(
            settings=SimulatorSettings(press=1.0, callback_delay=0.01), ledger_path=path
        )
        settings: dict[str, Any] = {
            "account": ACCOUNT,
            "token": TOKEN,
            "sender": "+15005550006",
            "api_base": simulator.http_url,
            "public_url": hooks.url,
        }
        sms, voice = SmsChannel(SmsSettings(**settings)), VoiceChannel(VoiceSettings(**settings))
        await sms.send(a_delivery(number=run), timeout=5)
        await voice.send(a_delivery("+442079460123", number=10 + run, rendered=CALL), timeout=5)
        with pytest.raises(Refused):
            await sms.send(a_delivery("+15005550004", number=20 + run), timeout=5)
        await simulator.settled()
        before = json.loads(simulator.ledger.to_json())
        await sms.close()
        await voice.close()
        await simulator.close()
        with path.open("ab") as file:
            file.write(b'{"kind": "sms", "to": "+44')  # killed in the middle of a line
            file.write(b"\n")
    again = await run_simulator(ledger_path=path)
    assert json.loads(again.ledger.to_json()) == before
    assert [len(before["sms"]), len(before["calls"])] == [4, 2]
    assert {entry["keys"] for entry in before["calls"]} == {"1"}
    await again.close()


async def test_the_ledger_is_served_whole_and_summed_up(
    simulator: Simulator, sms: SmsChannel, mail: EmailChannel, http: aiohttp.ClientSession
) -> None:
    await sms.send(a_delivery(), timeout=5)
    await sms.send(a_delivery(), timeout=5)  # the same attempt twice: what must never happen shows
    await mail.send(a_delivery("ada@example.org", number=1, rendered=MAIL), timeout=5)
    async with http.get(f"{simulator.http_url}/ledger") as answer:
        ledger = await answer.json()
    assert [len(ledger[kind]) for kind in ("sms", "calls", "mails")] == [2, 0, 1]
    first = ledger["sms"][0]
    assert {name: first[name] for name in ("to", "attempt", "outcome", "taken")} == {
        "to": "+447700900123",
        "attempt": an_attempt(),
        "outcome": "taken",
        "taken": True,
    }
    assert datetime.fromisoformat(first["at"]).tzinfo is not None
    async with http.get(f"{simulator.http_url}/ledger?summary=1") as answer:
        summary = await answer.json()
    assert summary["sms"] == {
        "entries": 2,
        "taken": 2,
        "people": 1,
        "outcomes": {"taken": 2},
        "attempts_twice": 1,
        "bodies_twice": 1,
    }


async def test_serving_entries_costs_what_their_number_costs(
    simulator: Simulator, http: aiohttp.ClientSession
) -> None:
    from channels.simulator import Entry

    def add(numbers: range) -> None:
        for number in numbers:
            entry = Entry(
                to=f"+999{number:09}",
                attempt=an_attempt(number),
                body="The same words for all.",
                at=1.8e9,
                outcome="taken",
                taken=True,
                sid=f"SM{number:032}",
            )
            simulator.ledger.add("sms", entry)

    async def cost(count: int) -> float:
        """Seconds of this process, which is simulator and client, so load beside it is not seen."""
        began = time.process_time()
        async with http.get(f"{simulator.http_url}/ledger") as answer:
            assert len((await answer.json())["sms"]) == count
        return time.process_time() - began

    add(range(10_000))
    few = await cost(10_000)
    add(range(10_000, 100_000))
    assert await cost(100_000) < 30 * few  # ten times the entries; squared it would be a hundred


CONTROLS: list[tuple[dict[str, Any], str]] = [
    ({"lose_replies": 0.1}, "lose_replies"),
    ({"lose_reply": 1.5}, "lose_reply"),
    ({"lose_reply": -0.1}, "lose_reply"),
    ({"lose_reply": "0.1"}, "lose_reply"),
    ({"lose_reply": True}, "lose_reply"),
    ({"lose_reply": 0.6, "slow": 0.6}, ""),
    ({"pace": -1}, "pace"),
    ({"seed": 1.5}, "seed"),
    ({"callbacks": 1}, "callbacks"),
    ({"callback_workers": 0}, "callback_workers"),
    ({"numbers": {"+44": "explode"}}, "numbers"),
    ({"numbers": ["+44"]}, "numbers"),
    ({"inbound_url": 7}, "inbound_url"),
]


@pytest.mark.parametrize(("changes", "wrong"), CONTROLS)
async def test_an_impossible_control_is_refused_by_name_and_changes_nothing(
    simulator: Simulator, http: aiohttp.ClientSession, changes: dict[str, Any], wrong: str
) -> None:
    before = simulator.settings
    async with http.post(
        f"{simulator.http_url}/control", json={**changes, "latency": 0.5}
    ) as answer:
        assert answer.status == 422
        assert (await answer.json())["field"] == wrong
    assert simulator.settings == before
    with pytest.raises(Rejected):
        SimulatorSettings().changed(changes)


@pytest.mark.parametrize("body", [b"[]", b"{", b"7", b"\xff"])
async def test_a_control_that_is_no_object_is_refused(
    simulator: Simulator, http: aiohttp.ClientSession, body: bytes
) -> None:
    async with http.post(
        f"{simulator.http_url}/control", data=body, headers={"Content-Type": "application/json"}
    ) as answer:
        assert answer.status == 400


async def test_controls_are_shown_without_the_token(
    simulator: Simulator, http: aiohttp.ClientSession
) -> None:
    simulator.control(token="5ca1ab1e", pace=3.5)
    async with http.get(f"{simulator.http_url}/control") as answer:
        text = await answer.text()
    assert '"pace": 3.5' in text
    assert "5ca1ab1e" not in text


async def test_a_port_that_is_taken_is_said_and_nothing_stays_open(simulator: Simulator) -> None:
    with pytest.raises(OSError, match="address already in use"):
        await run_simulator(http_port=int(simulator.http_url.rpartition(":")[2]))
