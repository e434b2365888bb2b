"""The matching index: everybody as arrays and bitmaps, kept up with the registry, and who of them a
rule selects.

Some 40 bytes a person. Nothing in it is a name, a number or an address.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap
from sqlalchemy import Connection

from broadcast.content import trades
from broadcast.content.model import SUBSCRIBER_KINDS
from broadcast.ledger.audiences import Frozen
from broadcast.levels.names import folded
from broadcast.places.areas import Area, AreaTree
from subscribers.index.choices import (
    BIT,
    NO_FLOOR,
    TOPIC_BIT,
    Profile,
    channels_of,
    order_of,
    verdicts,
)
from subscribers.index.columns import Columns, distinct, grouped, once
from subscribers.index.encoding import Encoding
from subscribers.index.people import People
from subscribers.index.registry_rows import HEAD, PERSON, PLACE, SEPARATOR, Rows, read_rows
from subscribers.index.rule import REASONS, Elsewhere, Rule, Traits, chosen_as
from subscribers.index.state import (
    Read,
    State,
    array_of,
    bitmap_of,
    gather,
    ids_of,
    renamed,
    visited,
)
from subscribers.people_file.by_topic import OfTopic
from subscribers.people_file.choices import TOPICS
from subscribers.registry.by_area import BY_AREA

_BY_AREA: Final = [SUBSCRIBER_KINDS.index(kind) for kind in BY_AREA]


class IndexIncomplete(Exception):
    """The index does not hold as many people as the registry: nothing may be frozen from it
    (rule R1). Load it anew.
    """


def shard_of(ids: NDArray[np.uint32], shards: int) -> NDArray[np.uint32]:
    """Return each person's shard, for ever the same: MurmurHash3's 32-bit finaliser (A. Appleby,
    2011) modulo the number of shards.
    """
    h = ids.astype(np.uint32, copy=True)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x85EBCA6B)
    h ^= h >> np.uint32(13)
    h *= np.uint32(0xC2B2AE35)
    h ^= h >> np.uint32(16)
    return h % np.uint32(shards)


_ELSEWHERE: Final = ("lat", "lon", "area", "spread", "ids")
_BUDGET: Final = REASONS.index("budget")
_PROVIDER_OFF: Final = REASONS.index("provider_off")


class RegistryIndex(Encoding):
    """Everybody in the registry. `catch_up` follows what was written since; a match under way keeps
    the state it began with.
    """

    def __init__(self) -> None:
        super().__init__()
        nobody = People.of(Columns.empty())
        self._state = State(nobody, nobody, {}, self._known(), {}, {}, {}, {}, "")

    @classmethod
    def load(cls, conn: Connection) -> Self:
        """Read the whole registry. Raises IndexIncomplete."""
        index = cls()
        index.catch_up(conn)
        return index

    @property
    def as_of(self) -> str:
        """The mark of the registry's state that is held; "" before anything was read."""
        return self._state.as_of

    def __len__(self) -> int:
        return len(self._state.people)

    def catch_up(self, conn: Connection) -> str:
        """Read what was written since, idempotently, and return the new mark (rule R7).

        PostgreSQL: everything from the oldest transaction that was still open when the last mark
        was made; a writer that commits late has an id at least as high. SQLite has one writer:
        everything after the last number. Rows, mark and count come from one statement, so from one
        snapshot. Raises IndexIncomplete if the registry then has another number of rows than the
        index; nothing is kept then.
        """
        before = self._state
        read = self._read(conn, before.as_of)
        if read.count < 0:
            raise IndexIncomplete("the registry did not say how many rows it has")
        people = before.people.changed(Columns.joined(read.people))
        if len(people) != read.count:
            raise IndexIncomplete(
                f"{len(people)} people in the index, {read.count} in the registry"
            )
        others = before.others.changed(Columns.joined(read.others))
        if len(others) != read.others_count:
            raise IndexIncomplete(
                f"{len(others)} other places in the index, {read.others_count} in the registry"
            )
        changed, moved = ids_of(read.people), ids_of(read.others)
        after = State(
            people,
            others,
            visited(before.visits, read.others, read.visits),
            self._known(before.profiles),
            renamed(before.sectors, read.sectors, changed),
            renamed(before.communities, read.communities, changed),
            renamed(before.providers_off, read.providers_off, changed),
            renamed(before.acting, read.acting, moved),
            read.mark,
        )
        with self._growing:
            if (
                self._state is not before
            ):  # a reader that was given up came in late: which of the two is newer, nobody knows
                raise IndexIncomplete("the index was brought up to date by two at a time")
            self._state = after
        return read.mark

    def _read(self, conn: Connection, after: str, only: Sequence[int] | None = None) -> Read:
        """Return what was written after this mark; `only`: of these people alone."""
        read = Read()
        read_rows(conn, after, lambda rows: self._take(rows, read), only)
        return read

    def _take(self, rows: Rows, read: Read) -> None:
        head, people, others = (rows.those(what) for what in (HEAD, PERSON, PLACE))
        for mark, counts in zip(head.area, head.choices, strict=True):
            read.mark = mark
            read.count, read.others_count = map(int, counts.split(SEPARATOR))
        if len(people.ids):
            read.people.append(self._encode(people))
            gather((read.sectors, read.communities, read.providers_off), people)
        if len(others.ids):
            read.others.append(self._encode_others(others))
            gather((read.acting,), others)
            untils = (each.partition(SEPARATOR)[2] for each in others.choices)
            visits = zip(others.ids.tolist(), untils, strict=True)
            read.visits |= {number: int(until) for number, until in visits if until != "0"}

    @classmethod
    def of(cls, conn: Connection, ids: Sequence[int]) -> Self:
        """Read these people alone, as they are in this transaction."""
        index = cls()
        index._hold(index._read(conn, "", ids))
        return index

    @classmethod
    def of_rows(cls, some: Iterable[Rows]) -> Self:
        """Hold these rows alone, as the registry's statement gives them."""
        index, read = cls(), Read()
        for rows in some:
            index._take(rows, read)
        index._hold(read)
        return index

    def _hold(self, read: Read) -> None:
        self._state = State(
            People.of(Columns.joined(read.people)),
            People.of(Columns.joined(read.others)),
            read.visits,
            self._known(),
            renamed({}, read.sectors, BitMap()),
            renamed({}, read.communities, BitMap()),
            renamed({}, read.providers_off, BitMap()),
            renamed({}, read.acting, BitMap()),
            read.mark,
        )

    def match(self, rule: Rule, shard: int = 0, shards: int = 1) -> Frozen:
        """Return who of one shard is addressed, who of them is sent to by which channels in which
        language, and why the others are not.
        """
        state = self._state
        at, ids = self._addressed(state, rule, shard, shards)
        before = np.zeros(len(at), dtype=np.uint8)
        for channel, members in rule.also_reached.items():
            if channel in BIT:
                mine = np.isin(ids, array_of(members), assume_unique=True)
                before[mine] |= BIT[channel]
        also = bool(np.any(before))
        waits = self._quiet_until(rule)
        found = verdicts(state.profiles, rule, waits, self._of_topic(rule), reached=also)
        profile = state.people.take("profile", at)
        judged = profile.astype(np.int64) * 8 + before if also else profile
        reason = found.reason[judged]
        if rule.provider and not rule.urgent:
            off = np.isin(ids, array_of(state.providers_off.get(rule.provider, BitMap())))
            reason[off & (before == 0) & (reason > _PROVIDER_OFF)] = _PROVIDER_OFF
        if rule.spent and not rule.urgent:
            over = np.isin(ids, array_of(rule.spent)) & (before == 0) & (reason > _BUDGET)
            reason[over] = _BUDGET
        suppressed = {
            REASONS[n]: bitmap_of(who) for n, who in grouped(reason, ids) if n < len(REASONS)
        }
        sent = np.flatnonzero(reason == len(REASONS))
        send = {}
        for value, who in grouped(found.key[judged[sent]], ids[sent]):
            code, language = divmod(value, len(rule.languages))
            send[">".join(order_of(code)), rule.languages[language]] = bitmap_of(who)
        held: dict[datetime, BitMap] = {}
        if any(waits):
            hours = state.profiles.column("quiet")[profile[sent]]
            for value, who in grouped(hours, ids[sent]):
                if until := waits[value]:
                    held[until] = held.get(until, BitMap()) | bitmap_of(who)
        limited = {} if rule.urgent else _limited(state, profile[sent], ids[sent], before[sent])
        return Frozen(
            addressed=bitmap_of(ids), send=send, suppressed=suppressed, held=held, limited=limited
        )

    def perhaps(self, rule: Rule, addressed: BitMap | None = None) -> BitMap:
        """Return the people who are not addressed but may be inside what is drawn: all that is
        known of them is an area, or a postcode, that it touches. `addressed`: the people who are,
        where the caller knows them already.
        """
        unsure = rule.touched - rule.targets
        if rule.everybody or not (unsure or rule.postcodes == "perhaps"):
            return BitMap()
        state = self._state
        only_areas = replace(
            rule,
            shape=None,
            circles=(),
            targets=unsure,
            by_code=frozenset(),
            touched=frozenset(),
            postcodes="point",
        )
        parts = [self._in_place(state, only_areas)]
        if rule.postcodes == "perhaps":
            here = state.people.reached(rule.shape, rule.circles)
            others = state.others.reached(rule.shape, rule.circles)
            parts.append(self._of_whom(state, rule, here, others))
        if addressed is None:
            addressed = bitmap_of(self._addressed(state, rule, 0, 1)[1])
        wider = self._addressed(state, replace(rule, also_reached={}), 0, 1, once(parts))
        return bitmap_of(wider[1]) - addressed

    def person(self, person_id: int) -> Traits | None:
        """Return what the index knows of one person, None if nobody has that id."""
        state = self._state
        at = state.people.positions(np.array([person_id], dtype=np.uint32))
        if not len(at):
            return None

        def own(name: Any) -> Any:
            return state.people.take(name, at)[0].item()

        chosen = Profile(*state.profiles.columns[own("profile")].tolist())
        lat, lon, area = own("lat"), own("lon"), own("area")
        known = bool(np.isfinite(lat))
        return Traits(
            id=person_id,
            lat=lat if known else None,
            lon=lon if known else None,
            uncertainty_m=own("spread") if known else 0,
            area=None if area < 0 else self._areas.names[area],
            kind=SUBSCRIBER_KINDS[chosen.kind] if chosen.kind < len(SUBSCRIBER_KINDS) else "",
            language=self._languages.names[chosen.language],
            sectors=frozenset(
                name for name, members in state.sectors.items() if person_id in members
            ),
            communities=frozenset(
                name for name, members in state.communities.items() if person_id in members
            ),
            topics=frozenset(t for t in TOPICS if chosen.topics & TOPIC_BIT[t]),
            channels=order_of(chosen.order),
            available=frozenset(channels_of(chosen.available)),
            stopped=frozenset(channels_of(chosen.stopped)),
            consented=frozenset(channels_of(chosen.consented)),
            minimum_severity_rank=None if chosen.floor == NO_FLOOR else chosen.floor,
            quiet_hours=self._hours[chosen.quiet],
            by_topic=self._of_topics[chosen.by_topic],
            discreet=bool(chosen.discreet),
            most_a_week=chosen.most_a_week,
            providers_off=frozenset(
                name for name, members in state.providers_off.items() if person_id in members
            ),
            erased=bool(chosen.erased),
            others=self._others(state, person_id),
        )

    def _others(self, state: State, person_id: int) -> tuple[Elsewhere, ...]:
        """Return the other places of one person."""
        at = state.others.everybody()
        at = at[state.others.take("profile", at) == person_id]
        found = []
        for here in at.tolist():
            lat, lon, area, spread, number = (
                state.others.take(name, np.array([here]))[0].item() for name in _ELSEWHERE
            )
            known = bool(np.isfinite(lat))
            acts_as = frozenset(each for each, held in state.acting.items() if number in held)
            if not known and area < 0 and not acts_as:
                continue
            found.append(
                Elsewhere(
                    lat=lat if known else None,
                    lon=lon if known else None,
                    uncertainty_m=spread if known else 0,
                    area=None if area < 0 else self._areas.names[area],
                    until=state.visits.get(number),
                    acts_as=acts_as,
                )
            )
        return tuple(found)

    def by_language(self, members: BitMap) -> dict[str, BitMap]:
        """Return people by the language they speak, the first of theirs."""
        found: dict[str, BitMap] = {}
        for tags, ids in self._by(members, "language", self._languages.names).items():
            first = tags.partition(";")[0]
            found[first] = found.get(first, BitMap()) | ids
        return found

    def by_kind(self, members: BitMap) -> dict[str, BitMap]:
        """Return people by kind."""
        return self._by(members, "kind", SUBSCRIBER_KINDS)

    def by_acting(self, members: BitMap, as_what: Iterable[str]) -> dict[str, int]:
        """Return how many of these people act as each of these; who acts as several counts in
        each.
        """
        state = self._state
        found = {}
        for each in as_what:
            numbers = array_of(state.acting.get(each, BitMap()))
            places = state.others.positions(numbers)
            whose = bitmap_of(distinct(state.others.take("profile", places)))
            found[each] = len(whose & members)
        return found

    def by_area(self, tree: AreaTree, members: BitMap | None = None) -> dict[str, int]:
        """Return how many registered people, or of these, each area holds: by their place, else by
        the area that is known of them.
        """
        state = self._state
        people = state.people
        at = people.everybody() if members is None else people.positions(array_of(members))
        kept = state.profiles.column("erased") == 0
        at = at[kept[people.take("profile", at)]]
        lat, lon, area = (people.take(name, at) for name in ("lat", "lon", "area"))
        placed = np.isfinite(lat) & np.isfinite(lon)
        counts: dict[str, int] = {}
        chains: dict[int, tuple[tuple[Area, ...], int]] = {}
        for chain in tree.locate_many(lat[placed], lon[placed]):
            known = chains.get(id(chain), (chain, 0))
            chains[id(chain)] = (chain, known[1] + 1)
        for chain, n in chains.values():
            for each in chain:
                counts[each.code] = counts.get(each.code, 0) + n
        ordinals, numbers = np.unique(area[~placed], return_counts=True)
        for ordinal, n in zip(ordinals.tolist(), numbers.tolist(), strict=True):
            code = self._areas.names[ordinal] if ordinal >= 0 else ""
            if code in tree:
                for known_code in (code, *(a.code for a in tree.ancestors(code))):
                    counts[known_code] = counts.get(known_code, 0) + n
        return counts

    def in_area(self, tree: AreaTree, code: str, members: BitMap) -> BitMap:
        """Return who of these people is in an area, as `by_area` counts them."""
        ids = array_of(members)
        return bitmap_of(ids[self.which_area(tree, [code], ids) == 0])

    def which_area(
        self, tree: AreaTree, codes: Sequence[str], members: NDArray[np.uint32]
    ) -> NDArray[np.int32]:
        """Return for each of these people, in the order of their numbers, in which of these areas
        of one level they are, as its place in `codes`; -1 for in none. As `by_area` counts them.
        """
        people, number = self._state.people, {code: n for n, code in enumerate(codes)}
        at = people.positions(members)
        kept = self._state.profiles.column("erased") == 0
        at = at[kept[people.take("profile", at)]]
        lat, lon, area = (people.take(name, at) for name in ("lat", "lon", "area"))
        placed = np.isfinite(lat) & np.isfinite(lon)

        def of(chain: Iterable[Area]) -> int:
            return next((number[each.code] for each in chain if each.code in number), -1)

        known = [
            of((tree[name], *tree.ancestors(name))) if name in tree else -1
            for name in self._areas.names
        ]
        there = np.array([*known, -1], np.int32)[area]  # an area of -1 is the last
        chains = tree.locate_many(lat[placed], lon[placed])
        numbers = {id(chain): of(chain) for chain in chains}
        there[placed] = [numbers[id(chain)] for chain in chains]
        found = np.full(len(members), -1, np.int32)
        found[np.searchsorted(members, people.take("ids", at))] = there
        return found

    def enrolled(self) -> BitMap:
        """Return who is enrolled for exercises."""
        state = self._state
        at = state.people.everybody()
        chosen = (state.profiles.column("topics") & TOPIC_BIT["exercise"]) > 0
        chosen &= state.profiles.column("erased") == 0
        return bitmap_of(
            np.sort(state.people.take("ids", at[chosen[state.people.take("profile", at)]]))
        )

    def _by(self, members: BitMap, column: str, names: Sequence[str]) -> dict[str, BitMap]:
        state = self._state
        at = state.people.positions(array_of(members))
        ids = state.people.take("ids", at)
        values = state.profiles.column(column)[state.people.take("profile", at)]
        return {
            names[value]: bitmap_of(np.sort(who))
            for value, who in grouped(values, ids)
            if value < len(names)
        }

    def _addressed(
        self,
        state: State,
        rule: Rule,
        shard: int,
        shards: int,
        at: NDArray[np.int64] | None = None,
    ) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        """Return the positions and ids of who is addressed, in the order of the ids; `at`: if these
        were who is in its place.
        """
        people, profiles = state.people, state.profiles
        if at is None:
            at = self._in_place(state, rule)
        chosen = profiles.column("erased") == 0
        if rule.audience.kinds:
            kinds = [SUBSCRIBER_KINDS.index(kind) for kind in rule.audience.kinds]
            chosen &= np.isin(profiles.column("kind"), kinds)
        at = at[chosen[people.take("profile", at)]]
        ids = people.take("ids", at)
        for names, members in (
            (rule.audience.sectors, state.sectors),
            (rule.audience.communities, state.communities),
        ):
            if names:
                found = BitMap()
                for name in names:
                    found |= members.get(folded(name), BitMap())
                held = np.isin(ids, array_of(found))
                at, ids = at[held], ids[held]
        also = BitMap()
        for reached in rule.also_reached.values():
            also |= reached
        if also:
            at = once([at, people.positions(array_of(also))])
            ids = people.take("ids", at)
        if shards > 1:
            mine = shard_of(ids, shards) == shard
            at, ids = at[mine], ids[mine]
        order = np.argsort(ids)
        return at[order], ids[order]

    def _in_place(self, state: State, rule: Rule) -> NDArray[np.int64]:
        """Return who has a place where a message goes, their own or another."""
        if rule.everybody:
            acting = self._acting(state, rule)
            if acting is None:
                return state.people.everybody()
            return self._owners(state, state.others.positions(acting), rule)
        here = self._there(state, state.people, rule)
        if not len(state.others):
            others = np.empty(0, dtype=np.int64)
        else:
            others = self._there(state, state.others, rule)
        return self._of_whom(state, rule, here, others)

    def _of_whom(
        self, state: State, rule: Rule, here: NDArray[np.int64], others: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return who is meant by places of their own and by other places of theirs. For a trade or
        a size that is who acts for such an organisation with a site among the other places, or with
        no site at all, if any of these places is theirs.
        """
        anywhere = once([here, self._owners(state, others, rule)])
        acting = self._acting(state, rule)
        if acting is None:
            return anywhere
        sites = state.others.positions(acting)
        unplaced = np.isnan(state.others.take("lat", sites)) & (
            state.others.take("area", sites) < 0
        )
        without_site = self._owners(state, sites[unplaced], rule)
        at_site = others[np.isin(state.others.take("ids", others), acting)]
        return once(
            [
                self._owners(state, at_site, rule),
                without_site[np.isin(without_site, anywhere)],
            ]
        )

    def _acting(self, state: State, rule: Rule) -> NDArray[np.uint32] | None:
        """Return the numbers of the places at which people act for an organisation that is meant;
        None where a message is not limited to some.
        """
        wanted = trades.meant_by(rule.audience)
        if not wanted:
            return None
        return array_of(BitMap().union(*(state.acting.get(each, BitMap()) for each in wanted)))

    def _owners(self, state: State, others: NDArray[np.int64], rule: Rule) -> NDArray[np.int64]:
        """Return who has one of these other places; a visit that has ended is none."""
        if not len(others):
            return others
        if rule.at is not None and state.visits:
            now = rule.at.timestamp()
            over = [number for number, until in state.visits.items() if until <= now]
            numbers = state.others.take("ids", others)
            others = others[~np.isin(numbers, np.array(over, dtype=np.uint32))]
        return state.people.positions(distinct(state.others.take("profile", others)))

    def _there(self, state: State, people: People, rule: Rule) -> NDArray[np.int64]:
        parts = [people.inside(rule.shape, rule.circles)]
        if rule.postcodes == "touch":
            parts.append(people.reached(rule.shape, rule.circles))
        if rule.touched or rule.targets:
            nowhere = people.without_place()
            area = people.take("area", nowhere)
            told = self._coded(rule.targets)[area]
            if rule.touched:
                coarse = self._coded(rule.touched)[area]
                if not rule.audience.communities and people is state.others:
                    coarse &= False  # who is known by one area only has no others
                elif not rule.audience.communities:
                    by_area = np.isin(state.profiles.column("kind"), _BY_AREA)
                    coarse &= by_area[people.take("profile", nowhere)]
                told |= coarse
            parts.append(nowhere[told])
        if rule.by_code:
            parts.append(people.in_areas(self._coded(rule.by_code)))
        return once(parts)

    def _quiet_until(self, rule: Rule) -> list[datetime | None]:
        """Return by the ordinal of quiet hours until when they hold back this message; each
        distinct set of hours is judged once.
        """
        hours = list(self._hours)  # others may be added meanwhile
        at = None if rule.urgent else rule.at
        return [None if at is None or each is None else each.until(at) for each in hours]

    def _of_topic(self, rule: Rule) -> list[OfTopic]:
        """Return by the ordinal of choices for single topics what they say of this message's."""
        topic = chosen_as(rule)
        return [each.get(topic, OfTopic()) for each in list(self._of_topics)]


def _limited(
    state: State,
    profile: NDArray[np.uint32],
    ids: NDArray[np.uint32],
    before: NDArray[np.uint8],
) -> dict[int, BitMap]:
    """Return who of these takes so many routine messages a week at most, by the number; without who
    got an earlier version.
    """
    most = state.profiles.column("most_a_week")
    if not np.any(most):
        return {}
    most = np.where(before == 0, most[profile], 0)
    return {number: bitmap_of(who) for number, who in grouped(most, ids) if number}
