"""What people answer: kept once, sealed, joined to the right message, acknowledged once; on both
databases.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select, update
from structlog.testing import capture_logs

from broadcast.answers import joining, store
from broadcast.answers.sealing import new_key
from broadcast.answers.tables import answer
from broadcast.events.tables import outbox
from broadcast.ledger import attempt_look_up
from broadcast.ledger.claims.tables import outcome
from broadcast.ledger.evidence import MAY_HAVE_REACHED
from broadcast.ledger.tables import response
from broadcast.wording.languages import all_packs
from config import wiring
from service.answers import keeping
from service.loops.leases import Leases
from service.loops.turns import Turns
from service.setup.keys import rotate
from subscribers.registry import acts, importing, reached
from tests.console.site import Site, open_site, person

KEY = new_key()
ONE, TWO, NOBODY = "+447700900002", "+447700900003", "+447700900777"
OURS, EXERCISE = "+447700900999", "+447700900998"
THANKS = "<Message>Thank you. In danger call 999.</Message>"


@pytest.fixture(params=["sqlite", "postgres"])
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    env = {"FASTTIME_ANSWERS_KEY": KEY.public.hex(), **TWILIO}
    if request.param == "postgres":
        env["FASTTIME_DATABASE_URL"] = request.getfixturevalue("migrated_postgres_url")
    async with open_site(tmp_path, **env) as running:
        yield running


TWILIO = {
    "FASTTIME_TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "FASTTIME_TWILIO_AUTH_TOKEN": "a" * 32,
    "FASTTIME_TWILIO_FROM": OURS,
    "FASTTIME_EXERCISE_TWILIO_FROM": EXERCISE,
    "FASTTIME_SIMULATOR_HTTP": "http://127.0.0.1:9",
}


async def texted(site: Site, body: str, sid: str, number: str = ONE, **more: str) -> str:
    params = {"MessageSid": sid, "From": number, "To": OURS, "Body": body, **more}
    got = await site.twilio("/hooks/twilio/inbound", params)
    assert got.status == 200, got.body
    return got.body.decode()


async def appeal(site: Site, **changes: Any) -> int:
    message = await site.live(**{"kind": "appeal", "hotlines": ["101"], **changes})
    await site.done(await site.claimed(status=changes.get("status", "Actual")))
    return message


async def kept(site: Site) -> list[Any]:
    return await site.db.read(
        lambda conn: list(conn.execute(select(answer).order_by(answer.c.id)).all())
    )


def topics(conn: Connection, kind: str) -> list[str]:
    query = select(outbox.c.topic).where(outbox.c.type == kind).order_by(outbox.c.id)
    return list(conn.execute(query).scalars())


async def test_an_answer_is_kept_once_for_its_providers_id_and_sealed(site: Site) -> None:
    message = await appeal(site)
    for _ in range(3):  # we die before we answer: Twilio tells it again
        assert THANKS in await texted(site, "I saw a red van", "SM1")
    (row,) = await kept(site)
    assert (row.joined, row.message_id, row.status) == ("appeal", message, "Actual")
    assert (row.channel, row.kind, row.urgent, row.person_id) == ("sms", "text", False, 2)
    assert KEY.opened(row.sealed) == {"words": "I saw a red van", "from": ONE, "media": 0}
    assert new_key().opened(row.sealed) is None
    shown = str(
        [*await kept(site), *(await site.db.read(lambda c: c.execute(select(outbox)).all()))]
    )
    assert "red van" not in shown
    assert ONE not in shown
    assert await site.db.read(topics, "answer.received") == ["receipts"]


async def test_a_number_is_thanked_once_for_each_message_and_once_a_day_without_one(
    site: Site,
) -> None:
    assert THANKS in await texted(site, "hello", "SM1")
    assert "Message" not in await texted(site, "hello again", "SM2")
    await appeal(site)
    assert THANKS in await texted(site, "it was red", "SM3")
    assert "Message" not in await texted(site, "and big", "SM4")
    assert THANKS in await texted(site, "hello", "SM3"), "told again, answered again"
    assert THANKS in await texted(site, "it was blue", "SM5", TWO)
    assert [row.joined for row in await kept(site)] == [
        "unsorted", "unsorted", "appeal", "appeal", "appeal"
    ]  # fmt: skip


async def test_an_all_clear_or_another_message_does_not_take_the_answer_away(site: Site) -> None:
    message = await appeal(site)
    incident = await site.live()
    await site.done(await site.claimed())
    await site.follow(incident, "all-clear")
    await site.done(await site.claimed())
    await site.live()
    await site.done(await site.claimed())
    await texted(site, "I saw him", "SM1")
    assert [row.message_id for row in await kept(site)] == [message]


async def test_with_two_open_appeals_or_none_or_after_72_hours_it_is_unsorted(site: Site) -> None:
    first = await appeal(site)
    second = await appeal(site)
    await texted(site, "I saw him", "SM1")
    await site.follow(second, "all-clear")
    await texted(site, "I saw him too", "SM2")
    past = site.context.now() - joining.WITHIN - timedelta(minutes=1)
    await site.db.write(lambda conn: conn.execute(update(outcome).values(at=past)))
    await texted(site, "and again", "SM3")
    assert [row.message_id for row in await kept(site)] == [None, first, None]


async def test_an_appeal_is_answered_before_its_slice_is_recorded(site: Site) -> None:
    message = await site.live(kind="appeal", hotlines=["101"])
    await site.claimed()
    await texted(site, "I saw him", "SM1")
    await texted(site, "I saw him", "SM2", NOBODY)
    assert [row.message_id for row in await kept(site)] == [message, None]


@pytest.mark.parametrize("state", MAY_HAVE_REACHED)
async def test_an_appeal_is_answered_whatever_evidence_there_is_that_it_came(
    site: Site, state: str
) -> None:
    message = await appeal(site)
    await site.db.write(lambda conn: conn.execute(update(outcome).values(state=state)))
    await texted(site, "I saw him", "SM1")
    assert [row.message_id for row in await kept(site)] == [message]
    last = await site.db.read(
        attempt_look_up.last_reached, [2], ["sms"], ["Actual"], site.context.now() - joining.WITHIN
    )
    assert last is not None
    assert last[1] == "Actual"
    ((_, channel, line, _),) = await site.db.read(attempt_look_up.sent_to, 2, 9)
    assert (channel, line) == ("sms", "accepted" if state == "sent" else state)


async def test_an_answer_to_an_exercise_stays_in_the_exercise(site: Site) -> None:
    enrolled = [person(2, topics="exercise;appeal")]
    await site.db.write(importing.import_records, enrolled, "test", site.context.now())
    real = await appeal(site)
    exercise = await appeal(site, status="Exercise")
    await texted(site, "I saw him", "SM1", To=EXERCISE)
    await texted(site, "I saw him", "SM2", To=OURS)
    await texted(site, "who are you", "SM3", TWO, To=EXERCISE)
    await texted(site, "who are you", "SM4", NOBODY, To=EXERCISE)
    rows = await kept(site)
    assert [(row.message_id, row.status) for row in rows] == [
        (exercise, "Exercise"), (real, "Actual"), (None, "Exercise"), (None, "Exercise")
    ]  # fmt: skip
    drilled = ["exercise.receipts", "receipts", "exercise.receipts", "exercise.receipts"]
    assert await site.db.read(topics, "answer.received") == drilled
    assert await site.db.read(topics, "response.received") == drilled


async def test_the_simulators_answers_never_touch_a_real_message(site: Site) -> None:
    await appeal(site)
    params = {
        "AccountSid": wiring.SIMULATED_ACCOUNT, "MessageSid": "SM1", "From": ONE, "To": OURS,
        "Body": "there is a gun",
    }  # fmt: skip
    token = wiring.simulated_token(site.settings)
    assert (await site.twilio("/hooks/twilio/inbound", params, token=token)).status == 200
    (row,) = await kept(site)
    assert (row.message_id, row.status, row.simulated) == (None, "Exercise", True)
    assert await site.db.read(topics, "answer.received") == ["exercise.receipts"]
    assert await site.db.read(store.urgent_unread) == {}, "an exercise raises nobody"


async def test_gun_fire_attack_are_raised_at_once_without_their_words(site: Site) -> None:
    message = await appeal(site)
    with capture_logs() as logs:
        await texted(site, "il a une ARME!", "SM1")
        await texted(site, "the bus was late", "SM2")
    assert [row.urgent for row in await kept(site)] == [True, False]
    assert await site.db.read(store.urgent_unread) == {message: 1}
    (raised,) = [line for line in logs if line["event"] == "answer.urgent"]
    assert raised["message"] == message
    assert "arme" not in str(logs).casefold().replace("alarme", "")
    assert ONE not in str(logs)


async def test_the_thanks_are_in_the_persons_language_and_only_where_replies_are_possible(
    site: Site,
) -> None:
    polish = [person(3, language="pl")]
    await site.db.write(importing.import_records, polish, "test", site.context.now())
    said = await texted(site, "dobrze", "SM1", TWO)
    assert "Dziękujemy. W niebezpieczeństwie dzwoń pod 999." in said
    assert await texted(site, "hello", "SM2", To="MetPolice") == "<Response/>"
    assert "Nie będziemy już wysyłać" in await texted(site, "przestań", "SM3", TWO)
    contacts = await site.db.read(reached.contacts, [3], "sms")
    assert contacts[3].stopped
    assert await texted(site, "I saw him", "SM4", TWO) == "<Response/>", "stopped: nothing is sent"
    assert len(await kept(site)) == 3


async def test_yes_starts_and_is_kept_as_an_answer_too(site: Site) -> None:
    message = await appeal(site)
    await site.db.write(acts.stop, [2], "sms", "sms_reply", site.context.now())
    await texted(site, "Yes", "SM1")
    (row,) = await kept(site)
    assert (row.kind, row.message_id) == ("word", message)
    assert not (await site.db.read(reached.contacts, [2], "sms"))[2].stopped


async def test_keys_that_were_not_asked_for_are_an_answer_and_in_no_clear_row(site: Site) -> None:
    message = await site.live()
    s = await site.claimed("voice")
    path = f"/hooks/twilio/voice/{site.attempt(s)}?key=1"
    for digits in ("1", "07700900123", "07700900123"):
        told = {"CallSid": "CA1", "To": "+442079460001", "Digits": digits}
        assert (await site.twilio(path, told)).status == 200
    (row,) = await kept(site)
    assert (row.kind, row.joined, row.message_id, row.person_id) == (
        "keypress", "attempt", message, 32
    )  # fmt: skip
    opened = KEY.opened(row.sealed)
    assert opened is not None
    assert opened["words"] == "07700900123"
    values = await site.db.read(
        lambda conn: list(conn.execute(select(response.c.value).order_by(response.c.id)).scalars())
    )
    assert values == ["1", "other"]


async def test_erasing_a_number_leaves_that_there_was_an_answer_and_nothing_of_it(
    site: Site,
) -> None:
    message = await appeal(site)
    await texted(site, "I saw a gun", "SM1")
    await texted(site, "me too", "SM2", TWO)
    marks = [await site.db.write(keeping.mark_of, ONE)]
    now = site.context.now()
    assert await site.db.write(store.erase, now, marks=marks) == 1
    assert await site.db.write(store.erase, now, marks=["", *marks]) == 0
    gone, left = await kept(site)
    assert (gone.sealed, gone.mark, gone.person_id, gone.erased_at) == (None, "", None, now)
    assert left.sealed is not None
    assert await site.db.read(store.counts, message) == {
        "answers": 2, "urgent": 1, "urgent_unread": 0
    }  # fmt: skip
    assert await site.db.write(store.erase, now, person=3) == 1


@pytest.mark.parametrize(("days", "left"), [(30, [False, True]), (0, [True, True])])
async def test_answers_are_erased_when_their_days_are_over_and_only_then(
    site: Site, days: int, left: list[bool]
) -> None:
    await texted(site, "I saw a gun", "SM1")
    await texted(site, "me too", "SM2", TWO)
    first, _ = await kept(site)
    old = first.at - timedelta(days=30, seconds=1)
    aged = update(answer).where(answer.c.id == first.id).values(at=old)
    await site.db.write(lambda conn: conn.execute(aged))
    kept_for = timedelta(days=days) or None
    await Leases(site.db, lambda _: frozenset(), Turns(), answers_kept=kept_for).expire()
    rows = await kept(site)
    assert [row.sealed is not None for row in rows] == left
    assert [row.mark != "" for row in rows] == left


async def test_who_is_erased_takes_their_answers_along(site: Site) -> None:
    await texted(site, "I saw a gun", "SM1")
    path = "/api/v1/subscribers/p2/erase"
    got = await site.post(path, {"why": "asked by letter"}, role="administrator")
    assert got.status == 200, got.body
    (row,) = await kept(site)
    assert (row.sealed, row.mark, row.person_id) == (None, "", None)


async def test_answers_of_a_shared_number_go_with_the_last_who_has_it(site: Site) -> None:
    now = site.context.now()
    shares = person(90, mobile=ONE)
    await site.db.write(importing.import_records, [shares], "test", now)
    await texted(site, "which of us was it", "SM1")
    await texted(site, "another number", "SM2", TWO)
    assert (await kept(site))[0].person_id is None
    for who, left in (("p90", 2), ("p2", 1)):
        path = f"/api/v1/subscribers/{who}/erase"
        got = await site.post(path, {"why": "asked by letter"}, role="administrator")
        assert got.status == 200, got.body
        assert len([row for row in await kept(site) if row.sealed is not None]) == left, who
    gone, other = await kept(site)
    assert (gone.mark, gone.erased_at is None, other.erased_at) == ("", False, None)


async def test_an_answer_from_before_another_key_is_found_and_erased_all_the_same(
    tmp_path: Path,
) -> None:
    keys = tmp_path / "apart" / "contact.keys"
    env = {"FASTTIME_ANSWERS_KEY": KEY.public.hex(), "FASTTIME_CONTACT_KEYS_FILE": str(keys)}
    async with open_site(tmp_path, **env, **TWILIO) as site:
        shares = person(90, mobile=ONE)
        await site.db.write(importing.import_records, [shares], "test", site.context.now())
        await texted(site, "before", "SM1")
        await rotate(site.db, site.settings.contact_keys, site.context.now, lambda _: None)
        await texted(site, "after", "SM2")
        assert len({row.mark for row in await kept(site)}) == 2
        for who in ("p90", "p2"):
            path = f"/api/v1/subscribers/{who}/erase"
            await site.post(path, {"why": "asked by letter"}, role="administrator")
        assert [row.sealed for row in await kept(site)] == [None, None]


async def test_without_a_key_answers_are_sealed_to_the_stand_in_and_not_lost(
    tmp_path: Path,
) -> None:
    with capture_logs() as logs:
        async with open_site(tmp_path) as site:
            assert THANKS in await texted(site, "I saw him", "SM1")
            (row,) = await kept(site)
            secret = site.settings.key()
    assert "answers_key.interim" in [line["event"] for line in logs]
    assert row.key_id.startswith("interim-")
    from broadcast.answers.sealing import key_from

    assert (key_from(secret).opened(row.sealed) or {})["words"] == "I saw him"


def test_there_are_words_for_answers_in_every_language_with_the_right_number() -> None:
    from broadcast.answers.alarm_words import ALARM_WORDS
    from broadcast.wording import answering

    assert answering.languages() == set(all_packs()) == set(ALARM_WORDS)
    for tag in all_packs():
        assert answering.EMERGENCY in answering.acknowledgement(tag)
        assert answering.EMERGENCY in answering.help_text(tag, "Met Police")
        assert "https://x" in answering.stop_at(tag, "https://x")
        assert "START" in answering.stopped(tag)
