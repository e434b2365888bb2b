"""What became of each person, and the numbers that the control room sees, held against the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from broadcast.ledger import delivery_report
from broadcast.ledger.tables import outcome
from broadcast.messages import versions
from broadcast.replay.batches import Batch
from broadcast.replay.differences import Differs
from broadcast.replay.people import Counted, SliceOf
from broadcast.replay.recorded import NONE, STATES
from broadcast.replay.slices import Slices
from broadcast.replay.streaming import stream


@dataclass
class _Apart:
    """How many people stand otherwise than their evidence says, by how; an example of each."""

    people: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    example: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def note(self, channel: str, there: str, rebuilt: str, attempt: str, position: int) -> None:
        self.people[channel, there, rebuilt] += 1
        self.example.setdefault(
            (channel, there, rebuilt), f"for example position {position} of slice {attempt}"
        )

    def tell(self, differs: Differs) -> None:
        for (channel, there, rebuilt), n in sorted(self.people.items()):
            differs(
                "outcome",
                there,
                rebuilt,
                channel=channel,
                line=f"{n} people",
                detail=self.example[channel, there, rebuilt],
            )


def compare_outcomes(
    conn: Connection, version_id: int, batches: dict[int, Batch], slices: Slices, differs: Differs
) -> None:
    """Compare the recorded outcome of every position with its evidence, merged."""
    place = {
        attempt: (batches[batch_id], s)
        for batch_id, listed in slices.items()
        if batch_id in batches
        for attempt, s in listed
    }
    apart = _Apart()
    known: dict[str, set[int]] = {}
    seen: Counter[str] = Counter()
    columns = (
        outcome.c.attempt,
        outcome.c.position,
        outcome.c.person_id,
        outcome.c.channel,
        outcome.c.state,
        outcome.c.code,
    )
    for row in stream(conn, select(*columns).where(outcome.c.version_id == version_id)):
        b, s = place.get(row.attempt, (None, None))
        if b is None or s is None or not 0 <= row.position < s.hi - s.lo:
            apart.note(row.channel, row.state, "no such position", row.attempt, row.position)
            continue
        seen[row.attempt] += 1
        known.setdefault(row.attempt, set()).add(row.position)
        for there, rebuilt in _sides(row, b, s):
            apart.note(row.channel, there, rebuilt, row.attempt, row.position)
    for attempt, (b, s) in place.items():
        told = [p for p, state in enumerate(s.states[: s.hi - s.lo]) if state != NONE]
        if len(told) != seen[attempt]:
            for position in set(told) - known.get(attempt, set()):
                apart.note(b.channel, "nothing", STATES[s.states[position]], attempt, position)
    apart.tell(differs)


def _sides(row: Any, b: Batch, s: SliceOf) -> Iterator[tuple[str, str]]:
    """Yield what one stored outcome says beside what its evidence says, where they differ."""
    state = s.states[row.position] if row.position < len(s.states) else NONE
    rebuilt = "nothing" if state == NONE else STATES[state]
    reason = s.reasons.get(row.position, "")
    if (row.state, row.channel) != (rebuilt, b.channel):
        yield row.state, rebuilt
    elif row.state == "skipped" and row.code != reason:
        yield f"skipped {row.code}", f"skipped {reason}"
    if row.person_id != int(b.members[s.lo + row.position]):
        yield "another person", "the person of that position"


def compare_counts(
    conn: Connection, live: versions.Version, counted: Counted, differs: Differs
) -> None:
    """Compare every line of the account that the control room sees."""
    try:
        shown = delivery_report.account(conn, live).to_json()
    except ValueError as error:  # bytes that cannot be read: the digests have said so
        differs("addressed", type(error).__name__, counted.addressed)
        return
    differs("addressed", shown["addressed"], counted.addressed)
    for line, n in shown["people"].items():
        differs("people", n, counted.people[line], line=line)
    for channel, lines in shown["channels"].items():
        for line, n in lines.items():
            differs(
                "count",
                n,
                counted.channels.get(channel, Counter())[line],
                channel=channel,
                line=line,
            )
    for reason, n in shown["suppressed"].items():
        differs("suppressed", n, counted.suppressed[reason], line=reason)


def compare_totals(
    conn: Connection,
    version_id: int,
    batches: dict[int, Batch],
    slices: Slices,
    totals: dict[str, Counter[str]],
    differs: Differs,
) -> None:
    """Compare the live view's numbers, sums of the slices' totals, with the sums that the events
    give.
    """
    sums: dict[str, Counter[str]] = {}
    for batch_id, b in batches.items():
        here = sums.setdefault(b.channel, Counter())
        here["size"] += len(b.members)
        for attempt, s in slices.get(batch_id, ()):
            here["claimed"] += s.hi - s.lo
            here.update(totals[attempt])
    for channel, numbers in delivery_report.progress(conn, version_id).items():
        for name, n in numbers.items():
            differs("progress", n, sums.get(channel, Counter())[name], channel=channel, line=name)
