"""What the sender asks of others: words, addresses, opt-outs, and links to opt out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from broadcast.store.database import Connection
from broadcast.wording.rendered import Rendered


class Renderings(Protocol):
    """Gives the words of a batch, made once per version, channel and language."""

    async def rendered(
        self, version_id: int, channel: str, language: str, *, repeat: bool, roles: str = ""
    ) -> tuple[Rendered, datetime]:
        """Return the words, and when the version expires. `roles`: the kinds of the several
        registrations that its reader gets it for, joined by ";".
        """
        ...


class Contacts(Protocol):
    """Gives the addresses of people, as they stand in the claim's own transaction."""

    def __call__(
        self,
        conn: Connection,
        people: Sequence[int],
        channel: str,
        addresses: dict[int, str],
        *,
        any_contact: bool,
        discreet: set[int],
    ) -> dict[int, str]:
        """Return whom not to send to, and why; write the others' addresses into `addresses`, and
        who of them asked that sender and first words give nothing away into `discreet`.

        `any_contact`: there is danger to life and the chosen channel is in doubt, so an address
        counts although its owner did not choose this channel.
        """
        ...


class NoLongerFor(Protocol):
    """Knows whom a version is not for any more of those who have waited since its release."""

    def __call__(
        self, conn: Connection, version_id: int, people: Sequence[int], channel: str
    ) -> dict[int, str]:
        """Return them and why, as they stand in the claim's own transaction, about to be sent to
        on this channel.
        """
        ...


class OptOuts(Protocol):
    """Knows who opted out since the claim could have seen it."""

    def __call__(self, person: int, channel: str, *, claimed: float) -> bool:
        """Return whether the person opted out of this channel since a claim that began at `claimed`
        (seconds, `Clock.boot`) could have seen it.
        """
        ...


class AnswerLinks(Protocol):
    """Makes the link by which a person answers a version."""

    def __call__(self, person: int, version_id: int) -> str:
        """Return the link, or an empty string where nobody can answer by one."""
        ...


class OptOutLinks(Protocol):
    """Makes the link by which a person opts out of a channel."""

    def __call__(self, person: int, channel: str) -> str:
        """Return the link, or an empty string where the channel needs none."""
        ...
