"""Rows of a large table, a few thousand in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Select

from broadcast.deadline import check_time

_AT_ONCE = 2000  # rows


def stream(conn: Connection, query: Select[Any]) -> Iterator[Any]:
    """Yield the rows of a query. Raises Rejected (422 too_costly) where the work has a deadline
    that has passed.
    """
    for some in conn.execute(query.execution_options(yield_per=_AT_ONCE)).partitions():
        check_time()
        yield from some
