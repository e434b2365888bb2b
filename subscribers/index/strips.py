"""A shape cut into strips: of every row of the ground, which stretches lie wholly inside the shape,
and in which its border runs, where each point has to be asked.

A row is 1/2048 of a degree of latitude high, some 54 metres: a power of two, so that which row a
latitude lies in is exact. No border runs through a stretch between two stretches of border, so one
point of it stands for all.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Geometry

from broadcast.deadline import check_time

ROWS_OF_A_DEGREE: Final = 2048
MOST_PIECES: Final = 2_000_000
"""Pieces of border, one for each row that each edge runs through; of a shape with more, every
point of its box is asked, which takes less room.
"""
_WIDER: Final = 1e-6  # degrees, on either side of a piece: far above what rounding may do
_ROUND: Final = 1024.0  # above any longitude: rows one behind the other on one line


class Stretches(NamedTuple):
    """Stretches of rows, in the order of the ground: row, from and to a longitude; `asked` where
    the border runs, else all of it is inside.
    """

    row: NDArray[np.int64]
    west: NDArray[np.float64]
    east: NDArray[np.float64]
    asked: NDArray[np.bool_]


def rows_of(lat: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the row of each latitude, which must be finite."""
    return np.floor(lat * ROWS_OF_A_DEGREE).astype(np.int64)


def box_of(west: float, south: float, east: float, north: float, *, asked: bool) -> Stretches:
    """Return a box, one stretch a row; who stands on its eastern side is within."""
    first, last = rows_of(np.array([south, north]))
    row = np.arange(first, last + 1)
    return Stretches(
        row,
        np.full(len(row), west - _WIDER),
        np.full(len(row), east + _WIDER),
        np.full(len(row), asked, dtype=np.bool_),
    )


def cut(shape: Geometry) -> Stretches:
    """Return the stretches of a polygon or several, holes left out."""
    x0, y0, x1, y1 = _edges(shape)
    low, high = np.minimum(y0, y1), np.maximum(y0, y1)
    # A corner may lie exactly on the line between two rows: then its edge belongs to both.
    first = np.ceil(low * ROWS_OF_A_DEGREE).astype(np.int64) - 1
    last = np.floor(high * ROWS_OF_A_DEGREE).astype(np.int64)
    pieces = last - first + 1
    if int(pieces.sum()) > MOST_PIECES:
        return box_of(*shape.bounds, asked=True)
    edge = np.repeat(np.arange(len(pieces)), pieces)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(pieces) - pieces, pieces) + first[edge]
    check_time()
    # Where the edge enters and leaves the row.
    ends = []
    for line in (row, row + 1):
        y = np.clip(line / ROWS_OF_A_DEGREE, low[edge], high[edge])
        flat = y1[edge] == y0[edge]
        share = (y - y0[edge]) / np.where(flat, 1.0, y1[edge] - y0[edge])
        ends.append(x0[edge] + np.where(flat, 0.0, share) * (x1[edge] - x0[edge]))
    level = np.flatnonzero(y0[edge] == y1[edge])
    ends[1][level] = x1[edge][level]
    west = np.minimum(ends[0], ends[1]) - _WIDER
    east = np.maximum(ends[0], ends[1]) + _WIDER
    row, west, east = _together(row, west, east)
    return _with_insides(shape, row, west, east)


def _edges(shape: Geometry) -> tuple[NDArray[np.float64], ...]:
    rings = shapely.get_rings(shapely.get_parts(shape))
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    same = np.flatnonzero(ring[1:] == ring[:-1])
    return xy[same, 0], xy[same, 1], xy[same + 1, 0], xy[same + 1, 1]


def _together(
    row: NDArray[np.int64], west: NDArray[np.float64], east: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Join the stretches of a row that meet; order them."""
    order = np.lexsort((west, row))
    row, west, east = row[order], west[order], east[order]
    line = (row - row[0]) * _ROUND
    reach = np.maximum.accumulate(line + east)
    begins = np.append(True, (line + west)[1:] > reach[:-1] + _WIDER)
    start = np.flatnonzero(begins)
    return row[start], west[start], np.maximum.reduceat(east, start)


def _with_insides(
    shape: Geometry, row: NDArray[np.int64], west: NDArray[np.float64], east: NDArray[np.float64]
) -> Stretches:
    """Add what lies between two stretches of border, where that is inside."""
    gap = np.flatnonzero(row[1:] == row[:-1])
    x = (east[gap] + west[gap + 1]) / 2
    y = (row[gap] + 0.5) / ROWS_OF_A_DEGREE
    check_time()
    shapely.prepare(shape)
    gap = gap[shapely.intersects_xy(shape, x, y)]
    every = np.concatenate((row, row[gap]))
    begin, end = np.concatenate((west, east[gap])), np.concatenate((east, west[gap + 1]))
    asked = np.arange(len(every)) < len(row)
    order = np.lexsort((begin, every))
    return Stretches(every[order], begin[order], end[order], asked[order])
