"""Who stands where, computed a second time: from the frozen bytes, the batches, the slices and what
the log tells of each position.

Arrays over the sorted ids of the frozen audience, one value per person and channel;
broadcast/ledger/delivery_report.py does the same with bitmaps.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from broadcast.replay.recorded import NONE, STATES

LINES = (
    "delivered",
    "accepted",
    "in_doubt",
    "handing_over",
    "waiting",
    "failed",
    "expired",
    "not_sent",
)
"""Best first: a person's line is the best of their channels."""
NOWHERE = len(LINES)
_LINE = {name: n for n, name in enumerate(LINES)}
REASONS = (
    "erased",
    "stopped",
    "no_consent",
    "discreet",
    "not_chosen",
    "provider_off",
    "below_severity",
    "quiet_hours",
    "budget",
    "no_channel",
    "duplicate_person",
    "moved_away",
    "stale",
    "withdrawn",
)
_WITHDRAWN = REASONS.index("withdrawn")
_NO_REASON = 99
_OPEN, _LOST = 200, 201
"""Beside the states: being sent to, and claimed in a closed slice of which nothing is known."""

Ids = NDArray[np.uint32]
Marks = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceOf:
    """What was claimed together: [lo, hi) of its batch, the state of each position (index of
    STATES, or NONE), why some were skipped.
    """

    lo: int
    hi: int
    open: bool
    states: bytes
    reasons: Mapping[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOf:
    """A batch and its slices. `ordered` = a person ordered it (a resend): it may reach somebody
    again.
    """

    channel: str
    generation: int
    members: Ids
    ordered: bool
    slices: tuple[SliceOf, ...]


@dataclass(slots=True, kw_only=True)
class Placed:
    """The members of a batch, or of all batches of one pass: where they sit among everybody who is
    to be sent to, and what became of each.

    `state` holds an index of STATES, or what stands beside them; `here` is False for who stands
    where an earlier pass put them.
    """

    channel: str
    generation: int
    ordered: bool
    at: NDArray[np.intp]
    known: NDArray[np.bool_]
    state: Marks
    reason: Marks
    here: NDArray[np.bool_]

    @classmethod
    def of(
        cls, channel: str, generation: int, members: Ids, everybody: Ids, *, ordered: bool
    ) -> Placed:
        """Return members of whom nobody was claimed yet. `everybody` is sorted."""
        at = np.searchsorted(everybody, members)
        known = at < len(everybody)
        known[known] = everybody[at[known]] == members[known]
        return cls(
            channel=channel,
            generation=generation,
            ordered=ordered,
            at=at,
            known=known,
            state=np.full(len(members), NONE, np.uint8),
            reason=np.full(len(members), _NO_REASON, np.uint8),
            here=np.ones(len(members), bool),
        )

    def put(self, s: SliceOf, base: int = 0) -> None:
        """Let a slice say what became of its positions, whatever it said before; `base` is where
        its batch begins.
        """
        lo, hi = base + s.lo, base + s.hi
        size = s.hi - s.lo
        told = np.frombuffer(s.states.ljust(size, bytes([NONE]))[:size], np.uint8).copy()
        told[told == NONE] = _OPEN if s.open else _LOST
        self.state[lo:hi], self.reason[lo:hi], self.here[lo:hi] = told, _NO_REASON, True
        for position, why in s.reasons.items():
            if self.state[lo + position] == _SKIPPED:
                # they stand where the earlier attempt put them
                self.here[lo + position] = why != "reached"
                self.state[lo + position] = _EXPIRED if why == "expired" else _SKIPPED
                self.reason[lo + position] = REASONS.index(why) if why in REASONS else _NO_REASON


@dataclass
class Counted:
    """How many people stand on which line. What should not be is in `wrong`."""

    addressed: int = 0
    people: Counter[str] = field(default_factory=Counter)
    channels: dict[str, Counter[str]] = field(default_factory=dict)
    suppressed: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    best: Marks | None = None
    """The line of each who is to be sent to, as its place in `LINES`; of a million a megabyte."""


class _Channel:
    """One channel's arrays over the people to be sent to."""

    def __init__(self, n: int) -> None:
        self.line = np.full(n, NOWHERE, np.uint8)
        self.reason = np.full(n, _NO_REASON, np.uint8)
        self.arrived = np.zeros(n, bool)
        self.doubted = np.zeros(n, bool)
        # how often it was sent unordered and may have arrived
        self.handed = np.zeros(n, np.uint8)


def count(
    *,
    addressed: BitMap,
    send: Iterable[BitMap],
    suppressed: Mapping[str, BitMap],
    duplicates: Mapping[str, BitMap],
    batches: Iterable[BatchOf],
    ended: str,
    released: bool,
) -> Counted:
    """Put every addressed person on a line. `ended` is "", "expired" or "not_sent": where those go
    who were still waiting when it ended.
    """
    wrong: list[str] = []
    parts = list(send)
    ids = in_order(parts)
    left_out = list(suppressed.values())
    if (
        sum(map(len, (*parts, *left_out))) != len(addressed)
        or BitMap().union(*parts, *left_out) != addressed
    ):
        wrong.append(
            "the frozen audience does not add up: somebody addressed is on no side, or on two"
        )
    result = sum_up(
        addressed=len(addressed),
        everybody=ids,
        suppressed=suppressed,
        duplicates=duplicates,
        passes=_placed(sorted(batches, key=lambda b: b.generation), ids, wrong),
        ended=ended,
        released=released,
    )
    result.wrong = [*wrong, *result.wrong]
    return result


def in_order(send: Iterable[BitMap]) -> Ids:
    """Return everybody who is to be sent to, in the order of their numbers."""
    return np.asarray(BitMap().union(*send).to_array(), np.uint32)


def sum_up(
    *,
    addressed: int,
    everybody: Ids,
    suppressed: Mapping[str, BitMap],
    duplicates: Mapping[str, BitMap],
    passes: Iterable[Placed],
    ended: str,
    released: bool,
) -> Counted:
    """Put everybody on a line by what became of them in these passes, the earliest first; for the
    rest see `count`.
    """
    result = Counted(addressed=addressed)
    waiting = _LINE[ended or "waiting"]
    channels: dict[str, _Channel] = {name: _Channel(len(everybody)) for name in duplicates}
    for each in passes:
        if each.channel not in channels:
            channels[each.channel] = _Channel(len(everybody))
        _hand_over(channels[each.channel], each, waiting)
    for name, c in channels.items():
        _settle(c, everybody, duplicates.get(name, BitMap()))
        result.channels[name] = _tally(c.line)
        if twice := int(np.count_nonzero(c.handed > 1)):
            result.wrong.append(
                f"{twice} people may have been reached twice on {name}, and nobody ordered it"
            )
    best = np.full(len(everybody), NOWHERE, np.uint8)
    reason = np.full(len(everybody), _NO_REASON, np.uint8)
    for c in channels.values():
        best, reason = np.minimum(best, c.line), np.minimum(reason, c.reason)
    if not released:
        best[:] = waiting
    result.best = best
    nowhere = int(np.count_nonzero(best == NOWHERE))
    if nowhere:
        result.wrong.append(f"{nowhere} people of the frozen audience are on no line")
    result.people = _tally(best)
    result.people["not_sent"] += sum(map(len, suppressed.values()))
    # no other reason: it ended first
    reasons = np.minimum(reason[best == _LINE["not_sent"]], _WITHDRAWN)
    result.suppressed = Counter(
        {REASONS[n]: int(k) for n, k in zip(*np.unique(reasons, return_counts=True), strict=True)}
    )
    result.suppressed.update({name: len(members) for name, members in suppressed.items()})
    return result


def _placed(batches: Iterable[BatchOf], everybody: Ids, wrong: list[str]) -> Iterator[Placed]:
    """Yield each batch with what became of its members; what should not be is added to `wrong`."""
    asked: dict[tuple[str, int], BitMap] = {}
    for b in batches:
        placed = Placed.of(b.channel, b.generation, b.members, everybody, ordered=b.ordered)
        if not placed.known.all():
            wrong.append(
                f"{int(np.count_nonzero(~placed.known))} people of a batch on {b.channel} are not"
                " to be sent to"
            )
        before, mine = asked.setdefault((b.channel, b.generation), BitMap()), set_of(b.members)
        if not before.isdisjoint(mine) or len(mine) != len(b.members):
            wrong.append(f"somebody is twice in generation {b.generation} on {b.channel}")
        before |= mine
        covered = np.zeros(len(b.members), np.uint8)
        for s in b.slices:
            covered[s.lo : s.hi] += 1
            placed.put(s)
        if (covered > 1).any():
            wrong.append(f"somebody was claimed twice in one batch on {b.channel}")
        yield placed


def set_of(members: Ids) -> BitMap:
    """Return ids as a set; numpy's own numbers would be taken one by one."""
    ids = array("I")
    ids.frombytes(np.ascontiguousarray(members, "=u4").tobytes())
    return BitMap(ids)


def _tally(lines: Marks) -> Counter[str]:
    counts = np.bincount(lines, minlength=NOWHERE)[:NOWHERE]
    return Counter({LINES[v]: int(n) for v, n in enumerate(counts) if n})


def _hand_over(c: _Channel, p: Placed, waiting: int) -> None:
    """Let one batch or pass count: of several generations the newest decides, an arrival or a doubt
    in any of them is remembered (R12).
    """
    lines = _LINES_OF[p.state]
    lines[lines == _STILL] = waiting
    use = p.known & p.here
    where, state = p.at[use], p.state[use]
    c.line[where], c.reason[where] = lines[use], p.reason[use]
    c.arrived[where] |= state == _DELIVERED
    c.doubted[where] |= state == _DOUBT
    if not p.ordered:
        c.handed[where] += np.isin(state, _MAY_HAVE_REACHED)


def _settle(c: _Channel, ids: Ids, duplicate: BitMap) -> None:
    """A doubt is not hidden behind a later failure, an arrival behind nothing; a duplicate who was
    never asked is not sent to.
    """
    c.line[c.doubted & (c.line != _LINE["accepted"])] = _LINE["in_doubt"]
    c.line[c.arrived] = _LINE["delivered"]
    if not duplicate:
        return
    alone = np.isin(ids, np.asarray(duplicate.to_array(), np.uint32)) & (c.line == NOWHERE)
    c.line[alone], c.reason[alone] = _LINE["not_sent"], REASONS.index("duplicate_person")


_SKIPPED, _DOUBT, _DELIVERED, _EXPIRED = (
    STATES.index("skipped"),
    STATES.index("in_doubt"),
    STATES.index("delivered"),
    202,
)
_MAY_HAVE_REACHED = np.array(
    [_DOUBT, STATES.index("accepted"), STATES.index("sent"), _DELIVERED, _OPEN], np.uint8
)
_STILL = 250  # waiting, or what became of those who waited
_LINES_OF = np.full(256, NOWHERE, np.uint8)
for _state, _line in (
    ("skipped", "not_sent"), ("in_doubt", "in_doubt"), ("accepted", "accepted"),
    ("sent", "accepted"), ("failed", "failed"), ("delivered", "delivered"),
):  # fmt: skip
    _LINES_OF[STATES.index(_state)] = _LINE[_line]
_LINES_OF[[STATES.index("not_started"), STATES.index("refused"), NONE]] = _STILL
_LINES_OF[_OPEN], _LINES_OF[_EXPIRED] = _LINE["handing_over"], _LINE["expired"]
