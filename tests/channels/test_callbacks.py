from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.problems import Rejected
from channels.twilio.callbacks import (
    KNOWN,
    RECEIPT_FIELDS,
    StatusReceipt,
    check_signature,
    key_pressed,
    parse_status,
    read_form,
    sign,
)
from tests.channels.twilio_api import answers
from tests.sources import EITHER, OWN

ACCOUNT = "AC" + "0" * 32
SID = "SM" + "1" * 32
CALL_SID = "CA" + "1" * 32
URL = "https://alerts.example.org/hooks/twilio/status/abc"


@pytest.mark.parametrize("source", EITHER)
def test_signatures_are_those_of_the_official_library(source: Path) -> None:
    file = source / "twilio" / ("signatures.json" if source == OWN else "signature_vectors.json")
    vectors: list[dict[str, Any]] = json.loads(file.read_text())["vectors"]
    assert len(vectors) == 7
    for vector in vectors:
        params = vector.get("body") or [(name, value) for name, value in vector.get("params", [])]
        assert check_signature(vector["token"], vector["url"], params, vector["signature"]), vector[
            "name"
        ]
        assert not check_signature(
            vector["token"] + "x", vector["url"], params, vector["signature"]
        )
        assert not check_signature(
            vector["token"], vector["url"] + "x", params, vector["signature"]
        )
        assert not check_signature(
            vector["token"], vector["url"], params, vector["signature"][:-2] + "A="
        )


@pytest.mark.parametrize("signature", [None, "", "x", "ä", "a" * 10_000])
def test_a_missing_or_foreign_signature_is_a_plain_no(signature: str | None) -> None:
    assert check_signature("token", URL, [("MessageSid", SID)], signature) is False


def test_without_a_token_nothing_is_believed() -> None:
    assert check_signature("", URL, [], sign("", URL, [])) is False


def test_an_impossible_address_is_a_plain_no() -> None:
    assert check_signature("token", "https://alerts.example.org:99999/x", [], "sig") is False


def test_the_fragment_that_asks_for_retries_is_not_signed() -> None:
    params = [("MessageSid", SID), ("MessageStatus", "sent")]
    assert check_signature("token", URL, params, sign("token", URL + "#rc=5&rp=all", params))


@given(st.lists(st.tuples(st.text(min_size=1, max_size=8), st.text(max_size=8)), max_size=6))
def test_what_we_sign_we_believe_in_any_order(params: list[tuple[str, str]]) -> None:
    assert check_signature("token", URL, list(reversed(params)), sign("token", URL, params))


def test_only_known_parameters_are_read() -> None:
    form = [
        ("AccountSid", ACCOUNT),
        ("MessageSid", SID),
        ("Messag", "eSidX"),
        ("FutureThing", "1"),
        ("FutureThing", "2"),
    ]
    assert read_form(form, account=ACCOUNT) == {"AccountSid": ACCOUNT, "MessageSid": SID}


def test_a_repeated_parameter_is_refused() -> None:
    with pytest.raises(Rejected) as rejected:
        read_form(
            [("AccountSid", ACCOUNT), ("MessageStatus", "sent"), ("MessageStatus", "failed")],
            account=ACCOUNT,
        )
    assert (rejected.value.status, rejected.value.problems[0].code) == (400, "parameter_repeated")


@pytest.mark.parametrize("form", [[], [("AccountSid", "AC" + "9" * 32)], [("AccountSid", "")]])
def test_another_account_is_refused(form: list[tuple[str, str]]) -> None:
    with pytest.raises(Rejected) as rejected:
        read_form(form, account=ACCOUNT)
    assert (rejected.value.status, rejected.value.problems[0].code) == (403, "account_mismatch")


def test_what_is_kept_of_a_receipt_names_nobody() -> None:
    assert RECEIPT_FIELDS <= KNOWN
    assert not RECEIPT_FIELDS & {"To", "From", "Body", "Called", "Caller", "ErrorMessage"}


# status, error code, state, code, final
MESSAGES = [
    ("accepted", "", "accepted", "", False),
    ("scheduled", "", "accepted", "", False),
    ("queued", "", "accepted", "", False),
    ("sending", "", "accepted", "", False),
    ("sent", "", "sent", "", False),
    ("Sent", "", "sent", "", False),
    ("partially_delivered", "", "sent", "", False),
    ("delivered", "", "delivered", "", True),
    ("delivered", "30008", "delivered", "", True),
    ("read", "", "delivered", "", True),
    ("undelivered", "30003", "failed", "30003", True),
    ("undelivered", "99999", "failed", "99999", True),
    ("undelivered", "drop table", "failed", "failed", True),
    ("failed", "", "failed", "failed", True),
    ("failed", "21610", "failed", "21610", True),
    ("canceled", "", "failed", "canceled", True),
]


@pytest.mark.parametrize(("status", "error", "state", "code", "final"), MESSAGES)
def test_a_texts_status_is_one_of_ours(
    status: str, error: str, state: Any, code: str, final: bool
) -> None:
    expected = StatusReceipt(provider_id=SID, state=state, code=code, final=final)
    more = {"ErrorCode": error} if error else {}
    assert parse_status({"MessageSid": SID, "MessageStatus": status, **more}) == expected
    assert parse_status({"SmsSid": SID, "SmsStatus": status, **more}) == expected


# status, who answered, state, code, final, machine
CALLS = [
    ("queued", "", "accepted", "", False, False),
    ("initiated", "", "accepted", "", False, False),
    ("ringing", "", "sent", "", False, False),
    ("in-progress", "human", "sent", "", False, False),
    ("completed", "", "delivered", "", True, False),
    ("completed", "human", "delivered", "", True, False),
    ("completed", "machine_end_beep", "failed", "machine", True, True),
    ("completed", "unknown", "delivered", "", True, False),
    ("completed", "fax", "failed", "fax", True, False),
    ("busy", "", "failed", "busy", True, False),
    ("no-answer", "", "failed", "no-answer", True, False),
    ("failed", "", "failed", "failed", True, False),
    ("canceled", "", "failed", "canceled", True, False),
]


@pytest.mark.parametrize(("status", "who", "state", "code", "final", "machine"), CALLS)
def test_a_calls_status_is_one_of_ours(
    status: str, who: str, state: Any, code: str, final: bool, machine: bool
) -> None:
    params = {"CallSid": CALL_SID, "CallStatus": status, **({"AnsweredBy": who} if who else {})}
    assert parse_status(params) == StatusReceipt(
        provider_id=CALL_SID, state=state, code=code, final=final, machine=machine
    )


def test_a_call_that_failed_keeps_the_providers_code() -> None:
    assert (
        parse_status({"CallSid": CALL_SID, "CallStatus": "failed", "ErrorCode": "21217"}).code
        == "21217"
    )


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"MessageSid": SID, "MessageStatus": "teleported"}, "unknown_status: teleported"),
        ({"MessageSid": SID, "MessageStatus": "a\nb\x1b[31m"}, "unknown_status: a?b??31m"),
        ({"MessageSid": SID}, "unknown_status: none"),
        ({}, "unknown_status: none"),
        ({"CallSid": CALL_SID, "CallStatus": "levitating"}, "unknown_status: levitating"),
        ({"SmsSid": SID, "SmsStatus": "received"}, "inbound"),
        ({"SmsSid": SID, "SmsStatus": "receiving"}, "inbound"),
    ],
)
def test_what_is_not_known_changes_nothing_and_says_why(
    params: dict[str, str], reason: str
) -> None:
    receipt = parse_status(params)
    assert receipt.state is None
    assert receipt.reason == reason


@pytest.mark.parametrize("source", EITHER)
def test_all_states_of_the_official_document_are_known(source: Path) -> None:
    schemas = answers(source)
    for status in schemas["message_enum_status"]["enum"]:
        assert parse_status({"MessageSid": SID, "MessageStatus": status}).reason in ("", "inbound")
    for status in schemas["call_enum_status"]["enum"]:
        assert parse_status({"CallSid": CALL_SID, "CallStatus": status}).reason == ""


@given(st.dictionaries(st.sampled_from(sorted(KNOWN)), st.text(max_size=30), max_size=8))
def test_no_callback_makes_it_raise(params: dict[str, str]) -> None:
    receipt = parse_status(params)
    assert (receipt.state is None) == bool(receipt.reason)
    assert receipt.reason.isascii()
    assert receipt.provider_id.isascii()


@pytest.mark.parametrize(
    ("digits", "pressed"),
    [("1", "1"), ("12#", "12#"), ("", ""), ("a", ""), ("١", ""), ("1" * 40, "")],
)
def test_keys_are_digits_star_and_hash(digits: str, pressed: str) -> None:
    assert key_pressed({"Digits": digits}) == pressed
