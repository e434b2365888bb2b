"""A running simulator, the channels that send to it, and what it calls back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from channels.email import EmailChannel
from channels.simulator import Simulator, SimulatorSettings, run_simulator
from channels.smtp_settings import SmtpSettings
from channels.twilio.settings import SmsSettings, VoiceSettings
from channels.twilio.sms import SmsChannel
from channels.twilio.voice import VoiceChannel
from tests.channels.simulator.rig import ACCOUNT, TOKEN, Hooks


@pytest.fixture
async def hooks() -> AsyncIterator[Hooks]:
    made = Hooks()
    runner = web.ServerRunner(web.Server(made.answer, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    made = await run_simulator(settings=SimulatorSettings(callback_delay=0.01))
    yield made
    await made.close()


def signed_in(simulator: Simulator, hooks: Hooks) -> dict[str, Any]:
    return {
        "account": ACCOUNT,
        "token": TOKEN,
        "sender": "+15005550006",
        "api_base": simulator.http_url,
        "public_url": hooks.url,
    }


@pytest.fixture
async def sms(simulator: Simulator, hooks: Hooks) -> AsyncIterator[SmsChannel]:
    made = SmsChannel(SmsSettings(**signed_in(simulator, hooks)))
    yield made
    await made.close()


@pytest.fixture
async def voice(simulator: Simulator, hooks: Hooks) -> AsyncIterator[VoiceChannel]:
    made = VoiceChannel(VoiceSettings(**signed_in(simulator, hooks)))
    yield made
    await made.close()


@pytest.fixture
async def mail(simulator: Simulator) -> AsyncIterator[EmailChannel]:
    made = EmailChannel(SmtpSettings.from_url(simulator.smtp_url, "alerts@police.example.org"))
    yield made
    await made.close()


@pytest.fixture
async def http(simulator: Simulator) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(
        headers={"Authorization": f"Bearer {simulator.token}"}
    ) as session:
        yield session
