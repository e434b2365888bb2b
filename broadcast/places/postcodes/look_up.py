"""The look-up of postcodes: filled from a directory, asked where one lies."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, select, text

from broadcast.places.postcodes import code
from broadcast.places.postcodes.directory import Entry
from broadcast.places.postcodes.tables import postcode
from broadcast.store.database import UtcDateTime

BATCH: Final = 20_000
"""Entries that are stored in one transaction: what is urgent never waits long behind it."""
_COLUMNS: Final = Entry._fields


@dataclass(frozen=True, slots=True)
class PostcodePlace:
    """Where a postcode lies: WGS 84, and how far round that point its addresses may be."""

    postcode: str
    lat: float
    lon: float
    uncertainty_m: int
    ward: str
    district: str


def batches(entries: Iterable[Entry], size: int = BATCH) -> Iterator[list[Entry]]:
    """Yield entries by so many; of one postcode that stands twice in a batch the last."""
    rest = iter(entries)
    while some := {entry.code: entry for entry in islice(rest, size)}:
        yield list(some.values())


def put(conn: Connection, entries: Sequence[Entry], now: datetime) -> int:
    """Insert or renew these postcodes; return of how many something changed."""
    fields = ", ".join(_COLUMNS)
    setting = ", ".join(f"{c} = excluded.{c}" for c in (*_COLUMNS[1:], "imported_at"))
    values: dict[str, Any]
    if conn.dialect.name == "postgresql":
        types = ("text", "float8", "float8", "int", "text", "text")
        arrays = ", ".join(f"CAST(:{c} AS {t}[])" for c, t in zip(_COLUMNS, types, strict=True))
        source = f"SELECT u.*, :now FROM unnest({arrays}) AS u"  # noqa: S608
        values = {c: [getattr(e, c) for e in entries] for c in _COLUMNS}
    else:
        cells = ", ".join(f"json_extract(value, '$[{n}]')" for n in range(len(_COLUMNS)))
        source = f"SELECT {cells}, :now FROM json_each(:entries) WHERE true"  # noqa: S608
        values = {"entries": json.dumps(entries)}
    differs = " OR ".join(f"postcode.{c} <> excluded.{c}" for c in _COLUMNS[1:])
    statement = text(
        f"INSERT INTO postcode ({fields}, imported_at) {source}"
        f" ON CONFLICT (code) DO UPDATE SET {setting} WHERE {differs}"
    )
    timed = statement.bindparams(bindparam("now", type_=UtcDateTime()))
    return int(conn.execute(timed, {**values, "now": now}).rowcount)


def places(conn: Connection, postcodes: Iterable[str]) -> dict[str, PostcodePlace]:
    """Return by each of these texts where the postcode lies that it is; the others are missing."""
    wanted = {each: found for each in set(postcodes) if (found := code.key(each))}
    known: dict[str, PostcodePlace] = {}
    keys = sorted(set(wanted.values()))
    for start in range(0, len(keys), BATCH):
        some: Any = keys[start : start + BATCH]
        if conn.dialect.name == "postgresql":
            among = postcode.c.code == func.any(some)
        else:
            each = func.json_each(json.dumps(some)).table_valued("value")
            among = postcode.c.code.in_(select(each.c.value))
        columns = (postcode.c[c] for c in _COLUMNS)
        for row in conn.execute(select(*columns).where(among)):
            known[row.code] = PostcodePlace(code.spaced(row.code), *row[1:])
    return {each: known[found] for each, found in wanted.items() if found in known}


def place_of(conn: Connection, written: str) -> PostcodePlace | None:
    """Return where a postcode lies, however it is written; None where nobody knows."""
    return places(conn, [written]).get(written)


def count(conn: Connection) -> int:
    """Return of how many postcodes the place is known."""
    return int(conn.execute(select(func.count()).select_from(postcode)).scalar_one())
