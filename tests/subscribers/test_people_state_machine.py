"""People register, confirm or do not, change, stop, start, are brought in, changed, erased and
brought in again by others, in any order, while messages go out: nobody is handed anything who did
not confirm, stopped or was erased, whoever was erased comes back by themselves alone, and every
account adds up. What a simple model says is what the database holds.

`LIVES_CASES=2000` runs more of them than the suite does.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import hypothesis
from hypothesis import HealthCheck
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pyroaring import BitMap
from shapely import box
from sqlalchemy import select

from broadcast.answers.sealing import SealingKey, new_key
from broadcast.ledger import audiences, delivery_report, passes, receipts
from broadcast.ledger.attempts import new_slice_attempt
from broadcast.ledger.claims import batch_causes, open_batches, recording, taking
from broadcast.ledger.claims.open_batches import Candidate
from broadcast.ledger.claims.outcomes import Outcome
from broadcast.ledger.claims.slices import Slice
from broadcast.ledger.kept import folding
from broadcast.ledger.receipts import Receipt
from broadcast.messages import versions
from broadcast.places.areas import AreaRecord, AreaTree
from broadcast.places.stored_areas import store_areas
from broadcast.problems import Rejected
from broadcast.replay import comparison
from channels.reply_words import understand
from service.answers import keeping
from service.answers.keeping import Sealer, Text
from service.loops.opt_outs import other_contacts
from service.residents import by_text, opt_outs, own, registering
from service.setup import people
from service.setup.people import World as Places
from subscribers.audience import reasons
from subscribers.contact import order
from subscribers.contact.tables import contact_point
from subscribers.index import RegistryIndex
from subscribers.matcher import Matcher, no_longer_for, rule_for
from subscribers.registration import addresses, pending
from subscribers.registration.budgets import Limits
from subscribers.registry import reached, showing
from subscribers.registry.tables import subscriber
from subscribers.same_person.groups import groups
from subscribers.unsubscribe import Link
from tests import schema
from tests.keys import database as open_database
from tests.ledger.world import World
from tests.subscribers.test_registry import person as a_record

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


class Lives(RuleBasedStateMachine):
    """A small town: so few numbers and mailboxes that people share them, move and come back."""

    template: Path

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
        self.texted = 0
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

    @initialize(members=st.lists(st.tuples(channel_of, which), min_size=2, max_size=6))
    def a_town(self, members: list[tuple[str, int]]) -> None:
        area = AreaRecord(code=AREA, level="borough", name="W", geometry=box(-0.2, 51.4, 0, 51.6))
        self.write(store_areas, [area], self.now)
        self.places = Places(tree=self.read(AreaTree.load), trial_numbers=True)
        self.world = self.run(World.make(self.db))
        for channel, n in members:
            self.asks_for_a_code(channel, n, confirms=True)
        self.texts_join(3)

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
    # ------------------------------------------------------------

    def begin(self, channel: str, address: str, purpose: str, me: int | None) -> None:
        now = self.now
        more = {"area": AREA, "topics": "incident;appeal"}
        secret = self.write(
            pending.begin,
            purpose=purpose,
            language="en",
            network="n",
            limits=PLENTY,
            now=now,
            channel=channel,
            **more,
        )
        given = addresses.read(channel, address, trial=True)
        self.write(pending.ask_code, secret, address=given, limits=PLENTY, now=now)
        sent = self.write(pending.claim, channels=CHANNELS, now=now)
        assert [(s.channel, s.address) for s in sent] == [(channel, address)]
        self.forms.append(Form(secret, sent[0].code, channel, address, me))

    @rule(channel=channel_of, n=which, confirms=st.booleans())
    def asks_for_a_code(self, channel: str, n: int, confirms: bool) -> None:
        pool = POOLS[channel]
        self.begin(channel, pool[n % len(pool)], "join", None)
        if confirms:
            self.types_a_code(-1, right=True, late=False)

    @rule(n=which, channel=channel_of, m=which, confirms=st.booleans())
    def asks_for_another_way(self, n: int, channel: str, m: int, confirms: bool) -> None:
        found = self.with_session(n)
        if found is not None:
            self.begin(channel, POOLS[channel][m % len(POOLS[channel])], "add", found[0])
            if confirms:
                self.types_a_code(-1, right=True, late=False)

    @precondition(lambda self: self.forms)
    @rule(
        n=which,
        right=st.sampled_from((True, True, True, False)),
        late=st.sampled_from((False, False, False, True)),
    )
    def types_a_code(self, n: int, right: bool, late: bool) -> None:
        form = self.forms[n % len(self.forms)]
        now = self.now + (timedelta(minutes=11) if late else timedelta())
        typed = form.code if right else "".join(str(9 - int(d)) for d in form.code)
        me = form.me if form.me in self.people else None
        done = self.write(registering.enter, form.secret, typed, world=self.places, now=now, me=me)
        if not right or late:
            assert done.outcome in ("wrong", "expired", "too_often"), done.outcome
            return
        self.forms.remove(form)
        if done.outcome in ("expired", "too_often"):
            return  # who would add it left meanwhile, or it was guessed at too often
        if done.outcome == "added":
            assert me is not None
            self._adds(me, form)
        else:
            self._registers(done, form)

    def _registers(self, done: registering.Joined, form: Form) -> None:
        proved = [i for i, p in sorted(self.people.items()) if form.address in p.proved]
        assert done.outcome == ("signed_in" if proved else "registered")
        if proved:
            assert done.person == proved[0]
        else:
            external = self.read(showing.cells_of, done.person)["external_id"]
            assert done.person not in self.people
            assert done.person not in self.erased
            column = COLUMN[form.channel]
            self.people[done.person] = Person(
                external, {column: form.address}, (form.channel,), proved={form.address}
            )
            self.gone.discard(form.address)
        self.people[done.person].session = done.session

    def _adds(self, me: int, form: Form) -> None:
        mine, kind = self.people[me], COLUMN[form.channel]
        standing = [a for a in mine.others.get(kind, []) if a != form.address]
        if kind in mine.addresses and mine.addresses[kind] != form.address:
            standing = [mine.addresses[kind], *standing]
        kept = standing[: order.MOST_OF_A_KIND - 1]
        mine.others[kind], mine.addresses[kind] = kept, form.address
        mine.proved = (mine.proved & mine.all_addresses()) | {form.address}
        mine.channels = tuple(dict.fromkeys([*mine.channels, form.channel]))
        mine.stopped.discard(form.channel)

    @rule(n=which)
    def texts_join(self, n: int) -> None:
        number = MOBILES[n % len(MOBILES)]
        told = self.write(
            by_text.join,
            number,
            "W",
            world=self.places,
            limits=PLENTY,
            sender="Police",
            public_url="",
            now=self.now,
        )
        if "you get messages" in told:
            known = self.read(reached.persons_with_address, "sms", number)
            fresh = [i for i in known if i not in self.people]
            assert len(fresh) == 1
            external = self.read(showing.cells_of, fresh[0])["external_id"]
            joined = Person(external, {"mobile": number}, ("sms",), proved={number})
            self.people[fresh[0]] = joined
            self.gone.discard(number)
        else:
            assert "registered already" in told
            assert any(number in p.proved for p in self.people.values())

    # changing, stopping, starting
    # ------------------------------------------------------------

    @rule(n=which, chosen=st.lists(channel_of, unique=True, min_size=1))
    def chooses_channels(self, n: int, chosen: list[str]) -> None:
        found = self.with_session(n)
        if found is None:
            return
        me, mine = found
        reachable = all(mine.at(c) for c in chosen)
        fields = {"channels": chosen}
        try:
            self.write(own.change, me, fields, world=self.places, now=self.now)
        except Rejected:
            assert not reachable
        else:
            assert reachable
            mine.channels = tuple(chosen)

    @rule(
        how=st.sampled_from(("page", "link", "operator")),
        n=which,
        channel=st.sampled_from((*CHANNELS, "all")),
        back=st.booleans(),
    )
    def stops_or_starts(self, how: str, n: int, channel: str, back: bool) -> None:
        if how == "page":
            self._by_page(n, channel, back)
        elif channel != "all" and how == "link":
            self._by_link(n, channel, back)
        elif channel != "all":
            self._by_an_operator(n, channel, back)

    def _by_page(self, n: int, channel: str, back: bool) -> None:
        found = self.with_session(n)
        if found is None:
            return
        channels = CHANNELS if channel == "all" else (channel,)
        self.write(own.start if back else own.stop, self.own(found[1]), channel, self.now)
        if back:
            self._starts(found[1], *channels)
        else:
            self._stops(found[1], *channels)

    def _stops(self, mine: Person, *channels: str) -> None:
        for each in channels:
            mine.stopped.add(each)
            self.stop_at(each, mine.at(each))

    def _starts(self, mine: Person, *channels: str) -> None:
        mine.stopped -= {c for c in channels if mine.at(c) and c in mine.channels}

    def _by_link(self, n: int, channel: str, back: bool) -> None:
        """The link may be old: its owner may be erased, or reached there no more."""
        ids = sorted({*self.people, *self.erased})
        if not ids:
            return
        someone = ids[n % len(ids)]
        act = opt_outs.start_by_link if back else opt_outs.stop_by_link
        self.write(act, Link(someone, channel, simulated=False), self.now)
        mine = self.people.get(someone)
        if mine is not None and back:
            self._starts(mine, channel)
        elif mine is not None:
            mine.stopped.add(channel)

    def _by_an_operator(self, n: int, channel: str, back: bool) -> None:
        found = self.somebody(n)
        if found is None:
            return
        who, mine = found
        more: dict[str, Any] = {"world": self.places, "now": self.now}
        if back:
            self.write(people.start, MACHINE, who, channel, "their word", **more)
            mine.stopped.discard(channel)
        else:
            self.write(people.stop, MACHINE, who, channel, **more)
            mine.stopped.add(channel)

    @rule(n=which, words=st.sampled_from(("STOP", "stop please", "START", "HELP", "I saw him")))
    def texts(self, n: int, words: str) -> None:
        number = MOBILES[n % len(MOBILES)]
        self.texted += 1
        text = Text(
            words=words,
            number=number,
            to="+447700900999",
            provider="twilio:AC0",
            provider_id=f"SM{self.texted}",
            reading=understand(words),
            statuses=("Actual",),
            simulated=False,
        )
        self.write(keeping.keep_text, text, SEALER, "Police", self.now)
        if text.reading.kind == "stop":
            self.stop_at("sms", number)
        elif text.reading.kind == "start":
            for each in self.people.values():
                if each.hears_at("sms", number):
                    each.stopped.discard("sms")

    # brought in, changed and erased by others
    # ------------------------------------------------------------

    @rule(
        rows=st.dictionaries(
            st.sampled_from(FILE_IDS),
            st.fixed_dictionaries(
                {
                    "mobile": st.sampled_from((None, *MOBILES)),
                    "email": st.sampled_from((None, *MAILS)),
                    "phone": st.sampled_from((None, *PHONES)),
                    "channels": st.lists(channel_of, unique=True, min_size=1),
                }
            ),
            min_size=1,
        )
    )
    def a_file_is_brought_in(self, rows: dict[str, dict[str, Any]]) -> None:
        records = [
            a_record(name, **{**row, "channels": ";".join(row["channels"])}, area=AREA)
            for name, row in rows.items()
        ]
        counts = self.write(
            people.bring_in, MACHINE, records, basis="consent", name="f.csv", now=self.now
        )
        known = {p.external: i for i, p in self.people.items()}
        told = {n: {k: r[k] for k in ("mobile", "email", "phone") if r[k]} for n, r in rows.items()}
        for name in known.keys() & rows.keys():
            self._told(self.people[known[name]], told[name], tuple(rows[name]["channels"]))
        left_out, stopped = 0, self._stopped_there()
        for name, given in told.items():
            if name in known:
                continue
            if name in self.gone or (given and set(given.values()) <= self.gone):
                left_out += 1
                assert self.read(showing.id_of, name) is None
            else:
                who = self.read(showing.id_of, name)
                assert who is not None
                assert who not in self.people
                assert who not in self.erased
                came = self.people[who] = Person(name, given, tuple(rows[name]["channels"]))
                came.stopped = {c for c in CHANNELS if (c, came.at(c)) in stopped}
        assert counts["erased"] == left_out

    def _stopped_there(self) -> set[tuple[str, str | None]]:
        """Return where everybody who is reached stopped it: whoever is brought in there now, under
        whatever name, gets nothing.
        """
        everybody = {(c, p.at(c)) for p in self.people.values() for c in CHANNELS}
        heard = {(c, p.at(c)) for p in self.people.values() for c in CHANNELS if c not in p.stopped}
        return {(c, a) for c, a in everybody - heard if a}

    def _told(self, mine: Person, given: dict[str, str], channels: tuple[str, ...]) -> None:
        """What a record says of somebody who is there; an address that stands in stays behind."""
        first = {
            kind: mine.addresses.get(kind, address)
            if address in mine.others.get(kind, ())
            else address
            for kind, address in given.items()
        }
        mine.proved -= set(mine.addresses.values()) - set(first.values())
        mine.addresses, mine.channels = first, channels
        mine.proved &= mine.all_addresses()

    @rule(n=which, channel=channel_of, m=which, clear=st.booleans())
    def an_operator_changes_an_address(self, n: int, channel: str, m: int, clear: bool) -> None:
        found = self.somebody(n)
        if found is None:
            return
        who, mine = found
        kind = COLUMN[channel]
        address = None if clear else POOLS[channel][m % len(POOLS[channel])]
        fields = {kind: address}
        self.write(people.edit, MACHINE, who, fields, world=self.places, now=self.now)
        given = {k: a for k, a in mine.addresses.items() if k != kind}
        if address is not None and address in mine.others.get(kind, ()):
            mine.others[kind] = [
                mine.addresses[kind],
                *(a for a in mine.others[kind] if a != address),
            ]
            mine.addresses[kind] = address
            given[kind] = address
        self._told(mine, given | ({kind: address} if address else {}), mine.channels)

    @rule(n=which, by_themselves=st.booleans())
    def somebody_is_erased(self, n: int, by_themselves: bool) -> None:
        found = self.with_session(n) if by_themselves else self.somebody(n)
        if found is None:
            return
        who, mine = found
        if by_themselves:
            self._stops(mine, *CHANNELS)
            self.write(own.delete, self.own(mine), world=self.places, now=self.now)
        else:
            self.write(people.erase, MACHINE, who, "by letter", world=self.places, now=self.now)
        del self.people[who]
        self.erased[who] = mine.external
        self.gone |= {mine.external, *mine.all_addresses()}

    # messages
    # ------------------------------------------------------------

    @rule(
        severity=st.sampled_from(("Moderate", "Extreme")),
        follows=st.booleans(),
        meanwhile=st.sampled_from(("", "stops", "moves", "leaves")),
        n=which,
        channel=channel_of,
        want=st.sampled_from((0, 1, 6)),
        states=st.lists(fates, min_size=6, max_size=6),
    )
    def a_message_goes_out(
        self,
        severity: str,
        follows: bool,
        meanwhile: str,
        n: int,
        channel: str,
        want: int,
        states: list[str],
    ) -> None:
        """Between the match and the hand-over somebody may stop, move or leave."""
        ways = {i: way for i, p in self.people.items() if (way := p.way())}
        if not ways:
            return  # a message to nobody is held back
        more: dict[str, Any] = {"severity": severity}
        if follows and self.messages:
            more |= {"message_id": self.messages[-1], "action": "update"}
        v = self.run(self.world.approved(count=len(ways), urgency="Immediate", **more))
        assert self.run(self.matcher.process(v.id)) == "released"
        self.versions.append(v.id)
        if "message_id" not in more:
            self.messages.append(v.message_id)
        account = self._account(v.id)
        sent = BitMap().union(*(account.people[x] for x in ("waiting", "not_sent")))
        assert sent == account.addressed
        assert self._frozen_ways(v.id) == ways
        self._explained(v.id, ways)
        if meanwhile == "stops":
            self._by_link(n, channel, back=False)
        elif meanwhile == "moves":
            self.an_operator_changes_an_address(n, channel, n + 1, clear=False)
        elif meanwhile == "leaves":
            self.somebody_is_erased(n, by_themselves=False)
        if want:
            self.more_are_handed_over(want, states)

    def _frozen_ways(self, version: int) -> dict[int, str]:
        audience = self.read(audiences.read, version)
        return {i: way for (way, _), ids in audience.send.items() for i in ids}

    def _explained(self, version: int, ways: dict[int, str]) -> None:
        """What is said of each person is what was frozen."""

        def ask(conn: Any) -> dict[int, tuple[bool, str]]:
            index = RegistryIndex.load(conn)
            wanted = rule_for(conn, versions.get(conn, version), lambda _: ON)
            traces = {i: reasons(index, wanted, i) for i in (*self.people, *self.erased)}
            return {i: (t.outcome == "send", ">".join(t.channels)) for i, t in traces.items()}

        told = self.read(ask)
        assert {i: way for i, (sent, way) in told.items() if sent} == ways

    @precondition(lambda self: self.versions)
    @rule(want=st.integers(1, 6), states=st.lists(fates, min_size=6, max_size=6))
    def more_are_handed_over(self, want: int, states: list[str]) -> None:
        for lane in ("routine", "urgent"):
            for channel in CHANNELS:
                found = self.read(open_batches.candidates, lane, channel, ("Actual",), self.now)
                for candidate in found[:2]:
                    self._claim(candidate, want, states)

    def _claim(self, candidate: Candidate, want: int, states: list[str]) -> None:
        to: dict[int, str] = {}
        danger = batch_causes.any_contact(candidate.cause)

        def suppress(conn: Any, who: list[int], channel: str) -> dict[int, str]:
            return reached.addresses_to_use(conn, who, channel, to, any_contact=danger)

        def no_longer(conn: Any, who: list[int]) -> dict[int, str]:
            channel = candidate.channel
            return no_longer_for(conn, candidate.version_id, who, channel, lambda _: ON)

        claimed = self.write(
            taking.claim,
            candidate,
            want=want,
            worker="w",
            attempts=new_slice_attempt,
            suppress=suppress,
            no_longer_for=no_longer,
        )
        for s in claimed[0] if claimed else []:
            self._hand_over(s, to, states, danger=danger)

    def _hand_over(self, s: Slice, to: dict[int, str], states: list[str], *, danger: bool) -> None:
        outcomes = []
        for at, who in s.people:
            if at in s.skipped:
                assert who not in self.erased or s.skipped[at] == "erased"
                continue
            mine = self.people.get(who)
            assert mine is not None, f"{who} was erased and is handed {s.version_id}"
            assert s.channel not in mine.stopped, f"{who} stopped {s.channel}"
            assert to[who] == mine.at(s.channel), f"{who} is handed it elsewhere"
            assert danger or s.channel in mine.channels
            state = states[at % len(states)]
            due = None if state == "accepted" else self.now - timedelta(seconds=1)
            outcomes.append(Outcome(position=at, person_id=who, state=state, code="x", due_at=due))
            self.handed.append(Handed(s.version_id, s.channel, who, s.attempt, at, state))
        self.write(recording.record, [(s, outcomes)], at=self.now)

    @precondition(lambda self: self.handed)
    @rule(n=which, state=st.sampled_from(("delivered", "failed", "")), keeps=st.booleans())
    def the_loops_turn(self, n: int, state: str, keeps: bool) -> None:
        """A receipt comes, what is due is tried again, who stands where is kept."""
        told = self.handed[-1 - n % len(self.handed)]
        if state and told.state in ("accepted", "in_doubt"):
            receipt = Receipt(attempt=told.attempt, position=told.position, state=state)
            self.write(receipts.store, receipt, self.now)
            self.write(receipts.merge_waiting, self.now)
            told.state = state
        for version in self.read(passes.due_versions, self.now):
            self.write(
                passes.make_due,
                version,
                contacts=partial(other_contacts, on=ON),
                shared=reached.sharing,
                quiet=reached.quiet_until,
                one_person=groups,
            )
        if keeps:
            self.write(folding.fold, self.now)

    # what holds after every step
    # ------------------------------------------------------------

    def _account(self, version: int) -> delivery_report.Account:
        found: delivery_report.Account = self.read(
            lambda conn: delivery_report.account(conn, versions.get(conn, version))
        )
        return found

    @invariant()
    def every_account_adds_up_to_what_was_handed_over(self) -> None:
        for version in self.versions[-2:]:
            self._adds_up(version)

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

    @invariant()
    def the_registry_holds_what_the_model_says(self) -> None:
        def look(conn: Any) -> None:
            for channel, pool in POOLS.items():
                for address in pool:
                    held = reached.persons_with_address(conn, channel, address)
                    here = [
                        i for i, p in sorted(self.people.items()) if p.hears_at(channel, address)
                    ]
                    assert held == here, (channel, address)
            rows = {r.id: r for r in conn.execute(select(subscriber))}
            assert rows.keys() == {*self.people, *self.erased}
            for who, mine in self.people.items():
                found = rows[who]
                assert found.external_id == mine.external
                assert found.stopped == ";".join(c for c in CHANNELS if c in mine.stopped)
                assert found.consented == found.channels == ";".join(mine.channels)
            with_contacts = select(contact_point.c.subscriber_id).distinct()
            assert set(conn.execute(with_contacts).scalars()) <= self.people.keys()
            left = {rows[who].external_id for who in self.erased}
            assert not left & set(self.erased.values())
            assert all(rows[who].erased_at is not None for who in self.erased)

        self.read(look)


def test_whatever_people_and_those_who_keep_them_do_nobody_hears_who_should_not(
    tmp_path: Path,
) -> None:
    schema.sqlite_at(tmp_path / "template.db")
    Lives.template = tmp_path / "template.db"
    case = Lives.TestCase
    case.settings = hypothesis.settings(
        max_examples=int(os.environ.get("LIVES_CASES", "15")),
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    case().runTest()
