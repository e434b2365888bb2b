"""The people of an account, one by one: filtered by line, channel and reason, a page at a time, or
all of them in pieces, so that a million take no more room than a few thousand.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from broadcast.content.model import CHANNELS
from broadcast.files.csv_files import escape, write_rows
from broadcast.files.nearest import did_you_mean, shown
from broadcast.ledger.evidence import LINES, SUPPRESSION_REASONS
from broadcast.problems import refuse

if TYPE_CHECKING:
    from pyroaring import BitMap

    from broadcast.ledger.delivery_report import Account
    from broadcast.store.database import Connection

PIECE = 5_000
"""So many people are told of at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Whom is asked for; None is everybody. `reason`: why somebody was not sent to."""

    state: str | None = None
    channel: str | None = None
    reason: str | None = None

    def __bool__(self) -> bool:
        """Whether anything is asked."""
        return any(each is not None for each in (self.state, self.channel, self.reason))

    def check(self, *, prefix: str = "") -> None:
        """Raise Rejected (422) for a line or a reason that there is not; `prefix` stands before the
        name of the field.
        """
        if self.state is not None and self.state not in LINES:
            raise refuse(
                "state_unknown",
                f"{shown(self.state)} is no line",
                did_you_mean(self.state, LINES),
                field=f"{prefix}state",
            )
        if self.reason is not None and self.reason not in SUPPRESSION_REASONS:
            raise refuse(
                "reason_unknown",
                f"{shown(self.reason)} is no reason",
                did_you_mean(self.reason, SUPPRESSION_REASONS),
                field=f"{prefix}reason",
            )

    def of(self, account: Account, *, prefix: str = "") -> BitMap:
        """Return those of an account who are asked for: on a line of their own, or of one channel,
        and for a reason. Raises Rejected (422).
        """
        from pyroaring import BitMap

        self.check(prefix=prefix)
        if self.channel is not None and self.channel not in account.channels:
            raise refuse(
                "channel_unknown",
                f"{shown(self.channel)} is no channel",
                did_you_mean(self.channel, [*dict.fromkeys((*CHANNELS, *account.channels))]),
                field=f"{prefix}channel",
            )
        lines = account.people if self.channel is None else account.channels[self.channel]
        if self.state is not None:
            found = lines[self.state]
        elif self.channel is None:
            found = account.addressed
        else:
            found = BitMap().union(*lines.values())
        if self.reason is None:
            return found
        return found & account.suppressed.get(self.reason, BitMap())


def page(wanted: BitMap, after: int, size: int) -> tuple[list[int], bool]:
    """Return the next people with a higher number than `after`, and whether more follow."""
    found = list(islice(wanted.iter_equal_or_larger(after + 1), size))
    return found, bool(found) and found[-1] != wanted.max()


def told(account: Account, people: list[int]) -> list[dict[str, Any]]:
    """Return {person, line, channels, reason} of each of these addressed people."""
    from pyroaring import BitMap

    some = BitMap(people)
    line_of = _where(account.people, some)
    reason_of = _where(account.suppressed, some)
    of_channel = {name: _where(lines, some) for name, lines in account.channels.items()}
    return [
        {
            "person": person,
            "line": line_of.get(person),
            "channels": {
                name: there[person] for name, there in of_channel.items() if person in there
            },
            "reason": reason_of.get(person),
        }
        for person in people
    ]


def pieces(wanted: BitMap, size: int = PIECE) -> Iterator[list[int]]:
    """Yield everybody in pieces of so many, by their numbers."""
    people = iter(wanted)
    while some := list(islice(people, size)):
        yield some


def csv_of(account: Account, wanted: BitMap, *, at_once: int = PIECE) -> Iterator[str]:
    """Yield the account of these people as CSV, with no cell that a spreadsheet runs; so many of
    them are held `at_once`.
    """
    channels = list(account.channels)

    def rows() -> Iterator[list[str]]:
        for people in pieces(wanted, at_once):
            for each in told(account, people):
                yield [
                    str(each["person"]),
                    each["line"] or "",
                    each["reason"] or "",
                    *(each["channels"].get(channel, "") for channel in channels),
                ]

    header = ["person", "line", "reason", *(escape(channel) for channel in channels)]
    return write_rows(header, rows())


def named(
    conn: Connection, account: Account, people: list[int], failed: Collection[int]
) -> list[dict[str, Any]]:
    """Return these people by what they are called outside, with the line of each channel and the
    reason; of those of `failed` a provider's codes.
    """
    from broadcast.ledger import delivery_report
    from subscribers.registry import showing

    codes = delivery_report.failure_codes(conn, account.version.id, failed) if failed else {}
    external = showing.external_ids(conn, people)
    return [
        {
            "person": each["person"],
            "external_id": external.get(each["person"], ""),
            "line": each["line"] or "",
            "channels": each["channels"],
            "reason": each["reason"] or "; ".join(codes.get(each["person"], [])),
        }
        for each in told(account, people)
    ]


def csv_named(
    conn: Connection,
    account: Account,
    wanted: BitMap,
    *,
    written: Callable[[int], None] = lambda _: None,
    at_once: int = PIECE,
) -> Iterator[str]:
    """Yield the account of these people as CSV with what they are called outside, `at_once`
    so many; `written` is told after each piece how many people were.
    """
    from pyroaring import BitMap

    from broadcast.ledger import delivery_report

    channels = [
        *(c for c in CHANNELS if c in account.channels),
        *(c for c in account.channels if c not in CHANNELS),
    ]
    failed = delivery_report.with_failures(conn, account.version.id)

    def rows() -> Iterator[list[str]]:
        done = 0
        for people in pieces(wanted, at_once):
            for p in named(conn, account, people, list(failed & BitMap(people))):
                yield [
                    str(p["person"]),
                    escape(p["external_id"]),
                    p["line"],
                    *(p["channels"].get(name, "") for name in channels),
                    escape(p["reason"]),
                ]
            done += len(people)
            written(done)

    return write_rows(("person", "external_id", "line", *channels, "reason"), rows())


def _where(sets: Mapping[str, BitMap], people: BitMap) -> dict[int, str]:
    return {person: name for name, ids in sets.items() for person in ids & people}
