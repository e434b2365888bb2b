"""Rows of a table as JSON has them, and back: moments in ISO 8601 with their offset, bytes in
base64.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary, Table

from broadcast.store.database import UtcDateTime


def plain(value: Any) -> Any:
    """Return a value of a row as JSON has it."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(bytes(value)).decode()
    return value


def read(table: Table, columns: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    """Return the row that these values stand for. Raises ValueError, TypeError."""
    row = dict(zip(columns, values, strict=True))
    for name, value in row.items():
        kind = table.c[name].type if name in table.c else None
        if value is not None and isinstance(kind, UtcDateTime):
            row[name] = datetime.fromisoformat(value)
        elif value is not None and isinstance(kind, LargeBinary):
            row[name] = base64.b64decode(value, validate=True)
    return row
