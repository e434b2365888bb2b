"""Every channel keeps the contract: the same cases on the shipped fake and on the real adapters
against the simulator.
"""

from __future__ import annotations

import asyncio
import re
import time
import traceback
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from broadcast.wording.rendered import Rendered
from channels.contract import (
    Accepted,
    Channel,
    ChannelError,
    Delivery,
    InDoubt,
    Refused,
    Unavailable,
    WrongStatus,
)
from channels.dkim import Key, Signer
from channels.email import EmailChannel
from channels.memory import LOST_REPLY, MemoryChannel, fails_with, slow
from channels.simulator import Simulator, run_simulator
from channels.smtp_settings import SmtpSettings
from channels.twilio.settings import SmsSettings, VoiceSettings
from channels.twilio.sms import SmsChannel
from channels.twilio.voice import VoiceChannel
from tests.channels.messages import CALL, MAIL, TEXT, a_delivery

HERE = (  # our public address, where nobody listens: callbacks are of no interest here
    "http://127.0.0.1:9/alerts"
)


@dataclass
class Rig:
    """A channel, the people it may reach, what its provider can be told to do, and what its
    provider took.
    """

    channel: Channel
    rendered: Rendered
    person: str
    refused: str
    troubles: dict[str, Callable[[], Any]]
    taken: Callable[[str], int]
    lists: bool
    vanish: Callable[[], Any] = field(default=lambda: None)

    def delivery(self, to: str = "", **more: Any) -> Delivery:
        return a_delivery(to or self.person, rendered=self.rendered, **more)

    async def send(self, to: str = "", *, timeout: float = 5.0, **more: Any) -> Accepted:
        return await self.channel.send(self.delivery(to, **more), timeout=timeout)


def memory_rig() -> Rig:
    channel = MemoryChannel("sms", by_address={"+15005550004": fails_with(Refused("21610"))})
    scripts = {
        "throttled": fails_with(Unavailable("429", retry_after=1.0)),
        "lost reply": LOST_REPLY,
        "error after taking": LOST_REPLY,
        "error before taking": fails_with(InDoubt("http_500")),
        "slow": slow(30),
    }
    return Rig(
        channel=channel,
        rendered=TEXT,
        person="+447700900123",
        refused="+15005550004",
        troubles={
            name: partial(setattr, channel, "always", outcome) for name, outcome in scripts.items()
        },
        taken=lambda to: sum(1 for entry in channel.taken() if entry.to == to),
        lists=True,
        vanish=lambda: setattr(
            channel, "always", fails_with(Unavailable("no_connection", retry_after=1.0))
        ),
    )


def simulator_rig(name: str, simulator: Simulator) -> Rig:
    account: dict[str, Any] = {
        "account": "AC" + "0" * 32,
        "token": "a token for tests",
        "sender": "+15005550006",
        "api_base": simulator.http_url,
        "public_url": HERE,
    }
    channel: Channel
    if name == "sms":
        channel, rendered, kind, person, refused = (
            SmsChannel(SmsSettings(**account)),
            TEXT,
            "sms",
            "+447700900123",
            "+15005550004",
        )
    elif name == "voice":
        channel, rendered, kind, person, refused = (
            VoiceChannel(VoiceSettings(**account)),
            CALL,
            "calls",
            "+442079460123",
            "+15005550001",
        )
    else:
        settings = SmtpSettings.from_url(
            simulator.smtp_url, "Police Alerts <alerts@police.example.org>"
        )
        if name == "signed email":
            key = Key(selector="s", file=Path(), private=Ed25519PrivateKey.generate())
            signer = Signer(domain="police.example.org", keys=(key,))
            settings = replace(settings, signer=signer)
        channel, rendered, kind, person, refused = (
            EmailChannel(settings),
            MAIL,
            "mails",
            "ada@example.org",
            "refuse@example.org",
        )
    troubles = {
        "throttled": {"throttle": 1.0},
        "lost reply": {"lose_reply": 1.0},
        "error after taking": {"error_after": 1.0},
        "error before taking": {"error_before": 1.0},
        "slow": {"slow": 1.0},
    }
    return Rig(
        channel=channel,
        rendered=rendered,
        person=person,
        refused=refused,
        troubles={
            trouble: partial(simulator.control, **changes) for trouble, changes in troubles.items()
        },
        taken=lambda to: sum(
            1 for entry in simulator.ledger.of(kind) if entry.to == to and entry.taken
        ),
        lists=kind != "mails",
        vanish=simulator.close,
    )


@pytest.fixture(params=["memory", "sms", "voice", "email", "signed email"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    if request.param == "memory":
        yield memory_rig()
        return
    simulator = await run_simulator()
    made = simulator_rig(request.param, simulator)
    yield made
    await made.channel.close()
    await simulator.close()


async def test_what_is_accepted_was_taken_once(rig: Rig) -> None:
    accepted = await rig.send()
    assert isinstance(accepted, Accepted)
    assert rig.taken(rig.person) == 1


async def test_many_at_once_are_each_taken_once(rig: Rig) -> None:
    people = [
        rig.person.replace("123", f"{number:03}").replace("ada@", f"ada{number}@")
        for number in range(100)
    ]
    await asyncio.gather(*(rig.send(to, number=number) for number, to in enumerate(people)))
    assert [rig.taken(to) for to in people] == [1] * 100


async def test_a_refused_address_is_refused_with_the_providers_code_and_not_taken(rig: Rig) -> None:
    with pytest.raises(Refused) as refusal:
        await rig.send(rig.refused)
    assert re.fullmatch(r"[0-9]+( [0-9.]+)?", refusal.value.code)
    assert rig.taken(rig.refused) == 0


async def test_the_next_person_is_reached_after_a_refusal(rig: Rig) -> None:
    with pytest.raises(Refused):
        await rig.send(rig.refused)
    await rig.send()
    assert rig.taken(rig.person) == 1


async def test_too_many_at_once_may_be_tried_again_later_because_nothing_was_taken(
    rig: Rig,
) -> None:
    rig.troubles["throttled"]()
    with pytest.raises(Unavailable) as unavailable:
        await rig.send()
    assert unavailable.value.retry_after > 0
    assert rig.taken(rig.person) == 0


@pytest.mark.parametrize("trouble", ["lost reply", "error after taking", "slow"])
async def test_what_may_have_been_taken_is_in_doubt(rig: Rig, trouble: str) -> None:
    rig.troubles[trouble]()
    with pytest.raises(InDoubt):
        await rig.send(timeout=0.4)
    assert rig.taken(rig.person) == 1


async def test_a_failure_that_took_nothing_is_never_called_accepted(rig: Rig) -> None:
    rig.troubles["error before taking"]()
    with pytest.raises((InDoubt, Unavailable)):
        await rig.send()
    assert rig.taken(rig.person) == 0


async def test_an_answer_that_is_late_costs_no_more_than_the_time_allowed(rig: Rig) -> None:
    rig.troubles["slow"]()
    began = time.monotonic()
    with pytest.raises(ChannelError):
        await rig.send(timeout=0.3)
    assert time.monotonic() - began < 1.5


async def test_where_nobody_answers_nothing_was_sent(rig: Rig) -> None:
    if (waiting := rig.vanish()) is not None:
        await waiting
    with pytest.raises(Unavailable) as unavailable:
        await rig.send(timeout=2.0)
    assert unavailable.value.retry_after > 0
    assert rig.taken(rig.person) == 0


@pytest.mark.parametrize("status", ["Exercise", "Test", "System", "Draft"])
async def test_a_status_it_does_not_serve_stops_at_the_last_door(rig: Rig, status: str) -> None:
    with pytest.raises(WrongStatus):
        await rig.send(status=status)
    assert rig.taken(rig.person) == 0


async def test_what_has_expired_is_refused_and_not_taken(rig: Rig) -> None:
    with pytest.raises(Refused) as refusal:
        await rig.send(expires_at=datetime.now(UTC) + timedelta(seconds=0.5))
    assert refusal.value.code == "expired"
    assert rig.taken(rig.person) == 0


async def test_the_providers_list_shows_what_a_lost_reply_took(rig: Rig) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    rig.troubles["lost reply"]()
    with pytest.raises(InDoubt):
        await rig.send()
    found = await rig.channel.look_up(rig.person, before)
    if not rig.lists:
        assert found is None
        return
    assert found is not None
    assert [(record.to, record.state) for record in found] in (
        [(rig.person, "accepted")],
        [(rig.person, "sent")],
        [(rig.person, "delivered")],
    )
    assert found[0].provider_id
    assert found[0].created >= before


async def test_the_providers_list_shows_nothing_for_people_who_got_nothing(rig: Rig) -> None:
    await rig.send()
    found = await rig.channel.look_up("+447700900999", datetime.now(UTC) - timedelta(minutes=1))
    assert found == ([] if rig.lists else None)


async def test_it_may_be_closed_twice(rig: Rig) -> None:
    await rig.send()
    await rig.channel.close()
    await rig.channel.close()


ENDS: dict[str, type[ChannelError] | tuple[type[ChannelError], ...]] = {
    "": Refused,
    "throttled": Unavailable,
    "lost reply": InDoubt,
    "error after taking": InDoubt,
    # SMTP says that nothing was taken, HTTP does not
    "error before taking": (
        InDoubt,
        Unavailable,
    ),
    "slow": InDoubt,
    "vanished": Unavailable,
}


@pytest.mark.parametrize("trouble", ENDS)
async def test_no_error_repeats_the_address(rig: Rig, trouble: str) -> None:
    if trouble == "vanished":
        if (waiting := rig.vanish()) is not None:
            await waiting
    elif trouble:
        rig.troubles[trouble]()
    to = rig.person if trouble else rig.refused
    with pytest.raises(ENDS[trouble]) as error:
        await rig.send(to, timeout=0.3 if trouble == "slow" else 5)
    # what a log would show, causes too
    said = "".join(traceback.format_exception(error.value)) + repr(error.value)
    for address in (to, to.lstrip("+"), to.replace("@", "%40")):
        assert address not in said
