"""Levels of the past that are known to the moment, as tests want them; files know the day alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from broadcast.levels import history
from broadcast.levels.history import Fact
from broadcast.levels.scales import Level, LevelFact
from broadcast.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moment(LevelFact):
    """A fact of the past that is known to the moment, not only to the day."""

    fact: Fact

    @property
    def at(self) -> datetime:
        """The moment itself."""
        return self.fact.at


def import_facts(
    conn: Connection, new: Sequence[Fact], recorded_at: datetime
) -> tuple[int, list[Fact]]:
    """Fill in the past as `import_rows` does; return how many were recorded, and those left out
    (without those recorded already).
    """
    rows = [
        _Moment(date=f.at, scale=f.scope, scope=f.scope, level=Level(f.level), note=f.note, fact=f)
        for f in sorted(new, key=lambda f: f.at)
    ]
    taken, left = history.import_rows(conn, rows, recorded_at)
    return taken, [row.fact for row, why in left if why != "known" and isinstance(row, _Moment)]
