"""Everybody: those in the order of the ground, and beside them the few who changed since. When
those grow many they are put in order too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Geometry

from broadcast.content.model import Circle
from broadcast.places.geometry import EARTH_RADIUS_KM, circle_bounds, inside_circles, inside_shape
from broadcast.places.reach import reaches
from subscribers.index.columns import Columns, once
from subscribers.index.ground import Ground

_FEW = 20_000
_SHARE = 100  # one in so many may have changed before they are put in order
_MOST_CORNERS = 5_000  # of more, drawing a wider shape takes longer than it saves
_METRES_OF_A_DEGREE = EARTH_RADIUS_KM * 1000 * np.pi / 180

Name = Literal["ids", "lat", "lon", "area", "profile", "spread"]


@dataclass(frozen=True, slots=True)
class People:
    """Everybody at one moment; immutable.

    Positions below `len(ground)` are people of the ground, the others people of `fresh`, who
    changed since. `gone` are the positions in the ground of those who stand in `fresh` now.
    """

    ground: Ground
    gone: NDArray[np.bool_]
    left: int
    """How many are gone."""
    fresh: Columns

    @classmethod
    def of(cls, people: Columns) -> Self:
        """Put people in order; of an id that stands twice the last."""
        return cls._all(Ground.of(people.latest()), Columns.empty())

    @classmethod
    def _all(cls, ground: Ground, fresh: Columns) -> Self:
        return cls(ground, np.zeros(len(ground), dtype=np.bool_), 0, fresh)

    def __len__(self) -> int:
        return len(self.ground) - self.left + len(self.fresh)

    @property
    def nbytes(self) -> int:
        """How much room they take."""
        ground = self.ground
        arrays = (*ground.people.arrays(), ground.starts, ground.sorted_ids, ground.by_id)
        return sum(a.nbytes for a in (*arrays, self.gone, *self.fresh.arrays()))

    def changed(self, rows: Columns) -> People:
        """Return everybody with these rows in the place of what was known of their ids."""
        if not len(rows):
            return self
        if not len(self):
            return People.of(rows)
        fresh = Columns.joined([self.fresh, rows]).latest()
        gone = self.gone.copy()
        gone[self.ground.positions(rows.ids)] = True
        found = People(self.ground, gone, int(np.count_nonzero(gone)), fresh)
        small = len(fresh) <= max(_FEW, len(self.ground) // _SHARE)
        return found if small else found.settled()

    def settled(self) -> People:
        """Return everybody in the order of the ground."""
        ordered = Ground.of(self.fresh).people
        kept = self.ground.people.at(~self.gone) if self.left else self.ground.people
        return People._all(Ground.of(Columns.joined([kept, ordered]), parts=True), Columns.empty())

    def take(self, name: Name, at: NDArray[np.int64]) -> NDArray[Any]:
        """Return one column for people at these positions."""
        own: NDArray[Any] = getattr(self.ground.people, name)
        if not len(self.fresh):
            return own[at]
        new: NDArray[Any] = getattr(self.fresh, name)
        count = len(own)
        if not count:
            return new[at]
        found = own[np.minimum(at, count - 1)]
        late = at >= count
        found[late] = new[at[late] - count]
        return found

    def positions(self, ids: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Return where these people stand now; who is not there is left out."""
        held = self.ground.positions(ids)
        if not len(self.fresh):
            return held
        late = np.flatnonzero(np.isin(self.fresh.ids, ids)) + len(self.ground)
        return np.concatenate((held[~self.gone[held]], late))

    def everybody(self) -> NDArray[np.int64]:
        """Return every position."""
        late = np.arange(len(self.fresh)) + len(self.ground)
        if not self.left:
            return np.concatenate((np.arange(len(self.ground)), late))
        return np.concatenate((np.flatnonzero(~self.gone), late))

    def without_place(self) -> NDArray[np.int64]:
        """Return who has no place."""
        at = np.arange(self.ground.nowhere, len(self.ground))
        late = np.flatnonzero(np.isnan(self.fresh.lat)) + len(self.ground)
        return np.concatenate((at[~self.gone[at]], late))

    def in_areas(self, table: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return whose area is one of these, wherever their place is; the last entry of the table
        is that of the unknown area.
        """
        at = np.flatnonzero(table[self.ground.people.area])
        late = np.flatnonzero(table[self.fresh.area]) + len(self.ground)
        return np.concatenate((at[~self.gone[at]], late))

    def inside(self, shape: Geometry | None, circles: Iterable[Circle]) -> NDArray[np.int64]:
        """Return who lies in the shape or in a circle, each once; on the border is inside."""
        fresh, circles = self.fresh, tuple(circles)
        parts = [self.ground.inside(shape)]
        for circle in circles:
            near = self.ground.box(*circle_bounds(circle))
            lat, lon = self.ground.people.lat[near], self.ground.people.lon[near]
            parts.append(near[inside_circles([circle], lat, lon)])
        at = once(parts)
        late = inside_shape(shape, fresh.lat, fresh.lon)
        if circles:
            late |= inside_circles(circles, fresh.lat, fresh.lon)
        return self._and(at, late)

    def reached(self, shape: Geometry | None, circles: Iterable[Circle]) -> NDArray[np.int64]:
        """Return who gave a postcode and no place, and may be in the shape or a circle."""
        fresh, circles = self.fresh, tuple(circles)
        widest = float(np.max(self.ground.people.spread, initial=0))
        parts: list[NDArray[np.int64]] = []
        if widest:
            parts += [self.ground.box(*_wider(circle_bounds(c), widest)) for c in circles]
            if shape is not None and not shape.is_empty:
                parts.append(self._round(shape, widest))
        near = once(parts)
        near = near[self.ground.people.spread[near] > 0]
        some = self.ground.people.at(near)
        at = near[reaches(shape, circles, some.lat, some.lon, some.spread)]
        late = np.zeros(len(fresh), dtype=np.bool_)
        vague = np.flatnonzero(fresh.spread > 0)
        few = fresh.at(vague)
        late[vague] = reaches(shape, circles, few.lat, few.lon, few.spread)
        return self._and(at, late)

    def _round(self, shape: Geometry, metres: float) -> NDArray[np.int64]:
        """Return at least everybody of the ground who is in a shape or no further from it."""
        box = _wider(shape.bounds, metres)
        if shapely.get_num_coordinates(shape) > _MOST_CORNERS:
            return self.ground.box(*box)
        # Longitude is the shorter degree: what is wide enough for it is for latitude. A round
        # corner is drawn as a polygon inside it, which takes half a per cent.
        wide = 1.02 * max(box[2] - shape.bounds[2], shape.bounds[0] - box[0], 1e-9)
        return self.ground.inside(shape.buffer(wide))

    def _and(self, at: NDArray[np.int64], late: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return these positions of the ground without who is gone, and who of `fresh` is meant.
        Both are few: they and the last ones take the places of those who are gone, for a whole
        copy costs as much as a quarter of a match.
        """
        if not len(self.fresh):
            return at
        gone = np.flatnonzero(self.gone[at])
        new = np.flatnonzero(late) + len(self.ground)
        if len(new) < len(gone):
            kept = len(at) - len(gone) + len(new)
            last = at[kept:]
            new = np.concatenate((new, last[~self.gone[last]]))
            at, gone = at[:kept], gone[gone < kept]
        at[gone] = new[: len(gone)]
        return np.concatenate((at, new[len(gone) :])) if len(new) > len(gone) else at


def _wider(
    box: tuple[float, float, float, float], metres: float
) -> tuple[float, float, float, float]:
    """Return a box with so much more on every side; the whole width near a pole."""
    west, south, east, north = box
    up = metres / _METRES_OF_A_DEGREE
    south, north = max(-90.0, south - up), min(90.0, north + up)
    # One degree of latitude further, for `reaches` measures in the middle of a whole one.
    shrunk = np.cos(np.radians(min(89.5, max(abs(south), abs(north)) + 1.0)))
    side = float(up / shrunk)
    return max(-180.0, west - side), south, min(180.0, east + side), north
