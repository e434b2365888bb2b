"""Twilio's states of texts and calls in the four words of the contract: the only table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

State = Literal["accepted", "sent", "delivered", "failed"]

MESSAGES: Mapping[str, State] = {
    "accepted": "accepted",
    "scheduled": "accepted",
    "queued": "accepted",
    "sending": "accepted",
    "sent": "sent",
    "partially_delivered": "sent",
    "delivered": "delivered",
    "read": "delivered",
    "undelivered": "failed",
    "failed": "failed",
    "canceled": "failed",
}
"""https://www.twilio.com/docs/messaging/api/message-resource#message-status-values"""

CALLS: Mapping[str, State] = {
    "queued": "accepted",
    "initiated": "accepted",
    "ringing": "sent",
    "in-progress": "sent",
    "answered": "sent",
    "completed": "delivered",
    "busy": "failed",
    "no-answer": "failed",
    "failed": "failed",
    "canceled": "failed",
}
"""https://www.twilio.com/docs/voice/api/call-resource#call-status-values

"completed" means that somebody, or a machine, picked up. Busy and no answer end an attempt.
"""

FINAL = frozenset({"delivered", "failed"})
"""After these no other state follows, as far as Twilio promises."""


def listed(states: Mapping[str, State], status: object) -> State:
    """Return the state of an entry in Twilio's list. It took what it lists, so an unknown status
    means accepted.
    """
    return states.get(str(status), "accepted")
