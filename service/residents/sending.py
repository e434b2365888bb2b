"""The loop that sends the codes for registering and signing in. Codes are not messages: they do not
pass through the ledger.

A code is recorded before it is sent, and is sent at most once. If nobody knows whether the provider
took it, it stays in doubt, and no loop sends it again: the person asks for another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial

import structlog

from broadcast.store.database import Database
from channels.contract import Channel, Delivery, InDoubt, Refused, Unavailable
from channels.dispatch.rates import Limiter
from config.settings import Settings
from config.wiring import Adapters, rate_of
from service.residents import texts
from subscribers.registration import pending
from subscribers.registration.pending import CODE_LASTS, ToSend

log = structlog.get_logger("codes")

CODE_SECONDS = 0.5
"""How often the loop looks for codes to send."""
SEND_SECONDS = 8.0
TOGETHER = 20


def channels_of(adapters: Adapters) -> tuple[str, Mapping[str, Channel]]:
    """Return the CAP status under which codes are sent, and the channels of that status by name.

    An installation without any channel for Actual is a trial: it sends codes as status Test, to the
    simulator.
    """
    live = adapters.by_status.get("Actual", {})
    return ("Actual", live) if live else ("Test", adapters.by_status.get("Test", {}))


def channel_names_of(on: Callable[[str], frozenset[str]]) -> tuple[str, frozenset[str]]:
    """Return the same status, and only the names of its channels, for callers without adapters.
    `on` returns the names of the channels that are switched on for a status.
    """
    live = on("Actual")
    return ("Actual", live) if live else ("Test", on("Test"))


class Codes:
    """Sends the codes that people asked for. Several processes may run it: each claims its own."""

    def __init__(
        self,
        db: Database,
        adapters: Adapters,
        limiter: Limiter,
        settings: Settings,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._db, self._limiter, self._settings, self._now = db, limiter, settings, now
        self._status, self._channels = channels_of(adapters)

    async def send_codes(self) -> None:
        """Send every code that waits, as far as the rates allow."""
        for name, channel in self._channels.items():
            while await self._send_some(name, channel):
                pass

    async def _send_some(self, name: str, channel: Channel) -> int:
        waiting = await self._db.read(pending.waiting, name, self._now(), TOGETHER)
        bucket, rate = f"{channel.name}:{channel.sender}", rate_of(channel)
        tokens = await self._limiter.take(bucket, waiting, rate, urgent=False) if waiting else 0
        if not tokens:
            return 0
        claim = partial(pending.claim, channels=(name,), now=self._now(), most=tokens)
        claimed = await self._db.write(claim)
        if len(claimed) < tokens:
            await self._limiter.give_back(bucket, tokens - len(claimed), rate)
        await asyncio.gather(*(self._send(channel, each) for each in claimed))
        return len(claimed)

    async def _send(self, channel: Channel, each: ToSend) -> None:
        what = "known" if each.known and each.purpose == "join" else each.purpose
        delivery = Delivery(
            attempt="",
            to=each.address,
            rendered=texts.rendered(
                each.channel,
                what,
                each.language,
                code=each.code,
                sender=self._settings.sender_name,
                public_url=self._settings.public_url,
                discreet=each.discreet,
            ),
            status=self._status,
            expires_at=self._now() + CODE_LASTS,
        )
        state, reason = "sent", ""
        try:
            await channel.send(delivery, timeout=SEND_SECONDS)
        except (Refused, Unavailable) as refused:
            state, reason = "refused", refused.code
        except InDoubt as doubt:
            state, reason = "doubt", doubt.code
        except Exception as error:  # noqa: BLE001 - the adapter translated it not: it may have been taken
            state, reason = "doubt", type(error).__name__
        if reason:
            log.warning("code.not_sent", channel=each.channel, state=state, reason=reason)
        await self._db.write(pending.record, each.id, each.code, state)
