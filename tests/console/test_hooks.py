from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from lxml import etree
from sqlalchemy import Connection, select, update
from structlog.testing import capture_logs

from broadcast.answers.tables import answer
from broadcast.events.tables import outbox
from broadcast.ledger import receipts
from broadcast.ledger.attempts import person_attempt
from broadcast.ledger.delivery_report import of_message
from broadcast.ledger.tables import receipt, response
from channels.twilio import callbacks
from channels.twilio.callbacks import sign
from subscribers.registry import acts, reached
from subscribers.registry.tables import subscriber
from tests.console.site import ACCOUNT, PUBLIC_URL, TOKEN, Site, open_site

SID = "SM" + "1" * 32
CALL = "CA" + "1" * 32
OTHER = "AC" + "9" * 32


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as running:
        yield running


def _receipts(conn: Connection) -> list[tuple[str, str]]:
    return [(r.state, r.code) for r in conn.execute(select(receipt).order_by(receipt.c.id))]


def _responses(conn: Connection) -> list[tuple[str, int | None, str]]:
    return [
        (r.kind, r.person_id, r.value)
        for r in conn.execute(select(response).order_by(response.c.id))
    ]


def _stopped(conn: Connection) -> list[int]:
    return [
        person
        for person, contact in reached.contacts(conn, range(1, 40), "sms").items()
        if contact.stopped
    ]


async def _status(site: Site, attempt: str, status: str = "delivered", **more: str) -> int:
    answer = await site.twilio(
        f"/hooks/twilio/status/{attempt}", {"MessageSid": SID, "MessageStatus": status, **more}
    )
    return answer.status


async def test_a_receipt_is_kept_with_its_event_before_it_is_answered_and_moves_the_account(
    site: Site,
) -> None:
    message = await site.live()
    s = await site.claimed()
    await site.done(s)
    assert await _status(site, site.attempt(s)) == 200
    assert await site.db.read(_receipts) == [("delivered", "")]
    assert await site.db.read(
        lambda conn: (
            conn.execute(select(outbox.c.type).where(outbox.c.type == "receipt.received"))
            .scalars()
            .all()
        )
    ) == ["receipt.received"]
    assert site.woken == ["receipts"]
    await site.db.write(receipts.merge_waiting, site.context.now())
    assert len((await site.db.read(of_message, message)).people["delivered"]) == 1


async def test_delivered_then_sent_stays_delivered_and_a_hundred_times_the_same_is_one_change(
    site: Site,
) -> None:
    message = await site.live()
    s = await site.claimed()
    await site.done(s)
    for _ in range(100):
        assert await _status(site, site.attempt(s)) == 200
    assert await _status(site, site.attempt(s), "sent") == 200
    assert await site.db.read(_receipts) == [("delivered", ""), ("sent", "")]
    await site.db.write(receipts.merge_waiting, site.context.now())
    assert len((await site.db.read(of_message, message)).people["delivered"]) == 1


async def test_a_receipt_that_comes_before_its_row_is_held(site: Site) -> None:
    assert await _status(site, person_attempt("0" * 32, 3, site.settings.key())) == 202
    assert await site.db.read(_receipts) == [("delivered", "")]


async def test_a_forged_attempt_is_not_found_and_nothing_is_kept(site: Site) -> None:
    await site.live()
    s = await site.claimed()
    forged = site.attempt(s)[:32] + "01" + "0" * 16
    for attempt in (forged, "x", "%00", "a" * 50):
        assert await _status(site, attempt) == 404
    assert await site.db.read(_receipts) == []


async def test_an_unknown_status_is_answered_and_logged_and_changes_nothing(site: Site) -> None:
    await site.live()
    s = await site.claimed()
    with capture_logs() as logs:
        assert await _status(site, site.attempt(s), "teleported") == 200
        assert await _status(site, site.attempt(s), "delivered", ErrorCode="99999") == 200
    assert [entry["event"] for entry in logs if entry.get("reason")] == ["hook.status_unknown"]
    assert await site.db.read(_receipts) == [("delivered", "")]


async def test_a_stop_that_twilio_tells_of_by_error_code_stops_the_number_once(site: Site) -> None:
    await site.live()
    s = await site.claimed()
    await site.done(s)
    assert (
        await _status(site, site.attempt(s), "failed", ErrorCode="21610", To="+447700900001") == 200
    )
    assert await site.db.read(_stopped) == [1, 33]
    await site.db.write(acts.start, [1, 33], "sms", "operator", site.context.now())
    assert (
        await _status(site, site.attempt(s), "failed", ErrorCode="21610", To="+447700900001") == 200
    )
    assert await site.db.read(_stopped) == []


async def test_without_a_right_signature_there_is_403_and_the_log_names_both_addresses_and_nobody(
    site: Site,
) -> None:
    path = f"/hooks/twilio/status/{person_attempt('0' * 32, 3, site.settings.key())}"
    params = {"MessageSid": SID, "MessageStatus": "delivered", "To": "+447700900001"}
    missing = await site.twilio(path, params, signature=None)
    assert (missing.status, missing.code) == (403, "signature_missing")
    with capture_logs() as logs:
        behind = await site.twilio(path, params, sign_url=site.url + path)
    assert (behind.status, behind.code) == (403, "signature_wrong")
    hint = next(entry for entry in logs if entry["event"] == "hook.signature_wrong")
    assert hint["signed_url"] == PUBLIC_URL + path
    assert hint["seen_url"] == site.url + path
    assert "7700900001" not in str(logs)
    for signature in ("x", "ä".encode("latin-1").decode("latin-1"), "a" * 5000):
        assert (await site.twilio(path, params, signature=signature)).status == 403
    assert (await site.twilio(path, params, token="b" * 32)).status == 403
    shifted = [("AccountSid", ACCOUNT), ("MessageSid", SID), ("MessageStatusdelivered", "")]
    honest = sign(
        TOKEN,
        PUBLIC_URL + path,
        [("AccountSid", ACCOUNT), ("MessageSid", SID), ("MessageStatus", "delivered")],
    )
    await site.twilio(path, shifted, signature=honest)
    assert await site.db.read(_receipts) == []


async def test_the_fragment_that_asks_for_retries_is_not_signed(site: Site) -> None:
    path = f"/hooks/twilio/status/{person_attempt('0' * 32, 3, site.settings.key())}"
    answer = await site.twilio(
        path,
        {"MessageSid": SID, "MessageStatus": "sent"},
        sign_url=f"{PUBLIC_URL}{path}#rc=5&rp=all",
    )
    assert answer.status == 202


async def test_another_account_a_repeated_parameter_and_a_get_are_refused(site: Site) -> None:
    path = f"/hooks/twilio/status/{person_attempt('0' * 32, 3, site.settings.key())}"
    other = await site.twilio(
        path, [("AccountSid", OTHER), ("MessageSid", SID), ("MessageStatus", "sent")]
    )
    assert (other.status, other.code) == (403, "account_mismatch")
    twice = await site.twilio(
        path, [("MessageSid", SID), ("MessageStatus", "sent"), ("MessageStatus", "failed")]
    )
    assert (twice.status, twice.code) == (400, "parameter_repeated")
    for hook in (path, "/hooks/twilio/inbound"):
        got = await site.get(hook, role=None)
        assert (got.status, got.code, got.headers["Allow"]) == (405, "method_not_allowed", "POST")
    text = await site.call(
        "POST", path, role=None, key=None, data=b"{}", headers={"Content-Type": "application/json"}
    )
    assert text.status == 415


async def test_what_cannot_be_committed_is_503_so_that_twilio_asks_again(site: Site) -> None:
    path = f"/hooks/twilio/status/{person_attempt('0' * 32, 3, site.settings.key())}"
    await site.db.write(lambda conn: conn.exec_driver_sql("ALTER TABLE receipt RENAME TO away"))
    answer = await site.twilio(path, {"MessageSid": SID, "MessageStatus": "sent"})
    assert (answer.status, answer.code) == (503, "database_unavailable")
    assert answer.headers["Retry-After"]
    await site.db.write(lambda conn: conn.exec_driver_sql("ALTER TABLE away RENAME TO receipt"))
    assert (await site.twilio(path, {"MessageSid": SID, "MessageStatus": "sent"})).status == 202


# Replies


async def _reply(
    site: Site, body: str, sid: str = SID, number: str = "+447700900001", **more: str
) -> str:
    answer = await site.twilio(
        "/hooks/twilio/inbound",
        {"MessageSid": sid, "From": number, "To": "+447700900999", "Body": body, **more},
    )
    assert answer.status == 200, answer.body
    assert answer.headers["Content-Type"].startswith("text/xml")
    return answer.body.decode()


async def test_stop_stops_everybody_with_that_number_and_start_lifts_it(site: Site) -> None:
    assert await _reply(site, "STOP.") == "<Response/>"
    assert await site.db.read(_stopped) == [1, 33]
    assert await site.db.read(_responses) == [("stop", 1, ""), ("stop", 33, "")]
    await _reply(site, "start", "SM2")
    assert await site.db.read(_stopped) == []
    await _reply(site, "STOP.")
    assert await site.db.read(_stopped) == [], "the same message told again is not a new one"
    await _reply(site, "hello", "SM3", OptOutType="STOP")
    assert await site.db.read(_stopped) == [1, 33]


async def test_what_only_sounds_like_stop_stops_nobody_and_its_writer_is_told_how(
    site: Site,
) -> None:
    await _reply(site, "stop please")
    assert await site.db.read(_stopped) == [1, 33]
    await _reply(site, "START", "SM2")
    said = await _reply(site, "stop him", "SM3")
    assert await site.db.read(_stopped) == []
    assert "In danger call 999. To stop these messages reply STOP." in said
    assert (await site.db.read(_responses))[-1] == ("stop_unclear", 33, "")


async def test_help_says_who_we_are_and_no_word_of_an_answer_is_in_clear(site: Site) -> None:
    said = await _reply(site, "HELP")
    assert "Police message from Met Police." in said
    assert "reply STOP" in said
    assert "999" in said
    assert "Thank you. In danger call 999." in await _reply(site, "I saw a red van", "SM2")
    assert await site.db.read(_stopped) == []
    kept = await site.db.read(
        lambda conn: "".join(
            str(conn.execute(select(table)).all()) for table in (response, outbox, answer)
        )
    )
    assert "red van" not in kept
    assert "7700900001" not in kept


async def test_a_reply_from_a_number_that_nobody_has_is_kept_and_changes_nobody(site: Site) -> None:
    await _reply(site, "STOP", number="+447700900777")
    assert await site.db.read(_responses) == [("stop", None, "")]


async def test_a_stop_names_the_message_that_reached_its_sender_last(site: Site) -> None:
    await site.live()
    await site.done(await site.claimed())
    await _reply(site, "STOP")
    found = await site.db.read(
        lambda conn: [
            r.version_id for r in conn.execute(select(response).where(response.c.person_id == 1))
        ]
    )
    assert found == [1]


# Calls


def _all_discreet(conn: Connection) -> None:
    conn.execute(update(subscriber).values(discreet="yes"))


async def _call(site: Site, **changes: object) -> str:
    await site.live(**changes)
    s = await site.claimed("voice")
    return f"/hooks/twilio/voice/{site.attempt(s)}"


async def test_a_call_reads_the_message_twice_and_asks_for_a_key(site: Site) -> None:
    path = await _call(site)
    answer = await site.twilio(
        path, {"CallSid": CALL, "CallStatus": "in-progress", "To": "+442079460001"}
    )
    root = etree.fromstring(answer.body)
    assert (answer.status, root.tag) == (200, "Response")
    gather = root.find("Gather")
    assert gather is not None
    assert gather.get("action") == f"{PUBLIC_URL}{path}?key=1"
    said = [say.text for say in gather.iter("Say")]
    assert sum("Road closed" in (text or "") for text in said) == 2


async def test_a_key_is_kept_once_and_answered_and_two_hears_it_again(site: Site) -> None:
    path = await _call(site)
    for _ in range(3):
        answer = await site.twilio(
            f"{path}?key=1",
            {"CallSid": CALL, "CallStatus": "in-progress", "Digits": "1", "msg": "Gather End"},
        )
        assert answer.status == 200
        assert b"<Hangup/>" in answer.body
    assert await site.db.read(_responses) == [("keypress", 32, "1")]
    again = await site.twilio(f"{path}?key=1", {"CallSid": CALL, "Digits": "2"})
    redirect = etree.fromstring(again.body).find("Redirect")
    assert redirect is not None
    assert redirect.text == PUBLIC_URL + path
    back = await site.twilio(path, {"CallSid": CALL, "Digits": "2"})
    assert b"<Gather" in back.body, (
        "Twilio repeats the digits after a redirect: it is the fetch all the same"
    )


async def test_a_discreet_call_says_nothing_before_a_key_and_leaves_nothing_on_a_machine(
    site: Site,
) -> None:
    path = await _call(site)
    await site.db.write(_all_discreet)
    call = {"CallSid": CALL, "CallStatus": "in-progress", "To": "+442079460001"}

    async def fetched(query: str, **more: str) -> tuple[list[str], str | None]:
        root = etree.fromstring((await site.twilio(f"{path}{query}", {**call, **more})).body)
        gather = root.find("Gather")
        said = [say.text or "" for say in root.iter("Say")]
        return said, None if gather is None else gather.get("action")

    for who in ("machine_start", "machine_end_beep", "fax"):
        assert await fetched("", AnsweredBy=who) == ([], None)
    for who in ("human", "unknown"):
        said, action = await fetched("", AnsweredBy=who)
        assert set(said) == {"There is a message for you. To hear it, press 1."}
        assert action == f"{PUBLIC_URL}{path}?listens=1"
    said, action = await fetched("?listens=1", Digits="1")
    assert said[0].startswith("A message for you.")
    assert sum("Road closed" in words for words in said) == 2
    assert action == f"{PUBLIC_URL}{path}?key=1"
    again = await site.twilio(f"{path}?key=1", {**call, "Digits": "2"})
    assert f"{PUBLIC_URL}{path}?listens=1".encode() in again.body


async def test_a_call_may_be_fetched_by_get_with_its_parameters_in_the_query(site: Site) -> None:
    path = await _call(site)
    query = urlencode({"AccountSid": ACCOUNT, "CallSid": CALL, "To": "+442079460001"})
    signature = sign(TOKEN, f"{PUBLIC_URL}{path}?{query}", [])
    answer = await site.get(f"{path}?{query}", role=None, headers={callbacks.SIGNATURE: signature})
    assert (answer.status, b"<Gather" in answer.body) == (200, True)
    assert (
        await site.get(f"{path}?{query}", role=None, headers={callbacks.SIGNATURE: "x"})
    ).status == 403


async def test_a_call_of_an_unknown_attempt_says_nothing(site: Site) -> None:
    await site.live()
    s = await site.claimed()
    for attempt in (person_attempt("0" * 32, 0, site.settings.key()), site.attempt(s)):
        assert (
            await site.twilio(f"/hooks/twilio/voice/{attempt}", {"CallSid": CALL})
        ).status == 404


async def test_without_an_account_nobody_may_call(tmp_path: Path) -> None:
    async with open_site(tmp_path, FASTTIME_SENDER="x.example") as other:
        other.app.state.web.accounts.clear()
        assert (
            await other.twilio(
                "/hooks/twilio/inbound",
                {"MessageSid": SID, "From": "+447700900001", "Body": "STOP"},
            )
        ).status == 403
