"""Messages that go out to the town, and what comes of each."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from pyroaring import BitMap

from broadcast.ledger import audiences, passes, receipts
from broadcast.ledger.attempts import new_slice_attempt
from broadcast.ledger.claims import batch_causes, open_batches, recording, taking
from broadcast.ledger.claims.open_batches import Candidate
from broadcast.ledger.claims.outcomes import Outcome
from broadcast.ledger.claims.slices import Slice
from broadcast.ledger.kept import folding
from broadcast.ledger.receipts import Receipt
from broadcast.messages import versions
from service.loops.opt_outs import other_contacts
from subscribers.audience import reasons
from subscribers.index import RegistryIndex
from subscribers.matcher import no_longer_for, rule_for
from subscribers.registry import reached
from subscribers.same_person.groups import groups
from tests.subscribers.lives.operators import Operators
from tests.subscribers.lives.themselves import Residents
from tests.subscribers.lives.town import (
    CHANNELS,
    ON,
    Handed,
    channel_of,
    fates,
    which,
)


class Messages(Residents, Operators):
    """Messages of the town, and whoever sends them."""

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
