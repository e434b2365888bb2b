from __future__ import annotations

import asyncio
import csv
import json
from datetime import UTC, datetime, timedelta

import pytest

from channels.contract import Accepted, ChannelError, InDoubt, Refused, Unavailable
from channels.twilio.client import (
    check_reachable,
    is_drama_number,
    kind_of,
    on_loopback,
    provider_code,
)
from channels.twilio.errors import ERROR_CODES
from channels.twilio.settings import SmsSettings
from channels.twilio.sms import SmsChannel
from tests.channels.messages import a_delivery
from tests.channels.provider import RESET, SILENCE, Provider, a_provider, http
from tests.sources import OWN

SID = "SM" + "0" * 32


def refusal(code: int, status: int = 400) -> str:
    return json.dumps(
        {
            "code": code,
            "message": "words of theirs",
            "more_info": "https://example.org",
            "status": status,
        }
    )


def a_channel(provider: Provider) -> SmsChannel:
    return SmsChannel(
        SmsSettings(
            account="AC" + "0" * 32,
            token="a token",
            sender="+442079460000",
            api_base=provider.url,
            concurrency=4,
        )
    )


# label, the provider's answer, what it means: Accepted, or the error and its code
ANSWERS = [
    ("taken", http(201, json.dumps({"sid": SID})), Accepted, SID),
    ("taken, as 200", http(200, json.dumps({"sid": SID})), Accepted, SID),
    ("a success that is no JSON", http(201, "<html>ok</html>"), InDoubt, "answer_unreadable"),
    ("a success without an id", http(201, "{}"), InDoubt, "answer_unreadable"),
    ("a success without a body", http(201), InDoubt, "answer_unreadable"),
    ("a success that is a list", http(201, "[]"), InDoubt, "answer_unreadable"),
    ("a success whose id is a number", http(201, '{"sid": 7}'), InDoubt, "answer_unreadable"),
    (
        "a success whose id is a list",
        http(201, json.dumps({"sid": [SID]})),
        InDoubt,
        "answer_unreadable",
    ),
    ("a moved address", http(307, "", Location="{here}/elsewhere"), InDoubt, "http_307"),
    ("a moved address, old style", http(302, "", Location="{here}/elsewhere"), InDoubt, "http_302"),
    ("not modified", http(304), InDoubt, "http_304"),
    ("invalid number", http(400, refusal(21211)), Refused, "21211"),
    ("opted out", http(400, refusal(21610)), Refused, "21610"),
    ("a code nobody knows", http(400, refusal(29999)), Refused, "29999"),
    (
        "a code in the newer form",
        http(400, json.dumps({"type": "t", "title": "t", "status": 400, "code": 21614})),
        Refused,
        "21614",
    ),
    ("forbidden, with the provider's code", http(403, refusal(20103)), Refused, "20103"),
    ("a refusal without the provider's code", http(400, '{"message": "bad"}'), InDoubt, "http_400"),
    ("a proxy's refusal", http(403, '{"code": 403}'), InDoubt, "http_403"),
    ("a proxy's page", http(400, "<html>bad</html>"), InDoubt, "http_400"),
    ("a code that is true", http(400, '{"code": true}'), InDoubt, "http_400"),
    ("too late", http(408, refusal(21211)), InDoubt, "http_408"),
    ("too early", http(425, refusal(21211)), InDoubt, "http_425"),
    ("went away", http(499, refusal(21211)), InDoubt, "http_499"),
    ("wrong token", http(401, refusal(20003)), Unavailable, "20003"),
    ("wrong account", http(404, refusal(20404)), Unavailable, "20404"),
    ("wrong sender", http(400, refusal(21606)), Unavailable, "21606"),
    ("too many requests", http(429, refusal(20429), Retry_After="7"), Unavailable, "20429"),
    ("too many requests, said by a proxy", http(429), Unavailable, "429"),
    ("the sender's queue is full", http(429, refusal(21611)), Unavailable, "21611"),
    ("broken", http(500, refusal(20500)), InDoubt, "http_500"),
    ("broken behind a proxy", http(502, "<html>"), InDoubt, "http_502"),
    ("unavailable", http(503, refusal(20503)), InDoubt, "http_503"),
    ("a reset", RESET, InDoubt, "no_answer"),
    (
        "a body cut short",
        b"HTTP/1.1 201 So\r\nContent-Length: 500\r\nConnection: close\r\n\r\n{",
        InDoubt,
        "no_answer",
    ),
    ("no HTTP", b"220 hello\r\nConnection: close\r\n\r\n", InDoubt, "no_answer"),
    ("silence", SILENCE, InDoubt, "no_answer"),
]


@pytest.mark.parametrize(
    ("answer", "kind", "code"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS]
)
async def test_each_answer_is_sure_or_in_doubt_and_asked_for_once(
    answer: bytes, kind: type, code: str
) -> None:
    async with a_provider(answer) as provider:
        channel = a_channel(provider)
        if kind is Accepted:
            assert await channel.send(a_delivery(), timeout=5) == Accepted(provider_id=code)
        else:
            with pytest.raises(ChannelError) as error:
                await channel.send(a_delivery(), timeout=0.4 if answer == SILENCE else 5)
            assert (type(error.value), error.value.code) == (kind, code)
            assert "447700900123" not in str(error.value)
        await channel.close()
    assert len(provider.requests) == 1  # no redirect followed, nothing posted again


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("1e9", 3600.0),
        ("nan", 1.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 1.0),
    ],
)
async def test_429_says_when_to_come_back(header: str, seconds: float) -> None:
    async with a_provider(http(429, refusal(20429), Retry_After=header)) as provider:
        channel = a_channel(provider)
        with pytest.raises(Unavailable) as error:
            await channel.send(a_delivery(), timeout=5)
        await channel.close()
    assert error.value.retry_after == seconds


async def test_a_wrong_token_pauses_the_channel_and_names_the_setting() -> None:
    async with a_provider(http(401, refusal(20003, 401))) as provider:
        channel = a_channel(provider)
        with pytest.raises(Unavailable, match="FASTTIME_TWILIO_AUTH_TOKEN") as error:
            await channel.send(a_delivery(), timeout=5)
        await channel.close()
    assert error.value.retry_after >= 30


async def test_a_connection_is_used_again_and_a_dropped_one_is_not_tried_twice() -> None:
    async with a_provider(http(201, json.dumps({"sid": SID}))) as provider:
        channel = a_channel(provider)
        for _ in range(5):
            await channel.send(a_delivery(), timeout=5)
        assert provider.connections == 1
        provider.answer = RESET
        with pytest.raises(InDoubt):
            await channel.send(a_delivery(), timeout=5)
        assert len(provider.requests) == 6
        await channel.close()


async def test_a_port_where_nobody_listens_is_surely_not_sent() -> None:
    async with a_provider(b"") as provider:
        pass
    channel = a_channel(provider)
    with pytest.raises(Unavailable) as error:
        await channel.send(a_delivery(), timeout=2)
    assert error.value.code == "no_connection"
    await channel.close()


async def test_no_more_connections_than_agreed() -> None:
    async with a_provider(SILENCE) as provider:
        channel = a_channel(provider)
        tries = [
            asyncio.create_task(channel.send(a_delivery(number=n), timeout=0.5)) for n in range(10)
        ]
        await asyncio.sleep(0.2)
        assert provider.connections == 4
        ends = await asyncio.gather(*tries, return_exceptions=True)
        await channel.close()
    # four were written and may have been taken; the others waited for a free connection and surely
    # were not
    assert sorted(type(end).__name__ for end in ends) == ["InDoubt"] * 4 + ["Unavailable"] * 6


async def test_a_list_that_cannot_be_read_may_be_asked_for_again() -> None:
    for answer in (http(500, refusal(20500)), http(401, refusal(20003)), RESET):
        async with a_provider(answer) as provider:
            channel = a_channel(provider)
            with pytest.raises(Unavailable):
                await channel.look_up("+447700900123", datetime.now(UTC) - timedelta(minutes=1))
            await channel.close()


def test_the_table_of_codes_agrees_with_the_collected_facts() -> None:
    with (OWN / "twilio" / "error_codes.csv").open(newline="") as file:
        rows = {row["code"]: row["class"] for row in csv.DictReader(file)}
    asked = {"config", "permanent", "transient"}
    # 21408, 21608 and 21215 concern one number's country or one number: the others may be sent to
    # meanwhile
    other = {
        code: kind_of(code)
        for code, kind in rows.items()
        if kind in asked and kind_of(code) != kind
    }
    assert other == {"21408": "permanent", "21215": "permanent", "21608": "permanent"}
    # ours to mend, and never an answer to a hand-over
    assert set(rows) - set(ERROR_CODES) == {
        "11200",
        "12100",
    }


def test_drama_numbers_are_ofcoms_and_no_others() -> None:
    with (OWN / "phone" / "drama_ranges.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            first, last = int(row["from_e164"]), int(row["to_e164"])
            assert last - first == 999
            assert all(is_drama_number(f"+{number}") for number in range(first, last + 1))
            assert not is_drama_number(f"+{first - 1}")
            assert not is_drama_number(f"+{last + 1}")
            assert not is_drama_number(f"+{first}0")


REACH = [
    ("+447700900123", "", False),
    ("+447700900123", "http://simulator:8080", True),
    ("+447911123456", "", True),
    ("+999000000001", "", False),
    ("+999000000001", "http://simulator:8080", False),
    ("+999000000001", "http://127.0.0.1:8080", True),
    ("+999000000001", "http://[::1]:8080", True),
    ("+999000000001", "http://localhost:8080", True),
    ("+9990000000011", "", True),  # not ours to judge: the provider refuses it
]


@pytest.mark.parametrize(("to", "base", "may"), REACH)
def test_invented_numbers_go_only_where_they_are_known(to: str, base: str, may: bool) -> None:
    if may:
        check_reachable(to, base)
        return
    with pytest.raises(Refused) as error:
        check_reachable(to, base)
    assert error.value.code == "number_not_reachable"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", ""),
        ("null", ""),
        ("7", ""),
        ('{"code": "21211"}', "21211"),
        ('{"code": "abc"}', ""),
        ('{"code": 21211.0}', ""),
        ("[" * 100_000, ""),
    ],
    ids=["empty", "null", "number", "digits", "word", "fraction", "deep"],
)
def test_only_the_providers_own_code_counts(body: str, code: str) -> None:
    assert provider_code(body) == code


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("10.0.0.1", False),
        ("simulator", False),
        ("", False),
    ],
)
def test_loopback_is_this_machine_only(host: str, here: bool) -> None:
    assert on_loopback(host) is here
