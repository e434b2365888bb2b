"""What people do by themselves: register, confirm or do not, choose, stop and start."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule
from shapely import box

from broadcast.places.areas import AreaRecord, AreaTree
from broadcast.places.stored_areas import store_areas
from broadcast.problems import Rejected
from channels.reply_words import understand
from service.answers import keeping
from service.answers.keeping import Text
from service.residents import by_text, opt_outs, own, registering
from service.setup import people
from service.setup.people import World as Places
from subscribers.contact import order
from subscribers.registration import addresses, pending
from subscribers.registry import reached, showing
from subscribers.unsubscribe import Link
from tests.ledger.world import World
from tests.subscribers.lives.town import (
    AREA,
    CHANNELS,
    COLUMN,
    MACHINE,
    MOBILES,
    PLENTY,
    POOLS,
    SEALER,
    Form,
    Person,
    Town,
    channel_of,
    which,
)


class Residents(Town):
    """Residents of the town."""

    @initialize(members=st.lists(st.tuples(channel_of, which), min_size=2, max_size=6))
    def a_town(self, members: list[tuple[str, int]]) -> None:
        area = AreaRecord(code=AREA, level="borough", name="W", geometry=box(-0.2, 51.4, 0, 51.6))
        self.write(store_areas, [area], self.now)
        self.places = Places(tree=self.read(AreaTree.load), trial_numbers=True)
        self.world = self.run(World.make(self.db))
        for channel, n in members:
            self.asks_for_a_code(channel, n, confirms=True)
        self.texts_join(3)

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
            self._stops(found[1], channels=channels)

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
            self._starts_by_link(mine, channel)
        elif mine is not None:
            self._stops(mine, channels=(channel,))

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
