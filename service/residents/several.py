"""Several registrations of one person, joined by who holds them: signed in with one, they prove a
contact of another. A routine message then comes once, and names both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from broadcast.store.database import Connection
from subscribers.contact import points
from subscribers.registration import addresses
from subscribers.registry import acts, reached, showing
from subscribers.same_person import joined

PURPOSE: Final = "same_person"
"""Of a form whose code proves a contact of another registration of who is signed in."""
PAGE: Final = "page"
JOINED, NOBODY, SEVERAL = "joined", "nobody_else", "several"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Another registration of somebody: of which kind, and how it is reached, masked."""

    person: int
    kind: str
    contacts: tuple[tuple[str, str], ...]
    """(channel, masked address) of the channels that it is reached by, in its order."""


def of(conn: Connection, person: int) -> list[Registration]:
    """Return the registrations that somebody joined with their own."""
    found = []
    for each in joined.joined_with(conn, person):
        known = showing.show(conn, each) if each != person else None
        if known is not None:
            reached = ((c, address_of(known, c)) for c in known["channels"])
            contacts = tuple((c, addresses.masked(c, a)) for c, a in reached if a)
            found.append(Registration(person=each, kind=known["kind"], contacts=contacts))
    return found


def address_of(known: Mapping[str, Any], channel: str) -> str:
    """Return where somebody is reached on a channel; "" for nowhere."""
    if channel == "email":
        return known["email"] or ""
    return (known["mobile"] if channel == "sms" else known["phone"] or known["mobile"]) or ""


def join(conn: Connection, me: int, channel: str, text: str, now: datetime) -> str:
    """Join who is reached at a contact that was proven just now with who proved it; return what
    came of it: joined, nobody_else, several.

    Where several others are reached there, one of them alone is joined: the one who confirmed this
    contact by a code. Else nobody: it may be the telephone of a family.
    """
    channels = ("email",) if channel == "email" else ("sms", "voice")
    here = {p for each in channels for p in reached.persons_with_address(conn, each, text)}
    others = here - {me} - set(joined.joined_with(conn, me))
    if not others:
        return JOINED if here - {me} else NOBODY
    if len(others) > 1:
        others &= set(points.who_proved(conn, channel, text))
    if len(others) != 1:
        return SEVERAL
    # one of them may be erased at this moment: what joined them would outlive it
    if not all(acts.hold(conn, each) for each in sorted({me, *others})):
        return NOBODY
    acts.hide_together(conn, joined.joined_with(conn, me, *others), now)
    joined.join(conn, {me, *others}, PAGE, now)
    return JOINED


def part(conn: Connection, me: int, now: datetime) -> bool:
    """Take somebody's own registration away from the others; return whether it was joined."""
    return acts.hold(conn, me) and joined.part(conn, me, PAGE, now)


def everywhere(conn: Connection, me: int) -> list[int]:
    """Return all that somebody stops and starts who stops or starts everything: their registration
    and those joined with it, the lowest first.
    """
    return joined.joined_with(conn, me)
