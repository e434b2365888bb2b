"""Deliveries to hand to a channel."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from broadcast.wording.rendered import Rendered
from channels.contract import Delivery

TEXT = Rendered(
    channel="sms",
    language="en",
    body="The threat level is SEVERE: an attack is highly likely.",
    encoding="GSM-7",
    segments=1,
)
CALL = Rendered(
    channel="voice", language="en", body="The threat level is severe: an attack is highly likely."
)
MAIL = Rendered(
    channel="email",
    language="en",
    subject="Threat level: SEVERE",
    body="An attack is highly likely.\n\n.Call 0800 789 321.\n",
    html="<p>An attack is highly likely.</p>",
)


def an_attempt(number: int = 0) -> str:
    """Return an attempt id of the right form, a different one for each number."""
    return f"{number:032x}00{'a' * 16}"


def a_delivery(
    to: str = "+447700900123",
    *,
    number: int = 0,
    rendered: Rendered = TEXT,
    status: str = "Actual",
    expires_at: datetime | None = None,
    unsubscribe_url: str = "",
) -> Delivery:
    """Return a delivery that ends in four hours."""
    ends = expires_at or datetime.now(UTC) + timedelta(hours=4)
    return Delivery(
        attempt=an_attempt(number),
        to=to,
        rendered=rendered,
        status=status,
        expires_at=ends,
        unsubscribe_url=unsubscribe_url,
    )
