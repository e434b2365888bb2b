"""A channel that keeps the contract and reaches nobody: for tests, demonstrations and rehearsals of
failure.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from channels.contract import (
    Accepted,
    ChannelError,
    Delivery,
    InDoubt,
    ProviderRecord,
    Refused,
    check_status,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What becomes of one attempt: whether it is taken, what is raised after that (None =
    Accepted), and after how many seconds it is answered.
    """

    taken: bool = True
    error: ChannelError | None = None
    delay: float = 0.0


TAKEN = Outcome()
LOST_REPLY = Outcome(taken=True, error=InDoubt("no_answer", "taken, but the answer was lost"))
LOST_REQUEST = Outcome(taken=False, error=InDoubt("no_answer", "lost before it was taken"))


def fails_with(error: ChannelError) -> Outcome:
    """Return the outcome of something not taken: Refused, Unavailable, or an InDoubt that was lost
    on the way there.
    """
    return Outcome(taken=False, error=error)


def slow(seconds: float) -> Outcome:
    """Return the outcome of something taken at once and answered after `seconds`: in doubt if that
    is later than the time-out.
    """
    return Outcome(delay=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One attempt as this channel saw it. `taken` is what a provider would have sent on."""

    to: str
    attempt: str
    body: str
    at: datetime
    taken: bool
    outcome: str


class MemoryChannel:
    """Accepts everything and records it in `ledger`, unless told otherwise by address, by the
    number of the call (the first is 0) or by a function.

    The first that applies decides: `by_call`, `by_address`, `always`.
    """

    def __init__(
        self,
        name: str = "sms",
        *,
        sender: str = "memory",
        serves: frozenset[str] = frozenset({"Actual"}),
        concurrency: int = 32,
        rate: float = 0.0,
        by_address: Mapping[str, Outcome] | None = None,
        by_call: Mapping[int, Outcome] | Callable[[int], Outcome | None] | None = None,
        always: Outcome = TAKEN,
        has_list: bool = True,
        gone: frozenset[str] = frozenset({"gone"}),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.name = name
        self.gone = gone
        self.sender = sender
        self.provider = f"memory:{sender}"
        self.serves = serves
        self.concurrency = concurrency
        self.rate = rate
        self.by_address = dict(by_address or {})
        self.by_call: Callable[[int], Outcome | None] = (
            by_call if callable(by_call) else dict(by_call or {}).get
        )
        self.always = always
        self.ledger: list[LedgerEntry] = []
        self.closed = False
        self._has_list = has_list
        self._now = now
        self._calls = 0

    def taken(self) -> list[LedgerEntry]:
        """Return what was taken, in order."""
        return [entry for entry in self.ledger if entry.taken]

    def twice(self) -> list[str]:
        """Return the attempts that were taken more than once."""
        return [
            attempt
            for attempt, times in Counter(entry.attempt for entry in self.taken()).items()
            if times > 1
        ]

    async def send(self, delivery: Delivery, *, timeout: float) -> Accepted:
        """Take it or not, as told; see the contract."""
        check_status(delivery, self.serves, "a message")
        if (delivery.expires_at - self._now()).total_seconds() < 1:
            raise Refused("expired", "the message ends before it could be read")
        call, self._calls = self._calls, self._calls + 1
        outcome = self.by_call(call) or self.by_address.get(delivery.to, self.always)
        late = outcome.delay > timeout
        word = (
            "slow"
            if late
            else "taken"
            if outcome.error is None
            else type(outcome.error).__name__.lower()
        )
        self.ledger.append(
            LedgerEntry(
                to=delivery.to,
                attempt=delivery.attempt,
                body=delivery.text,
                at=self._now(),
                taken=outcome.taken,
                outcome=word,
            )
        )
        if outcome.delay:
            await asyncio.sleep(min(outcome.delay, timeout))
        if late:
            raise InDoubt("no_answer", "the answer came too late")
        if outcome.error is not None:
            raise outcome.error.with_traceback(None)  # one scripted error may be raised many times
        return Accepted(provider_id=f"memory-{call}")

    async def look_up(self, to: str, since: datetime) -> list[ProviderRecord] | None:
        """Return what was taken for `to` since then, oldest first; None where it was told to have
        no list.
        """
        if not self._has_list:
            return None
        return [
            ProviderRecord(
                provider_id=f"memory-{number}",
                to=entry.to,
                body=entry.body,
                created=entry.at,
                state="accepted",
            )
            for number, entry in enumerate(self.ledger)
            if entry.taken and entry.to == to and entry.at >= since
        ]

    async def close(self) -> None:
        """Note that it was closed."""
        self.closed = True
