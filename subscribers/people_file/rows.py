"""Rows of the file of people: one after the other taken apart, each cell read, one person made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import compress
from operator import itemgetter

from broadcast.files.csv_files import is_formula, unescape
from broadcast.problems import Rejected, refuse
from subscribers.people_file import by_topic, choices, other_places, places, telephone, texts
from subscribers.people_file.email_address import normalise_email
from subscribers.people_file.findings import Findings
from subscribers.people_file.people import Row
from subscribers.people_file.record import ADDED_UP, COLUMNS, SubscriberRecord, usual_channels

_BY_AREA = ("officer", "partner")  # as of subscribers/registry/by_area.py
_REMEMBERED = 100_000  # different choices, and areas

_ALIKE: Mapping[str, Callable[[str], str]] = {
    "kind": choices.kind,
    "language": choices.language_tag,
    "sectors": texts.names,
    "communities": texts.names,
    "topics": choices.topics,
    "channels": choices.channels,
    "minimum_severity": choices.severity,
    "quiet_hours": choices.quiet_hours,
    "by_topic": lambda cell: by_topic.written(by_topic.read(cell)),
    "other_languages": choices.other_languages,
    "discreet": choices.discreet,
    "most_a_week": choices.most_a_week,
    "providers_off": texts.names,
}
"""How a cell of these columns is read. Many rows say the same in all of them."""
_OF_A_PLACE: Mapping[str, Callable[[str], str]] = {
    "postcode": places.postcode,
    "area": lru_cache(_REMEMBERED)(places.area),
    "places": lambda cell: other_places.text(other_places.read(cell)),
}
_READ = {**_ALIKE, **_OF_A_PLACE}


def _of(*columns: str) -> Callable[[Sequence[str]], tuple[str, ...]]:
    """Return what takes the cells of these columns out of the cells of all."""
    return itemgetter(*map(COLUMNS.index, columns))


_OWN = _of("external_id", "name", "email", "mobile", "phone", "lat", "lon")
_PLACE_CELLS, _CHOICE_CELLS = _of(*_OF_A_PLACE), _of(*_ALIKE)
_CHANNELS = COLUMNS.index("channels")


class RowReader:
    """Reads one row after the other; what is wrong or odd goes into the findings it was given."""

    def __init__(
        self,
        at: Mapping[str, int],
        findings: Findings,
        *,
        allow_trial_numbers: bool,
        fix: bool,
    ) -> None:
        """`at`: where each column of the file stands. `fix`, `allow_trial_numbers`: as told to
        `read_subscribers`.
        """
        self._findings = findings
        self._trial, self._fix = allow_trial_numbers, fix
        # A column that is not there reads the empty cell put behind every row.
        self._cells = itemgetter(*(at.get(column, len(at)) for column in COLUMNS))
        self._seen: dict[tuple[str, ...], Sequence[str]] = {}
        self._sets: dict[tuple[bool, ...], int] = {}
        self._there = frozenset(at)
        # Without one of these, what is in the registry decides by which channels somebody is told.
        self._tells_channels = {"channels", "mobile", "email"} <= self._there

    @property
    def sets(self) -> list[frozenset[str]]:
        """The sets of columns that rows fill in, without those that `merge` adds up."""
        return [
            frozenset(compress(COLUMNS, filled)) - ADDED_UP
            for filled in self._sets  # in the order of their numbers
        ]

    def read(self, line: int, row: list[str]) -> Row | None:
        """Return the person of a row, or None after its errors were noted."""
        cells = [cell.strip() for cell in self._cells([*row, ""])]
        record = self._record(line, cells)
        if record is None:
            return None
        filled = tuple(map(bool, cells))
        number = self._sets.setdefault(filled, len(self._sets))
        # no column says which channels are meant: none is chosen, and the file lacks contact points
        is_open = not (self._tells_channels or cells[_CHANNELS])
        return Row(line, is_open, number, record)

    def _record(self, line: int, cells: Sequence[str]) -> SubscriberRecord | None:
        problems = self._findings.problems
        wrong = len(problems)
        id_cell, name_cell, email_cell, mobile_cell, phone_cell, lat_cell, lon_cell = _OWN(cells)
        external_id = self._external_id(line, id_cell)
        name = self._words(line, "name", name_cell, 200)
        email = self._email(line, email_cell) if email_cell else None
        mobile = self._telephone(line, "mobile", mobile_cell) if mobile_cell else None
        phone = self._telephone(line, "phone", phone_cell) if phone_cell else None
        postcode, area, beside = (
            self._choice(line, column, cell) if cell else ""
            for column, cell in zip(_OF_A_PLACE, _PLACE_CELLS(cells), strict=True)
        )
        chosen = self._choices(line, _CHOICE_CELLS(cells))
        lat, lon = self._point(line, lat_cell, lon_cell) if lat_cell or lon_cell else (None, None)
        if len(problems) > wrong:
            return None
        kind, language, sectors, communities, topics, told, severity, *rest = chosen
        hours, single, other_languages, discreet, most_a_week, providers_off = rest
        channels = told or usual_channels(mobile, email)
        if beside and kind in _BY_AREA:
            self._findings.wrong(line, one_area(), "places")
            return None
        known = told or self._tells_channels
        if known and single and by_topic.within(single, channels) != single:
            self._findings.wrong(line, another_channel(), "by_topic")
            return None
        self._warn_of_channels(line, channels, email, mobile, phone)
        # by position: half a microsecond a row instead of two by name
        return SubscriberRecord(
            *(external_id, name, kind, email, mobile, phone, language, postcode, lat, lon),
            *(area or None, sectors, communities, topics, channels, severity, hours, single),
            *(beside, other_languages, discreet, most_a_week, providers_off),
        )

    def _choices(self, line: int, cells: tuple[str, ...]) -> Sequence[str]:
        """Return what the cells of `_ALIKE` say. A million rows choose in few different ways, and
        each is read once.
        """
        found = self._seen.get(cells)
        if found is None:
            wrong = len(self._findings.problems)
            found = [
                self._choice(line, column, cell) for column, cell in zip(_ALIKE, cells, strict=True)
            ]
            if len(self._findings.problems) == wrong and len(self._seen) < _REMEMBERED:
                self._seen[cells] = found
        return found

    def _external_id(self, line: int, cell: str) -> str:
        wrong = len(self._findings.problems)
        external_id = ""
        try:
            external_id = texts.external_id(cell)
        except Rejected as exc:
            self._findings.wrong(line, exc, "external_id")
        if not external_id and len(self._findings.problems) == wrong:
            self._findings.wrong(
                line,
                refuse(
                    "external_id_missing",
                    "nobody can be found again without it",
                    "give every person an id of your own",
                    field="external_id",
                ),
            )
        return external_id

    def _words(self, line: int, column: str, cell: str, longest: int) -> str:
        if not cell:
            return cell
        try:
            return texts.words(cell, longest)
        except Rejected as exc:
            self._findings.wrong(line, exc, column)
            return ""

    def _choice(self, line: int, column: str, cell: str) -> str:
        try:
            return _READ[column](cell)
        except Rejected as exc:
            self._findings.wrong(line, exc, column)
            return ""

    def _email(self, line: int, cell: str) -> str | None:
        try:
            if cell[0] in "=@" or (is_formula(cell) and "@" not in cell):
                raise texts.formula()
            return normalise_email(unescape(cell))
        except Rejected as exc:
            self._findings.wrong(line, exc, "email")
            return None

    def _telephone(self, line: int, column: str, cell: str) -> str | None:
        """Return a number as E.164. Most are in that form already."""
        if telephone.is_plain(cell, mobile=column == "mobile"):
            return cell
        try:
            return self._number(line, column, cell)
        except Rejected as exc:
            self._findings.wrong(line, exc, column)
            return None

    def _number(self, line: int, column: str, cell: str) -> str:
        if cell[0] in "=@-" or (cell[0] == "+" and any(c.isalpha() for c in cell)):
            raise texts.formula()
        whole = telephone.lost_its_zero(cell)
        if whole and not self._fix:
            raise refuse(
                "leading_zero_lost",
                "a spreadsheet has taken the leading zero",
                "format the column as text, or import with --fix to put it back",
            )
        number = telephone.normalise_number(
            whole or cell, mobile=column == "mobile", allow_trial_numbers=self._trial
        )
        if whole:
            self._findings.warn(
                "leading_zero_restored", line, f"{column}: the leading zero was put back"
            )
        return number

    def _point(self, line: int, lat: str, lon: str) -> tuple[float | None, float | None]:
        try:
            return places.point(lat, lon)
        except Rejected as exc:
            self._findings.wrong(line, exc)
            return None, None

    def _warn_of_channels(
        self, line: int, channels: str, email: str | None, mobile: str | None, phone: str | None
    ) -> None:
        if not channels and self._there.isdisjoint(("channels", "mobile", "email")):
            return  # nothing is said of it here
        may_have = {c: c not in self._there for c in ("mobile", "email", "phone")}
        if not channels:
            self._findings.warn(
                "channel_none",
                line,
                "neither mobile nor email: nothing can be sent",
                "give one, or choose voice with a phone",
            )
        elif (
            ("sms" in channels and not (mobile or may_have["mobile"]))
            or ("email" in channels and not (email or may_have["email"]))
            or (
                "voice" in channels
                and not (phone or mobile or may_have["phone"] or may_have["mobile"])
            )
        ):
            self._findings.warn(
                "channel_without_address",
                line,
                "a channel is chosen without a number or address for it",
                "give the number or address",
            )


def one_area() -> Rejected:
    """Return the refusal of other places for officers and partners, who have one area."""
    return refuse(
        "places_by_area",
        "officers and partners are known by one area",
        "leave places empty, or register them as a resident or a business too",
    )


def another_channel() -> Rejected:
    """Return the refusal of a topic's channel that is not among the person's channels."""
    return refuse(
        "topic_channel",
        "a topic has a channel on which the person chose to get nothing",
        "name it in channels too, or leave it out here",
    )
