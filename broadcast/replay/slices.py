"""Slices as the log tells of them, held against those that are stored and the batches' cursors."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import Connection, select

from broadcast.ledger.claims.tables import outcome, slice_
from broadcast.replay.batches import Batch
from broadcast.replay.differences import Differs
from broadcast.replay.people import SliceOf
from broadcast.replay.recorded import TOTALS, Log, Place, SliceTold
from broadcast.replay.streaming import stream

Slices = dict[int, list[tuple[str, SliceOf]]]


Totals = dict[str, tuple[int, ...]]
"""Attempt → the totals of its slice, in the order of TOTALS."""

_COLUMNS = (
    "attempt",
    "batch_id",
    "version_id",
    "generation",
    "channel",
    "lo",
    "hi",
    "provider",
    "state",
    *TOTALS,
)
_SKIPPED = TOTALS.index("skipped")


def compare_slices(
    conn: Connection, log: Log, version_id: int, batches: dict[int, Batch], differs: Differs
) -> tuple[Slices, Totals]:
    """Return batch → (attempt, slice) and attempt → totals, each held against its events; every
    claimed position must be in exactly one.
    """
    found: Slices = {}
    totals_of: Totals = {}
    skips = _skips_of_open_slices(conn, log, version_id)
    stored = select(*(slice_.c[name] for name in _COLUMNS)).where(slice_.c.version_id == version_id)
    for row in stream(conn, stored.order_by(slice_.c.batch_id, slice_.c.lo)):
        told = log.slices.get(row.attempt)
        totals = told.totals if told else (0,) * len(TOTALS)
        closed = bool(told and told.closed)
        if not closed and skips[row.attempt]:
            totals = (
                *totals[:_SKIPPED],
                totals[_SKIPPED] + skips[row.attempt],
                *totals[_SKIPPED + 1 :],
            )
        _compare_slice(row, told, differs)
        _compare_slice_totals(row, totals, differs, closed=closed)
        totals_of[row.attempt] = totals
        found.setdefault(row.batch_id, []).append((row.attempt, _told_of(row, told, log)))
    for attempt, told in log.slices.items():
        if told.place.version_id == version_id and attempt not in totals_of:
            differs(
                "slice",
                None,
                told.closed or "open",
                channel=told.place.channel,
                detail=f"an event tells of slice {attempt}",
            )
    _compare_cursors(batches, found, differs)
    return found, totals_of


def _skips_of_open_slices(conn: Connection, log: Log, version_id: int) -> Counter[str]:
    """Merge whom the claims of open slices skipped into the log; return how many per attempt.

    An event tells of them when the slice is closed. Until then the claim's own rows are the record.
    """
    skips: Counter[str] = Counter()
    claimed = (
        select(outcome.c.attempt, outcome.c.position, outcome.c.code)
        .select_from(slice_)
        .join(outcome, slice_.c.attempt == outcome.c.attempt)
        .where(
            slice_.c.version_id == version_id,
            slice_.c.state == "open",
            outcome.c.version_id == version_id,
            outcome.c.state == "skipped",
        )
    )
    for row in conn.execute(claimed):
        # a reason in the log: the worker skipped this person itself, and its event is there
        if row.position not in log.reasons.get(row.attempt, ()):
            skips[row.attempt] += 1
            log.merge(row.attempt, [(row.position, "skipped", row.code)])
    return skips


def _compare_slice(row: Any, told: SliceTold | None, differs: Differs) -> None:
    """Hold a stored slice's state and place against what its events tell."""
    closed = (told.closed if told else "") or "open"
    if row.state != closed:
        differs("slice", row.state, closed, **_about(row))
    if told is None:
        return
    provider = None if told.place.provider is None else row.provider
    there = Place(
        row.version_id, row.batch_id, row.generation, row.channel, row.lo, row.hi, provider
    )
    if there != told.place:
        differs("slice", _shown(there), _shown(told.place), **_about(row))


def _about(row: Any) -> dict[str, Any]:
    return {"channel": row.channel, "detail": f"slice {row.attempt}"}


def _shown(place: Place) -> dict[str, Any]:
    return {name: value for name, value in place._asdict().items() if value is not None}


def _compare_slice_totals(
    row: Any, totals: tuple[int, ...], differs: Differs, *, closed: bool
) -> None:
    """Hold a stored slice's totals against what its events tell; those of a closed slice must cover
    all its people.
    """
    stored = tuple(row[-len(TOTALS) :])
    if stored != totals:
        for name, there, rebuilt in zip(TOTALS, stored, totals, strict=True):
            differs("slice total", there, rebuilt, line=name, **_about(row))
    if closed and sum(totals) != row.hi - row.lo:
        differs(
            "slice",
            sum(totals),
            row.hi - row.lo,
            channel=row.channel,
            detail=f"the totals of slice {row.attempt} do not cover its people",
        )


def _told_of(row: Any, told: SliceTold | None, log: Log) -> SliceOf:
    """Return a slice as the log tells of its people."""
    states = log.states.get(row.attempt, b"")
    said = log.reasons.get(row.attempt, _NOBODY)
    size = min(len(states), row.hi - row.lo)
    reasons = said if all(p < size for p in said) else {p: w for p, w in said.items() if p < size}
    is_open = not (told and told.closed)
    return SliceOf(lo=row.lo, hi=row.hi, open=is_open, states=bytes(states), reasons=reasons)


_NOBODY: dict[int, str] = {}


def _compare_cursors(batches: dict[int, Batch], found: Slices, differs: Differs) -> None:
    """Hold each batch's cursor against its slices: they must cover what was claimed, each position
    once.
    """
    for batch_id, b in batches.items():
        ranges = sorted((s.lo, s.hi) for _, s in found.get(batch_id, ()))
        ends = [0, *(hi for _, hi in ranges)]
        tiled = [lo for lo, _ in ranges] == ends[:-1] and ends[-1] == b.next
        differs(
            "cursor",
            b.next,
            b.next if tiled else ranges,
            channel=b.channel,
            detail=(
                f"the slices of batch {batch_id} do not cover what was claimed, each position once"
            ),
        )
