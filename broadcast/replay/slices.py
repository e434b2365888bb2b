"""Slices as the log tells of them, held against those that are stored and the batches' cursors."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import Connection, select

from broadcast.ledger.tables import outcome, slice_
from broadcast.replay.batches import Batch
from broadcast.replay.differences import Differs
from broadcast.replay.people import SliceOf
from broadcast.replay.recorded import TOTALS, Log, SliceTold

Slices = dict[int, list[tuple[str, SliceOf]]]


def compare_slices(
    conn: Connection, log: Log, version_id: int, batches: dict[int, Batch], differs: Differs
) -> tuple[Slices, dict[str, Counter[str]]]:
    """Return batch → (attempt, slice) and attempt → totals, each held against its events; every
    claimed position must be in exactly one.
    """
    found: Slices = {}
    totals_of: dict[str, Counter[str]] = {}
    skips = _skips_of_open_slices(conn, log, version_id)
    stored = select(slice_).where(slice_.c.version_id == version_id)
    for row in conn.execute(stored.order_by(slice_.c.batch_id, slice_.c.lo)).all():
        told = log.slices.get(row.attempt)
        _compare_slice(row, told, differs)
        totals = Counter(told.totals if told else {})
        if not (told and told.closed):
            totals["skipped"] += skips[row.attempt]
        _compare_slice_totals(row, totals, differs, closed=bool(told and told.closed))
        totals_of[row.attempt] = totals
        found.setdefault(row.batch_id, []).append((row.attempt, _told_of(row, told, log)))
    for attempt, told in log.slices.items():
        if told.place["version_id"] == version_id and attempt not in totals_of:
            differs(
                "slice",
                None,
                told.closed or "open",
                channel=told.place["channel"],
                detail=f"an event tells of slice {attempt}",
            )
    _compare_cursors(batches, found, differs)
    return found, totals_of


def _skips_of_open_slices(conn: Connection, log: Log, version_id: int) -> Counter[str]:
    """Merge whom the claims of open slices skipped into the log; return how many per attempt.

    An event tells of them when the slice is closed. Until then the claim's own rows are the record.
    """
    skips: Counter[str] = Counter()
    claimed = select(outcome.c.attempt, outcome.c.position, outcome.c.code).join(
        slice_, slice_.c.attempt == outcome.c.attempt
    )
    of_open = claimed.where(
        outcome.c.version_id == version_id,
        outcome.c.state == "skipped",
        slice_.c.state == "open",
    )
    for row in conn.execute(of_open):
        # a reason in the log: the worker skipped this person itself, and its event is there
        if (row.attempt, row.position) not in log.reasons:
            skips[row.attempt] += 1
            log.merge(row.attempt, row.position, "skipped", row.code)
    return skips


def _compare_slice(row: Any, told: SliceTold | None, differs: Differs) -> None:
    """Hold a stored slice's state and place against what its events tell."""
    closed = told.closed if told else ""
    about = {"channel": row.channel, "detail": f"slice {row.attempt}"}
    differs("slice", row.state, closed or "open", **about)
    if told is None:
        return
    there = {
        "version_id": row.version_id,
        "batch": row.batch_id,
        "generation": row.generation,
        "channel": row.channel,
        "lo": row.lo,
        "hi": row.hi,
    }
    if "provider" in told.place:
        there["provider"] = row.provider
    differs("slice", there, told.place, **about)


def _compare_slice_totals(
    row: Any, totals: Counter[str], differs: Differs, *, closed: bool
) -> None:
    """Hold a stored slice's totals against what its events tell; those of a closed slice must cover
    all its people.
    """
    for name in TOTALS:
        differs(
            "slice total",
            getattr(row, name),
            totals[name],
            channel=row.channel,
            line=name,
            detail=f"slice {row.attempt}",
        )
    if closed:
        differs(
            "slice",
            totals.total(),
            row.hi - row.lo,
            channel=row.channel,
            detail=f"the totals of slice {row.attempt} do not cover its people",
        )


def _told_of(row: Any, told: SliceTold | None, log: Log) -> SliceOf:
    """Return a slice as the log tells of its people."""
    states = bytes(log.states.get(row.attempt, b""))
    reasons = {
        position: log.reasons[row.attempt, position]
        for position in range(min(len(states), row.hi - row.lo))
        if (row.attempt, position) in log.reasons
    }
    is_open = not (told and told.closed)
    return SliceOf(lo=row.lo, hi=row.hi, open=is_open, states=states, reasons=reasons)


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
