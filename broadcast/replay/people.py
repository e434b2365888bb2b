"""Who stands where, computed a second time: from the frozen bytes, the batches, the slices and what
the log tells of each position.

Arrays over the sorted ids of the frozen audience, one value per person and channel;
broadcast/ledger/delivery_report.py does the same with bitmaps.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
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
    "not_chosen",
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


@dataclass
class Counted:
    """How many people stand on which line. What should not be is in `wrong`."""

    addressed: int = 0
    people: Counter[str] = field(default_factory=Counter)
    channels: dict[str, Counter[str]] = field(default_factory=dict)
    suppressed: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class _Channel:
    """One channel's arrays over the people to be sent to."""

    def __init__(self, n: int) -> None:
        self.line = np.full(n, NOWHERE, np.uint8)
        self.reason = np.full(n, _NO_REASON, np.uint8)
        self.arrived = np.zeros(n, bool)
        self.doubted = np.zeros(n, bool)
        # how often it was sent unordered and may have arrived
        self.handed = np.zeros(n, np.uint8)
        self.asked: dict[int, BitMap] = {}


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
    result = Counted(addressed=len(addressed))
    parts = list(send)
    ids = (
        np.asarray(BitMap().union(*parts).to_array(), np.uint32)
        if parts
        else np.empty(0, np.uint32)
    )
    left_out = list(suppressed.values())
    if (
        sum(map(len, (*parts, *left_out))) != len(addressed)
        or BitMap().union(*parts, *left_out) != addressed
    ):
        result.wrong.append(
            "the frozen audience does not add up: somebody addressed is on no side, or on two"
        )
    waiting = _LINE[ended or "waiting"]
    channels: dict[str, _Channel] = {name: _Channel(len(ids)) for name in duplicates}
    for b in sorted(batches, key=lambda b: b.generation):
        if b.channel not in channels:
            channels[b.channel] = _Channel(len(ids))
        _hand_over(channels[b.channel], b, ids, waiting, result)
    for name, c in channels.items():
        _settle(c, ids, duplicates.get(name, BitMap()))
        result.channels[name] = _tally(c.line)
        if twice := int(np.count_nonzero(c.handed > 1)):
            result.wrong.append(
                f"{twice} people may have been reached twice on {name}, and nobody ordered it"
            )
    best, reason = np.full(len(ids), NOWHERE, np.uint8), np.full(len(ids), _NO_REASON, np.uint8)
    for c in channels.values():
        best, reason = np.minimum(best, c.line), np.minimum(reason, c.reason)
    if not released:
        best[:] = waiting
    nowhere = int(np.count_nonzero(best == NOWHERE))
    if nowhere:
        result.wrong.append(f"{nowhere} people of the frozen audience are on no line")
    result.people = _tally(best)
    result.people["not_sent"] += sum(map(len, left_out))
    # no other reason: it ended first
    reasons = np.minimum(reason[best == _LINE["not_sent"]], _WITHDRAWN)
    result.suppressed = Counter(
        {REASONS[n]: int(k) for n, k in zip(*np.unique(reasons, return_counts=True), strict=True)}
    )
    result.suppressed.update({name: len(members) for name, members in suppressed.items()})
    return result


def set_of(members: Ids) -> BitMap:
    """Return ids as a set; numpy's own numbers would be taken one by one."""
    ids = array("I")
    ids.frombytes(np.ascontiguousarray(members, "=u4").tobytes())
    return BitMap(ids)


def _tally(lines: Marks) -> Counter[str]:
    counts = np.bincount(lines, minlength=NOWHERE)[:NOWHERE]
    return Counter({LINES[v]: int(n) for v, n in enumerate(counts) if n})


def _hand_over(c: _Channel, b: BatchOf, ids: Ids, waiting: int, result: Counted) -> None:
    """Let one batch count: of several generations the newest decides, an arrival or a doubt in any
    of them is remembered (R12).
    """
    at = np.searchsorted(ids, b.members)
    known = at < len(ids)
    known[known] = ids[at[known]] == b.members[known]
    if not known.all():
        result.wrong.append(
            f"{int(np.count_nonzero(~known))} people of a batch on {b.channel} are not to be"
            " sent to"
        )
    asked, mine = c.asked.setdefault(b.generation, BitMap()), set_of(b.members)
    if not asked.isdisjoint(mine) or len(mine) != len(b.members):
        result.wrong.append(f"somebody is twice in generation {b.generation} on {b.channel}")
    asked |= mine
    state = np.full(len(b.members), NONE, np.uint8)
    reason = np.full(len(b.members), _NO_REASON, np.uint8)
    touched = np.ones(len(b.members), bool)
    covered = np.zeros(len(b.members), np.uint8)
    for s in b.slices:
        covered[s.lo : s.hi] += 1
        here = np.frombuffer(
            s.states.ljust(s.hi - s.lo, bytes([NONE]))[: s.hi - s.lo], np.uint8
        ).copy()
        here[here == NONE] = _OPEN if s.open else _LOST
        state[s.lo : s.hi] = here
        for position, why in s.reasons.items():
            if state[s.lo + position] == _SKIPPED:
                # they stand where the earlier attempt put them
                touched[s.lo + position] = why != "reached"
                state[s.lo + position] = _EXPIRED if why == "expired" else _SKIPPED
                reason[s.lo + position] = REASONS.index(why) if why in REASONS else _NO_REASON
    if (covered > 1).any():
        result.wrong.append(f"somebody was claimed twice in one batch on {b.channel}")
    lines = _LINES_OF[state]
    lines[lines == _STILL] = waiting
    use = known & touched
    where = at[use]
    c.line[where], c.reason[where] = lines[use], reason[use]
    c.arrived[where] |= state[use] == _DELIVERED
    c.doubted[where] |= state[use] == _DOUBT
    if not b.ordered:
        c.handed[where] += np.isin(state[use], _MAY_HAVE_REACHED)


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
