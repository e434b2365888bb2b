"""What became of each person, and the numbers that the control room sees, held against the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import Connection, String, case, cast, func, literal, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from broadcast.ledger import delivery_report
from broadcast.ledger.claims.tables import outcome
from broadcast.messages import versions
from broadcast.replay.batches import Batch
from broadcast.replay.differences import Differs
from broadcast.replay.people import Counted, SliceOf
from broadcast.replay.recorded import NONE, STATES, TOTALS
from broadcast.replay.slices import Slices, Totals
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


_LETTERS = {state: chr(ord("a") + n) for n, state in enumerate(STATES)}
_LETTER_OF = [*_LETTERS.values()]
_TOGETHER = 400
"""So many slices are asked for at once."""


def compare_outcomes(
    conn: Connection, version_id: int, batches: dict[int, Batch], slices: Slices, differs: Differs
) -> None:
    """Compare the recorded outcome of every position with its evidence, merged.

    Each slice's outcomes come back as one line of text, and are compared as such; only those of a
    slice that differs are looked at one by one.
    """
    apart, seen = _Apart(), 0
    everything = (
        (batches[batch_id], attempt, s)
        for batch_id, listed in slices.items()
        if batch_id in batches
        for attempt, s in listed
    )
    while some := list(islice(everything, _TOGETHER)):
        lines = _lines(conn, version_id, [attempt for _, attempt, _ in some])
        other = []
        for b, attempt, s in some:
            rows, there = lines.get(attempt, (0, ""))
            seen += rows
            if there != _line(b, s):
                other.append((b, attempt, s))
        if other:
            _one_by_one(conn, version_id, other, apart)
    _of_no_slice(conn, version_id, seen, batches, slices, apart)
    apart.tell(differs)


def _lines(conn: Connection, version_id: int, attempts: list[str]) -> dict[str, tuple[int, str]]:
    """Return attempt → how many outcomes of the version it has, and all that they say as one
    text.
    """
    o = outcome.c
    # by attempt alone: with the version beside it, all its outcomes would be gone through each time
    mine = o.attempt.in_(attempts)
    of_version = func.sum(case((o.version_id == version_id, 1), else_=0))
    letter = case(_LETTERS, value=o.state, else_="?")
    code = case((o.state == "skipped", o.code), else_="")
    position, person = cast(o.position, String), cast(o.person_id, String)
    other = case((o.version_id == version_id, ""), else_="of another version")
    said = (position + ":" + person + letter + code + "@" + o.channel + other).label("said")
    if conn.dialect.name == "postgresql":
        text = func.string_agg(said, aggregate_order_by(literal("\n"), o.position))
        grouped = select(o.attempt, of_version, text).where(mine).group_by(o.attempt)
    else:
        # SQLite joins what it is given in the order in which it is given
        rows = (
            select(o.attempt, o.version_id, said)
            .where(mine)
            .order_by(o.attempt, o.position)
            .subquery()
        )
        of_version = func.sum(case((rows.c.version_id == version_id, 1), else_=0))
        text = func.group_concat(rows.c.said, "\n")
        grouped = select(rows.c.attempt, of_version, text).group_by(rows.c.attempt)
    return {attempt: (n, line) for attempt, n, line in conn.execute(grouped)}


def _line(b: Batch, s: SliceOf) -> str:
    """Return what the outcomes of a slice must say, as one text."""
    people = b.members[s.lo : s.hi].tolist()
    end = f"@{b.channel}"
    return "\n".join(
        [
            f"{position}:{people[position]}{_LETTER_OF[state]}{s.reasons.get(position, '')}{end}"
            for position, state in enumerate(s.states[: len(people)])
            if state != NONE
        ]
    )


def _one_by_one(
    conn: Connection, version_id: int, some: list[tuple[Batch, str, SliceOf]], apart: _Apart
) -> None:
    """Note what is otherwise in these slices."""
    place = {attempt: (b, s) for b, attempt, s in some}
    known: dict[str, set[int]] = {attempt: set() for attempt in place}
    o = outcome.c
    columns = (o.attempt, o.position, o.person_id, o.channel, o.state, o.code)
    query = select(*columns, o.version_id).where(o.attempt.in_(list(place)))
    for row in conn.execute(query):
        if row.version_id != version_id:
            continue
        b, s = place[row.attempt]
        if not 0 <= row.position < min(s.hi, len(b.members)) - s.lo:
            apart.note(row.channel, row.state, "no such position", row.attempt, row.position)
            continue
        known[row.attempt].add(row.position)
        for there, rebuilt in _sides(row, b, s):
            apart.note(row.channel, there, rebuilt, row.attempt, row.position)
    for attempt, (b, s) in place.items():
        told = [p for p, state in enumerate(s.states[: s.hi - s.lo]) if state != NONE]
        for position in sorted(set(told) - known[attempt]):
            apart.note(b.channel, "nothing", STATES[s.states[position]], attempt, position)


def _of_no_slice(
    conn: Connection,
    version_id: int,
    seen: int,
    batches: dict[int, Batch],
    slices: Slices,
    apart: _Apart,
) -> None:
    """Note outcomes of the version whose attempt no slice has."""
    of_version = outcome.c.version_id == version_id
    if conn.execute(select(func.count()).where(of_version)).scalar_one() == seen:
        return
    attempts = {
        attempt
        for batch_id, listed in slices.items()
        if batch_id in batches
        for attempt, _ in listed
    }
    o = outcome.c
    query = select(o.attempt, o.position, o.channel, o.state).where(of_version)
    for row in stream(conn, query):
        if row.attempt not in attempts:
            apart.note(row.channel, row.state, "no such position", row.attempt, row.position)


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
    totals: Totals,
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
            for name, n in zip(TOTALS, totals[attempt], strict=True):
                here[name] += n
    for channel, numbers in delivery_report.progress(conn, version_id).items():
        for name, n in numbers.items():
            differs("progress", n, sums.get(channel, Counter())[name], channel=channel, line=name)
