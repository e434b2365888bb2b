"""Holding what is kept of a version against its rows."""

from __future__ import annotations

from collections.abc import Iterator

from pyroaring import BitMap
from sqlalchemy import Connection

from broadcast.ledger.kept import reading, rows
from broadcast.ledger.kept.reading import Pass, Passes


def differences(conn: Connection, version_id: int) -> list[str]:
    """Return in words, one to a line, where what is kept is not what the rows say; empty where they
    agree. Takes seconds for a million people.
    """
    found = list(between(reading.passes(conn, version_id), rows.passes(conn, version_id)))
    kept, there = reading.progress(conn, version_id), rows.progress(conn, version_id)
    for channel in sorted({*kept, *there}):
        mine, theirs = kept.get(channel, {}), there.get(channel, {})
        found += [
            f"{channel}: {mine.get(name, 0)} {name} kept, {theirs.get(name, 0)} in the slices"
            for name in sorted({*mine, *theirs})
            if mine.get(name, 0) != theirs.get(name, 0)
        ]
    return found


def between(kept: Passes, there: Passes) -> Iterator[str]:
    """Yield where two readings of the passes over a version differ."""
    for channel in sorted({*kept, *there}):
        numbers = {*kept.get(channel, {}), *there.get(channel, {})}
        for number in sorted(numbers):
            mine = _sets(kept.get(channel, {}).get(number, Pass()))
            theirs = _sets(there.get(channel, {}).get(number, Pass()))
            for name in sorted({*mine, *theirs}):
                apart = mine.get(name, BitMap()) ^ theirs.get(name, BitMap())
                if apart:
                    yield (
                        f"{channel}, pass {number}: {len(apart)} people are {name} on one side"
                        f" only, for example person {apart.min()}"
                    )


def _sets(found: Pass) -> dict[str, BitMap]:
    facts = {f"{state} {code}".strip(): ids for (state, code), ids in found.facts.items()}
    return {**facts, "not claimed": found.waiting, "claimed": found.claimed}
