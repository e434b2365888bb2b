"""Areas, languages and what people chose as small numbers: the arrays of the index hold these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Final

import numpy as np
from numpy.typing import NDArray

from subscribers import quiet_hours
from subscribers.index.choices import (
    Profile,
    Profiles,
    traits_of,
)
from subscribers.index.columns import Columns
from subscribers.index.registry_rows import CHOICES, SEPARATOR, Rows
from subscribers.people_file import by_topic
from subscribers.people_file.by_topic import OfTopic
from subscribers.quiet_hours import QuietHours

_WIDEST: Final = 65_535
"""Metres: the most that a column of the index holds of how uncertain a place is."""


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
        self._profiles: dict[str, int] = {}
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

    def _encode(self, rows: Rows) -> Columns:
        """Turn rows into columns. What people chose goes through a dictionary: there are few kinds
        of people among a million.
        """
        count = len(rows.ids)
        with self._growing:  # SQLite is read on threads; nothing is awaited here
            for each in set(rows.choices).difference(self._profiles):
                self._profiles[each] = len(self._profile_rows)
                self._profile_rows.append(self._profile(each))
        lat, lon = rows.lat.copy(), rows.lon.copy()
        nowhere = np.isnan(lat) | np.isnan(lon)
        lat[nowhere] = lon[nowhere] = np.nan
        spread = np.minimum(rows.spread, _WIDEST).astype(np.uint16)
        spread[nowhere] = 0
        return Columns(
            ids=rows.ids.astype(np.uint32),
            lat=lat,
            lon=lon,
            area=self._numbered(rows.area),
            profile=np.fromiter(
                map(self._profiles.__getitem__, rows.choices), dtype=np.uint32, count=count
            ),
            spread=spread,
        )

    def _encode_others(self, rows: Rows) -> Columns:
        """Turn the rows of other places into columns."""
        owners = [int(each.partition(SEPARATOR)[0]) for each in rows.choices]
        return Columns(
            ids=rows.ids.astype(np.uint32),
            lat=rows.lat,
            lon=rows.lon,
            area=self._numbered(rows.area),
            profile=np.array(owners, dtype=np.uint32),
            spread=np.minimum(rows.spread, _WIDEST).astype(np.uint16),
        )

    def _numbered(self, areas: Sequence[str]) -> NDArray[np.int32]:
        """Return the number of each area, -1 for none."""
        with self._growing:
            codes = {code: self._areas.add(code) if code else -1 for code in set(areas)}
        return np.fromiter(map(codes.__getitem__, areas), dtype=np.int32, count=len(areas))

    def _profile(self, choices: str) -> Profile:
        *traits, erased, language, quiet, single = choices.split(SEPARATOR, CHOICES - 1)
        if quiet not in self._quiet:
            self._hours.append(quiet_hours.known(quiet))
            self._quiet.add(quiet)
        if single not in self._by_topic:
            self._of_topics.append(by_topic.known(single))
            self._by_topic.add(single)
        return Profile(
            *traits_of(traits),
            erased=int(erased != ""),
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
