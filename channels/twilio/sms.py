"""Text messages through Twilio: https://www.twilio.com/docs/messaging/api/message-resource"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from channels.contract import Accepted, Delivery, ProviderRecord, Refused, check_status
from channels.twilio.client import (
    TwilioClient,
    TwilioHttp,
    check_reachable,
    outbound_since,
    sid_of,
    status_callback,
)
from channels.twilio.settings import SmsSettings
from channels.twilio.states import MESSAGES, listed

VALIDITY = (1, 36_000)  # seconds Twilio may keep a message in its queue


class SmsChannel:
    """Text messages of one sender. Keeps channels.contract.Channel."""

    name = "sms"
    gone = frozenset(
        {"21211", "21614", "30005", "30006"}
    )  # no such number, one that takes no texts, an unknown handset, a landline

    def __init__(
        self,
        settings: SmsSettings,
        *,
        serves: frozenset[str] = frozenset({"Actual"}),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.sender = settings.sender or settings.messaging_service
        self.serves = serves
        self.provider = f"twilio:{settings.account}"
        self.concurrency = settings.concurrency
        self.rate = settings.rate
        self._settings = settings
        self._now = now
        self._http = TwilioHttp(api_base=settings.api_base, concurrency=settings.concurrency)
        self._client = TwilioClient(account=settings.account, token=settings.token, http=self._http)
        self._from: dict[str, Any] = {
            key: value
            for key, value in (
                ("From", settings.sender),
                ("MessagingServiceSid", settings.messaging_service),
            )
            if value
        }

    async def send(self, delivery: Delivery, *, timeout: float) -> Accepted:
        """Send one text; see the contract. A text that expires within a second is
        Refused("expired").
        """
        check_status(delivery, self.serves, "a text message")
        check_reachable(delivery.to, self._settings.api_base)
        left = (delivery.expires_at - self._now()).total_seconds()
        if left < VALIDITY[0]:
            raise Refused("expired", "the message ends before the provider could send it")
        fields = {
            **self._from,
            "To": delivery.to,
            "Body": delivery.text,
            "ValidityPeriod": min(int(left), VALIDITY[1]),
        }
        if self._settings.public_url and delivery.attempt:
            fields["StatusCallback"] = status_callback(self._settings.public_url, delivery.attempt)
        return Accepted(
            provider_id=await sid_of(self._client.create("Messages", fields, timeout=timeout))
        )

    async def look_up(self, to: str, since: datetime) -> list[ProviderRecord] | None:
        """Return what Twilio lists for `to` from five seconds before `since` on, oldest first.
        Raises Unavailable.

        Asked by number alone: a text still queued has no date_sent to filter by.
        """
        found = []
        async for message, created in outbound_since(self._client.messages, to, since):
            found.append(
                ProviderRecord(
                    provider_id=message.sid or "",
                    to=message.to or "",
                    body=message.body or "",
                    created=created,
                    state=listed(MESSAGES, message.status),
                    code=str(message.error_code or ""),
                )
            )
        return sorted(found, key=lambda record: record.created)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.close()
