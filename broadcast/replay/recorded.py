"""The fact log read back: what the outbox rows alone tell of versions, batches, slices, receipts
and levels (rule R18).

Nothing here reads what the facts led to; broadcast/replay/comparison.py compares the two. The
states, their order and the changes that are allowed are written down a second time on purpose: a
replay that used the tables of the programs would repeat their mistakes.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from broadcast.replay import receipts

STATES = (
    "skipped",
    "in_doubt",
    "not_started",
    "refused",
    "accepted",
    "sent",
    "failed",
    "delivered",
)
NONE = 255
"""No state: nothing is known of a position yet. A state is its index in STATES."""
_NOTHING = bytes([NONE])
_RANK = (0, 1, 2, 2, 3, 4, 5, 6)
_STATE = {state: n for n, state in enumerate(STATES)}
TOTALS = ("accepted", "failed", "in_doubt", "skipped", "waiting")
_TOTAL_OF = dict(
    zip(
        STATES,
        ("skipped", "in_doubt", "waiting", "waiting", "accepted", "accepted", "failed", "accepted"),
        strict=True,
    )
)
_SKIPPED = _STATE["skipped"]
_TOTAL = {state: TOTALS.index(total) for state, total in _TOTAL_OF.items()}

_STEPS: dict[str, tuple[tuple[str, ...], str]] = {
    "message.approved": (("", "blocked"), "approved"),
    "message.live": (("approved",), "live"),
    "message.block": (("approved",), "blocked"),
    "message.hold": (("approved", "live"), "held"),
    "message.resume": (("held",), ""),  # where it stood before
    "message.cancel": (("approved", "blocked", "live", "held"), "cancelled"),
    "message.expire": (("approved", "blocked", "live", "held"), "expired"),
    "message.supersede": (("live", "held"), "superseded"),
    "message.correct": (("live", "held", "expired", "cancelled"), "corrected"),
    "message.stand_down": (("live", "held", "expired", "cancelled"), "stood_down"),
    "message.resend": (("live",), "live"),
}


@dataclass
class Told:
    """A version as its events tell it. `said` is the newest approval's event, `live` that of the
    release. `content_hash` is what was approved, or what stood there when a blocked version ended:
    its approval is void, and sending it back has taken the hash away.
    """

    id: int
    said: dict[str, Any] = field(default_factory=dict)
    state: str = ""
    content_hash: str | None = None
    before_hold: str = ""
    live: dict[str, Any] | None = None
    first_approved: dict[str, Any] | None = None
    resends: int = 0


class Place(NamedTuple):
    """Where a slice stands. Facts of before attempts named their provider do not have it: None."""

    version_id: int
    batch: int
    generation: int
    channel: str
    lo: int
    hi: int
    provider: str | None


@dataclass(slots=True)
class SliceTold:
    """A slice as its events tell it: its place, whether and how it was closed, and its totals at
    that moment (in the order of TOTALS).
    """

    place: Place
    closed: str = ""  # done, swept
    totals: tuple[int, ...] = (0,) * len(TOTALS)


@dataclass
class Log:
    """Everything that the events tell. `wanted` are the versions in question (None = all),
    `attempts` those of their slices.

    `touched` are the attempts of which something was told; whoever reads in parts may clear it.
    `unmerged` are the hashes of receipts that were stored and not merged yet: they have changed
    nothing so far. Facts about levels count from `levels_from` on; `imports` is False where one
    message is replayed, to which none belongs.
    """

    wanted: frozenset[int] | None = None
    attempts: frozenset[str] = frozenset()
    unmerged: frozenset[bytes] = frozenset()
    levels_from: datetime | None = None
    imports: bool = True
    events: int = 0
    versions: dict[int, Told] = field(default_factory=dict)
    batches: dict[int, dict[str, Any]] = field(default_factory=dict)
    slices: dict[str, SliceTold] = field(default_factory=dict)
    states: dict[str, bytearray] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    reasons: dict[str, dict[int, str]] = field(default_factory=dict)
    receipts: receipts.Told = field(default_factory=receipts.Told)
    responses: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    levels: list[tuple[str, str, str, str, int | None]] = field(default_factory=list)
    broken: list[tuple[int | None, str]] = field(default_factory=list)
    groups: dict[int, _Group] = field(default_factory=dict)
    heads: dict[int, str] = field(default_factory=dict)

    def concerns(self, version_id: int | None, attempt: str | None = None) -> bool:
        """Return whether an event belongs to what is replayed."""
        return (
            self.wanted is None
            or version_id in self.wanted
            or (attempt is not None and attempt in self.attempts)
        )

    def tells_level(self, fact: dict[str, Any]) -> bool:
        """Return whether a fact about a level is recent enough to be looked at."""
        return self.levels_from is None or datetime.fromisoformat(fact["at"]) >= self.levels_from

    def read(self, rows: Iterable[tuple[str, str]]) -> None:
        """Fold (type, payload) in the order in which they were written."""
        for type_, payload in rows:
            handle = _HANDLERS.get(type_) or (_message if type_ in _STEPS else None)
            if handle is None:
                self.broken.append((None, f"an event of an unknown type: {type_[:40]}"))
                continue
            try:
                self.events += handle(self, type_, json.loads(payload))
            except (KeyError, TypeError, ValueError) as error:
                self.broken.append(
                    (None, f"an event {type_} that cannot be read: {type(error).__name__}")
                )
        for group in self.groups.values():
            self.close(group)

    def merge(self, attempt: str, outcomes: Iterable[tuple[int, str, str]]) -> None:
        """Merge evidence into what is known of an attempt: (position, state, why it was skipped).
        The state of a position only ever rises (rule R12).
        """
        self.touched.add(attempt)
        known = self.states.get(attempt)
        if known is None:
            known = self.states[attempt] = bytearray()
        for position, state, reason in outcomes:
            new = _STATE[state]
            if position >= len(known):
                known.extend(_NOTHING * (position + 1 - len(known)))
            if known[position] == NONE or _RANK[new] > _RANK[known[position]]:
                known[position] = new
                if new == _SKIPPED:
                    self.reasons.setdefault(attempt, {})[position] = sys.intern(reason)

    def close(self, group: _Group) -> None:
        """Look whether an act has its record for every shard."""
        missing = sorted(set(range(group.shards)) - group.seen)
        if missing:
            self.broken.append(
                (group.version_id, f"{group.type} is missing for the shards {missing}")
            )


@dataclass
class _Group:
    """The records of one act: the same fact once per shard."""

    version_id: int
    type: str
    at: str
    shards: int
    seen: set[int] = field(default_factory=set)


def _message(log: Log, type_: str, fact: dict[str, Any]) -> bool:
    version_id = fact["version_id"]
    if not log.concerns(version_id):
        return False
    group = log.groups.get(version_id)
    if (
        group is not None
        and (group.type, group.at) == (type_, fact["at"])
        and fact["shard"] not in group.seen
    ):
        group.seen.add(fact["shard"])
        return True
    if group is not None:
        log.close(group)
    log.groups[version_id] = _Group(
        version_id, type_, fact["at"], fact["shards"] or 1, {fact["shard"]}
    )
    told = log.versions.setdefault(version_id, Told(version_id))
    before, after = _STEPS[type_]
    if told.state not in before:
        log.broken.append(
            (
                version_id,
                f"{type_} follows on {told.state or 'nothing'}: an event between them is missing",
            )
        )
    if type_ == "message.hold":
        told.before_hold = told.state
    if type_ == "message.approved" or told.state == "blocked":
        told.content_hash = fact["content_hash"]
    told.state = after or told.before_hold or str(fact["state"])
    if type_ == "message.approved":
        told.said = fact
        told.first_approved = told.first_approved or fact
        told.live = None
        _level_of(log, told, fact)
    elif type_ == "message.live":
        told.live = fact
    elif type_ == "message.resend":
        told.resends += 1
    told.said = told.said or fact
    return True


def _level_of(log: Log, told: Told, fact: dict[str, Any]) -> None:
    """An approved change of level is a fact of its own, the first time only; an exercise changes
    none.
    """
    if (
        fact["kind"] == "threat_level_change"
        and fact["status"] == "Actual"
        and told.first_approved is fact
        and log.tells_level(fact)
    ):
        log.levels.append(
            (
                fact["content"]["scope"],
                fact["content"]["level"],
                fact["approved"],
                "approval",
                told.id,
            )
        )


def _batch(log: Log, _type: str, fact: dict[str, Any]) -> bool:
    if not log.concerns(fact["version_id"]):
        return False
    if fact["batch"] in log.batches:
        log.broken.append((fact["version_id"], f"batch {fact['batch']} was made twice"))
    log.batches[fact["batch"]] = fact
    return True


def _slice(log: Log, type_: str, fact: dict[str, Any]) -> bool:
    if not log.concerns(fact["version_id"]):
        return False
    attempt, outcomes = fact["attempt"], fact["outcomes"]
    told = log.slices.get(attempt)
    if told is None:
        provider = fact.get("provider")
        told = log.slices[attempt] = SliceTold(
            Place(
                version_id=fact["version_id"],
                batch=fact["batch"],
                generation=fact["generation"],
                channel=sys.intern(fact["channel"]),
                lo=fact["lo"],
                hi=fact["hi"],
                provider=None if provider is None else sys.intern(provider),
            )
        )
    log.merge(attempt, outcomes)
    if type_ == "slice.late":
        return True
    # slice.swept tells of everybody in it
    totals = [0] * len(TOTALS) if type_ == "slice.swept" else list(told.totals)
    for _, state, _ in outcomes:
        totals[_TOTAL[state]] += 1
    told.totals = tuple(totals)
    if type_ in ("slice.done", "slice.swept"):
        if told.closed:
            log.broken.append((fact["version_id"], f"the slice {attempt} was closed twice"))
        told.closed = sys.intern(type_.removeprefix("slice."))
    return True


def _exhausted(log: Log, _type: str, fact: dict[str, Any]) -> bool:
    if not log.concerns(fact["version_id"]):
        return False
    for attempt, position in fact["outcomes"]:
        log.merge(attempt, [(position, fact["state"], "")])
    return True


def _receipt(log: Log, _type: str, fact: dict[str, Any]) -> bool:
    if not log.concerns(None, fact["attempt"]):
        return False
    hashed = log.receipts.hashed(fact)
    log.receipts.add(hashed)
    if hashed not in log.unmerged:
        log.merge(fact["attempt"], [(fact["position"], fact["state"], "")])
    return True


def _response(log: Log, _type: str, fact: dict[str, Any]) -> bool:
    if not log.concerns(fact["version_id"], fact["attempt"]):
        return False
    log.responses[
        tuple(fact[k] for k in ("kind", "channel", "person", "version_id", "attempt", "value"))
    ] += 1
    return True


def _answer(log: Log, _type: str, _fact: dict[str, Any]) -> bool:
    """Say that an answer was kept: words change nobody's line, so nothing is rebuilt of it, and of
    one message it is not counted.
    """
    return log.wanted is None


def _tried_again(log: Log, _type: str, fact: dict[str, Any]) -> bool:
    """Say that a text was to be tried again: it moves nobody. What came of it, slices tell."""
    return log.concerns(fact["version_id"])


def _level(log: Log, _type: str, fact: dict[str, Any]) -> bool:
    if not (log.imports and log.tells_level(fact)):
        return False
    log.levels.append((fact["scope"], fact["level"], fact["since"], "import", None))
    return True


def _head(log: Log, _type: str, fact: dict[str, Any]) -> bool:
    """A head of the audit chain as it was published; of one message nothing is said by it, so it is
    not counted there.
    """
    log.heads[int(fact["number"])] = str(fact["hash"])
    return log.wanted is None


_HANDLERS: dict[str, Callable[[Log, str, dict[str, Any]], bool]] = {
    "batch.ready": _batch,
    "batch.retry": _tried_again,
    "slice.part": _slice,
    "slice.done": _slice,
    "slice.late": _slice,
    "slice.swept": _slice,
    "retries.exhausted": _exhausted,
    "receipt.received": _receipt,
    "response.received": _response,
    "answer.received": _answer,
    "level.imported": _level,
    "audit.head": _head,
}
