"""The contract that every channel keeps: what is handed to it, what it answers, what it raises."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from broadcast.wording.rendered import Rendered


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message for one person, ready for the wire.

    `attempt` is the person's attempt id (broadcast.ledger.attempts), or "" for what stands in no
    ledger, such as a code: then no receipt is asked for, and a call carries its words along. `to`
    is an E.164 number or an e-mail address. `status` is the CAP status of the message; an adapter
    refuses every status it does not serve. `expires_at` is aware UTC: no provider
    may hold the message longer.
    """

    attempt: str
    to: str
    rendered: Rendered
    status: str
    expires_at: datetime
    unsubscribe_url: str = ""
    answer_url: str = ""

    @property
    def text(self) -> str:
        """The words of a text, with the person's own link where one stands."""
        return self.rendered.words_for(self.answer_url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The provider surely took it. `provider_id` is its own name for it (empty where it has
    none).
    """

    provider_id: str


class ChannelError(Exception):
    """Base of what an attempt can end in besides Accepted. `code` is the provider's own, or a word
    of ours.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


class Refused(ChannelError):
    """Surely not taken, and trying this address again is of no use."""


class Unavailable(ChannelError):
    """Surely not taken; the same attempt may be tried again after `retry_after` seconds.

    `only_this`: it is about this address or this message (a greylisted inbox), so others need not
    wait for it.
    """

    def __init__(
        self, code: str, detail: str = "", *, retry_after: float = 0.0, only_this: bool = False
    ) -> None:
        super().__init__(code, detail)
        self.retry_after = retry_after
        self.only_this = only_this


class InDoubt(ChannelError):
    """Nobody knows whether it was taken: never sent again by a timer."""


class WrongStatus(Exception):
    """A message of a status this adapter does not serve was offered to it: a bug, stopped at the
    last door.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRecord:
    """One entry of the provider's own list of what it took, for settling.

    `state` is one of accepted, sent, delivered, failed.
    """

    provider_id: str
    to: str
    body: str
    created: datetime
    state: str
    code: str = ""


def check_status(delivery: Delivery, serves: frozenset[str], what: str) -> None:
    """Raise WrongStatus where a delivery's status is none that the adapter serves."""
    if delivery.status not in serves:
        raise WrongStatus(
            f"{what} of status {delivery.status} was offered to an adapter for"
            f" {', '.join(sorted(serves))}"
        )


class Channel(Protocol):
    """One way to reach a person through one provider with one sender. Translates both ways and
    decides nothing.
    """

    name: str
    """sms, voice or email; another people's channel has a name of its own."""
    sender: str
    """Whom the message comes from; rates are counted per (provider, sender)."""
    provider: str
    """Adapter and account, as "twilio:AC…" or "smtp:mail.example.org"; every attempt names it."""
    serves: frozenset[str]
    """The CAP statuses it may carry; everything else raises WrongStatus."""
    gone: frozenset[str]
    """Codes of failures that say that nobody is at the address, and will be: it is used no more. A
    channel of another package may leave it out.
    """
    concurrency: int
    """How many attempts it can have under way at once."""

    async def send(self, delivery: Delivery, *, timeout: float) -> Accepted:
        """Send one message within `timeout` seconds. One try; raises Refused, Unavailable or
        InDoubt.
        """
        ...

    async def look_up(self, to: str, since: datetime) -> list[ProviderRecord] | None:
        """Return what the provider says it took for `to` since then; None where it has no such
        list.
        """
        ...

    async def close(self) -> None:
        """Let go of connections; nothing under way is waited for."""
        ...
