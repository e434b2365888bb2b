"""Reading a national directory of postcodes, row by row, never the whole of it: the ONS Postcode
Directory (ONSPD) or the Ordnance Survey's Code-Point Open, as a CSV or the zip that is published.

Sources: ONSPD User Guide, "Table of fields" (names differ from year to year); Code-Point Open user
guide, "CSV structure" (no header row, ten columns).
"""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import IO, Final, NamedTuple

from broadcast.places.postcodes import code
from broadcast.places.postcodes.national_grid import to_degrees
from broadcast.problems import Problem, Rejected, refuse

MAX_BYTES: Final = 8 << 30
"""Unpacked, of all files together: a directory has some 1.5 GB, and its parts as much again."""
MAX_LINE_BYTES: Final = 16 << 10
_MAX_MEMBERS: Final = 5_000
_LISTED: Final = 20  # problems that are named; the rest are counted

_POSTCODE: Final = ("pcds", "pcd8", "pcd2", "pcd7", "pcd", "postcode")
_LAT: Final = ("lat", "latitude")
_LON: Final = ("long", "lon", "longitude")
_EAST: Final = ("eastings", "easting")
_NORTH: Final = ("northings", "northing")
_QUALITY: Final = ("gridind", "osgrdind", "positional_quality_indicator")
_RURAL: Final = ("ruc21ind", "ru11ind", "ruc11")
_OWN: Final = ("uncertainty_m",)
_WARD: Final = re.compile(r"wd[0-9]{2}cd|osward|admin_ward_code|ward", re.ASCII)
_DISTRICT: Final = re.compile(r"lad[0-9]{2}cd|oslaua|admin_district_code|district", re.ASCII)
_GSS: Final = re.compile(r"[A-Z][0-9]{8}", re.ASCII)
_CODE_POINT: Final = (
    "postcode",
    "positional_quality_indicator",
    "eastings",
    "northings",
    "country_code",
    "nhs_regional_ha_code",
    "nhs_ha_code",
    "admin_county_code",
    "admin_district_code",
    "admin_ward_code",
)
_NOWHERE: Final = 99.0  # ONSPD writes 99.999999 where it has no place

# By the directories' own grades of quality, ONSPD 1 to 9, Code-Point 10 to 90. A postcode of a town
# has some 15 addresses within a hundred metres; in the country they may lie a kilometre apart.
_METRES: Final = {
    1: 100,  # within the building nearest to the middle of the addresses
    2: 100,
    3: 150,  # within 50 m of that
    4: 200,  # the mean of the addresses
    5: 1_000,  # guessed from the postcodes around
    6: 5_000,  # the mean of the sector, mostly of boxes in a post office
    8: 1_000,  # ended before anybody measured
}
_UNGRADED: Final = 500
_RURAL_METRES: Final = 1_000
_MOST_METRES: Final = 50_000


class Entry(NamedTuple):
    """Where one postcode lies: degrees of WGS 84, metres round it; GSS codes or ""."""

    code: str
    lat: float
    lon: float
    uncertainty_m: int
    ward: str
    district: str


@dataclass(slots=True)
class Directory:
    """One file, opened anew for every reading. `entries` yields what it holds; afterwards
    `without_place` says how many postcodes have no place, `problems` and `more` what is wrong.
    """

    path: Path
    members: tuple[str, ...]  # "" = the file itself
    size: int  # bytes, unpacked
    done: int = 0
    without_place: int = 0
    problems: list[Problem] = field(default_factory=list)
    more: int = 0

    def entries(self) -> Iterator[Entry]:
        """Read it once, from the beginning. `done` are the bytes behind us, for a bar."""
        self.done = self.without_place = self.more = 0
        self.problems.clear()
        for member in self.members:
            where = f"{self.path.name}/{member}" if member else self.path.name
            with _opened(self.path, member) as stream:
                yield from self._of_stream(stream, where)

    def refuse_problems(self) -> None:
        """Raise Rejected with what the last reading found wrong, if anything."""
        if self.problems:
            rest = []
            if self.more:
                rest = [
                    Problem(
                        code="and_more",
                        detail=f"and {self.more:,} more rows like these",
                        where=self.path.name,
                    )
                ]
            raise Rejected([*self.problems, *rest])

    def _of_stream(self, stream: IO[bytes], where: str) -> Iterator[Entry]:
        rows = csv.reader(self._lines(stream, where), strict=True)
        try:
            first = next(rows, None)
            if first is None:
                raise _refused("file_empty", "there is nothing in it", _USE, where=where)
            columns = _header(first)
            if columns is None:
                raise _refused(
                    "header_missing", "no column of postcodes and places", _USE, where=where
                )
            read = _reader(columns)
            if not _is_header(first):
                yield from self._read(read, first, 1, where)
            for row in rows:
                if row:
                    yield from self._read(read, row, rows.line_num, where)
        except csv.Error:
            self._wrong(
                "unclosed_quote", "a quote is not closed", "load it again", where, rows.line_num
            )

    def _read(
        self,
        read: Callable[[Sequence[str]], Entry | None],
        row: Sequence[str],
        line: int,
        where: str,
    ) -> Iterator[Entry]:
        try:
            entry = read(row)
        except Rejected as exc:
            for p in exc.problems:
                self._wrong(p.code, p.detail, p.fix, where, line)
            return
        if entry is None:
            self.without_place += 1
        else:
            yield entry

    def _wrong(self, found: str, detail: str, fix: str, where: str, line: int) -> None:
        if len(self.problems) < _LISTED:
            self.problems.append(
                Problem(code=found, detail=detail, fix=fix, where=f"{where}:{line}")
            )
        else:
            self.more += 1

    def _lines(self, stream: IO[bytes], where: str) -> Iterator[str]:
        number = 0
        while line := stream.readline(MAX_LINE_BYTES + 1):
            number += 1
            self.done += len(line)
            if self.done > MAX_BYTES:
                detail = f"more than {MAX_BYTES:,} bytes"
                raise _refused("file_too_large", detail, _USE, where=where)
            if len(line) > MAX_LINE_BYTES:
                detail = f"more than {MAX_LINE_BYTES:,} bytes"
                raise _refused("line_too_long", detail, _USE, where=f"{where}:{number}")
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                text = "\0"
            if "\0" in text:
                detail = "this is no text in UTF-8"
                raise _refused("bad_encoding", detail, _USE, where=f"{where}:{number}")
            yield text


_USE: Final = "give the ONSPD or Code-Point Open as published: the zip, or a CSV of it"


def _refused(found: str, detail: str, fix: str, *, where: str) -> Rejected:
    return Rejected(Problem(code=found, detail=detail, fix=fix, where=where))


def open_directory(path: Path) -> Directory:
    """Return a directory to be read. Raises Rejected: file_unreadable, file_is_compressed,
    file_too_large, and header_missing where no file in it is one of postcodes.
    """
    try:
        if not path.is_file():  # it is read twice, so a pipe will not do
            raise _refused("file_unreadable", "this is no file", _USE, where=path.name)
        with path.open("rb") as opened:
            packed = opened.read(4) == b"PK\x03\x04"
        if not packed:
            return Directory(path, ("",), path.stat().st_size)
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            if len(infos) > _MAX_MEMBERS or sum(i.file_size for i in infos) > MAX_BYTES:
                raise _refused("file_too_large", "more than this can be", _USE, where=path.name)
            found = [
                i
                for i in infos
                if i.filename.casefold().endswith(".csv") and _is_one(path, i.filename)
            ]
    except zipfile.BadZipFile as exc:
        raise _refused("file_unreadable", "a broken zip archive", _USE, where=path.name) from exc
    except OSError as exc:
        detail = exc.strerror or type(exc).__name__
        raise _refused("file_unreadable", detail, "check the path", where=path.name) from exc
    # The ONSPD holds the whole, and beside it the same cut into files by letter.
    whole = [i for i in found if "multi_csv" not in i.filename.casefold()] or found
    if not whole:
        raise _refused("header_missing", "no file of postcodes in it", _USE, where=path.name)
    return Directory(path, tuple(i.filename for i in whole), sum(i.file_size for i in whole))


class _Member:
    """A file of an archive, or the file itself, closed with what it lies in."""

    def __init__(self, path: Path, member: str) -> None:
        self._archive = zipfile.ZipFile(path) if member else None
        self._where = path.name
        try:
            self.stream: IO[bytes] = (
                self._archive.open(member) if self._archive else path.open("rb")
            )
        except (RuntimeError, NotImplementedError) as exc:  # behind a password, or packed oddly
            detail = "an archive that cannot be unpacked here"
            raise _refused(
                "file_is_compressed", detail, "unpack it first", where=path.name
            ) from exc

    def __enter__(self) -> IO[bytes]:
        return self.stream

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self.stream.close()
        if self._archive is not None:
            self._archive.close()
        if isinstance(error, zipfile.BadZipFile):
            detail = "the zip archive is broken"
            raise _refused("file_unreadable", detail, "load it again", where=self._where) from error


def _opened(path: Path, member: str) -> _Member:
    return _Member(path, member)


def _is_one(path: Path, member: str) -> bool:
    with _opened(path, member) as stream:
        try:
            first = stream.readline(MAX_LINE_BYTES).decode("utf-8-sig")
            return _header(next(csv.reader([first]), [])) is not None
        except (UnicodeDecodeError, csv.Error):
            return False


def _is_header(row: Sequence[str]) -> bool:
    return any(cell.strip().casefold() in _POSTCODE for cell in row)


def _header(row: Sequence[str]) -> dict[str, int] | None:
    """Return where each column stands, by name; None where the row begins no directory."""
    if not _is_header(row):
        headless = (
            len(row) == len(_CODE_POINT)
            and code.key(row[0])
            and all(cell.strip().isdecimal() for cell in row[1:4])
        )
        return {name: n for n, name in enumerate(_CODE_POINT)} if headless else None
    at = {name.strip().casefold(): n for n, name in enumerate(row)}
    placed = (_any(at, _LAT) is not None and _any(at, _LON) is not None) or (
        _any(at, _EAST) is not None and _any(at, _NORTH) is not None
    )
    return at if placed else None


def _any(at: dict[str, int], names: Sequence[str]) -> int | None:
    return next((at[name] for name in names if name in at), None)


def _like(at: dict[str, int], pattern: re.Pattern[str]) -> int | None:
    return next((n for name, n in at.items() if pattern.fullmatch(name)), None)


def _reader(at: dict[str, int]) -> Callable[[Sequence[str]], Entry | None]:
    """Return what reads a row of these columns: an entry, None where it has no place; it raises
    Rejected.
    """
    width = max(at.values()) + 1
    written = _any(at, _POSTCODE)
    lat, lon = _any(at, _LAT), _any(at, _LON)
    metric = lat is None or lon is None
    if metric:
        lat, lon = _any(at, _NORTH), _any(at, _EAST)
    quality, rural, own = _any(at, _QUALITY), _any(at, _RURAL), _any(at, _OWN)
    ward, district = _like(at, _WARD), _like(at, _DISTRICT)
    assert written is not None
    assert lat is not None
    assert lon is not None

    def read(row: Sequence[str]) -> Entry | None:
        if len(row) != width:
            detail = f"{len(row)} cells where there are {width} columns"
            raise refuse("cells_missing", detail, "load the file again")
        found = code.key(row[written])
        if not found:
            detail = "this is no postcode" if row[written].strip() else "no postcode"
            raise refuse("postcode_invalid", detail, "it is written as SW1A 2AA")
        grade = _grade("" if quality is None else row[quality])
        place = _metric(row[lat], row[lon]) if metric else _place(row[lat], row[lon])
        if place is None or grade == 9:
            return None
        metres = _uncertainty(grade, "" if rural is None else row[rural])
        if own is not None and row[own].strip():
            metres = int(_number(row[own], "uncertainty_m", 0, _MOST_METRES))
        return Entry(found, *place, metres, _gss(row, ward), _gss(row, district))

    return read


def _gss(row: Sequence[str], at: int | None) -> str:
    cell = "" if at is None else row[at].strip().upper()
    return cell if _GSS.fullmatch(cell) else ""


def _grade(cell: str) -> int:
    text = cell.strip()
    if not text:
        return 0
    if text.isascii() and text.isdecimal() and len(text) <= 2:
        grade = int(text) // 10 if len(text) == 2 else int(text)
        if grade in _METRES or grade in (0, 9):
            return grade
    detail = "no grade of quality is called like this"
    raise refuse("quality_unknown", detail, "ONSPD has 1 to 9, Code-Point Open 10 to 90")


def _uncertainty(grade: int, rural: str) -> int:
    metres = _METRES.get(grade, _UNGRADED)
    return max(metres, _RURAL_METRES) if _is_rural(rural.strip().upper()) else metres


def _is_rural(cell: str) -> bool:
    """2021: R…. 2011: D, E, F and a digit in England and Wales, 6 to 8 in Scotland, F to H alone in
    Northern Ireland.
    """
    if len(cell) == 1:
        return cell in "678FGH"
    return cell[:1] in ("R", "D", "E", "F") and len(cell) > 1


def _number(cell: str, what: str, low: float, high: float) -> float:
    try:
        number = float(cell) if cell.isascii() and "_" not in cell and len(cell) <= 40 else low - 1
    except ValueError:
        number = low - 1
    if not (isfinite(number) and low <= number <= high):
        detail = f"{what}: this is no number from {low:g} to {high:g}"
        raise refuse("coordinate_invalid", detail, "load the file again")
    return number


def _place(lat: str, lon: str) -> tuple[float, float] | None:
    if not lat.strip() and not lon.strip():
        return None
    y, x = _number(lat, "lat", -90, 100), _number(lon, "long", -180, 180)
    if y > _NOWHERE or (y == 0 and x == 0):
        return None
    if y > 90:
        raise refuse("coordinate_invalid", "lat: no place on Earth", "load the file again")
    return y, x


def _metric(north: str, east: str) -> tuple[float, float] | None:
    if not north.strip() and not east.strip():
        return None
    y = _number(north, "northings", 0, 1_300_000)
    x = _number(east, "eastings", 0, 700_000)
    return None if x == 0 and y == 0 else to_degrees(x, y)
