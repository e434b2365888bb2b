from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from broadcast.problems import Rejected
from broadcast.wording.rendered import Rendered
from channels.contract import Refused
from channels.twilio.settings import SmsSettings
from channels.twilio.sms import SmsChannel
from tests.channels.messages import a_delivery, an_attempt
from tests.channels.provider import a_provider, http
from tests.clock import NOON, Clock

TAKEN = http(201, json.dumps({"sid": "SM" + "0" * 32}))
ACCOUNT = "AC" + "0" * 32
LIVE = {
    "FASTTIME_TWILIO_ACCOUNT_SID": ACCOUNT,
    "FASTTIME_TWILIO_AUTH_TOKEN": "5ca1ab1e",
    "FASTTIME_TWILIO_FROM": "+447911000000",
}

# label, settings, seconds to the end, the fields expected in the request
REQUESTS: list[tuple[str, dict[str, Any], float, dict[str, str]]] = [
    (
        "with a public address",
        {"sender": "+447911000000", "public_url": "https://alerts.example.org"},
        4 * 3600,
        {
            "To": "+447700900123",
            "From": "+447911000000",
            "Body": "Grüße & Rauch=50%",
            "ValidityPeriod": "14400",
            "StatusCallback": (
                f"https://alerts.example.org/hooks/twilio/status/{an_attempt()}#rc=5&rp=all"
            ),
        },
    ),
    (
        "without one there are no receipts",
        {"sender": "Police"},
        3600,
        {
            "To": "+447700900123",
            "From": "Police",
            "Body": "Grüße & Rauch=50%",
            "ValidityPeriod": "3600",
        },
    ),
    (
        "a messaging service",
        {"messaging_service": "MG" + "1" * 32},
        60.9,
        {
            "To": "+447700900123",
            "MessagingServiceSid": "MG" + "1" * 32,
            "Body": "Grüße & Rauch=50%",
            "ValidityPeriod": "60",
        },
    ),
    (
        "never longer than Twilio keeps it",
        {"sender": "Police"},
        48 * 3600,
        {
            "To": "+447700900123",
            "From": "Police",
            "Body": "Grüße & Rauch=50%",
            "ValidityPeriod": "36000",
        },
    ),
    (
        "the last second",
        {"sender": "Police"},
        1.0,
        {
            "To": "+447700900123",
            "From": "Police",
            "Body": "Grüße & Rauch=50%",
            "ValidityPeriod": "1",
        },
    ),
]


@pytest.mark.parametrize(
    ("settings", "left", "expected"),
    [row[1:] for row in REQUESTS],
    ids=[row[0] for row in REQUESTS],
)
async def test_the_request_is_what_twilio_documents(
    settings: dict[str, Any], left: float, expected: dict[str, str], clock: Clock
) -> None:
    async with a_provider(TAKEN) as provider:
        channel = SmsChannel(
            SmsSettings(account=ACCOUNT, token="5ca1ab1e", api_base=provider.url, **settings),
            now=clock,
        )
        await channel.send(
            a_delivery(
                rendered=Rendered(channel="sms", language="de", body="Grüße & Rauch=50%"),
                expires_at=NOON + timedelta(seconds=left),
            ),
            timeout=5,
        )
        await channel.close()
    line, headers, _ = provider.requests[0]
    assert line == f"POST /2010-04-01/Accounts/{ACCOUNT}/Messages.json HTTP/1.1"
    assert headers["authorization"].startswith("Basic ")
    assert provider.form() == expected


async def test_a_text_that_ends_within_a_second_is_not_sent(clock: Clock) -> None:
    async with a_provider(TAKEN) as provider:
        channel = SmsChannel(
            SmsSettings(account=ACCOUNT, token="5ca1ab1e", sender="Police", api_base=provider.url),
            now=clock,
        )
        with pytest.raises(Refused, match="expired"):
            await channel.send(a_delivery(expires_at=NOON + timedelta(seconds=0.99)), timeout=5)
        await channel.close()
    assert provider.requests == []


async def test_a_live_adapter_never_asks_twilio_for_a_drama_number() -> None:
    channel = SmsChannel(SmsSettings(account=ACCOUNT, token="5ca1ab1e", sender="Police"))
    with pytest.raises(
        Refused
    ) as refusal:  # the suite would notice a connection to the real Twilio
        await channel.send(a_delivery("+447700900123"), timeout=5)
    assert refusal.value.code == "number_not_reachable"
    await channel.close()


async def test_an_exercise_adapter_serves_exercises_only() -> None:
    from channels.contract import WrongStatus

    channel = SmsChannel(
        SmsSettings(account=ACCOUNT, token="5ca1ab1e", sender="Drill"),
        serves=frozenset({"Exercise"}),
    )
    with pytest.raises(WrongStatus):
        await channel.send(a_delivery(status="Actual"), timeout=5)


def test_the_token_stays_out_of_the_repr() -> None:
    settings = SmsSettings.from_env(LIVE)
    assert settings is not None
    assert "5ca1ab1e" not in repr(settings)


# label, environment (None = taken away from LIVE), the settings named as wrong; () = configured;
# None = off
SETTINGS: list[tuple[str, dict[str, str | None], tuple[str, ...] | None]] = [
    ("complete", {}, ()),
    (
        "a messaging service in place of a number",
        {"FASTTIME_TWILIO_FROM": None, "FASTTIME_TWILIO_MESSAGING_SERVICE_SID": "MG1"},
        (),
    ),
    ("nothing", dict.fromkeys(LIVE), None),
    ("nothing but empty words", dict.fromkeys(LIVE, " "), None),
    (
        "only an API base",
        {**dict.fromkeys(LIVE), "FASTTIME_TWILIO_API_BASE": "http://127.0.0.1:1"},
        None,
    ),
    (
        "voice only",
        {"FASTTIME_TWILIO_FROM": None, "FASTTIME_TWILIO_VOICE_FROM": "+442079460000"},
        None,
    ),
    ("no token", {"FASTTIME_TWILIO_AUTH_TOKEN": None}, ("FASTTIME_TWILIO_AUTH_TOKEN",)),
    ("an empty token", {"FASTTIME_TWILIO_AUTH_TOKEN": ""}, ("FASTTIME_TWILIO_AUTH_TOKEN",)),
    ("no account", {"FASTTIME_TWILIO_ACCOUNT_SID": None}, ("FASTTIME_TWILIO_ACCOUNT_SID",)),
    (
        "neither",
        {"FASTTIME_TWILIO_ACCOUNT_SID": None, "FASTTIME_TWILIO_AUTH_TOKEN": None},
        ("FASTTIME_TWILIO_ACCOUNT_SID", "FASTTIME_TWILIO_AUTH_TOKEN"),
    ),
    ("no sender", {"FASTTIME_TWILIO_FROM": None}, ("FASTTIME_TWILIO_FROM",)),
    (
        "an example token",
        {"FASTTIME_TWILIO_AUTH_TOKEN": "changeme"},
        ("FASTTIME_TWILIO_AUTH_TOKEN",),
    ),
    (
        "an example token, shouted",
        {"FASTTIME_TWILIO_AUTH_TOKEN": "CHANGEME"},
        ("FASTTIME_TWILIO_AUTH_TOKEN",),
    ),
    (
        "an example of the manual",
        {"FASTTIME_TWILIO_AUTH_TOKEN": "your_auth_token"},
        ("FASTTIME_TWILIO_AUTH_TOKEN",),
    ),
    (
        "a row of x",
        {"FASTTIME_TWILIO_ACCOUNT_SID": "ACXXXXXXXXXXXXXXXX"},
        ("FASTTIME_TWILIO_ACCOUNT_SID",),
    ),
    ("angle brackets", {"FASTTIME_TWILIO_AUTH_TOKEN": "<token>"}, ("FASTTIME_TWILIO_AUTH_TOKEN",)),
    (
        "an API base that is no address",
        {"FASTTIME_TWILIO_API_BASE": "127.0.0.1:80"},
        ("FASTTIME_TWILIO_API_BASE",),
    ),
    (
        "a port that cannot be",
        {"FASTTIME_TWILIO_API_BASE": "http://127.0.0.1:99999"},
        ("FASTTIME_TWILIO_API_BASE",),
    ),
    (
        "a public address with a query",
        {"FASTTIME_PUBLIC_URL": "https://a.example.org/?x=1"},
        ("FASTTIME_PUBLIC_URL",),
    ),
    ("a rate in words", {"FASTTIME_SMS_RATE": "ten"}, ("FASTTIME_SMS_RATE",)),
    ("a rate below nothing", {"FASTTIME_SMS_RATE": "-1"}, ("FASTTIME_SMS_RATE",)),
    ("a rate without end", {"FASTTIME_SMS_RATE": "inf"}, ("FASTTIME_SMS_RATE",)),
]


@pytest.mark.parametrize(
    ("changes", "wrong"), [row[1:] for row in SETTINGS], ids=[row[0] for row in SETTINGS]
)
def test_settings_are_whole_or_off_or_refused_by_name(
    changes: dict[str, str | None], wrong: tuple[str, ...] | None
) -> None:
    env = {name: value for name, value in {**LIVE, **changes}.items() if value is not None}
    if not wrong:
        assert (SmsSettings.from_env(env) is None) == (wrong is None)
        return
    with pytest.raises(Rejected) as rejected:
        SmsSettings.from_env(env)
    assert tuple(problem.field for problem in rejected.value.problems) == wrong
    assert rejected.value.exit_code == 2
    assert all(problem.fix for problem in rejected.value.problems)
    assert "5ca1ab1e" not in str(rejected.value)


def test_the_rate_is_twilios_own_unless_told_otherwise() -> None:
    def rate(**more: str) -> float:
        settings = SmsSettings.from_env({**LIVE, **more})
        assert settings is not None
        return settings.rate

    assert rate() == 10
    assert rate(FASTTIME_SMS_RATE="0") == 0
    assert rate(FASTTIME_SMS_RATE="2.5") == 2.5
    # a sink or simulator of one's own
    assert rate(FASTTIME_TWILIO_API_BASE="http://127.0.0.1:1") == 0


def test_exercises_have_a_sender_of_their_own_or_none() -> None:
    assert SmsSettings.from_env(LIVE, exercise=True) is None
    settings = SmsSettings.from_env(
        {**LIVE, "FASTTIME_EXERCISE_TWILIO_FROM": "Drill"}, exercise=True
    )
    assert settings is not None
    assert settings.sender == "Drill"
    with pytest.raises(Rejected, match="FASTTIME_TWILIO_ACCOUNT_SID"):
        SmsSettings.from_env({"FASTTIME_EXERCISE_TWILIO_FROM": "Drill"}, exercise=True)


def test_the_addresses_lose_their_trailing_slash() -> None:
    settings = SmsSettings.from_env(
        {
            **LIVE,
            "FASTTIME_PUBLIC_URL": "https://alerts.example.org/",
            "FASTTIME_TWILIO_API_BASE": "http://127.0.0.1:1/",
        }
    )
    assert settings is not None
    assert (settings.public_url, settings.api_base) == (
        "https://alerts.example.org",
        "http://127.0.0.1:1",
    )
