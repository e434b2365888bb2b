"""The matching index: everybody as arrays and bitmaps, kept up with the registry, and the one pure
rule that says who is sent to.

About 40 bytes a person. Nothing in it is a name, a number or an address.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import permutations
from threading import Lock
from typing import Any, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap
from shapely import Geometry
from sqlalchemy import Connection, text
from sqlalchemy.util import await_only

from broadcast.content.model import (
    PERSONAL_CHANNELS,
    SEVERITIES,
    SUBSCRIBER_KINDS,
    Audience,
    Circle,
)
from broadcast.ledger.audiences import Frozen
from broadcast.levels.names import folded
from broadcast.places.geometry import inside_circles, inside_shape
from broadcast.places.reach import reaches
from subscribers import quiet_hours
from subscribers.by_area import BY_AREA
from subscribers.contact.kinds import channels_of
from subscribers.csv_import import TOPICS
from subscribers.quiet_hours import QuietHours

REASONS: Final = (
    "erased",
    "stopped",
    "no_consent",
    "not_chosen",
    "below_severity",
    "quiet_hours",
    "no_channel",
)
"""Why an addressed person is not sent to; the first that holds is the one.
Budget comes before the last, later.
"""

TOPIC_OF_KIND: Final = {
    "threat_level_change": "threat_level",
    "incident": "incident",
    "contingency": "incident",
    "appeal": "appeal",
    "advice": "advice",
}

_CHUNK = 50_000
_NO_FLOOR = 255
_BY_AREA: Final = [SUBSCRIBER_KINDS.index(kind) for kind in BY_AREA]
_BIT: Final = {channel: 1 << n for n, channel in enumerate(PERSONAL_CHANNELS)}
_TOPIC_BIT: Final = {topic: 1 << n for n, topic in enumerate(TOPICS)}
_ALL_BUT_EXERCISE: Final = sum(_TOPIC_BIT.values()) - _TOPIC_BIT["exercise"]
_ORDERS: Final = tuple(
    order
    for size in range(len(PERSONAL_CHANNELS) + 1)
    for order in permutations(PERSONAL_CHANNELS, size)
)
_ORDER_CODE: Final = {order: n for n, order in enumerate(_ORDERS)}
_MASKS: Final = range(1 << len(PERSONAL_CHANNELS))


def _channels_of(mask: int) -> tuple[str, ...]:
    return tuple(c for c in PERSONAL_CHANNELS if mask & _BIT[c])


_MASK_OF_ORDER: Final = np.array([sum(_BIT[c] for c in order) for order in _ORDERS], dtype=np.uint8)
_KEPT: Final = np.array(
    [
        [_ORDER_CODE[tuple(c for c in order if mask & _BIT[c])] for mask in _MASKS]
        for order in _ORDERS
    ],
    dtype=np.uint8,
)
_WITH: Final = np.array(
    [
        [
            _ORDER_CODE[(*order, *(c for c in _channels_of(mask) if c not in order))]
            for mask in _MASKS
        ]
        for order in _ORDERS
    ],
    dtype=np.uint8,
)


class IndexIncomplete(Exception):
    """The index does not hold as many people as the registry: nothing may be frozen from it
    (rule R1). Load it anew.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Whom one version is for, with everything resolved; plain data, so that matching needs no
    database.

    Place: `everybody`, or who is inside `shape` (lon, lat) or a circle, or, where no coordinates
    are known, whose area is one of `targets` (codes with their descendants, and areas of which a
    drawn shape holds enough). In `by_code`, targets
    that have no geometry, the code decides about everybody. `severity_rank` 0 = Extreme. `touched`
    are the codes of the areas that a drawn shape touches: they decide about officers and partners,
    of whom only the area is known, and in an audience of a community about everybody without
    coordinates (its `shape` is then made of whole areas). `also_reached`: per channel, who got or
    may have got an earlier version; they are added whatever the place and audience say (guarantee
    R10). `channels` are those asked for, `configured` those that are on; `languages` those of the
    message, the first for whom none fits. `at`: the aware moment for which quiet hours are judged;
    None = they are not. What is urgent passes them; what is not waits until they end, if that is
    before the message `expires`. `postcodes` says what decides about who gave a postcode and no
    place: its point, or, with "touch", whether the shape touches the circle in which they are; with
    "perhaps" the point decides, and whose circle is touched counts as perhaps inside.
    """

    topic: str
    severity_rank: int
    status: str
    channels: tuple[str, ...]
    configured: frozenset[str]
    languages: tuple[str, ...]
    audience: Audience = field(default_factory=Audience)
    everybody: bool = False
    shape: Geometry | None = None
    circles: tuple[Circle, ...] = ()
    targets: frozenset[str] = frozenset()
    by_code: frozenset[str] = frozenset()
    touched: frozenset[str] = frozenset()
    also_reached: Mapping[str, BitMap] = field(default_factory=dict)
    urgent: bool = False
    postcodes: Literal["point", "perhaps", "touch"] = "point"
    at: datetime | None = None
    expires: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """One person as the index knows them; officers and partners have no coordinates here. Channels
    in the person's order; `minimum_severity_rank` None = all.
    """

    id: int
    lat: float | None
    lon: float | None
    uncertainty_m: int  # round a place that a postcode stands for, else 0
    area: str | None
    kind: str
    language: str
    sectors: frozenset[str]
    communities: frozenset[str]
    topics: frozenset[str]
    channels: tuple[str, ...]
    available: frozenset[str]
    stopped: frozenset[str]
    consented: frozenset[str]
    minimum_severity_rank: int | None
    quiet_hours: QuietHours | None
    erased: bool


def topic_of(kind: str, first_kind: str | None = None) -> str:
    """Return the topic that a message counts as; an update, correction or all-clear counts as the
    first of its chain.
    """
    topic = TOPIC_OF_KIND.get(kind) or TOPIC_OF_KIND.get(first_kind or "")
    if topic is None:
        raise ValueError(f"{kind} counts as the first message of its chain, which is {first_kind}")
    return topic


def language_for(tag: str, languages: Sequence[str]) -> str:
    """Return which of a message's languages a person gets: the exact tag, then the primary
    language, then the first.
    """
    wanted = tag.casefold()
    primary = wanted.partition("-")[0]
    for offered in languages:
        if offered.casefold() == wanted:
            return offered
    for offered in languages:
        if offered.casefold() == primary:
            return offered
    for offered in languages:
        if offered.casefold().partition("-")[0] == primary:
            return offered
    return languages[0]


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


@dataclass(frozen=True, slots=True)
class _People:
    """Columns of equal length, ordered by id; never changed once made, so that a match sees one
    state of the registry.
    """

    ids: NDArray[np.uint32]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    area: NDArray[np.int32]  # ordinal, -1 = unknown
    language: NDArray[np.uint16]
    kind: NDArray[np.uint8]
    floor: NDArray[np.uint8]  # severity rank, 255 = all
    order: NDArray[np.uint8]
    stopped: NDArray[np.uint8]
    consented: NDArray[np.uint8]
    available: NDArray[np.uint8]
    topics: NDArray[np.uint8]
    erased: NDArray[np.bool_]
    quiet: NDArray[np.uint32]  # ordinal of the hours
    spread: NDArray[np.uint16]  # metres round a place that a postcode stands for, else 0

    def columns(self) -> tuple[NDArray[Any], ...]:
        return tuple(getattr(self, name) for name in self.__slots__)


class _Ordinals(dict[str, int]):
    """Text to small numbers, in the order of first appearance; only ever grows, so that older
    states stay readable.
    """

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def add(self, key: str) -> int:
        """Return the number of a text, a new one if it has none."""
        if key not in self:
            self.names.append(key)
            self[key] = len(self.names) - 1
        return self[key]


@dataclass(frozen=True, slots=True)
class _State:
    people: _People
    sectors: Mapping[str, BitMap]
    communities: Mapping[str, BitMap]
    as_of: str


_TRAIT_COLUMNS = (
    "kind",
    "minimum_severity",
    "channels",
    "stopped",
    "consented",
    "topics",
    "reached_by",
)


class RegistryIndex:
    """Everybody in the registry. `catch_up` follows what was written since; a match under way keeps
    the state it began with.
    """

    def __init__(self) -> None:
        self._areas, self._languages, self._traits = _Ordinals(), _Ordinals(), _Ordinals()
        self._trait_rows: list[tuple[int, int, int, int, int, int, int]] = []
        self._quiet, self._hours = _Ordinals(), list[QuietHours | None]()
        self._growing = Lock()
        self._state = _State(_nobody(), {}, {}, "")

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
        return len(self._state.people.ids)

    def catch_up(self, conn: Connection) -> str:
        """Read what was written since, idempotently, and return the new mark (rule R7).

        PostgreSQL: everything from the oldest transaction that was still open when the last mark
        was made; a writer that commits late has an id at least as high. SQLite has one writer:
        everything after the last number. Rows, mark and count come from one statement, so from one
        snapshot. Raises IndexIncomplete if the registry then has another number of rows than the
        index; nothing is kept then.
        """
        before = self._state
        chunks, sectors, communities, mark, count = self._rows(_read(conn, before.as_of))
        if count < 0:
            raise IndexIncomplete("the registry did not say how many rows it has")
        people = _joined(before.people, chunks)
        if len(people.ids) != count:
            raise IndexIncomplete(f"{len(people.ids)} people in the index, {count} in the registry")
        changed = BitMap()
        for chunk in chunks:
            changed |= BitMap(chunk.ids)
        after = _State(
            people,
            _renamed(before.sectors, sectors, changed),
            _renamed(before.communities, communities, changed),
            mark,
        )
        with self._growing:
            if (
                self._state is not before
            ):  # a reader that was given up came in late: which of the two is newer, nobody knows
                raise IndexIncomplete("the index was brought up to date by two at a time")
            self._state = after
        return mark

    def _rows(
        self, chunks_of_rows: Iterable[list[Sequence[Any]]]
    ) -> tuple[list[_People], dict[str, list[int]], dict[str, list[int]], str, int]:
        """Return what was read: people, members of sectors and communities, the mark, and how many
        people the registry has (-1: it did not say).
        """
        chunks: list[_People] = []
        sectors: dict[str, list[int]] = {}
        communities: dict[str, list[int]] = {}
        mark, count = "", -1
        for rows in chunks_of_rows:
            head = next((row for row in rows if row[0] == -1), None)
            people = [row for row in rows if row[0] != -1]
            if head is not None:
                mark, count = head[3], int(head[4])
            if people:
                chunks.append(self._encode(people))
                _gather(sectors, people, 7)
                _gather(communities, people, 8)
        return chunks, sectors, communities, mark, count

    @classmethod
    def of(cls, conn: Connection, ids: Sequence[int]) -> Self:
        """Read these people alone, as they are in this transaction."""
        index = cls()
        chunks, sectors, communities, mark, _ = index._rows(_read(conn, "", ids))
        index._state = _State(
            _joined(index._state.people, chunks),
            _renamed({}, sectors, BitMap()),
            _renamed({}, communities, BitMap()),
            mark,
        )
        return index

    def match(self, rule: Rule, shard: int = 0, shards: int = 1) -> Frozen:
        """Return who of one shard is addressed, who of them is sent to by which channels in which
        language, and why the others are not.
        """
        state = self._state
        addressed = self._addressed(state, rule, shard, shards)
        people = state.people
        at = np.searchsorted(people.ids, np.asarray(addressed.to_array(), dtype=np.uint32))
        reached = np.zeros(len(at), dtype=np.uint8)
        also = np.zeros(len(at), dtype=np.bool_)
        ids = people.ids[at]
        for channel, members in rule.also_reached.items():
            if channel in _BIT:
                mine = np.isin(
                    ids,
                    np.asarray((members & addressed).to_array(), dtype=np.uint32),
                    assume_unique=True,
                )
                reached[mine] |= _BIT[channel]
                also |= mine
        asked, configured = np.uint8(_mask(rule.channels)), np.uint8(_mask(rule.configured))
        order = _WITH[people.order[at], reached]
        wanted = (_MASK_OF_ORDER[people.order[at]] & asked) | reached
        usable = wanted & people.available[at] & configured
        # The question is which obstacle took the last way to the person: of the ways that work, or,
        # if none does, of those they want.
        ways = np.where(usable > 0, usable, wanted)
        open_ways = ways & ~people.stopped[at]
        consented = open_ways & people.consented[at]
        waits = self._quiet_until(rule)
        too_late = np.array(
            [w is not None and rule.expires is not None and w >= rule.expires for w in waits],
            dtype=np.bool_,
        )
        reason = np.full(len(at), len(REASONS), dtype=np.uint8)  # = sent to
        obstacles = (
            people.erased[at],
            (ways > 0) & (open_ways == 0),
            (open_ways > 0) & (consented == 0),
            ~(self._topic_chosen(people.topics[at], rule) | also),
            (rule.severity_rank > people.floor[at]) & ~also,
            too_late[people.quiet[at]],
            usable == 0,
        )
        for n in reversed(range(len(REASONS))):
            reason[obstacles[n]] = n
        suppressed = {
            name: BitMap(ids[reason == n])
            for n, name in enumerate(REASONS)
            if bool(np.any(reason == n))
        }
        sent = np.flatnonzero(reason == len(REASONS))
        languages = np.array(
            [
                rule.languages.index(language_for(tag, rule.languages))
                for tag in self._languages.names
            ],
            dtype=np.int64,
        )
        key = _KEPT[order[sent], consented[sent]].astype(np.int64) * len(rule.languages)
        key += languages[people.language[at[sent]]] if len(languages) else 0
        send = {}
        for value in np.unique(key).tolist():
            code, language = divmod(value, len(rule.languages))
            send[">".join(_ORDERS[code]), rule.languages[language]] = BitMap(
                ids[sent[key == value]]
            )
        held: dict[datetime, BitMap] = {}
        hours = people.quiet[at[sent]]
        for value in np.unique(hours).tolist():
            if until := waits[value]:
                held[until] = held.get(until, BitMap()) | BitMap(ids[sent[hours == value]])
        return Frozen(addressed=addressed, send=send, suppressed=suppressed, held=held)

    def perhaps(self, rule: Rule) -> BitMap:
        """Return who is not addressed though they may be inside what is drawn: all that is known of
        them is an area, or a postcode, that it touches.
        """
        unsure = rule.touched - rule.targets
        if rule.everybody or not (unsure or rule.postcodes == "perhaps"):
            return BitMap()
        state = self._state
        there = replace(rule, targets=rule.targets | unsure, postcodes="touch", also_reached={})
        return self._addressed(state, there, 0, 1) - self._addressed(state, rule, 0, 1)

    def person(self, person_id: int) -> Traits | None:
        """Return what the index knows of one person, None if nobody has that id."""
        state = self._state
        p = state.people
        n = int(np.searchsorted(p.ids, person_id))
        if n == len(p.ids) or int(p.ids[n]) != person_id:
            return None
        known = bool(np.isfinite(p.lat[n]))
        return Traits(
            id=person_id,
            lat=float(p.lat[n]) if known else None,
            lon=float(p.lon[n]) if known else None,
            uncertainty_m=int(p.spread[n]) if known else 0,
            area=None if p.area[n] < 0 else self._areas.names[int(p.area[n])],
            kind=SUBSCRIBER_KINDS[int(p.kind[n])] if p.kind[n] < len(SUBSCRIBER_KINDS) else "",
            language=self._languages.names[int(p.language[n])],
            sectors=frozenset(
                name for name, members in state.sectors.items() if person_id in members
            ),
            communities=frozenset(
                name for name, members in state.communities.items() if person_id in members
            ),
            topics=frozenset(t for t in TOPICS if int(p.topics[n]) & _TOPIC_BIT[t]),
            channels=_ORDERS[int(p.order[n])],
            available=frozenset(_channels_of(int(p.available[n]))),
            stopped=frozenset(_channels_of(int(p.stopped[n]))),
            consented=frozenset(_channels_of(int(p.consented[n]))),
            minimum_severity_rank=None if p.floor[n] == _NO_FLOOR else int(p.floor[n]),
            quiet_hours=self._hours[int(p.quiet[n])],
            erased=bool(p.erased[n]),
        )

    def by_language(self, members: BitMap) -> dict[str, BitMap]:
        """Return people by the language they speak."""
        return self._by(members, lambda p: p.language, self._languages.names)

    def by_kind(self, members: BitMap) -> dict[str, BitMap]:
        """Return people by kind."""
        return self._by(members, lambda p: p.kind, SUBSCRIBER_KINDS)

    def _by(
        self, members: BitMap, column: Callable[[_People], NDArray[Any]], names: Sequence[str]
    ) -> dict[str, BitMap]:
        people = self._state.people
        at = np.flatnonzero(
            np.isin(people.ids, np.asarray(members.to_array(), dtype=np.uint32), assume_unique=True)
        )
        values = column(people)[at]
        return {
            names[value]: BitMap(people.ids[at[values == value]])
            for value in np.unique(values).tolist()
            if value < len(names)
        }

    def _addressed(self, state: _State, rule: Rule, shard: int, shards: int) -> BitMap:
        people = state.people
        chosen = ~people.erased
        if rule.audience.kinds:
            chosen &= np.isin(
                people.kind, [SUBSCRIBER_KINDS.index(kind) for kind in rule.audience.kinds]
            )
        mine = None if shards == 1 else shard_of(people.ids, shards) == shard
        if mine is not None:
            chosen &= mine
        at = np.flatnonzero(chosen)
        if not rule.everybody:
            at = at[self._in_place(people, at, rule)]
        addressed = BitMap(people.ids[at])
        for names, members in (
            (rule.audience.sectors, state.sectors),
            (rule.audience.communities, state.communities),
        ):
            if names:
                found = BitMap()
                for name in names:
                    found |= members.get(folded(name), BitMap())
                addressed &= found
        also = BitMap()
        for reached in rule.also_reached.values():
            also |= reached
        if also and mine is not None:
            also &= BitMap(people.ids[mine])
        return addressed | (also & BitMap(people.ids) if also else also)

    def _in_place(self, people: _People, at: NDArray[np.intp], rule: Rule) -> NDArray[np.bool_]:
        lat, lon, area = people.lat[at], people.lon[at], people.area[at]
        inside = inside_shape(rule.shape, lat, lon) | inside_circles(rule.circles, lat, lon)
        if rule.postcodes == "touch":
            vague = np.flatnonzero((people.spread[at] > 0) & ~inside)
            inside[vague] = reaches(
                rule.shape, rule.circles, lat[vague], lon[vague], people.spread[at][vague]
            )
        if rule.touched:
            coarse = np.isnan(lat) & self._coded(rule.touched)[area]
            inside |= (
                coarse if rule.audience.communities else coarse & np.isin(people.kind[at], _BY_AREA)
            )
        if rule.targets or rule.by_code:
            inside |= np.isnan(lat) & self._coded(rule.targets)[area]
            inside |= self._coded(rule.by_code)[area]
        return inside

    def _coded(self, codes: frozenset[str]) -> NDArray[np.bool_]:
        """Return a table from area ordinal to "one of these"; the last place is that of -1, the
        unknown area.
        """
        known = len(self._areas.names)  # others may be added meanwhile
        table = np.zeros(known + 1, dtype=np.bool_)
        table[[number for code in codes if (number := self._areas.get(code, known)) < known]] = True
        return table

    def _quiet_until(self, rule: Rule) -> list[datetime | None]:
        """Return by the ordinal of quiet hours until when they hold back this message; each
        distinct set of hours is judged once.
        """
        hours = list(self._hours)  # others may be added meanwhile
        at = None if rule.urgent else rule.at
        return [None if at is None or each is None else each.until(at) for each in hours]

    @staticmethod
    def _topic_chosen(topics: NDArray[np.uint8], rule: Rule) -> NDArray[np.bool_]:
        # an exercise is for the enrolled, whatever they chose beside it
        topic = "exercise" if rule.status == "Exercise" else rule.topic
        chosen: NDArray[np.bool_] = (topics & _TOPIC_BIT[topic]) > 0
        return chosen

    def _encode(self, rows: Sequence[Sequence[Any]]) -> _People:
        """Turn the driver's tuples into columns. Text goes through dictionaries: there are few
        kinds of people among a million.
        """
        ids, lat, lon, area, language, traits, flags, _, _, quiet, spread = zip(*rows, strict=True)
        count = len(rows)
        with self._growing:  # SQLite is read on threads; nothing is awaited here
            for joined in set(traits).difference(self._traits):
                self._trait_rows.append(_trait_row(joined))
                self._traits.add(joined)
            table = np.array(self._trait_rows, dtype=np.uint8)
            trait = table[
                np.fromiter(map(self._traits.__getitem__, traits), dtype=np.intp, count=count)
            ]
            for hours in set(quiet).difference(self._quiet):
                self._hours.append(quiet_hours.known(hours))
                self._quiet.add(hours)
            codes = {code: self._areas.add(code) if code else -1 for code in set(area)}
            tongues = {tag: self._languages.add(tag) for tag in set(language)}
        y, x = np.array(lat, dtype=np.float64), np.array(lon, dtype=np.float64)  # None becomes NaN
        nowhere = np.isnan(y) | np.isnan(x)
        y[nowhere] = x[nowhere] = np.nan
        return _People(
            ids=np.array(ids, dtype=np.uint32),
            lat=y,
            lon=x,
            area=np.fromiter(map(codes.__getitem__, area), dtype=np.int32, count=count),
            language=np.fromiter(map(tongues.__getitem__, language), dtype=np.uint16, count=count),
            kind=trait[:, 0].copy(),
            floor=trait[:, 1].copy(),
            order=trait[:, 2].copy(),
            stopped=trait[:, 3].copy(),
            consented=trait[:, 4].copy(),
            topics=trait[:, 5].copy(),
            available=trait[:, 6].copy(),
            erased=np.array(flags, dtype=np.bool_),
            quiet=np.fromiter(map(self._quiet.__getitem__, quiet), dtype=np.uint32, count=count),
            spread=np.minimum(np.array(spread, dtype=np.int64), 65_535).astype(np.uint16),
        )


def _read(
    conn: Connection, after: str, only: Sequence[int] | None = None
) -> Iterator[list[Sequence[Any]]]:
    """Yield the changed rows in chunks of driver tuples, and among them one with id -1: the new
    mark and the number of rows there are. `only`: the rows of these ids alone.
    """
    postgres = conn.dialect.name == "postgresql"
    traits = " || '|' || ".join(_TRAIT_COLUMNS)
    mark = (
        "pg_snapshot_xmin(pg_current_snapshot())::text"
        if postgres
        else "COALESCE((SELECT value FROM meta WHERE key = 'registry_change'), '0')"
    )
    since = f" WHERE change {'>=' if postgres else '>'} {int(after)}" if after else ""
    if only is not None:
        since = f" WHERE id IN ({', '.join(str(int(each)) for each in only) or 'NULL'})"
    # S608: nothing in it comes from outside but numbers.
    by_area = "CASE WHEN kind IN ('" + "', '".join(BY_AREA) + "') THEN NULL ELSE"
    sql = f"""SELECT id, {by_area} lat END, {by_area} lon END,
            COALESCE(area, ''), language, {traits},
            CASE WHEN erased_at IS NULL THEN 0 ELSE 1 END,
            sectors, communities, quiet_hours, COALESCE(uncertainty_m, 0)
        FROM subscriber{since}
        UNION ALL SELECT -1, NULL, NULL, {mark},
            CAST((SELECT count(*) FROM subscriber) AS TEXT), '', 0, '', '', '', 0"""  # noqa: S608
    # the driver's transaction begins with SQLAlchemy's first statement
    conn.execute(text("SELECT 1"))
    driver: Any = conn.connection.driver_connection
    if not postgres:
        cursor = driver.execute(sql)
        while rows := cursor.fetchmany(_CHUNK):
            yield rows
        return

    async def opened() -> Any:
        return await driver.cursor(sql)

    remote: Any = await_only(opened())
    while rows := await_only(remote.fetch(_CHUNK)):
        yield rows


def _trait_row(joined: str) -> tuple[int, int, int, int, int, int, int]:
    kind, severity, channels, stopped, consented, topics, kinds = joined.split("|")
    order = _ORDER_CODE[tuple(dict.fromkeys(c for c in channels.split(";") if c in _BIT))]
    return (
        SUBSCRIBER_KINDS.index(kind) if kind in SUBSCRIBER_KINDS else 255,
        SEVERITIES.index(severity) if severity in SEVERITIES else _NO_FLOOR,
        order,
        _mask(stopped.split(";")),
        _mask(consented.split(";")),
        (
            sum(_TOPIC_BIT[t] for t in set(topics.split(";")) if t in _TOPIC_BIT)
            if topics
            else _ALL_BUT_EXERCISE
        ),
        _mask(channels_of(kinds.split(";"))),
    )


def _mask(channels: Iterable[str]) -> int:
    return sum(_BIT[c] for c in set(channels) if c in _BIT)


def _nobody() -> _People:
    kinds = (
        np.uint32,
        np.float64,
        np.float64,
        np.int32,
        np.uint16,
        *(np.uint8,) * 7,
        np.bool_,
        np.uint32,
        np.uint16,
    )
    return _people(np.empty(0, dtype=kind) for kind in kinds)


def _people(columns: Iterable[Any]) -> _People:
    return _People(*columns)


def _joined(before: _People, chunks: Sequence[_People]) -> _People:
    """Return the people of before with the rows of the chunks in their place, ordered by id."""
    if not chunks:
        return before
    fresh = [
        np.concatenate(columns)
        for columns in zip(*(chunk.columns() for chunk in chunks), strict=True)
    ]
    if len(before.ids):
        stays = ~np.isin(before.ids, fresh[0])
        fresh = [
            np.concatenate((old[stays], new))
            for old, new in zip(before.columns(), fresh, strict=True)
        ]
    if np.any(fresh[0][1:] < fresh[0][:-1]):
        order = np.argsort(fresh[0], kind="stable")
        fresh = [column[order] for column in fresh]
    return _people(fresh)


def _gather(found: dict[str, list[int]], rows: Iterable[Sequence[Any]], column: int) -> None:
    for row in rows:
        if row[column]:
            found.setdefault(row[column], []).append(row[0])


def _renamed(
    before: Mapping[str, BitMap], lists: Mapping[str, list[int]], changed: BitMap
) -> Mapping[str, BitMap]:
    after = (
        {name: rest for name, members in before.items() if (rest := members - changed)}
        if before and changed
        else dict(before)
    )
    for joined, ids in lists.items():
        members = BitMap(ids)
        for name in {folded(part) for part in joined.split(";")}:
            if name:
                after[name] = after[name] | members if name in after else members
    return after
