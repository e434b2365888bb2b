"""What comes back from the simulator changes nobody's subscription and no real message."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from broadcast.events.tables import outbox
from broadcast.ledger import receipts
from broadcast.ledger.attempts import person_attempt
from broadcast.ledger.delivery_report import of_message
from broadcast.ledger.tables import receipt, response
from broadcast.replay import comparison
from channels.dispatch.rates import MemoryLimiter
from config import wiring
from config.settings import load
from service.engine import Engine
from subscribers import unsubscribe
from subscribers.registry import acts, importing, reached
from tests.console.site import Answer, Site, open_site, person

SID = "SM" + "1" * 32
CALL = "CA" + "1" * 32
MAIL = {
    "FASTTIME_MAIL_FROM": "Police <alerts@example.org>",
    "FASTTIME_SIMULATOR_SMTP": "smtp://127.0.0.1:9",
}
NUMBER = "+447700900001"  # of two people


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path, FASTTIME_SIMULATOR_HTTP="http://127.0.0.1:9") as running:
        yield running


def stopped(conn: Connection) -> list[int]:
    found = reached.contacts(conn, range(1, 40), "sms")
    return [person for person, contact in found.items() if contact.stopped]


def responses(conn: Connection) -> list[tuple[str, int | None, int | None]]:
    rows = conn.execute(select(response).order_by(response.c.id))
    return [(r.kind, r.person_id, r.version_id) for r in rows]


def topics(conn: Connection, kind: str) -> set[str]:
    return set(conn.execute(select(outbox.c.topic).where(outbox.c.type == kind)).scalars())


async def simulated(site: Site, path: str, **params: str) -> Answer:
    """Call a webhook as the simulator does: by its own account, with the token that it learned."""
    pairs = {"AccountSid": wiring.SIMULATED_ACCOUNT, **params}
    return await site.twilio(path, pairs, token=wiring.simulated_token(site.settings))


async def inbound(site: Site, body: str, sid: str = SID) -> Answer:
    return await simulated(site, "/hooks/twilio/inbound", MessageSid=sid, From=NUMBER, Body=body)


async def test_a_stop_from_the_simulator_stops_nobody_and_is_kept_as_simulated(site: Site) -> None:
    for n in range(40):
        number, sid = f"+447700900{n:03d}", f"SM{n:032d}"
        path = "/hooks/twilio/inbound"
        answer = await simulated(site, path, MessageSid=sid, From=number, Body="STOP")
        assert answer.status == 200
    assert await site.db.read(stopped) == []
    assert {kind for kind, _, _ in await site.db.read(responses)} == {"simulated_stop"}
    assert await site.db.read(topics, "response.received") == {"exercise.receipts"}


async def test_a_start_from_the_simulator_does_not_lift_a_real_stop(site: Site) -> None:
    await site.db.write(acts.stop, [1, 33], "sms", "sms_reply", site.context.now())
    assert (await inbound(site, "START")).status == 200
    assert await site.db.read(stopped) == [1, 33]
    kinds = [kind for kind, _, _ in await site.db.read(responses)]
    assert kinds == ["simulated_start", "simulated_start"]


async def test_a_simulated_reply_answers_the_test_and_never_the_real_message(site: Site) -> None:
    await site.live()
    await site.done(await site.claimed())
    assert (await inbound(site, "STOP")).status == 200
    assert {version for _, _, version in await site.db.read(responses)} == {None}
    test = await site.live(status="Test")
    await site.done(await site.claimed(status="Test"))
    assert (await inbound(site, "STOP", "SM" + "2" * 32)).status == 200
    latest = (await site.version(test)).id
    assert (await site.db.read(responses))[-2:][0] == ("simulated_stop", 1, latest)
    assert await site.db.read(stopped) == []


async def test_the_code_of_a_stop_in_a_simulated_receipt_stops_nobody(site: Site) -> None:
    enrolled = [person(40, topics="exercise;incident")]
    await site.db.write(importing.import_records, enrolled, "test", site.context.now())
    for n, status in enumerate(("Test", "Exercise")):
        await site.live(status=status)
        s = await site.claimed(status=status)
        await site.done(s)
        path = f"/hooks/twilio/status/{site.attempt(s)}"
        told = {"MessageStatus": "failed", "ErrorCode": "21610", "To": NUMBER}
        answer = await simulated(site, path, MessageSid=f"SM{n:032d}", **told)
        assert answer.status == 200, status
    assert await site.db.read(stopped) == []
    assert await site.db.read(topics, "receipt.received") == {"exercise.receipts"}


async def test_the_simulator_tells_nothing_of_a_real_message(site: Site) -> None:
    message = await site.live()
    s = await site.claimed()
    await site.done(s)
    path = f"/hooks/twilio/status/{site.attempt(s)}"
    answer = await simulated(site, path, MessageSid=SID, MessageStatus="delivered")
    assert (answer.status, answer.code) == (403, "account_mismatch")
    assert await site.db.read(lambda conn: conn.execute(select(receipt)).all()) == []
    account = await site.db.read(of_message, message)
    assert len(account.people["delivered"]) == 0


async def test_a_simulated_receipt_that_came_first_is_not_folded_into_a_real_message(
    site: Site,
) -> None:
    ahead = "0" * 32
    path = f"/hooks/twilio/status/{person_attempt(ahead, 0, site.settings.key())}"
    answer = await simulated(site, path, MessageSid=SID, MessageStatus="delivered")
    assert answer.status == 202
    message = await site.live()
    s = await site.claimed(attempt=ahead)
    await site.done(s)
    await site.db.write(receipts.merge_waiting, site.context.now())
    account = await site.db.read(of_message, message)
    assert len(account.people["delivered"]) == 0
    assert (await comparison.run(site.db))["differences"] == []


async def test_a_real_account_tells_nothing_of_a_test(site: Site) -> None:
    await site.live(status="Test")
    s = await site.claimed(status="Test")
    await site.done(s)
    path = f"/hooks/twilio/status/{site.attempt(s)}"
    answer = await site.twilio(path, {"MessageSid": SID, "MessageStatus": "delivered"})
    assert (answer.status, answer.code) == (403, "account_mismatch")


async def test_the_simulator_hears_no_real_call_and_presses_no_key_in_one(site: Site) -> None:
    await site.live()
    s = await site.claimed("voice")
    await site.done(s)
    path = f"/hooks/twilio/voice/{site.attempt(s)}"
    heard = await simulated(site, path, CallSid=CALL, CallStatus="in-progress")
    assert (heard.status, heard.code) == (403, "account_mismatch")
    pressed = await simulated(site, f"{path}?key=1", CallSid=CALL, Digits="1", msg="Gather End")
    assert pressed.status == 403
    assert await site.db.read(responses) == []


async def test_a_key_pressed_in_a_simulated_call_is_an_answer_of_the_exercise(site: Site) -> None:
    await site.live(status="Test")
    s = await site.claimed("voice", status="Test")
    await site.done(s)
    path = f"/hooks/twilio/voice/{site.attempt(s)}"
    heard = await simulated(site, path, CallSid=CALL, CallStatus="in-progress")
    assert heard.status == 200
    pressed = await simulated(site, f"{path}?key=1", CallSid=CALL, Digits="1", msg="Gather End")
    assert pressed.status == 200
    assert [kind for kind, _, _ in await site.db.read(responses)] == ["keypress"]
    assert await site.db.read(topics, "response.received") == {"exercise.receipts"}


async def test_a_link_of_a_simulated_mail_says_so_and_stops_nothing(site: Site) -> None:
    made = unsubscribe.token(1, "sms", site.settings.key(), simulated=True)
    shown = await site.get(f"/u/{made}", role=None)
    assert shown.status == 200
    assert b"test or an exercise" in shown.body
    for _ in range(3):
        answer = await site.call("POST", f"/u/{made}", role=None, key=None)
        assert answer.status == 200
        assert b"Nothing was stopped" in answer.body
    assert await site.db.read(stopped) == []
    assert [kind for kind, _, _ in await site.db.read(responses)] == ["simulated_stop"]
    assert await site.db.read(topics, "response.received") == {"exercise.receipts"}


async def test_the_mark_of_a_simulated_link_cannot_be_taken_off(site: Site) -> None:
    key = site.settings.key()
    real, other = (unsubscribe.token(1, "sms", key, simulated=s) for s in (False, True))
    assert unsubscribe.read(real, key) == (1, "sms", False)
    assert unsubscribe.read(other, key) == (1, "sms", True)
    assert unsubscribe.read(real[:8] + other[8:], key) is None


async def test_a_mail_to_the_simulator_carries_a_simulated_link_and_a_real_one_a_real_link(
    site: Site,
) -> None:
    settings = load({**site.settings.env, "FASTTIME_SMTP_URL": "smtp://127.0.0.1:9", **MAIL})
    lanes = {lane: wiring.adapters(settings) for lane in ("urgent", "routine")}
    engine = Engine(
        settings=settings,
        db=site.db,
        roles=("urgent",),
        adapters=lanes,
        limiter=MemoryLimiter(),
        channels_on=lanes["urgent"].on,
    )
    found = {}
    for _, sender in engine.senders:
        link = unsubscribe.read(sender.links(1, "email").rpartition("/")[2], settings.key())
        assert link is not None
        if sender.channel.name == "email":
            found[tuple(sender.channel.serves)] = link.simulated
    for adapters in lanes.values():
        await adapters.close()
    assert found == {("Actual",): False, ("Exercise",): True, ("Test",): True}


async def test_where_real_messages_go_to_the_simulator_its_stops_count(tmp_path: Path) -> None:
    async with open_site(tmp_path, FASTTIME_TWILIO_API_BASE="http://127.0.0.1:9") as site:
        params = {"MessageSid": SID, "From": NUMBER, "Body": "STOP"}
        answer = await site.twilio("/hooks/twilio/inbound", params)
        assert answer.status == 200
        assert await site.db.read(stopped) == [1, 33]


def test_test_goes_to_the_simulator_and_exercises_unless_they_have_senders() -> None:
    def built(**more: str) -> wiring.Adapters:
        given = {
            "FASTTIME_SECRET_KEY": "0123456789abcdef" * 4,
            "FASTTIME_SIMULATOR_HTTP": "http://127.0.0.1:9",
        }
        smtp = {"FASTTIME_SIMULATOR_SMTP": "smtp://127.0.0.1:9"}
        real = {
            "FASTTIME_TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
            "FASTTIME_TWILIO_AUTH_TOKEN": "a" * 32,
            "FASTTIME_TWILIO_FROM": "+447700900100",
            "FASTTIME_PUBLIC_URL": "https://alerts.example",
        }
        return wiring.adapters(load({**given, **smtp, **real, **more}))

    adapters = built(FASTTIME_EXERCISE_TWILIO_FROM="EXERCISE")
    found = {
        (status, name): adapters.is_simulated(channel)
        for status, channels in adapters.by_status.items()
        for name, channel in channels.items()
    }
    assert found == {
        ("Actual", "sms"): False,
        ("Exercise", "sms"): False,
        ("Exercise", "voice"): True,
        ("Exercise", "email"): True,
        ("Test", "sms"): True,
        ("Test", "voice"): True,
        ("Test", "email"): True,
    }
