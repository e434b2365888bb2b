"""What became of a delivery attempt, and why, in words: a code tells a person nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from channels.twilio.errors import ERROR_CODES
from console.room import naming

STATES: Mapping[str, str] = MappingProxyType(
    {
        "accepted": "the provider took it",
        "sent": "it is on its way",
        "delivered": "it was delivered",
        "failed": "it failed",
        "refused": "the provider did not take it",
        "in_doubt": "nobody knows whether it arrived",
        "skipped": "it was not sent to them",
        "not_started": "it was not begun",
    }
)
"""What became of an attempt, by its state (`broadcast.ledger.evidence.RANK`)."""

_WHY: Mapping[str, str] = MappingProxyType(
    {
        "address_invalid": "no mail server would know where to take it",
        "address_reserved": "the address belongs to nobody: such ones are for tests",
        "adapter_error": "our own program failed",
        "answer_unreadable": "the provider's answer could not be read",
        "busy": "the line was busy",
        "canceled": "the provider gave it up",
        "content_invalid": "the text could not be laid out for it",
        "discreet_unheard": "a mailbox might have heard what only they may hear",
        "expired": "the message had ended",
        "failed": "the provider says no more",
        "fax": "a fax machine answered",
        "machine": "an answering machine answered",
        "no-answer": "nobody picked up",
        "no_answer": "the provider's answer did not come",
        "no_connection": "the provider could not be reached",
        "no_discreet_words": "there were no words that give nothing away",
        "number_not_reachable": "this number is not one to be reached from here",
        "retries_exhausted": "it was tried as often as may be",
        "stopped_meanwhile": "the process that sent it was stopped",
        "worker_lost": "the process that sent it was lost",
    }
)
_OF_MAIL: Mapping[str, str] = MappingProxyType(
    {
        "busy": "all our connections to the mail server were in use",
        "4": "the mail server takes it later, or not yet",
        "5": "the mail server refuses it",
        "5.1": "the mail server knows no such address",
    }
)
_HTTP = re.compile(r"http_(\d{3})")


def why(channel: str, code: str) -> str:
    """Return what a code of an attempt on this channel says, "" for none: "the handset is off or
    out of reach (30003)".
    """
    if not code:
        return ""
    number = f" ({code})" if code[:1].isdigit() else ""
    if channel == "email":
        status, _, detail = code.partition(" ")
        if said := _OF_MAIL.get(detail[:3]) or _OF_MAIL.get(code if code == "busy" else status[:1]):
            return f"{said}{number}"
    if code in ERROR_CODES:
        # which setting is to be mended is for who reads the log of the processes
        return f"{ERROR_CODES[code][1].partition(': ')[0]}{number}"
    if number:
        return f"the provider says no more than a code{number}"
    if answered := _HTTP.fullmatch(code):
        return f"the provider's answer does not say whether it took it (HTTP {answered[1]})"
    return _WHY.get(code) or naming.word(code)


def attempt(channel: str, state: str, code: str) -> str:
    """Return what became of an attempt, and why where a code says it."""
    said = STATES.get(state) or naming.word(state)
    because = why(channel, code)
    return f"{said}: {because}" if because else said


def failure(said: str) -> str:
    """Return a failure as the delivery report tells it, "sms 30003", in words."""
    channel, _, code = said.partition(" ")
    return f"{naming.word(channel).lower()}: {why(channel, code)}"
