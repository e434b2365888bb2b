"""What others do with people: files brought in, addresses changed, somebody erased."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from service.residents import own
from service.setup import people, people_by_file
from subscribers.people_file.people import Given
from subscribers.people_file.reading import ImportResult
from subscribers.registry import showing
from tests.subscribers.lives.town import (
    AREA,
    CHANNELS,
    COLUMN,
    FILE_IDS,
    MACHINE,
    MAILS,
    MOBILES,
    PHONES,
    POOLS,
    Person,
    Town,
    channel_of,
    which,
)
from tests.subscribers.test_registry import person as a_record


class Operators(Town):
    """Who keeps the registry of the town."""

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
        whole = ImportResult(Given(records), [], [], [])
        counts = self.write(
            people_by_file.bring_in, MACHINE, whole, basis="consent", name="f.csv", now=self.now
        )
        known = {p.external: i for i, p in self.people.items()}
        before = self._where()
        told = {n: {k: r[k] for k in ("mobile", "email", "phone") if r[k]} for n, r in rows.items()}
        for name in known.keys() & rows.keys():
            self._told(self.people[known[name]], told[name], tuple(rows[name]["channels"]))
        silent = self._moved_to_silence(before)
        left_out, stopped = 0, self._stopped_there() | silent
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

    def _where(self) -> dict[tuple[str, int], str | None]:
        """Return where everybody is reached, by channel and person."""
        return {(c, i): p.at(c) for i, p in self.people.items() for c in CHANNELS}

    def _moved_to_silence(
        self, before: dict[tuple[str, int], str | None]
    ) -> set[tuple[str, str | None]]:
        """Stop whom others moved to where everybody stopped it: those who stayed there or, where
        all of them were moved away, those. Where nobody is or was but who is erased by now, they
        decide. Return where all of them were, and stopped it or are erased.
        """
        moved = {(c, i) for (c, i), at in before.items() if self.people[i].at(c) != at}
        running: dict[bool, set[tuple[str, str | None]]] = {True: set(), False: set()}
        held: dict[bool, set[tuple[str, str | None]]] = {True: set(), False: set()}
        for (channel, i), at in before.items():
            gone = (channel, i) in moved
            held[gone].add((channel, at))
            if channel not in self.people[i].stopped:
                running[gone].add((channel, at))
        left = held[True] - running[True] - held[False]
        erased = {(c, a) for c in CHANNELS for a in self.gone} - held[True] - held[False]
        silent = left | erased | (held[False] - running[False])
        for channel, i in moved:
            if (at := self.people[i].at(channel)) and (channel, at) in silent:
                self.people[i].stopped.add(channel)
        now_there = {(c, self.people[i].at(c)) for c, i in moved}
        return (left - now_there) | erased

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
        before = self._where()
        self._told(mine, given | ({kind: address} if address else {}), mine.channels)
        self._moved_to_silence(before)

    @rule(n=which, by_themselves=st.booleans())
    def somebody_is_erased(self, n: int, by_themselves: bool) -> None:
        found = self.with_session(n) if by_themselves else self.somebody(n)
        if found is None:
            return
        who, mine = found
        if by_themselves:
            self._stops(mine)
            self.write(own.delete, self.own(mine), world=self.places, now=self.now)
        else:
            self.write(people.erase, MACHINE, who, "by letter", world=self.places, now=self.now)
        del self.people[who]
        self.erased[who] = mine.external
        self.gone |= {mine.external, *mine.all_addresses()}

    # messages
