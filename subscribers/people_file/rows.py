"""Rows of the file of people: one after the other taken apart, each cell read, one person made."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from broadcast.files.csv_files import is_formula, unescape
from broadcast.problems import Rejected, refuse
from subscribers.people_file import by_topic, choices, other_places, places, telephone, texts
from subscribers.people_file.email_address import normalise_email
from subscribers.people_file.findings import Findings
from subscribers.people_file.record import ADDED_UP, COLUMNS, SubscriberRecord, usual_channels

_BY_AREA = ("officer", "partner")  # as of subscribers/registry/by_area.py
_REMEMBERED = 100_000  # different cells of one column

_ALIKE: Mapping[str, Callable[[str], str]] = {
    "kind": choices.kind,
    "language": choices.language_tag,
    "postcode": places.postcode,
    "area": places.area,
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
    "places": lambda cell: other_places.text(other_places.read(cell)),
}
"""How a cell of these columns is read. Many rows say the same in them."""


class _Remembering:
    """Reads the cells of one column, each different one once: a million rows have few different
    lists, languages and hours.
    """

    def __init__(self, parse: Callable[[str], str]) -> None:
        self._parse = parse
        self._seen: dict[str, str] = {}

    def __call__(self, cell: str) -> str:
        found = self._seen.get(cell)
        if found is None:
            found = self._parse(cell)
            if len(self._seen) < _REMEMBERED:
                self._seen[cell] = found
        return found


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
        self._at = [at.get(column, len(at)) for column in COLUMNS]
        self._alike = {column: _Remembering(parse) for column, parse in _ALIKE.items()}
        self._there = frozenset(at)
        # Without one of these, what is in the registry decides by which channels somebody is told.
        self._tells_channels = {"channels", "mobile", "email"} <= self._there

    def leaves_channels_open(self, row: list[str]) -> bool:
        """Return whether a row says by no column which channels are meant: none is chosen, and the
        file lacks contact points.
        """
        n = self._at[COLUMNS.index("channels")]
        return not self._tells_channels and not (n < len(row) and row[n].strip())

    def given(self, row: list[str]) -> frozenset[str]:
        """Return the columns that a row fills in, without those that `merge` adds up."""
        return (
            frozenset(
                c for c, n in zip(COLUMNS, self._at, strict=True) if n < len(row) and row[n].strip()
            )
            - ADDED_UP
        )

    def read(self, line: int, row: list[str]) -> SubscriberRecord | None:
        """Return the person of a row, or None after its errors were noted."""
        problems = self._findings.problems
        wrong = len(problems)
        row = [*row, ""]
        given = {column: row[n].strip() for column, n in zip(COLUMNS, self._at, strict=True)}
        external_id = self._external_id(line, given["external_id"])
        name = self._words(line, "name", given["name"], 200)
        email = self._email(line, given["email"]) if given["email"] else None
        mobile = self._telephone(line, "mobile", given["mobile"])
        phone = self._telephone(line, "phone", given["phone"])
        chosen = {column: self._choice(line, column, given[column]) for column in self._alike}
        placed = given["lat"] or given["lon"]
        lat, lon = self._point(line, given["lat"], given["lon"]) if placed else (None, None)
        if len(problems) > wrong:
            return None
        channels = chosen["channels"] or usual_channels(mobile, email)
        if chosen["places"] and chosen["kind"] in _BY_AREA:
            self._findings.wrong(line, one_area(), "places")
            return None
        single = chosen["by_topic"]
        known = chosen["channels"] or self._tells_channels
        if known and single and by_topic.within(single, channels) != single:
            self._findings.wrong(line, another_channel(), "by_topic")
            return None
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
            by_topic=chosen["by_topic"],
            places=chosen["places"],
            other_languages=chosen["other_languages"],
            discreet=chosen["discreet"],
            most_a_week=chosen["most_a_week"],
            providers_off=chosen["providers_off"],
        )

    def _external_id(self, line: int, cell: str) -> str:
        wrong = len(self._findings.problems)
        external_id = self._words(line, "external_id", cell, 128)
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
            return self._alike[column](cell)
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
        if not cell:
            return None
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
