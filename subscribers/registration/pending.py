"""Who is registering or signing in at this moment: what they chose, and the code that proves whose
contact it is.

A code is made in the very transaction that claims it for sending, so it never lies anywhere in
clear, and it is sent at most once: whoever dies in between leaves it in doubt, and the person asks
for a new one. That a contact is known changes what is sent, never what a page answers or how long
it takes to: the look-up is the sender's.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from broadcast.problems import Problem, Rejected, refuse
from broadcast.sessions.store import LONGEST_SECRET, hashed
from subscribers import registry
from subscribers.contact import order
from subscribers.registration import addresses, budgets
from subscribers.registration.addresses import Address
from subscribers.registration.tables import contact_confirmed, registration

LASTS: Final = timedelta(hours=1)
"""From the first page to the last; then nothing of it is kept."""
CODE_LASTS: Final = timedelta(minutes=10)
CODE_DIGITS: Final = 6
TRIES: Final = 5
CODES: Final = 4
"""Codes that one form may ask for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """One form under way. `state` is what became of its newest code: "" (none was asked for),
    waiting, sending, sent, refused, doubt, nobody.
    """

    id: int
    purpose: str
    language: str
    area: str
    postcode: str
    topics: str
    channel: str
    sealed: bytes | None = field(repr=False)
    codes: int
    state: str
    done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ToSend:
    """One code that this process has claimed for sending. `known`: somebody confirmed this contact
    before.
    """

    id: int
    purpose: str
    language: str
    channel: str
    address: str = field(repr=False)
    code: str = field(repr=False)
    known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """What an entered code leads to. `outcome`: right, wrong, too_often, expired."""

    outcome: str
    pending: Pending | None = None
    left: int = 0


def begin(
    conn: Connection,
    *,
    purpose: str,
    language: str,
    network: str,
    limits: budgets.Limits,
    now: datetime,
    **chosen: str,
) -> str:
    """Begin a form; return the secret of the browser that fills it in. Raises Rejected (429)."""
    budgets.start(conn, network, limits, now)
    secret = secrets.token_urlsafe(32)
    conn.execute(
        insert(registration).values(
            secret_hash=hashed(secret),
            purpose=purpose,
            language=language,
            network=network,
            made_at=now,
            expires_at=now + LASTS,
            **chosen,
        )
    )
    return secret


def find(conn: Connection, secret: str, now: datetime, *, lock: bool = False) -> Pending | None:
    """Return the form of a browser; None where it has none, or took too long."""
    row = _row(conn, secret, now, lock=lock)
    return None if row is None else _pending(row)


def choose(conn: Connection, secret: str, now: datetime, **chosen: str) -> None:
    """Keep what was chosen on one page. Raises Rejected (410 form_expired)."""
    changed = conn.execute(
        update(registration)
        .where(_of(secret), registration.c.expires_at > now, registration.c.done_at.is_(None))
        .values(**chosen)
    )
    if changed.rowcount != 1:
        raise expired()


def ask_code(
    conn: Connection,
    secret: str,
    *,
    key: bytes,
    address: Address | None,
    limits: budgets.Limits,
    now: datetime,
) -> None:
    """Have a code sent to an address, or once more to the same one (None); an earlier code is void.

    Raises Rejected: 410 form_expired; 429 too_many_codes, codes_spent.
    """
    row = _row(conn, secret, now, lock=True)
    if row is None or row.done_at is not None:
        raise expired()
    if address is None and row.address is not None:
        text = addresses.unseal(key, row.address)
        address = addresses.read(row.channel, text, trial=True)
    if address is None:
        raise expired()
    if row.codes >= CODES:
        raise Rejected(
            Problem(
                code="too_many_codes",
                detail="too many codes were asked for",
                fix="begin again later",
                status=429,
            )
        )
    prefix = addresses.mark(key, "prefix", address.prefix) if address.channel != "email" else ""
    marked = addresses.mark(key, "address", address.text)
    code = budgets.Code(
        channel=address.channel,
        address=marked,
        prefix=prefix,
        network=row.network,
        cost=budgets.cost(address.channel, island=address.island, language=row.language),
    )
    budgets.take(conn, code, limits, now)
    conn.execute(
        update(registration)
        .where(registration.c.id == row.id)
        .values(
            channel=address.channel,
            address=addresses.seal(key, address.text),
            address_mark=marked,
            prefix_mark=prefix,
            codes=registration.c.codes + 1,
            tries=0,
            state="waiting",
            code_hash=None,
            # before it is sent it can be typed in by nobody; then its own ten minutes begin
            code_expires_at=now + CODE_LASTS,
        )
    )


def waiting(conn: Connection, channel: str, now: datetime, most: int) -> int:
    """Return how many codes wait to be sent on a channel, `most` at most."""
    query = select(registration.c.id).where(
        registration.c.state == "waiting",
        registration.c.channel == channel,
        registration.c.code_expires_at > now,
    )
    return len(conn.execute(query.limit(most)).all())


def claim(
    conn: Connection, *, key: bytes, channels: Sequence[str], now: datetime, most: int = 20
) -> list[ToSend]:
    """Make the codes that wait, each claimed for this process: only once this is committed may they
    be sent, and no other process sends them.
    """
    query = (
        select(registration)
        .where(
            registration.c.state == "waiting",
            registration.c.channel.in_(channels),
            registration.c.code_expires_at > now,
        )
        .order_by(registration.c.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    claimed = []
    for row in conn.execute(query).all():
        address = addresses.unseal(key, row.address) if row.address is not None else ""
        known = bool(address) and bool(confirmed_at(conn, row.channel, address, key))
        # who is unknown and would sign in is told nothing: it would cost, and bother a stranger
        nobody = not address or (row.purpose == "sign_in" and not known)
        if row.purpose == "same_person":  # here is no other registration to be joined
            nobody = not registry.persons_with_address(conn, row.channel, address)
        code = "".join(secrets.choice("0123456789") for _ in range(CODE_DIGITS))
        conn.execute(
            update(registration)
            .where(registration.c.id == row.id)
            .values(
                state="nobody" if nobody else "sending",
                code_hash=None if nobody else _hash(key, row.id, code),
                code_expires_at=now + CODE_LASTS,
            )
        )
        if not nobody:
            claimed.append(
                ToSend(
                    id=row.id,
                    purpose=row.purpose,
                    language=row.language,
                    channel=row.channel,
                    address=address,
                    code=code,
                    known=known,
                )
            )
    return claimed


def record(conn: Connection, registration_id: int, code: str, state: str, key: bytes) -> None:
    """Keep what became of sending a code: sent, refused or doubt. A newer code is left alone."""
    conn.execute(
        update(registration)
        .where(
            registration.c.id == registration_id,
            registration.c.state == "sending",
            registration.c.code_hash == _hash(key, registration_id, code),
        )
        .values(state=state)
    )


def enter(conn: Connection, secret: str, typed: str, key: bytes, now: datetime) -> Entered:
    """Try a code; each may be tried five times, in ten minutes, and used once.

    What it returns must be committed, wrong tries too. "right" is for the rest of this transaction
    to act on.
    """
    row = _row(conn, secret, now, lock=True)
    if row is None or row.done_at is not None or row.state == "":
        return Entered(outcome="expired")
    if row.code_expires_at <= now:
        return Entered(outcome="expired", pending=_pending(row))
    if row.tries >= TRIES:
        return Entered(outcome="too_often", pending=_pending(row))
    digits = "".join(c for c in typed[:40] if c.isascii() and c.isdigit())
    wanted = row.code_hash or _hash(key, row.id, "none")
    right = hmac.compare_digest(wanted, _hash(key, row.id, digits)) and row.code_hash is not None
    if not right:
        table = registration
        conn.execute(
            update(table).where(table.c.id == row.id).values(tries=registration.c.tries + 1)
        )
        return Entered(outcome="wrong", pending=_pending(row), left=TRIES - 1 - row.tries)
    conn.execute(
        update(registration)
        .where(registration.c.id == row.id)
        .values(done_at=now, address=None, code_hash=None)
    )
    budgets.typed_in(conn, row.prefix_mark, row.network, row.code_expires_at - CODE_LASTS)
    return Entered(outcome="right", pending=_pending(row))


def confirm(
    conn: Connection, person: int, channel: str, address: str, key: bytes, now: datetime
) -> None:
    """Keep that this contact of a person was proven to be theirs, beside others of theirs."""
    marked = addresses.mark(key, "address", address)
    held = contact_confirmed.c
    mine = (held.subscriber_id == person) & (held.channel == channel)
    conn.execute(delete(contact_confirmed).where(mine, held.address_mark == marked))
    conn.execute(
        insert(contact_confirmed).values(
            subscriber_id=person, channel=channel, address_mark=marked, at=now
        )
    )
    order.confirmed(conn, person, channel, address, now)


def confirmed_at(conn: Connection, channel: str, address: str, key: bytes) -> list[int]:
    """Return who confirmed this contact and is still reached there, the lowest id first. A number
    that was confirmed by text counts for calls too, and the other way round.
    """
    channels = ("email",) if channel == "email" else ("sms", "voice")
    here = {p for each in channels for p in registry.persons_with_address(conn, each, address)}
    query = select(contact_confirmed.c.subscriber_id).where(
        contact_confirmed.c.subscriber_id.in_(sorted(here)),
        contact_confirmed.c.address_mark == addresses.mark(key, "address", address),
    )
    return sorted(set(conn.execute(query).scalars()))


def forget_person(conn: Connection, person: int) -> None:
    """Take away which contacts somebody confirmed."""
    conn.execute(delete(contact_confirmed).where(contact_confirmed.c.subscriber_id == person))


def forget(conn: Connection, now: datetime) -> int:
    """Take away the forms that took too long, with what stood in them; return how many."""
    budgets.forget(conn, now)
    return conn.execute(delete(registration).where(registration.c.expires_at < now)).rowcount


def expired() -> Rejected:
    """Return (to be raised) that a form is no longer there."""
    return refuse(
        "form_expired",
        "you took too long, or this is done already",
        "begin again",
        status=410,
    )


def _of(secret: str) -> Any:
    return registration.c.secret_hash == hashed(secret[: LONGEST_SECRET + 1])


def _row(conn: Connection, secret: str, now: datetime, *, lock: bool) -> Any:
    if not secret:
        return None
    query = select(registration).where(_of(secret), registration.c.expires_at > now)
    return conn.execute(query.with_for_update() if lock else query).first()


def _pending(row: Any) -> Pending:
    return Pending(
        id=row.id,
        purpose=row.purpose,
        language=row.language,
        area=row.area,
        postcode=row.postcode,
        topics=row.topics,
        channel=row.channel,
        sealed=row.address,
        codes=row.codes,
        state=row.state,
        done=row.done_at is not None,
    )


def _hash(key: bytes, registration_id: int, code: str) -> str:
    said = f"registration|code|{registration_id}|{code}".encode()
    return hmac.digest(key, said, "sha256").hex()
