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
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from broadcast.problems import Problem, Rejected, refuse
from broadcast.sessions.store import LONGEST_SECRET, hashed
from broadcast.store.database import give_way
from subscribers.contact import points
from subscribers.contact.keys import Key, mark, ring_of
from subscribers.contact.kinds import BY_NAME, of_channel
from subscribers.people_file.texts import in_ascii
from subscribers.registration import addresses, budgets
from subscribers.registration.addresses import Address
from subscribers.registration.tables import registration
from subscribers.registry import reached

LASTS: Final = timedelta(hours=1)
"""From the first page to the last; then nothing of it is kept."""
CODE_LASTS: Final = timedelta(minutes=10)
CODE_DIGITS: Final = 6
PRESSED_TWICE: Final = timedelta(seconds=5)
"""So long after a code was asked for, another press on the same button asks for none."""
TRIES: Final = 5
CODES: Final = 4
"""Codes that one form may ask for."""
WITH_CODE: Final = ("join", "sign_in", "add", "same_person")
"""The purposes of forms whose code somebody types in. Of another purpose something is told that
holds none, such as a sample, and nobody waits for it.
"""
AGREEING: Final = ("join", "add")
"""The purposes of forms by which somebody agrees to messages at an address."""
_ADDRESS: Final = "registration"
"""As what an address is sealed while its code is on the way."""
_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """One form under way. `address`: where its code goes, "" before one was asked for, once it was
    used, and where the key that sealed it is gone. `state` is what became of its newest code: ""
    (none was asked for), waiting, sending, sent, refused, doubt, nobody; once it was used, what the
    form led to (`came_to`).
    """

    id: int
    purpose: str
    language: str
    area: str
    postcode: str
    topics: str
    visit_until: str
    discreet: bool
    channel: str
    address: str = field(repr=False)
    codes: int
    state: str
    done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ToSend:
    """One code that this process has claimed for sending. `known`: somebody confirmed this contact
    before. `discreet`: who asks, or is reached there, asked that it gives nothing away.
    """

    id: int
    purpose: str
    language: str
    channel: str
    address: str = field(repr=False)
    code: str = field(repr=False)
    known: bool
    discreet: bool = False


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
    """Begin a form; return the secret of the browser that fills it in. `network`: where it comes
    from, of which a keyed mark is kept. Raises Rejected (429).
    """
    network = network_mark(conn, network)
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
    return None if row is None else _pending(conn, row)


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
    address: Address | None,
    limits: budgets.Limits,
    now: datetime,
) -> None:
    """Have a code sent to an address, or once more to the same one (None); an earlier code is void.
    Who presses twice is sent one: what waits to be sent there, or was sent a moment ago and not
    tried, stands.

    Raises Rejected: 410 form_expired; 429 too_many_codes, codes_spent.
    """
    row = _row(conn, secret, now, lock=True)
    if row is None or row.done_at is not None:
        raise expired()
    if address is None and (text := _opened(conn, row)):
        address = addresses.read(row.channel, text, trial=True)
    if address is None:
        raise expired()
    if _is_under_way(conn, row, address, now):
        return
    if row.codes >= CODES:
        raise Rejected(
            Problem(
                code="too_many_codes",
                detail="too many codes were asked for",
                fix="begin again later",
                status=429,
            )
        )
    code = counted(conn, address, row.network, row.language)
    budgets.take(conn, code, limits, now)
    key = ring_of(conn).to_write(conn).newest
    conn.execute(
        update(registration)
        .where(registration.c.id == row.id)
        .values(
            channel=address.channel,
            address=key.seal(row.id, _ADDRESS, address.text),
            key_id=key.id,
            prefix_mark=code.prefix,
            codes=registration.c.codes + 1,
            tries=0,
            state="waiting",
            code_hash=None,
            # before it is sent it can be typed in by nobody; then its own ten minutes begin
            code_expires_at=now + CODE_LASTS,
        )
    )


def _is_under_way(conn: Connection, row: Any, address: Address, now: datetime) -> bool:
    if (row.channel, _opened(conn, row)) != (address.channel, address.text) or row.tries:
        return False
    asked_at = row.code_expires_at - CODE_LASTS
    return row.state in ("waiting", "sent") and now < asked_at + PRESSED_TWICE


def counted(conn: Connection, address: Address, network: str, language: str) -> budgets.Code:
    """Return one code to an address as it is counted, from a network that is marked already."""
    prefix = mark(conn, "prefix", address.prefix) if address.channel != "email" else ""
    return budgets.Code(
        channel=address.channel,
        address=address_mark(conn, address.channel, address.text),
        prefix=prefix,
        network=network,
        cost=budgets.cost(address.channel, island=address.island, language=language),
    )


def address_mark(conn: Connection, channel: str, address: str) -> str:
    """Return what an address is counted and waited for by: the mark of a contact point there."""
    key = ring_of(conn).to_write(conn).active[1]
    return key.mark(of_channel(channel)[0], address).hex()


def network_mark(conn: Connection, network: str) -> str:
    """Return what is kept of a network."""
    return mark(conn, "network", network)


def waiting(conn: Connection, channel: str, now: datetime, most: int) -> int:
    """Return how many codes wait to be sent on a channel, `most` at most."""
    query = select(registration.c.id).where(
        registration.c.state == "waiting",
        registration.c.channel == channel,
        registration.c.code_expires_at > now,
    )
    return len(conn.execute(query.limit(most)).all())


def claim(
    conn: Connection, *, channels: Sequence[str], now: datetime, most: int = 20
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
        address = _opened(conn, row)
        known = bool(address) and bool(points.who_proved(conn, row.channel, address))
        # who is unknown and would sign in is told nothing: it would cost, and bother a stranger
        nobody = not address or (row.purpose == "sign_in" and not known)
        if row.purpose == "same_person":  # here is no other registration to be joined
            nobody = not reached.persons_with_address(conn, row.channel, address)
        if row.purpose not in WITH_CODE:  # they may have stopped or left since it was asked for
            nobody = not reached.anybody_wants(conn, row.channel, address)
        code = "".join(secrets.choice("0123456789") for _ in range(CODE_DIGITS))
        conn.execute(
            update(registration)
            .where(registration.c.id == row.id)
            .values(
                state="nobody" if nobody else "sending",
                code_hash=None if nobody else _hash(ring_of(conn).key(row.key_id), row.id, code),
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
                    discreet=row.discreet == "yes"
                    or points.discreet_at(conn, address, row.channel),
                )
            )
    return claimed


def record(conn: Connection, registration_id: int, code: str, state: str) -> None:
    """Keep what became of sending a code: sent, refused or doubt. A newer code is left alone."""
    form = registration.c.id == registration_id
    key_id = conn.execute(select(registration.c.key_id).where(form)).scalar_one_or_none()
    if not key_id:
        return  # it took too long, and is forgotten
    conn.execute(
        update(registration)
        .where(
            form,
            registration.c.state == "sending",
            registration.c.code_hash == _hash(ring_of(conn).key(key_id), registration_id, code),
        )
        .values(state=state)
    )


def enter(conn: Connection, secret: str, typed: str, now: datetime) -> Entered:
    """Try a code; each may be tried five times, in ten minutes, and used once.

    What it returns must be committed, wrong tries too. "right" is for the rest of this transaction
    to act on.
    """
    row = _row(conn, secret, now, lock=True)
    if row is None or row.done_at is not None or row.state == "":
        return Entered(outcome="expired")
    form = _pending(conn, row)
    if row.code_expires_at <= now or not form.address:
        return Entered(outcome="expired", pending=form)
    if row.tries >= TRIES:
        return Entered(outcome="too_often", pending=form)
    key = ring_of(conn).key(row.key_id)
    digits = "".join(c for c in in_ascii(typed[:40]) if c in "0123456789")
    wanted = row.code_hash or _hash(key, row.id, "none")
    right = hmac.compare_digest(wanted, _hash(key, row.id, digits)) and row.code_hash is not None
    if not right:
        table = registration
        conn.execute(
            update(table).where(table.c.id == row.id).values(tries=registration.c.tries + 1)
        )
        return Entered(outcome="wrong", pending=form, left=TRIES - 1 - row.tries)
    conn.execute(
        update(registration)
        .where(registration.c.id == row.id)
        .values(done_at=now, address=None, code_hash=None)
    )
    budgets.typed_in(conn, row.prefix_mark, row.network, row.code_expires_at - CODE_LASTS)
    return Entered(outcome="right", pending=form)


def came_to(conn: Connection, registration_id: int, outcome: str) -> None:
    """Keep what a form that was confirmed led to, for who looks at its pages once more."""
    conn.execute(
        update(registration).where(registration.c.id == registration_id).values(state=outcome)
    )


def forget(conn: Connection, now: datetime) -> int:
    """Take away the forms that took too long, with what stood in them; return how many."""
    budgets.forget(conn, now)
    return conn.execute(delete(registration).where(registration.c.expires_at < now)).rowcount


def erase(conn: Connection, addresses_of: Collection[tuple[str, str]]) -> None:
    """Take these addresses, as (kind, address), out of what is to be sent there and out of forms
    under way; no code of these is taken any more. A form by which somebody agrees to messages there
    is left to them, for the hour that it lasts: it may be another one's, or they come back.

    Erasing waits for no form, for whoever registers waits for it.
    """
    wanted = {(BY_NAME[kind].family, BY_NAME[kind].normal(text)) for kind, text in addresses_of}
    last = 0
    while wanted:
        rows = conn.execute(
            select(registration)
            .where(
                registration.c.id > last,
                registration.c.address.is_not(None),
                registration.c.purpose.not_in(AGREEING),
            )
            .order_by(registration.c.id)
            .limit(_AT_ONCE)
            .with_for_update(skip_locked=True)
        ).all()
        if not rows:
            break
        last = rows[-1].id
        theirs = [row.id for row in rows if _marked(row.channel, _opened(conn, row)) in wanted]
        if theirs:
            conn.execute(
                update(registration)
                .where(registration.c.id.in_(theirs))
                .values(address=None, code_hash=None, state="nobody")
            )
        give_way(conn)


def _marked(channel: str, address: str) -> tuple[str, str]:
    """Return the family of an address, and the one spelling of it there."""
    kind = BY_NAME[of_channel(channel)[0]]
    return kind.family, kind.normal(address)


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


def _opened(conn: Connection, row: Any) -> str:
    """Return where the code of a form goes; "" where there is none, or its key was taken away in
    the hour that a form lasts: then its owner begins again.
    """
    if row.address is None:
        return ""
    try:
        return ring_of(conn).key(row.key_id).open(row.id, _ADDRESS, row.address)
    except Rejected:
        return ""


def _pending(conn: Connection, row: Any) -> Pending:
    return Pending(
        id=row.id,
        purpose=row.purpose,
        language=row.language,
        area=row.area,
        postcode=row.postcode,
        topics=row.topics,
        visit_until=row.visit_until,
        discreet=row.discreet == "yes",
        channel=row.channel,
        address=_opened(conn, row),
        codes=row.codes,
        state=row.state,
        done=row.done_at is not None,
    )


def _hash(key: Key, registration_id: int, code: str) -> str:
    return key.mark_of("code", f"{registration_id}|{code}").hex()
