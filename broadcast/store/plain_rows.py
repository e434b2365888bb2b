"""Converts rows of a table to JSON values and back: moments as ISO 8601 with their offset, bytes as
base64.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary, Table

from broadcast.store.database import UtcDateTime


def to_json(value: Any) -> Any:
    """Return one value of a row as a JSON value."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(bytes(value)).decode()
    return value


def from_json(table: Table, columns: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    """Return a row of `table` made from the JSON `values` of these `columns`, in the same order.
    Raises ValueError or TypeError where a value is not what its column holds.
    """
    row = dict(zip(columns, values, strict=True))
    for name, value in row.items():
        kind = table.c[name].type if name in table.c else None
        if value is not None and isinstance(kind, UtcDateTime):
            row[name] = datetime.fromisoformat(value)
        elif value is not None and isinstance(kind, LargeBinary):
            row[name] = base64.b64decode(value, validate=True)
    return row
