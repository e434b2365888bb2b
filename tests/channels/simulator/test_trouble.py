"""The trouble that the simulator makes where it is told: ambiguity, a pace, limits."""

from __future__ import annotations

import asyncio
from collections import Counter

from channels.contract import ChannelError, InDoubt, Unavailable
from channels.email import EmailChannel
from channels.simulator import Simulator, SimulatorSettings, run_simulator
from channels.smtp_settings import SmtpSettings
from channels.twilio.sms import SmsChannel
from tests.channels.messages import MAIL, a_delivery


async def test_five_percent_ambiguity_takes_as_many_as_it_says(
    simulator: Simulator, sms: SmsChannel
) -> None:
    simulator.control(
        seed=7, lose_reply=0.1, error_after=0.1, error_before=0.1, throttle=0.1, callbacks=False
    )
    ends: Counter[str] = Counter()
    for number in range(300):
        try:
            await sms.send(a_delivery(number=number), timeout=5)
            ends["accepted"] += 1
        except ChannelError as error:
            ends[type(error).__name__] += 1
    outcomes = Counter(entry.outcome for entry in simulator.ledger.sms)
    assert ends == {
        "accepted": outcomes["taken"],
        "InDoubt": outcomes["lost_reply"] + outcomes["error_after"] + outcomes["error_before"],
        "Unavailable": outcomes["throttled"],
    }
    assert all(
        outcomes[name] > 10 for name in ("lost_reply", "error_after", "error_before", "throttled")
    )
    assert {entry.outcome for entry in simulator.ledger.sms if entry.taken} == {
        "taken",
        "lost_reply",
        "error_after",
    }
    assert simulator.ledger.summary()["sms"]["attempts_twice"] == 0


async def test_the_same_seed_makes_the_same_trouble() -> None:
    runs = []
    for _ in range(2):
        simulator = await run_simulator(
            settings=SimulatorSettings(seed=3, lose_reply=0.3, callbacks=False)
        )
        channel = EmailChannel(
            SmtpSettings.from_url(simulator.smtp_url, "alerts@police.example.org")
        )
        for number in range(30):
            try:
                await channel.send(
                    a_delivery("ada@example.org", number=number, rendered=MAIL), timeout=5
                )
            except InDoubt:
                continue
        runs.append([entry.outcome for entry in simulator.ledger.mails])
        await channel.close()
        await simulator.close()
    assert runs[0] == runs[1]
    assert {"taken", "lost_reply"} == set(runs[0])


async def test_a_pace_is_kept(simulator: Simulator, sms: SmsChannel, mail: EmailChannel) -> None:
    simulator.control(pace=100, callbacks=False)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.gather(
        *(sms.send(a_delivery(number=number), timeout=5) for number in range(20)),
        *(
            mail.send(a_delivery("ada@example.org", number=number, rendered=MAIL), timeout=5)
            for number in range(20)
        ),
    )
    assert 0.35 < loop.time() - began < 1.5


async def test_above_the_limit_comes_a_burst_of_429(simulator: Simulator, sms: SmsChannel) -> None:
    simulator.control(limit=10, retry_after=0.5, callbacks=False)
    ends = await asyncio.gather(
        *(sms.send(a_delivery(number=number), timeout=5) for number in range(50)),
        return_exceptions=True,
    )
    waits = [end.retry_after for end in ends if isinstance(end, Unavailable)]
    assert 30 <= len(waits) <= 40  # a second may end in between
    assert set(waits) == {0.5}
    assert len([entry for entry in simulator.ledger.sms if entry.taken]) == 50 - len(waits)


async def test_what_was_written_is_taken_even_if_its_sender_dies_meanwhile(
    simulator: Simulator, sms: SmsChannel, mail: EmailChannel
) -> None:
    simulator.control(latency=0.2, callbacks=False)
    tasks = [
        asyncio.create_task(sms.send(a_delivery(), timeout=5)),
        asyncio.create_task(mail.send(a_delivery("ada@example.org", rendered=MAIL), timeout=5)),
    ]
    await asyncio.sleep(0.1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0.2)
    assert [len(simulator.ledger.sms), len(simulator.ledger.mails)] == [1, 1]
