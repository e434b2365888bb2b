"""Areas, languages and what people chose as small numbers: the arrays of the index hold these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subscribers import quiet_hours
from subscribers.index.choices import (
    Profile,
    Profiles,
    traits_of,
)
from subscribers.index.columns import Columns
from subscribers.people_file import by_topic
from subscribers.people_file.by_topic import OfTopic
from subscribers.quiet_hours import QuietHours


class Ordinals(dict[str, int]):
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


class Encoding:
    """The numbers given so far, and rows of the registry turned into columns of them."""

    def __init__(self) -> None:
        self._areas, self._languages = Ordinals(), Ordinals()
        self._traits: dict[str, tuple[int, int, int, int, int, int, int, int, int]] = {}
        self._profiles: dict[tuple[Any, ...], int] = {}
        self._profile_rows: list[Profile] = []
        self._quiet, self._hours = Ordinals(), list[QuietHours | None]()
        self._by_topic, self._of_topics = Ordinals(), list[Mapping[str, OfTopic]]()
        self._growing = Lock()

    def _known(self, before: Profiles | None = None) -> Profiles:
        """Return the profiles and languages met so far; what was met before stays as it is."""
        with self._growing:
            if before is not None and len(before.columns) == len(self._profile_rows):
                return before
            columns = np.array(self._profile_rows, dtype=np.uint32).reshape(
                -1, len(Profile._fields)
            )
            return Profiles(columns, tuple(self._languages.names))

    def _encode(self, rows: Sequence[Sequence[Any]]) -> Columns:
        """Turn the driver's tuples into columns. What people chose goes through a dictionary: there
        are few kinds of people among a million.
        """
        ids, lat, lon, area, language, traits, flags, _, _, quiet, spread, single, _ = zip(
            *rows, strict=True
        )
        count = len(rows)
        choices = list(zip(traits, flags, language, quiet, single, strict=True))
        with self._growing:  # SQLite is read on threads; nothing is awaited here
            for each in set(choices).difference(self._profiles):
                self._profiles[each] = len(self._profile_rows)
                self._profile_rows.append(self._profile(*each))
            codes = {code: self._areas.add(code) if code else -1 for code in set(area)}
        y, x = np.array(lat, dtype=np.float64), np.array(lon, dtype=np.float64)  # None becomes NaN
        nowhere = np.isnan(y) | np.isnan(x)
        y[nowhere] = x[nowhere] = np.nan
        vague = np.minimum(np.array(spread, dtype=np.int64), 65_535).astype(np.uint16)
        vague[nowhere] = 0
        return Columns(
            ids=np.array(ids, dtype=np.uint32),
            lat=y,
            lon=x,
            area=np.fromiter(map(codes.__getitem__, area), dtype=np.int32, count=count),
            profile=np.fromiter(
                map(self._profiles.__getitem__, choices), dtype=np.uint32, count=count
            ),
            spread=vague,
        )

    def _encode_others(self, rows: Sequence[Sequence[Any]]) -> Columns:
        """Turn the rows of other places into columns."""
        with self._growing:
            codes = [self._areas.add(row[3]) if row[3] else -1 for row in rows]
        y, x = (np.array([row[n] for row in rows], dtype=np.float64) for n in (1, 2))
        vague = np.array([min(int(row[10]), 65_535) for row in rows], dtype=np.uint16)
        return Columns(
            ids=np.array([row[0] for row in rows], dtype=np.uint32),
            lat=y,
            lon=x,
            area=np.array(codes, dtype=np.int32),
            profile=np.array([int(row[4]) for row in rows], dtype=np.uint32),
            spread=vague,
        )

    def _profile(self, joined: str, flags: int, language: str, quiet: str, single: str) -> Profile:
        if joined not in self._traits:
            self._traits[joined] = traits_of(joined)
        if quiet not in self._quiet:
            self._hours.append(quiet_hours.known(quiet))
            self._quiet.add(quiet)
        if single not in self._by_topic:
            self._of_topics.append(by_topic.known(single))
            self._by_topic.add(single)
        return Profile(
            *self._traits[joined],
            erased=flags,
            language=self._languages.add(language),
            quiet=self._quiet[quiet],
            by_topic=self._by_topic[single],
        )

    def _coded(self, codes: frozenset[str]) -> NDArray[np.bool_]:
        """Return a table from area ordinal to "one of these"; the last place is that of -1, the
        unknown area.
        """
        known = len(self._areas.names)  # others may be added meanwhile
        table = np.zeros(known + 1, dtype=np.bool_)
        table[[number for code in codes if (number := self._areas.get(code, known)) < known]] = True
        return table
