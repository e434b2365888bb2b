"""The subscribers CSV of the contract: read, checked cell by cell, every error named with its
line, nothing half taken.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import phonenumbers
from numpy.typing import NDArray

from broadcast.content.model import PERSONAL_CHANNELS, SEVERITIES, SUBSCRIBER_KINDS
from broadcast.files.csv_files import is_formula, open_table, unescape
from broadcast.levels.names import folded
from broadcast.places.geometry import UK_BOUNDS
from broadcast.places.postcodes import code as postcodes
from broadcast.problems import Problem, Rejected, refuse
from subscribers import quiet_hours

COLUMNS: Final = (
    "external_id",
    "name",
    "kind",
    "email",
    "mobile",
    "phone",
    "language",
    "postcode",
    "lat",
    "lon",
    "area",
    "sectors",
    "communities",
    "topics",
    "channels",
    "minimum_severity",
    "quiet_hours",
)
TOPICS: Final = ("threat_level", "incident", "appeal", "advice", "crime_update", "exercise")
_TELL = 5_000  # lines between two reports of how far the reading is
_LISTED_WARNINGS = 20  # of one kind; the rest are counted

_MOBILE = re.compile(r"\+447(?:[1-57-9][0-9]{8}|624[0-9]{6})", re.ASCII)
_LANDLINE = re.compile(r"\+44[123][0-9]{8,9}", re.ASCII)
_TRIAL = re.compile(r"\+999[0-9]{9}", re.ASCII)
_LOST = re.compile(r"[0-9]+(?:[.,][0-9]+)?[eE]\+?[0-9]+", re.ASCII)
_NO_ZERO = re.compile(r"[1-9][0-9]{8,9}", re.ASCII)
_EMAIL = re.compile(
    r"(?!\.)(?!.*\.\.)(?!.*\.@)[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?P<domain>(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+(?:[A-Za-z]{2,63}|[Xx][Nn]--[A-Za-z0-9-]{1,59}))",
    re.ASCII,
)
_NO_MAIL = frozenset({"localhost", "local", "localdomain", "internal", "invalid", "onion", "arpa"})
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*", re.ASCII)
_DEGREES = re.compile(r"[+-]?[0-9]{1,3}(?:\.[0-9]{0,20})?", re.ASCII)
_OTHER_POSTCODE = re.compile(r"[A-Z0-9][A-Z0-9 -]{0,9}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2060\u2066-\u2069\ufeff]")
_SPACES = re.compile(r"\s+")


class SubscriberRecord(NamedTuple):
    """One person as a file gives them, checked. Lists are joined by ";"; `topics` empty = all but
    exercise; `channels` are filled in.
    """

    external_id: str
    name: str
    kind: str
    email: str | None
    mobile: str | None
    phone: str | None
    language: str
    postcode: str
    lat: float | None
    lon: float | None
    area: str | None
    sectors: str
    communities: str
    topics: str
    channels: str
    minimum_severity: str
    quiet_hours: str
    uncertainty_m: int | None = None
    """Metres round a place that a postcode stands for; None = the place itself was given."""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What a file holds. With problems there are no records: all or nothing. `merged` are the
    external ids that stood there twice.
    """

    records: list[SubscriberRecord]
    problems: list[Problem]
    warnings: list[Problem]
    merged: list[str]


def read_subscribers(
    data: bytes,
    *,
    filename: str,
    allow_trial_numbers: bool,
    known_area: Callable[[str], bool],
    anywhere: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]] | None = None,
    fix: bool = False,
    read: Callable[[int], None] = lambda _: None,
) -> ImportResult:
    """Return the people of a file, or every error in it. Raises nothing for bad input.

    `known_area(code)` and `anywhere(lats, lons)` say what is imported (a person elsewhere is kept,
    with a warning). `allow_trial_numbers`: +999 and nine digits are taken. `fix`: numbers that lost
    their leading zero get it back, with a warning; otherwise they are errors.
    `read` is told the number of the line, now and then.
    """
    problems: list[Problem] = []
    warnings = _Warnings(filename)
    try:
        header, rows = open_table(data, filename, problems, expected=COLUMNS)
        at = _columns(header, filename)
    except Rejected as exc:
        return ImportResult([], list(exc.problems), [], [])
    reader = _Reader(
        filename, at, problems, warnings, allow_trial_numbers=allow_trial_numbers, fix=fix
    )
    records: dict[str, SubscriberRecord] = {}
    lines: dict[str, int] = {}
    again: dict[str, None] = {}
    tell = 0
    for line, cells in rows:
        if line >= tell:
            read(line)
            tell = line + _TELL
        record = reader.read(line, cells)
        if record is None:
            continue
        if record.external_id in records:
            again[record.external_id] = None
            warnings.add(
                "merged",
                line,
                f"{record.external_id} stood at line {lines[record.external_id]} already; the two"
                " rows are one person",
            )
            record = merge(records[record.external_id], record, reader.given(cells))
        else:
            lines[record.external_id] = line
        records[record.external_id] = record
    if problems:
        return ImportResult([], sorted(problems, key=_line_of), warnings.all(), [])
    if not records:
        return ImportResult(
            [],
            [
                Problem(
                    code="file_empty",
                    detail="nobody in it",
                    fix="give at least one row below the header",
                    where=filename,
                )
            ],
            [],
            [],
        )
    found = list(records.values())
    _warn_of_places(found, lines, warnings, known_area, anywhere)
    return ImportResult(found, [], warnings.all(), list(again))


def merge(
    first: SubscriberRecord, second: SubscriberRecord, given: frozenset[str]
) -> SubscriberRecord:
    """Return one person of two rows: what the later row gives wins, sectors and communities are
    added up. `given` are the columns it fills in.
    """
    merged = first._replace(
        **{field: value for field, value in second._asdict().items() if field in given}
    )
    channels = second.channels if "channels" in given else _union(first.channels, second.channels)
    return merged._replace(
        channels=channels,
        sectors=_union(first.sectors, second.sectors),
        communities=_union(first.communities, second.communities),
    )


def normalise_number(cell: str, *, mobile: bool, allow_trial_numbers: bool = False) -> str:
    """Return a telephone number as E.164; the United Kingdom is the default. Raises Rejected; the
    number is never repeated in the error.

    Ofcom's drama numbers are taken, though libphonenumber calls them not valid. `mobile`: refuse
    what cannot get a text.
    """
    text = unicodedata.normalize("NFKC", cell).strip().lstrip("'")
    compact = re.sub(r"[\s().\u2010-\u2015-]", "", text)
    if _TRIAL.fullmatch(compact):
        if allow_trial_numbers:
            return compact
        raise refuse(
            "number_not_allowed",
            "no country has the code 999",
            "trial numbers are for trials: TWILIO_API_BASE must be on loopback",
        )
    if compact.startswith("+999"):
        raise refuse(
            "number_invalid",
            "a trial number is +999 and nine digits",
            "write nine digits after +999",
        )
    if _LOST.fullmatch(compact):
        raise refuse(
            "number_lost_by_spreadsheet",
            "a spreadsheet has rounded this number and its digits are gone",
            "format the column as text and fill it again from the source",
        )
    if compact.isdigit() and len(compact) <= 6:
        raise refuse(
            "number_not_allowed" if not compact.startswith("0") else "number_too_short",
            "a short code or a piece of a number",
            "give the whole number, such as 07700 900123",
        )
    if compact.isascii() and compact.isdigit() and compact.startswith("44") and len(compact) == 12:
        compact = text = (
            "+" + compact
            # a spreadsheet took the plus; no number of the United Kingdom begins 44 without a zero
            # before it
        )
    try:
        parsed = phonenumbers.parse(
            text if compact.startswith(("+", "00")) or "ext" in text.lower() else compact, "GB"
        )
    except phonenumbers.NumberParseException as exc:
        code = (
            "number_too_short"
            if exc.error_type in (exc.TOO_SHORT_NSN, exc.TOO_SHORT_AFTER_IDD)
            else "number_too_long"
            if exc.error_type == exc.TOO_LONG
            else "number_invalid"
        )
        raise refuse(
            code, "this is no telephone number", "write it as +447700900123 or 07700 900123"
        ) from exc
    if parsed.extension:
        raise refuse(
            "number_invalid",
            "a number with an extension cannot be dialled by us",
            "give a direct number",
        )
    reason = phonenumbers.is_possible_number_with_reason(parsed)
    if reason in (
        phonenumbers.ValidationResult.TOO_SHORT,
        phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY,
    ):
        raise refuse(
            "number_too_short", "digits are missing", "give the whole number, such as 07700 900123"
        )
    if reason != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise refuse(
            (
                "number_too_long"
                if reason == phonenumbers.ValidationResult.TOO_LONG
                else "number_invalid"
            ),
            "this is no telephone number",
            "write it as +447700900123 or 07700 900123",
        )
    number: str = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    _check_kind(parsed, number, mobile)
    return number


def _check_kind(parsed: phonenumbers.PhoneNumber, number: str, mobile: bool) -> None:
    if _MOBILE.fullmatch(number) or (_LANDLINE.fullmatch(number) and not mobile):
        return
    types = phonenumbers.PhoneNumberType
    kind = phonenumbers.number_type(parsed)
    if number.startswith(("+449", "+4470", "+44118")) or kind in (
        types.PREMIUM_RATE,
        types.PERSONAL_NUMBER,
    ):
        raise refuse(
            "number_not_allowed",
            "a premium, personal or directory number",
            "give an ordinary number",
        )
    if mobile and (
        _LANDLINE.fullmatch(number)
        or kind
        in (
            types.FIXED_LINE,
            types.TOLL_FREE,
            types.UAN,
            types.SHARED_COST,
            types.VOIP,
            types.PAGER,
        )
    ):
        raise refuse(
            "landline",
            "this number takes no text messages",
            "put it into the column phone and choose voice",
        )
    if number.startswith("+447") and len(number) < 13:
        raise refuse(
            "number_too_short", "digits are missing", "give the whole number, such as 07700 900123"
        )
    if not phonenumbers.is_valid_number(parsed):
        raise refuse(
            "number_invalid",
            "no such range of numbers is in use",
            "write it as +447700900123 or 07700 900123",
        )


def normalise_email(cell: str) -> str:
    """Return an e-mail address, its domain in lower case. Raises Rejected; the address is never
    repeated in the error.
    """
    text = cell.strip()
    found = _EMAIL.fullmatch(text)
    if found is None or len(text) > 254:
        local, _, domain = text.rpartition("@")
        if (
            local
            and "@" not in local
            and not _CONTROL.search(text)
            and (
                domain.startswith("[")
                or domain.lower() in _NO_MAIL
                or re.fullmatch(r"[0-9.]+", domain)
            )
        ):
            raise refuse(
                "email_domain",
                "mail cannot be sent to that domain",
                "give an address on the internet, such as name@example.org",
            )
        if local and not domain.isascii() and "@" not in local:
            try:
                return normalise_email(f"{local}@{domain.encode('idna').decode()}")
            except UnicodeError:
                pass
        raise refuse("email_invalid", "this is no e-mail address", "write it as name@example.org")
    domain = found["domain"].lower()
    if domain.rpartition(".")[2] in _NO_MAIL:
        raise refuse(
            "email_domain",
            "mail cannot be sent to that domain",
            "give an address on the internet, such as name@example.org",
        )
    return text[: found.start("domain")] + domain


def language_tag(cell: str) -> str:
    """Return a language tag in the usual case (RFC 5646 section 2.1.1), "en" for none. Raises
    Rejected.
    """
    if not cell:
        return "en"
    if not _LANGUAGE.fullmatch(cell) or len(cell) > 35:
        raise refuse(
            "language_invalid", "this is no language tag", "write en, cy, pt-BR, zh-Hant (RFC 5646)"
        )
    first, *rest = cell.split("-")
    return "-".join(
        [
            first.lower(),
            *(p.title() if len(p) == 4 else p.upper() if len(p) == 2 else p.lower() for p in rest),
        ]
    )


class _Warnings:
    """Warnings by kind: the first of each with their line, the rest counted."""

    def __init__(self, filename: str) -> None:
        self._filename = filename
        self._kinds: dict[str, list[Problem]] = {}
        self._more: dict[str, int] = {}

    def add(self, code: str, line: int, detail: str, fix: str = "") -> None:
        listed = self._kinds.setdefault(code, [])
        if len(listed) < _LISTED_WARNINGS or code in ("merged", "leading_zero_restored"):
            listed.append(
                Problem(code=code, detail=detail, fix=fix, where=f"{self._filename}:{line}")
            )
        else:
            self._more[code] = self._more.get(code, 0) + 1

    def all(self) -> list[Problem]:
        return [p for listed in self._kinds.values() for p in listed] + [
            Problem(code=code, detail=f"and {count} more like it", where=self._filename)
            for code, count in self._more.items()
        ]


class _Cells:
    """What one kind of cell means, remembered: a million rows have few different lists, languages
    and hours.
    """

    def __init__(self, parse: Callable[[str], str]) -> None:
        self._parse = parse
        self._seen: dict[str, str] = {}

    def __call__(self, cell: str) -> str:
        found = self._seen.get(cell)
        if found is None:
            found = self._parse(cell)
            if len(self._seen) < 100_000:
                self._seen[cell] = found
        return found


class _Reader:
    """Reads one row after the other; errors and warnings go into the lists it was given."""

    def __init__(
        self,
        filename: str,
        at: dict[str, int],
        problems: list[Problem],
        warnings: _Warnings,
        *,
        allow_trial_numbers: bool,
        fix: bool,
    ) -> None:
        self._filename, self._problems, self._warnings = filename, problems, warnings
        self._trial, self._fix = allow_trial_numbers, fix
        self._blank = len(at)
        # A column that is not there reads the empty cell put behind every row.
        self._at = [at.get(column, self._blank) for column in COLUMNS]
        self._cells = {
            "kind": _Cells(_kind),
            "language": _Cells(language_tag),
            "postcode": _Cells(_postcode),
            "area": _Cells(_area),
            "sectors": _Cells(_names),
            "communities": _Cells(_names),
            "topics": _Cells(lambda c: _subset(c, TOPICS, "topic")),
            "channels": _Cells(lambda c: _subset(c, PERSONAL_CHANNELS, "channel", ordered=True)),
            "minimum_severity": _Cells(_severity),
            "quiet_hours": _Cells(_quiet_hours),
        }

    def given(self, row: list[str]) -> frozenset[str]:
        """Return the columns that a row fills in, without those that `merge` adds up."""
        return frozenset(
            c for c, n in zip(COLUMNS, self._at, strict=True) if n < len(row) and row[n].strip()
        ) - {"sectors", "communities"}

    def read(self, line: int, row: list[str]) -> SubscriberRecord | None:
        """Return the person of a row, or None after its errors were noted."""
        wrong = len(self._problems)
        row = [*row, ""]
        given = {column: row[n].strip() for column, n in zip(COLUMNS, self._at, strict=True)}
        external_id = self._external_id(line, given["external_id"])
        name = self._text(line, "name", given["name"], 200)
        email = self._email(line, given["email"]) if given["email"] else None
        mobile = self._telephone(line, "mobile", given["mobile"])
        phone = self._telephone(line, "phone", given["phone"])
        chosen = {column: self._choice(line, column, given[column]) for column in self._cells}
        placed = given["lat"] or given["lon"]
        lat, lon = self._place(line, given["lat"], given["lon"]) if placed else (None, None)
        if len(self._problems) > wrong:
            return None
        channels = chosen["channels"] or _usual_channels(mobile, email)
        self._warn_of_channels(line, channels, email, mobile, phone)
        return SubscriberRecord(
            external_id=external_id,
            name=name,
            kind=chosen["kind"],
            email=email,
            mobile=mobile,
            phone=phone,
            language=chosen["language"],
            postcode=chosen["postcode"],
            lat=lat,
            lon=lon,
            area=chosen["area"] or None,
            sectors=chosen["sectors"],
            communities=chosen["communities"],
            topics=chosen["topics"],
            channels=channels,
            minimum_severity=chosen["minimum_severity"],
            quiet_hours=chosen["quiet_hours"],
        )

    def _external_id(self, line: int, cell: str) -> str:
        wrong = len(self._problems)
        external_id = self._text(line, "external_id", cell, 128)
        if not external_id and len(self._problems) == wrong:
            self._wrong(
                line,
                refuse(
                    "external_id_missing",
                    "nobody can be found again without it",
                    "give every person an id of your own",
                    field="external_id",
                ),
            )
        return external_id

    def _telephone(self, line: int, column: str, cell: str) -> str | None:
        """Return a number as E.164. Most are in that form already, which a pattern sees fast."""
        if not cell:
            return None
        plain = _MOBILE.fullmatch(cell) or (column == "phone" and _LANDLINE.fullmatch(cell))
        return cell if plain else self._number(line, column, cell)

    def _choice(self, line: int, column: str, cell: str) -> str:
        try:
            return self._cells[column](cell)
        except Rejected as exc:
            self._wrong(line, exc, column)
            return ""

    def _wrong(self, line: int, exc: Rejected, column: str = "") -> None:
        for p in exc.problems:
            field = p.field or column
            self._problems.append(
                Problem(
                    code=p.code,
                    detail=f"{field}: {p.detail}",
                    fix=p.fix,
                    field=field,
                    where=f"{self._filename}:{line}",
                )
            )

    def _text(self, line: int, column: str, cell: str, longest: int) -> str:
        if not cell:
            return cell
        try:
            return _text(cell, longest)
        except Rejected as exc:
            self._wrong(line, exc, column)
            return ""

    def _email(self, line: int, cell: str) -> str | None:
        try:
            if cell[0] in "=@" or (is_formula(cell) and "@" not in cell):
                raise _formula()
            return normalise_email(unescape(cell))
        except Rejected as exc:
            self._wrong(line, exc, "email")
            return None

    def _number(self, line: int, column: str, cell: str) -> str | None:
        try:
            if cell[0] in "=@-" or (cell[0] == "+" and any(c.isalpha() for c in cell)):
                raise _formula()
            compact = cell.replace(" ", "").lstrip("'")
            if _NO_ZERO.fullmatch(compact):
                if not self._fix:
                    raise refuse(
                        "leading_zero_lost",
                        "a spreadsheet has taken the leading zero",
                        "format the column as text, or import with --fix to put it back",
                    )
                number = normalise_number(
                    "0" + compact, mobile=column == "mobile", allow_trial_numbers=self._trial
                )
                self._warnings.add(
                    "leading_zero_restored", line, f"{column}: the leading zero was put back"
                )
                return number
            return normalise_number(
                cell, mobile=column == "mobile", allow_trial_numbers=self._trial
            )
        except Rejected as exc:
            self._wrong(line, exc, column)
            return None

    def _place(self, line: int, lat: str, lon: str) -> tuple[float | None, float | None]:
        try:
            if not lat or not lon:
                raise refuse(
                    "coordinate_missing",
                    "one of lat and lon is empty",
                    "give both, or neither",
                    field="lat" if lon else "lon",
                )
            for column, cell in (("lat", lat), ("lon", lon)):
                if cell.lower().lstrip("+-") in ("nan", "inf", "infinity"):
                    raise refuse(
                        "coordinate_not_finite",
                        "this is no finite number",
                        "write degrees such as 51.5074",
                        field=column,
                    )
                if not _DEGREES.fullmatch(cell):
                    if cell[0] in "=@":
                        raise _formula(column)
                    raise refuse(
                        "coordinate_invalid",
                        "this is no number of degrees",
                        "write degrees such as 51.5074",
                        field=column,
                    )
            y, x = float(lat), float(lon)
            west, south, east, north = UK_BOUNDS
            if west <= y <= east and south <= x <= north:
                raise refuse(
                    "coordinates_swapped",
                    "latitude and longitude are swapped",
                    "lat is about 50 to 60 here, lon about -8 to 2",
                    field="lat",
                )
            if abs(y) > 90 or abs(x) > 180:
                raise refuse(
                    "coordinate_range",
                    "no place on Earth",
                    "lat is -90..90, lon -180..180",
                    field="lat" if abs(y) > 90 else "lon",
                )
            return y, x
        except Rejected as exc:
            self._wrong(line, exc)
            return None, None

    def _warn_of_channels(
        self, line: int, channels: str, email: str | None, mobile: str | None, phone: str | None
    ) -> None:
        if not channels:
            self._warnings.add(
                "channel_none",
                line,
                "neither mobile nor email: nothing can be sent",
                "give one, or choose voice with a phone",
            )
        elif (
            ("sms" in channels and not mobile)
            or ("email" in channels and not email)
            or ("voice" in channels and not (phone or mobile))
        ):
            self._warnings.add(
                "channel_without_address",
                line,
                "a channel is chosen without a number or address for it",
                "give the number or address",
            )


def _columns(header: Sequence[str], filename: str) -> dict[str, int]:
    at = {name.casefold(): n for n, name in enumerate(header)}
    unknown = [name for name in at if name not in COLUMNS]
    if unknown:
        hints = {name: difflib.get_close_matches(name, COLUMNS, 1) for name in unknown}
        raise Rejected(
            Problem(
                code="column_unknown",
                detail=f"there is no column {name[:40]!r}",
                fix=f"did you mean {hint[0]}" if hint else f"use {', '.join(COLUMNS)}",
                where=f"{filename}:1",
            )
            for name, hint in hints.items()
        )
    if "external_id" not in at:
        raise Rejected(
            Problem(
                code="header_missing",
                detail="no column external_id",
                fix=f"the columns are {', '.join(COLUMNS)}",
                where=f"{filename}:1",
            )
        )
    return at


def _warn_of_places(
    records: Sequence[SubscriberRecord],
    lines: dict[str, int],
    warnings: _Warnings,
    known_area: Callable[[str], bool],
    anywhere: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]] | None,
) -> None:
    areas = {area: known_area(area) for area in {r.area for r in records} if area is not None}
    lats = np.array([np.nan if r.lat is None else r.lat for r in records], dtype=np.float64)
    lons = np.array([np.nan if r.lon is None else r.lon for r in records], dtype=np.float64)
    inside = np.isfinite(lats) if anywhere is None else anywhere(lats, lons)
    for n in np.flatnonzero(~inside).tolist():
        r = records[n]
        line = lines[r.external_id]
        if r.area is not None and not areas[r.area]:
            warnings.add(
                "area_unknown",
                line,
                f"the area {r.area} is not imported",
                "import it, or correct the code",
            )
        elif r.area is None and r.lat is not None:
            warnings.add(
                "place_in_no_area",
                line,
                "the place lies in no imported area",
                "only messages to everybody or drawn on a map reach them",
            )
        elif r.area is None and not postcodes.key(r.postcode):
            warnings.add(
                "place_missing",
                line,
                "neither lat and lon nor area nor postcode",
                "only messages to everybody reach them",
            )


def _kind(cell: str) -> str:
    low = unescape(cell).casefold() or "resident"
    if low not in SUBSCRIBER_KINDS:
        raise refuse("kind_unknown", f"{_shown(cell)} is no kind", _nearest(low, SUBSCRIBER_KINDS))
    return low


def _postcode(cell: str) -> str:
    """Return a postcode with its one space; one of another country stays as it is written."""
    if known := postcodes.key(unescape(cell)):
        return postcodes.spaced(known)
    # none is longer than ten characters, however it is spaced
    may_be = len(cell) <= 100
    text = _SPACES.sub(" ", unicodedata.normalize("NFKC", cell)).upper() if may_be else ""
    if not may_be or (text and not _OTHER_POSTCODE.fullmatch(text)):
        raise (
            _formula()
            if is_formula(cell)
            else refuse(
                "postcode_invalid", "this is no postcode", "write it as SW1A 2AA, or leave it empty"
            )
        )
    return text


def _area(cell: str) -> str:
    if cell and (
        len(cell) > 64
        or not all(c.isascii() and (c.isalnum() or c in "-_.") for c in cell)
        or is_formula(cell)
    ):
        raise (
            _formula()
            if is_formula(cell)
            else refuse(
                "area_code", "this cannot be the code of an area", "use GSS codes such as E09000033"
            )
        )
    return cell


def _names(cell: str) -> str:
    found: dict[str, str] = {}
    for part in cell.split(";"):
        name = _SPACES.sub(" ", _text(part.strip(), 100)) if part.strip() else ""
        if name:
            found.setdefault(folded(name), name)
    return ";".join(found.values())


def _text(cell: str, longest: int) -> str:
    if is_formula(cell):
        raise _formula()
    text = unescape(cell)
    if _CONTROL.search(text):
        raise refuse("control_character", "a line break or an invisible character", "take it out")
    if len(text) > longest:
        raise refuse("text_too_long", f"more than {longest} characters", "shorten it")
    return text


def _subset(cell: str, allowed: Sequence[str], what: str, *, ordered: bool = False) -> str:
    chosen = list(
        dict.fromkeys(part.strip().casefold() for part in cell.split(";") if part.strip())
    )
    for part in chosen:
        if part not in allowed:
            raise (
                _formula()
                if is_formula(cell)
                else refuse(
                    f"{what}_unknown", f"{_shown(part)} is no {what}", _nearest(part, allowed)
                )
            )
    return ";".join(chosen if ordered else [a for a in allowed if a in chosen])


def _severity(cell: str) -> str:
    if not cell:
        return ""
    found = next((s for s in SEVERITIES if s.casefold() == cell.casefold()), None)
    if found is None:
        raise (
            _formula()
            if is_formula(cell)
            else refuse(
                "severity_unknown",
                f"{_shown(cell)} is no severity",
                _nearest(cell.title(), SEVERITIES),
            )
        )
    return found


def _quiet_hours(cell: str) -> str:
    if not cell:
        return ""
    try:
        return str(quiet_hours.parse(cell))
    except ValueError as exc:
        raise (
            _formula()
            if is_formula(cell)
            else refuse("quiet_hours_invalid", str(exc), "write it as 22:00-07:00 Europe/London")
        ) from exc


def _formula(field: str = "") -> Rejected:
    return refuse(
        "formula_cell",
        "a spreadsheet would run this cell as a formula",
        "take out the first character, or put an apostrophe before it if it is text",
        field=field,
    )


def _shown(cell: str) -> str:
    # Only a word that cannot be a name, a number or an address is repeated.
    return repr(cell) if re.fullmatch(r"[a-z_]{1,20}", cell, re.IGNORECASE | re.ASCII) else "this"


def _nearest(cell: str, allowed: Sequence[str]) -> str:
    close = difflib.get_close_matches(cell, allowed, 1)
    return f"did you mean {close[0]}" if close else f"use {', '.join(allowed)}"


def _union(first: str, second: str) -> str:
    found: dict[str, str] = {}
    for part in (*first.split(";"), *second.split(";")):
        if part:
            found.setdefault(folded(part), part)
    return ";".join(found.values())


def _line_of(problem: Problem) -> int:
    return int(problem.where.rpartition(":")[2] or 0)


def _usual_channels(mobile: str | None, email: str | None) -> str:
    """Return the channels of a person who chose none: those for which we have an address."""
    return ";".join(channel for channel, address in (("sms", mobile), ("email", email)) if address)
