from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from lxml import etree

from broadcast.problems import Rejected
from broadcast.wording.rendered import Rendered
from channels.contract import Refused
from channels.twilio.settings import VoiceSettings
from channels.twilio.voice import VoiceChannel
from tests.channels.messages import CALL, a_delivery, an_attempt
from tests.channels.provider import a_provider, http
from tests.clock import NOON, Clock

TAKEN = http(201, json.dumps({"sid": "CA" + "0" * 32}))
ACCOUNT = "AC" + "0" * 32
HOUR = timedelta(hours=1)
LIVE = {
    "FASTTIME_TWILIO_ACCOUNT_SID": ACCOUNT,
    "FASTTIME_TWILIO_AUTH_TOKEN": "5ca1ab1e",
    "FASTTIME_TWILIO_VOICE_FROM": "+442079460000",
}


async def test_the_call_is_fetched_from_us_and_reports_each_step(clock: Clock) -> None:
    async with a_provider(TAKEN) as provider:
        settings = VoiceSettings(
            account=ACCOUNT,
            token="5ca1ab1e",
            sender="+442079460000",
            api_base=provider.url,
            public_url="https://alerts.example.org",
        )
        channel = VoiceChannel(settings, now=clock)
        await channel.send(
            a_delivery("+442079460123", rendered=CALL, expires_at=NOON + timedelta(hours=1)),
            timeout=5,
        )
        await channel.close()
    line, _, form = provider.requests[0]
    assert line == f"POST /2010-04-01/Accounts/{ACCOUNT}/Calls.json HTTP/1.1"
    assert sorted(form) == sorted(
        [
            ("To", "+442079460123"),
            ("From", "+442079460000"),
            ("Timeout", "30"),
            ("Method", "POST"),
            ("Url", f"https://alerts.example.org/hooks/twilio/voice/{an_attempt()}"),
            (
                "StatusCallback",
                f"https://alerts.example.org/hooks/twilio/status/{an_attempt()}#rc=5&rp=all",
            ),
            ("StatusCallbackMethod", "POST"),
            *(
                ("StatusCallbackEvent", event)
                for event in ("initiated", "ringing", "answered", "completed")
            ),
        ]
    )


@pytest.mark.parametrize("language", ["en", "cy", "ar", "bn"])
async def test_without_a_public_address_the_words_go_along_and_no_key_is_asked_for(
    language: str, clock: Clock
) -> None:
    words = Rendered(channel="voice", language=language, body="The road is closed <here> & now.")
    async with a_provider(TAKEN) as provider:
        channel = VoiceChannel(
            VoiceSettings(
                account=ACCOUNT, token="5ca1ab1e", sender="+442079460000", api_base=provider.url
            ),
            now=clock,
        )
        await channel.send(
            a_delivery("+442079460123", rendered=words, expires_at=NOON + timedelta(hours=1)),
            timeout=5,
        )
        await channel.close()
    form = provider.form()
    assert set(form) == {"To", "From", "Timeout", "Twiml"}
    document = etree.fromstring(form["Twiml"])
    assert [step.text for step in document if step.tag == "Say"][:2] == [
        "The road is closed <here> & now."
    ] * 2
    assert [step.tag for step in document][:3] == ["Say", "Pause", "Say"]
    assert document.find("Gather") is None


async def test_a_discreet_call_looks_for_a_machine_and_without_a_way_to_hang_up_on_it_is_none(
    clock: Clock,
) -> None:
    """What is read aloud is fetched from us, and there a machine is hung up on."""
    hidden = replace(CALL, discreet=True)
    async with a_provider(TAKEN) as provider:
        known = VoiceSettings(
            account=ACCOUNT, token="5ca1ab1e", sender="+442079460000", api_base=provider.url
        )
        for settings in (known, replace(known, public_url="https://alerts.example.org")):
            channel = VoiceChannel(settings, now=clock)
            call = a_delivery("+442079460123", rendered=hidden, expires_at=NOON + HOUR)
            if settings.public_url:
                await channel.send(call, timeout=5)
            else:
                with pytest.raises(Refused, match="discreet_unheard"):
                    await channel.send(call, timeout=5)
            await channel.close()
    assert len(provider.requests) == 1
    assert provider.form()["MachineDetection"] == "Enable"


async def test_a_call_that_would_come_too_late_is_not_placed(clock: Clock) -> None:
    channel = VoiceChannel(
        VoiceSettings(
            account=ACCOUNT, token="5ca1ab1e", sender="+442079460000", api_base="http://127.0.0.1:9"
        ),
        now=clock,
    )
    with pytest.raises(Refused, match="expired"):
        await channel.send(a_delivery("+442079460123", rendered=CALL, expires_at=NOON), timeout=5)


async def test_a_live_adapter_never_calls_a_drama_number() -> None:
    channel = VoiceChannel(VoiceSettings(account=ACCOUNT, token="5ca1ab1e", sender="+442079460000"))
    with pytest.raises(Refused, match="number_not_reachable"):
        await channel.send(a_delivery("+442079460123", rendered=CALL), timeout=5)


def test_settings_are_whole_or_off_or_refused_by_name() -> None:
    whole = VoiceSettings.from_env(LIVE)
    assert whole is not None
    assert (whole.sender, whole.rate) == ("+442079460000", 1)
    assert "5ca1ab1e" not in repr(whole)
    assert VoiceSettings.from_env({}) is None
    assert VoiceSettings.from_env({**LIVE, "FASTTIME_TWILIO_VOICE_FROM": ""}) is None
    assert VoiceSettings.from_env(LIVE, exercise=True) is None
    for name in ("FASTTIME_TWILIO_ACCOUNT_SID", "FASTTIME_TWILIO_AUTH_TOKEN"):
        for value in ("", "changeme"):
            with pytest.raises(Rejected, match=name) as rejected:
                VoiceSettings.from_env({**LIVE, name: value})
            assert rejected.value.exit_code == 2
    with pytest.raises(Rejected, match="FASTTIME_VOICE_RATE"):
        VoiceSettings.from_env({**LIVE, "FASTTIME_VOICE_RATE": "fast"})
