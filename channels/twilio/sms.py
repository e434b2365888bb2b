"""Text messages through Twilio: https://www.twilio.com/docs/messaging/api/message-resource"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from broadcast.problems import Rejected
from channels.contract import Accepted, Delivery, ProviderRecord, Refused, WrongStatus
from channels.twilio.client import (
    TwilioClient,
    TwilioHttp,
    check_reachable,
    missing,
    outbound_since,
    read_account,
    read_rate,
    read_url,
    sid_of,
    status_callback,
)
from channels.twilio.states import MESSAGES, listed

RATE_AT_TWILIO = 10.0  # segments a second and sender in the United Kingdom, unless one buys more
VALIDITY = (1, 36_000)  # seconds Twilio may keep a message in its queue


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsSettings:
    """One Twilio account and one sender of text messages.

    `sender` (a number or a name) or `messaging_service` or both; `api_base` "" is the real Twilio;
    `public_url` "" means that Twilio cannot reach us, so that no receipts come; `rate` is a second
    and sender, 0 = no limit.
    """

    account: str
    token: str = field(repr=False)
    sender: str = ""
    messaging_service: str = ""
    api_base: str = ""
    public_url: str = ""
    rate: float = 0.0
    concurrency: int = 100

    @classmethod
    def from_env(cls, env: Mapping[str, str], *, exercise: bool = False) -> Self | None:
        """Read the settings of the contract; None where text messages are not configured at all.

        With `exercise` the sender is FASTTIME_EXERCISE_TWILIO_FROM. Raises Rejected (exit 2) where
        half of them are missing, or one is an example.
        """
        name = "FASTTIME_EXERCISE_TWILIO_FROM" if exercise else "FASTTIME_TWILIO_FROM"
        sender = env.get(name, "").strip()
        service = "" if exercise else env.get("FASTTIME_TWILIO_MESSAGING_SERVICE_SID", "").strip()
        keys = any(
            env.get(f"FASTTIME_TWILIO_{half}", "").strip() for half in ("ACCOUNT_SID", "AUTH_TOKEN")
        )
        if not sender and not service:
            if keys and not exercise and not env.get("FASTTIME_TWILIO_VOICE_FROM", "").strip():
                raise Rejected(
                    missing(
                        name,
                        "set it, or FASTTIME_TWILIO_MESSAGING_SERVICE_SID, or"
                        " FASTTIME_TWILIO_VOICE_FROM: a Twilio account without a sender sends"
                        " nothing",
                    )
                )
            return None
        account, token, problems = read_account(
            env, needed_by=name if sender else "FASTTIME_TWILIO_MESSAGING_SERVICE_SID"
        )
        if problems:
            raise Rejected(problems)
        api_base = read_url(env, "FASTTIME_TWILIO_API_BASE")
        return cls(
            account=account,
            token=token,
            sender=sender,
            messaging_service=service,
            api_base=api_base,
            public_url=read_url(env, "FASTTIME_PUBLIC_URL"),
            rate=read_rate(env, "FASTTIME_SMS_RATE", 0.0 if api_base else RATE_AT_TWILIO),
        )


class SmsChannel:
    """Text messages of one sender. Keeps channels.contract.Channel."""

    name = "sms"

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
        """Hand one text over; see the contract. A text that expires within a second is
        Refused("expired").
        """
        if delivery.status not in self.serves:
            raise WrongStatus(
                f"a text message of status {delivery.status} was offered to an adapter for"
                f" {', '.join(sorted(self.serves))}"
            )
        check_reachable(delivery.to, self._settings.api_base)
        left = (delivery.expires_at - self._now()).total_seconds()
        if left < VALIDITY[0]:
            raise Refused("expired", "the message ends before the provider could send it")
        fields = {
            **self._from,
            "To": delivery.to,
            "Body": delivery.rendered.body,
            "ValidityPeriod": min(int(left), VALIDITY[1]),
        }
        if self._settings.public_url:
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
