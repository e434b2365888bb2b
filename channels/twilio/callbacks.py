"""What Twilio tells us: signatures, delivery states, replies and key presses, read without side
effects.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from multidict import MultiDict
from twilio.request_validator import RequestValidator

from broadcast.problems import refuse
from channels.twilio.states import CALLS, FINAL, MESSAGES, State

Pairs = Sequence[tuple[str, str]]

SIGNATURE = "X-Twilio-Signature"

# Twilio adds parameters without notice, so an unknown one is dropped, not refused; and signs names
# and values without a mark between them ("ab"+"c" is "a"+"bc"), so only known names are ever looked
# at.
KNOWN = frozenset(
    {
        "AccountSid",
        "ApiVersion",
        "MessageSid",
        "SmsSid",
        "SmsMessageSid",
        "MessageStatus",
        "SmsStatus",
        "ErrorCode",
        "ErrorMessage",
        "MessagingServiceSid",
        "NumSegments",
        "NumMedia",
        "From",
        "To",
        "Body",
        "OptOutType",
        "FromCountry",
        "FromState",
        "FromCity",
        "FromZip",
        "ToCountry",
        "ToState",
        "ToCity",
        "ToZip",
        "RawDlrDoneDate",
        "ChannelPrefix",
        "ChannelToAddress",
        "CallSid",
        "ParentCallSid",
        "CallStatus",
        "CallDuration",
        "Duration",
        "Direction",
        "Timestamp",
        "SequenceNumber",
        "CallbackSource",
        "AnsweredBy",
        "SipResponseCode",
        "StirVerstat",
        "Called",
        "Caller",
        "CalledCountry",
        "CalledState",
        "CalledCity",
        "CalledZip",
        "CallerCountry",
        "CallerState",
        "CallerCity",
        "CallerZip",
        "CallerName",
        "ForwardedFrom",
        "CallToken",
        "StirStatus",
        "Digits",
        "FinishedOnKey",
        "SpeechResult",
        "Confidence",
        "msg",
    }
)
RECEIPT_FIELDS = frozenset(
    {
        "MessageSid",
        "SmsSid",
        "CallSid",
        "MessageStatus",
        "SmsStatus",
        "CallStatus",
        "ErrorCode",
        "AnsweredBy",
        "Timestamp",
        "SequenceNumber",
    }
)
"""The only parameters of a status callback that may be kept in clear: no number, no words
(rule R6).
"""

_INBOUND = frozenset({"receiving", "received"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReceipt:
    """One status callback, read. `state` is None where it changes nothing; `reason` then says why,
    and belongs in the log.

    `code` is the provider's error code, or "busy", "no-answer", "canceled", "failed", "fax",
    "machine" where it gives none; "" otherwise. `final`: no other state follows, as far as the
    provider promises. `machine`: an answering machine took the call.
    """

    provider_id: str
    state: State | None
    code: str = ""
    final: bool = False
    machine: bool = False
    reason: str = ""


def sign(token: str, url: str, params: Pairs) -> str:
    """Return the signature Twilio would send with a form POST to `url` (without its fragment)."""
    return str(RequestValidator(token).compute_signature(url.partition("#")[0], MultiDict(params)))


def check_signature(token: str, url: str, params: Pairs | str, signature: str | None) -> bool:
    """Return whether `signature` (header X-Twilio-Signature, None if absent) proves that Twilio
    sent this.

    `url` is the public one, exactly as configured at Twilio, with its query and without fragment;
    `params` are the form's pairs in any order, or the body itself where it is JSON. Source:
    https://www.twilio.com/docs/usage/webhooks/webhooks-security
    """
    if not signature or not token:  # the library raises TypeError on None
        return False
    try:
        return bool(
            RequestValidator(token).validate(
                url, params if isinstance(params, str) else MultiDict(params), signature
            )
        )
    except ValueError:  # a URL with an impossible port
        return False


def read_form(params: Pairs, *, account: str) -> dict[str, str]:
    """Return the known parameters of a webhook whose signature was checked.

    Raises Rejected: 400 parameter_repeated, 403 account_mismatch.
    """
    read: dict[str, str] = {}
    for name, value in params:
        if name not in KNOWN:
            continue
        if name in read:
            raise refuse(
                "parameter_repeated",
                f"the parameter {name} came twice",
                "send each parameter once",
                field=name,
                status=400,
            )
        read[name] = value
    if read.get("AccountSid") != account:
        raise refuse(
            "account_mismatch",
            "this is not the account that sends for us",
            "point the webhook of that account elsewhere, or check FASTTIME_TWILIO_ACCOUNT_SID",
            field="AccountSid",
            status=403,
        )
    return read


def parse_status(params: Mapping[str, str]) -> StatusReceipt:
    """Return what a status callback says, of a text or of a call. Never raises: Twilio adds states
    and codes without notice.
    """
    if call := params.get("CallSid", ""):
        return _call_status(_id(call), params)
    provider_id = _id(params.get("MessageSid") or params.get("SmsSid") or "")
    status = (params.get("MessageStatus") or params.get("SmsStatus") or "").strip().lower()
    if status in _INBOUND:
        return StatusReceipt(provider_id=provider_id, state=None, reason="inbound")
    if status not in MESSAGES:
        return StatusReceipt(
            provider_id=provider_id, state=None, reason=f"unknown_status: {_word(status)}"
        )
    state = MESSAGES[status]
    code = _code(params) if state == "failed" else ""
    if state == "failed" and not code:
        code = "canceled" if status == "canceled" else "failed"
    return StatusReceipt(provider_id=provider_id, state=state, code=code, final=state in FINAL)


def _call_status(provider_id: str, params: Mapping[str, str]) -> StatusReceipt:
    status = params.get("CallStatus", "").strip().lower()
    if status not in CALLS:
        return StatusReceipt(
            provider_id=provider_id, state=None, reason=f"unknown_status: {_word(status)}"
        )
    state = CALLS[status]
    answered_by = params.get("AnsweredBy", "").strip().lower()
    if state == "delivered" and answered_by == "fax":
        return StatusReceipt(provider_id=provider_id, state="failed", code="fax", final=True)
    if state == "delivered" and answered_by.startswith("machine"):
        # only where a machine was looked for, and then it was hung up on: nobody was told
        return StatusReceipt(
            provider_id=provider_id, state="failed", code="machine", final=True, machine=True
        )
    code = (_code(params) or status) if state == "failed" else ""
    return StatusReceipt(
        provider_id=provider_id,
        state=state,
        code=code,
        final=state in FINAL,
        machine=answered_by.startswith("machine"),
    )


def took_by_machine(params: Mapping[str, str]) -> bool:
    """Return whether an answering machine, or a fax, took a call for which Twilio was told to
    listen: https://www.twilio.com/docs/voice/answering-machine-detection
    """
    who = params.get("AnsweredBy", "").strip().lower()
    return who == "fax" or who.startswith("machine")


def _id(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9_-]{2,64}", text) else ""


def _code(params: Mapping[str, str]) -> str:
    code = params.get("ErrorCode", "").strip()
    return code if re.fullmatch(r"[1-9]\d{0,5}", code, re.ASCII) else ""


def _word(text: str) -> str:
    return re.sub(r"[^a-z0-9_-]", "?", text[:40]) or "none"


def key_pressed(params: Mapping[str, str]) -> str:
    """Return the keys somebody pressed during a call (0-9, *, #), "" if none."""
    digits = params.get("Digits", "")
    return digits if re.fullmatch(r"[0-9*#]{1,32}", digits, re.ASCII) else ""
