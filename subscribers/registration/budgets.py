"""How many codes are sent, to whom and for how much money: counted before anything is sent, and
refused where it is used up.

Texts and calls cost money, and criminals earn some of it where they make others send them. A code
that somebody types in is an honest one, so it gives back what it took of its prefix and network.
Money that was spent is never given back. Mail has a share of the money of its own, so that who
floods the cheap channel closes no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection, bindparam, delete, select, text

from broadcast.problems import Problem, Rejected
from broadcast.store.database import UtcDateTime
from subscribers.registration.tables import sign_up_count

PRICES: Final[Mapping[str, int]] = MappingProxyType({"sms": 4000, "voice": 6000, "email": 10})
"""What one code costs at most, in thousandths of a penny."""
ISLAND_TIMES: Final = 3
"""What a number of the Channel Islands or the Isle of Man costs more."""
PARTS_TIMES: Final = 3
"""Parts of a text that is not in English: other letters need more of them."""
POUND: Final = 100_000
"""Thousandths of a penny in a pound."""
MAIL_PERCENT: Final = 10
"""The share of the money that is for mail; the rest is for texts and calls."""

_TEN_MINUTES = timedelta(minutes=10)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is sent. `day_money`: pounds a day for all codes together.

    `address_soon` and `address_day`: codes to one address in ten minutes and in a day, answered or
    not. `prefix_day` and `network_day`: codes that nobody typed in, a day, to the 10,000 numbers
    beside this one, and from one network (IPv4 /24, IPv6 /48). `starts_hour`: forms begun from one
    network in an hour. Once half of the money is spent, `scarce_…` hold instead.
    """

    day_money: int = 100
    address_soon: int = 3
    address_day: int = 6
    prefix_day: int = 5
    network_day: int = 50
    scarce_prefix_day: int = 2
    scarce_network_day: int = 3
    starts_hour: int = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """One code that is asked for, by keyed marks. A `prefix` of "" has no budget: mailboxes of one
    provider are not neighbours.
    """

    channel: str
    address: str
    prefix: str
    network: str
    cost: int


def cost(channel: str, *, island: bool, language: str = "en") -> int:
    """Return what one code costs at most, in thousandths of a penny."""
    parts = PARTS_TIMES if channel == "sms" and language != "en" else 1
    return PRICES[channel] * parts * (ISLAND_TIMES if island else 1)


def take(conn: Connection, code: Code, limits: Limits, now: datetime) -> None:
    """Count one code before it is sent.

    Raises Rejected (429 too_many_codes, codes_spent): then nothing is sent, and the transaction is
    to be undone. What is used up already is refused without a write, so that a flood costs little.
    The rows are taken in one order by everybody, the one of money last.
    """
    purse = "money email" if code.channel == "email" else "money phone"
    share = MAIL_PERCENT if code.channel == "email" else 100 - MAIL_PERCENT
    money = limits.day_money * POUND * share // 100
    names = {purse, f"address {code.address}", f"network {code.network}", f"prefix {code.prefix}"}
    used = _used(conn, names)
    today = _span(now, _DAY)
    scarce = used.get((purse, today), 0) * 2 >= money
    prefix = limits.scarce_prefix_day if scarce else limits.prefix_day
    network = limits.scarce_network_day if scarce else limits.network_day
    wanted = [
        (f"address {code.address}", _TEN_MINUTES, 1, limits.address_soon),
        (f"address {code.address}", _DAY, 1, limits.address_day),
        *([(f"prefix {code.prefix}", _DAY, 1, prefix)] if code.prefix else []),
        (f"network {code.network}", _DAY, 1, network),
        (purse, _DAY, code.cost, money),
    ]
    for name, length, amount, most in wanted:
        if used.get((name, _span(now, length)), 0) + amount > most:
            raise _too_many(name == purse, _ends(now, length) - now)
    for name, length, amount, most in wanted:
        # others may have counted since
        if _count(conn, name, length, amount, now) > most:
            raise _too_many(name == purse, _ends(now, length) - now)


ANSWERS_BY_LINK_DAY: Final = 30
"""Different answers by one person's link to one message, a day."""
ANSWERS_BY_NETWORK: Final = 300
"""Answers by links from one network in ten minutes: many telephones share one."""


def answer(conn: Connection, link: str, network: str, now: datetime) -> None:
    """Count one answer by a link, by keyed marks, before it is kept. Raises Rejected (429
    too_many_answers): what is used up already is refused without a write.
    """
    wanted = [
        (f"answers link {link}", _DAY, ANSWERS_BY_LINK_DAY),
        (f"answers network {network}", _TEN_MINUTES, ANSWERS_BY_NETWORK),
    ]
    used = _used(conn, {name for name, _, _ in wanted})
    for name, length, most in wanted:
        spent_up = used.get((name, _span(now, length)), 0) >= most
        if spent_up or _count(conn, name, length, 1, now) > most:
            raise Rejected(
                Problem(
                    code="too_many_answers",
                    detail="too many answers came by this link, or from this network",
                    fix="try again later, or call 101",
                    status=429,
                    retry_after=max(1, int((_ends(now, length) - now).total_seconds())),
                )
            )


def start(conn: Connection, network: str, limits: Limits, now: datetime) -> None:
    """Count one form that is begun. Raises Rejected (429 too_many_codes)."""
    hour = timedelta(hours=1)
    if _count(conn, f"starts {network}", hour, 1, now) > limits.starts_hour:
        raise _too_many(False, _ends(now, hour) - now)


def typed_in(conn: Connection, prefix: str, network: str, asked_at: datetime) -> None:
    """Give back what an honest code took of its prefix and its network."""
    for name in (f"prefix {prefix}", f"network {network}"):
        conn.execute(
            text(
                "UPDATE sign_up_count SET used = used - 1 WHERE name = :name AND span = :span"
                " AND used > 0"
            ),
            {"name": name, "span": _span(asked_at, _DAY)},
        )


def spent(conn: Connection, now: datetime) -> int:
    """Return what the codes of this day cost at most, in thousandths of a penny."""
    purses, today = {"money email", "money phone"}, _span(now, _DAY)
    return sum(n for (_, span), n in _used(conn, purses).items() if span == today)


def forget(conn: Connection, now: datetime) -> None:
    """Take away what no longer counts."""
    conn.execute(delete(sign_up_count).where(sign_up_count.c.expires_at < now))


def _used(conn: Connection, names: set[str]) -> dict[tuple[str, str], int]:
    table = sign_up_count.c
    query = select(table.name, table.span, table.used).where(table.name.in_(sorted(names)))
    return {(row.name, row.span): row.used for row in conn.execute(query)}


def _count(conn: Connection, name: str, length: timedelta, amount: int, now: datetime) -> int:
    values = {
        "name": name,
        "span": _span(now, length),
        "amount": amount,
        # one span longer, for what is typed in after midnight
        "expires": _ends(now, length) + length,
    }
    counted = text(
        "INSERT INTO sign_up_count (name, span, used, expires_at)"
        " VALUES (:name, :span, :amount, :expires)"
        " ON CONFLICT (name, span) DO UPDATE SET used = sign_up_count.used + :amount RETURNING used"
    ).bindparams(bindparam("expires", type_=UtcDateTime()))
    return int(conn.execute(counted, values).scalar_one())


def _span(now: datetime, length: timedelta) -> str:
    return f"{int(length.total_seconds())} {_number(now, length)}"


def _number(now: datetime, length: timedelta) -> int:
    return int(now.timestamp() // length.total_seconds())


def _ends(now: datetime, length: timedelta) -> datetime:
    return datetime.fromtimestamp((_number(now, length) + 1) * length.total_seconds(), UTC)


def _too_many(money: bool, wait: timedelta) -> Rejected:
    return Rejected(
        Problem(
            code="codes_spent" if money else "too_many_codes",
            detail=(
                "so many codes were sent today that no more are, for now"
                if money
                else "too many codes were asked for"
            ),
            fix="try again later, or by another channel",
            status=429,
            retry_after=max(1, int(wait.total_seconds())),
        )
    )
