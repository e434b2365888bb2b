"""Telephone calls through Twilio: https://www.twilio.com/docs/voice/api/call-resource"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from broadcast.wording.rendered import Rendered
from channels.contract import Accepted, Delivery, ProviderRecord, Refused, check_status
from channels.twilio.client import (
    TwilioClient,
    TwilioHttp,
    check_reachable,
    outbound_since,
    sid_of,
    status_callback,
    time_limit,
)
from channels.twilio.settings import VoiceSettings
from channels.twilio.states import CALLS, listed

RING_SECONDS = 30  # then it is "no answer", before most mailboxes take the call
EVENTS = ["initiated", "ringing", "answered", "completed"]


def _inline(rendered: Rendered) -> str:
    """Return the TwiML to send along where Twilio cannot fetch it from us: read and repeated,
    without asking for a key that nobody would hear.
    """
    from lxml import etree  # only callers without a public address pay for these

    from broadcast.wording.languages import pack_for
    from broadcast.wording.speech import spoken_pack, twiml

    pack = pack_for(rendered.language)
    prompts = spoken_pack(pack)
    response = etree.fromstring(twiml(rendered, pack, action_url=""))
    for gather in response.findall("Gather"):
        for step in reversed(
            [step for step in gather if step.text != f"{prompts.press_1} {prompts.press_2}"]
        ):
            gather.addnext(step)
        response.remove(gather)
    return str(etree.tostring(response, encoding="unicode"))


class VoiceChannel:
    """Calls of one number. Keeps channels.contract.Channel."""

    name = "voice"
    gone = frozenset({"21211", "21217"})  # no such number

    def __init__(
        self,
        settings: VoiceSettings,
        *,
        serves: frozenset[str] = frozenset({"Actual"}),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.sender = settings.sender
        self.serves = serves
        self.provider = f"twilio:{settings.account}"
        self.concurrency = settings.concurrency
        self.rate = settings.rate
        self._settings = settings
        self._now = now
        self._http = TwilioHttp(api_base=settings.api_base, concurrency=settings.concurrency)
        self._calls = TwilioClient(
            account=settings.account, token=settings.token, http=self._http
        ).calls

    async def send(self, delivery: Delivery, *, timeout: float) -> Accepted:
        """Have one call placed; see the contract. What is read aloud is fetched from us when the
        phone is picked up.
        """
        check_status(delivery, self.serves, "a call")
        check_reachable(delivery.to, self._settings.api_base)
        if (delivery.expires_at - self._now()).total_seconds() < 1:
            raise Refused("expired", "the message ends before the phone could ring")
        fields: dict[str, Any] = {"to": delivery.to, "from_": self.sender, "timeout": RING_SECONDS}
        base = self._settings.public_url
        if base and delivery.attempt:
            fields |= {
                "url": f"{base}/hooks/twilio/voice/{delivery.attempt}",
                "method": "POST",
                "status_callback": status_callback(base, delivery.attempt),
                "status_callback_method": "POST",
                "status_callback_event": EVENTS,
            }
            if delivery.rendered.discreet:
                # who picked up is told to the address above, which hangs up on a machine
                fields["machine_detection"] = "Enable"
        elif delivery.rendered.discreet:
            raise Refused("discreet_unheard", "nobody could tell a person from a mailbox")
        else:
            fields["twiml"] = _inline(delivery.rendered)
        with time_limit(timeout):
            return Accepted(provider_id=await sid_of(self._calls.create_async(**fields)))

    async def look_up(self, to: str, since: datetime) -> list[ProviderRecord] | None:
        """Return the calls Twilio lists for `to` from five seconds before `since` on, oldest first;
        it keeps no words. Raises Unavailable.
        """
        found = []
        async for call, created in outbound_since(self._calls, to, since):
            state = listed(CALLS, call.status)
            found.append(
                ProviderRecord(
                    provider_id=call.sid or "",
                    to=call.to or "",
                    body="",
                    created=created,
                    state=state,
                    code=str(call.status) if state == "failed" else "",
                )
            )
        return sorted(found, key=lambda record: record.created)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.close()
