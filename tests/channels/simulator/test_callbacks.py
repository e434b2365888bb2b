"""What the simulator calls back, of texts and of calls; what people do of their own accord."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from channels.contract import Refused
from channels.simulator import Simulator
from channels.simulator.postman import retry_rule
from channels.twilio.settings import VoiceSettings
from channels.twilio.sms import SmsChannel
from channels.twilio.voice import VoiceChannel
from tests.channels.messages import CALL, a_delivery, an_attempt
from tests.channels.simulator.rig import ACCOUNT, TOKEN, Hooks


async def test_a_text_is_sent_then_delivered_and_every_callback_is_signed(
    simulator: Simulator, sms: SmsChannel, hooks: Hooks
) -> None:
    accepted = await sms.send(a_delivery(), timeout=5)
    assert await simulator.settled()
    assert hooks.states(an_attempt()) == ["sent", "delivered"]
    assert hooks.forged == []
    assert {params["MessageSid"] for _, params in hooks.got} == {accepted.provider_id}
    (record,) = await sms.look_up("+447700900123", datetime.now(UTC) - timedelta(minutes=1)) or []
    assert record.state == "delivered"


async def test_an_undelivered_text_says_why(
    simulator: Simulator, sms: SmsChannel, hooks: Hooks
) -> None:
    simulator.control(
        numbers={"+447700900123": "undelivered 30005", "+447700900124": "refuse 21610"}
    )
    await sms.send(a_delivery(), timeout=5)
    with pytest.raises(Refused, match="21610"):
        await sms.send(a_delivery("+447700900124", number=1), timeout=5)
    await simulator.settled()
    assert hooks.states(an_attempt()) == ["sent", "undelivered"]
    assert hooks.got[-1][1]["ErrorCode"] == "30005"


async def test_callbacks_come_doubled_swapped_and_late_but_none_is_missing(
    simulator: Simulator, sms: SmsChannel, hooks: Hooks
) -> None:
    simulator.control(callback_twice=0.3, callback_swap=0.3, callback_late=0.2, late_seconds=0.1)
    await asyncio.gather(*(sms.send(a_delivery(number=number), timeout=5) for number in range(60)))
    assert await simulator.settled()
    seen = [hooks.states(an_attempt(number)) for number in range(60)]
    assert all(set(states) == {"sent", "delivered"} for states in seen)
    assert any(len(states) > 2 for states in seen)
    assert any(states[0] == "delivered" for states in seen)
    assert hooks.forged == []


async def test_a_callback_answered_by_503_comes_again(
    simulator: Simulator, sms: SmsChannel, hooks: Hooks
) -> None:
    hooks.status = 503
    await sms.send(a_delivery(), timeout=5)
    while not hooks.got:
        await asyncio.sleep(0.005)
    hooks.status = 200
    assert await simulator.settled()
    assert Counter(hooks.states(an_attempt()))["delivered"] >= 1
    assert len(hooks.got) > 2


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://h/x", (1, {"ct"})),
        ("http://h/x#rc=5&rp=all", (5, {"4xx", "5xx", "ct", "rt"})),
        ("http://h/x#rp=5xx,ct&rc=2", (2, {"5xx", "ct"})),
        ("http://h/x#rc=99", (5, {"ct"})),
        ("http://h/x#rc=0&rp=all", (0, {"4xx", "5xx", "ct", "rt"})),
    ],
)
def test_the_fragment_asks_for_retries(url: str, rule: tuple[int, set[str]]) -> None:
    assert retry_rule(url) == (rule[0], frozenset(rule[1]))


async def test_no_callbacks_where_told_but_the_list_goes_on(
    simulator: Simulator, sms: SmsChannel, hooks: Hooks
) -> None:
    simulator.control(callbacks=False)
    await sms.send(a_delivery(), timeout=5)
    await simulator.settled()
    assert hooks.got == []
    (record,) = await sms.look_up("+447700900123", datetime.now(UTC) - timedelta(minutes=1)) or []
    assert record.state == "delivered"


async def test_a_call_rings_reads_the_message_and_takes_a_key(
    simulator: Simulator, voice: VoiceChannel, hooks: Hooks
) -> None:
    simulator.control(press=1.0, digit="1")
    await voice.send(a_delivery("+442079460123", rendered=CALL), timeout=5)
    assert await simulator.settled()
    assert sorted(hooks.states(an_attempt())) == [
        "completed",
        "in-progress",
        "initiated",
        "ringing",
    ]
    keys = [params for path, params in hooks.got if path.endswith("/key")]
    assert [params["Digits"] for params in keys] == ["1"]
    (entry,) = simulator.ledger.calls
    assert (entry.body, entry.keys, entry.attempt) == ("The road is closed.", "1", an_attempt())
    assert hooks.forged == []


@pytest.mark.parametrize("fate", ["busy", "no-answer"])
async def test_a_call_that_nobody_takes_ends_so_and_fetches_nothing(
    simulator: Simulator, voice: VoiceChannel, hooks: Hooks, fate: str
) -> None:
    simulator.control(numbers={"+442079460123": fate})
    await voice.send(a_delivery("+442079460123", rendered=CALL), timeout=5)
    await simulator.settled()
    assert hooks.states(an_attempt())[-1] == fate
    assert not [path for path, _ in hooks.got if "/voice/" in path]


async def test_words_sent_along_are_read_without_asking_us(
    simulator: Simulator, hooks: Hooks
) -> None:
    channel = VoiceChannel(
        VoiceSettings(
            account=ACCOUNT, token=TOKEN, sender="+15005550006", api_base=simulator.http_url
        )
    )
    await channel.send(a_delivery("+442079460123", rendered=CALL), timeout=5)
    await simulator.settled()
    await channel.close()
    assert CALL.body in simulator.ledger.calls[0].body
    assert hooks.got == []


async def test_stop_and_key_presses_are_replayed_on_demand(
    simulator: Simulator,
    sms: SmsChannel,
    voice: VoiceChannel,
    hooks: Hooks,
    http: aiohttp.ClientSession,
) -> None:
    async with http.post(
        f"{simulator.http_url}/control/inbound", json={"from": "+447700900123", "body": "STOP"}
    ) as answer:
        assert answer.status == 409  # nobody knows yet where to
    await sms.send(a_delivery(), timeout=5)
    async with http.post(
        f"{simulator.http_url}/control/inbound",
        json={"from": "+447700900123", "body": "STOP", "to": "+15005550006"},
    ) as answer:
        assert await answer.json() == {"status": 200, "body": "<Response/>"}
    path, params = next((path, params) for path, params in hooks.got if path.endswith("/inbound"))
    assert path == "/hooks/twilio/inbound"
    assert (params["From"], params["To"], params["Body"], params["AccountSid"]) == (
        "+447700900123",
        "+15005550006",
        "STOP",
        ACCOUNT,
    )
    async with http.post(
        f"{simulator.http_url}/control/press", json={"to": "+442079460123", "digits": "2"}
    ) as answer:
        assert answer.status == 404
    await voice.send(a_delivery("+442079460123", number=1, rendered=CALL), timeout=5)
    await simulator.settled()
    async with http.post(
        f"{simulator.http_url}/control/press", json={"to": "+442079460123", "digits": "2"}
    ) as answer:
        assert answer.status == 200
    assert hooks.got[-1][1]["Digits"] == "2"
    assert hooks.forged == []
