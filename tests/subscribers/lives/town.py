"""A small town as a simple model has it, and the database that the product keeps of it."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine
from pyroaring import BitMap

from broadcast.answers.sealing import SealingKey, new_key
from broadcast.ledger import delivery_report
from broadcast.messages import versions
from broadcast.replay import comparison
from service.answers.keeping import Sealer
from service.residents import own, registering
from service.setup.people import World as Places
from subscribers.matcher import Matcher
from subscribers.registration.budgets import Limits
from tests.keys import database as open_database

AREA: Final = "E09000033"
CHANNELS: Final = ("sms", "voice", "email")
ON: Final = frozenset(CHANNELS)
COLUMN: Final = registering.COLUMN
KINDS_OF: Final = {"sms": ("mobile",), "voice": ("phone", "mobile"), "email": ("email",)}
MOBILES: Final = tuple(f"+44770090010{n}" for n in range(4))
PHONES: Final = ("+442079460101", MOBILES[0])
MAILS: Final = tuple(f"ada{n}@example.org" for n in range(3))
POOLS: Final = {"sms": MOBILES, "voice": PHONES, "email": MAILS}
FILE_IDS: Final = ("x1", "x2", "x3")
MACHINE: Final = "machine:test"
PLENTY: Final = Limits(
    day_money=10**6,
    address_soon=10**6,
    address_day=10**6,
    prefix_day=10**6,
    network_day=10**6,
    starts_hour=10**6,
)
SEALER: Final = Sealer(key=SealingKey(new_key().public), secret=b"s" * 32)


@dataclass
class Person:
    """Somebody as the model has them: the first address of each kind, others that stand in."""

    external: str
    addresses: dict[str, str]
    channels: tuple[str, ...]
    others: dict[str, list[str]] = field(default_factory=dict)
    proved: set[str] = field(default_factory=set)
    stopped: set[str] = field(default_factory=set)
    pressed: dict[str, int] = field(default_factory=dict)  # by which press, on a page or a link
    session: str = ""

    def at(self, channel: str) -> str | None:
        """Return where a channel reaches them."""
        return next((self.addresses[k] for k in KINDS_OF[channel] if k in self.addresses), None)

    def hears_at(self, channel: str, address: str) -> bool:
        """Return whether they are reached there, or would be if other addresses were not."""
        standing_in = (a for kind in KINDS_OF[channel] for a in self.others.get(kind, ()))
        return address in (self.at(channel), *standing_in)

    def all_addresses(self) -> set[str]:
        return {*self.addresses.values(), *(a for some in self.others.values() for a in some)}

    def way(self) -> str | None:
        """Return by which channels, in order, a message is sent to them; None for none."""
        usable = [c for c in self.channels if self.at(c)]
        return ">".join(c for c in usable if c not in self.stopped) or None


@dataclass
class Form:
    """A form under way: the secret of its browser, and the code that was sent for it."""

    secret: str
    code: str
    channel: str
    address: str
    me: int | None


@dataclass
class Handed:
    """Somebody who was handed a message, and what the provider said."""

    version: int
    channel: str
    person: int
    attempt: str
    position: int
    state: str


channel_of = st.sampled_from(CHANNELS)
which = st.integers(0, 9)
fates = st.sampled_from(("accepted", "accepted", "accepted", "failed", "in_doubt", "refused"))


class Town(RuleBasedStateMachine):
    """A small town: so few numbers and mailboxes that people share them, move and come back."""

    template: Path
    places: Places

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        shutil.copy(self.template, self.folder / "x.db")
        self.db = open_database(f"sqlite:///{self.folder / 'x.db'}")
        self.people: dict[int, Person] = {}
        self.erased: dict[int, str] = {}
        self.gone: set[str] = set()  # external ids and addresses of who was erased
        self.forms: list[Form] = []
        self.versions: list[int] = []
        self.messages: list[int] = []
        self.handed: list[Handed] = []
        self.texted = self.presses = 0
        self.matcher = Matcher(self.db, lambda _: ON)

    def teardown(self) -> None:
        try:
            for version in self.versions:
                self._adds_up(version)
            assert self.run(comparison.run(self.db))["differences"] == []
        finally:
            self.run(self.db.close())
            self.runner.close()
            shutil.rmtree(self.folder)

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    def write(self, act: Callable[..., Any], *args: Any, **more: Any) -> Any:
        return self.run(self.db.write(act, *args, **more))

    def read(self, act: Callable[..., Any], *args: Any, **more: Any) -> Any:
        return self.run(self.db.read(act, *args, **more))

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    def somebody(self, n: int) -> tuple[int, Person] | None:
        ids = sorted(self.people)
        return (ids[n % len(ids)], self.people[ids[n % len(ids)]]) if ids else None

    def with_session(self, n: int) -> tuple[int, Person] | None:
        ids = sorted(i for i, p in self.people.items() if p.session)
        return (ids[n % len(ids)], self.people[ids[n % len(ids)]]) if ids else None

    def own(self, someone: Person) -> own.Own:
        me: own.Own | None = self.read(own.who, someone.session, self.now)
        assert me is not None
        return me

    def stop_at(self, channel: str, address: str | None) -> None:
        """Whoever hears there hears there no more."""
        for each in self.people.values():
            if address and each.hears_at(channel, address):
                each.stopped.add(channel)

    # registering, confirmed or not

    def _stops(self, *mine: Person, channels: Sequence[str] = CHANNELS) -> None:
        self.presses += 1
        for channel in channels:
            there = {at for each in mine if (at := each.at(channel))}
            for each in self.people.values():
                here = each in mine or any(each.hears_at(channel, at) for at in there)
                if here and channel not in each.stopped:
                    each.stopped.add(channel)
                    each.pressed[channel] = self.presses

    def _starts(self, mine: Person, *channels: str) -> None:
        mine.stopped -= {c for c in channels if mine.at(c) and c in mine.channels}

    def _starts_by_link(self, mine: Person, channel: str) -> None:
        """Undo one's own stop, and what the same press stopped for others who are reached there."""
        at, press = mine.at(channel), mine.pressed.get(channel)
        self._starts(mine, channel)
        for each in self.people.values() if at and channel not in mine.stopped else ():
            same = press is not None and each.pressed.get(channel) == press
            if same and at and each.hears_at(channel, at):
                self._starts(each, channel)

    def _account(self, version: int) -> delivery_report.Account:
        found: delivery_report.Account = self.read(
            lambda conn: delivery_report.account(conn, versions.get(conn, version))
        )
        return found

    def _adds_up(self, version: int) -> None:
        account = self._account(version)
        assert account.adds_up
        rows = self.read(
            lambda conn, v=version: delivery_report.computed(conn, versions.get(conn, v))
        )
        assert account.to_json() == rows.to_json()
        for channel in CHANNELS:
            lines = account.channels[channel]
            got = [
                h.person
                for h in self.handed
                if (h.version, h.channel) == (version, channel)
                and h.state in ("accepted", "delivered")
            ]
            assert max(Counter(got).values(), default=1) == 1, "told twice"
            assert lines["accepted"] | lines["delivered"] == BitMap(got)
