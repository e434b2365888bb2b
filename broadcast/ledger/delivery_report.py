"""The account of a version: on which line every person of the frozen audience stands, at this
moment (rules R12, R18).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pyroaring import BitMap
from sqlalchemy import Connection, select

from broadcast.content.model import CHANNELS
from broadcast.ledger import audiences
from broadcast.ledger.claims.batches import members_of
from broadcast.ledger.claims.tables import batch, outcome
from broadcast.ledger.evidence import BEST_FIRST, LINES, SUPPRESSION_REASONS
from broadcast.ledger.kept import reading, rows
from broadcast.ledger.kept.reading import Facts, Pass, Passes
from broadcast.messages import small_counts, versions
from broadcast.messages.versions import Version

UNSURE = ("failed", "in_doubt", "refused")
"""Of an attempt that ended so a provider's code tells why."""

_WITHDRAWN = ("superseded", "corrected", "cancelled", "stood_down", "rejected")

_LINE_OF = {
    "accepted": "accepted",
    "sent": "accepted",
    "delivered": "delivered",
    "failed": "failed",
    "in_doubt": "in_doubt",
    "refused": "waiting",
    "not_started": "waiting",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Lines as sets of subscriber ids: per channel asked for, and per person the best of their
    channels.

    The people's lines are disjoint and make up `addressed`; `suppressed` splits the people of the
    line not_sent by their one reason.
    """

    version: Version
    addressed: BitMap
    people: dict[str, BitMap]
    channels: dict[str, dict[str, BitMap]]
    suppressed: dict[str, BitMap]

    def to_json(self) -> dict[str, Any]:
        """Return the contract's JSON of `deliveries`; every line is there, zeros too."""
        return {
            "message": self.version.message_id,
            "version": self.version.number,
            "status": self.version.status,
            "state": self.version.state,
            "people": {line: len(self.people[line]) for line in LINES},
            "channels": {
                channel: {line: len(lines[line]) for line in LINES}
                for channel, lines in self.channels.items()
            },
            "addressed": len(self.addressed),
            "suppressed": {
                reason: len(self.suppressed.get(reason, ())) for reason in SUPPRESSION_REASONS
            },
        }

    def shown(self) -> dict[str, Any]:
        """Return `to_json` as people may read it: no number tells where few people are."""
        return small_counts.account(self.to_json(), self.version.content)

    def of_person(self, person: int) -> tuple[str | None, str]:
        """Return a person's line and, where they were not sent to, the one reason; (None, "") for
        who is not addressed.
        """
        line = next((line for line, ids in self.people.items() if person in ids), None)
        return line, next((reason for reason, ids in self.suppressed.items() if person in ids), "")

    def channels_of(self, person: int) -> dict[str, str]:
        """Return the person's line on every channel they were asked for on."""
        return {
            channel: line
            for channel, lines in self.channels.items()
            for line, ids in lines.items()
            if person in ids
        }

    @property
    def complete(self) -> bool:
        """Whether nobody is waiting or being sent to any more; computed, never set."""
        return not self.people["waiting"] and not self.people["handing_over"]

    @property
    def adds_up(self) -> bool:
        """Whether every addressed person is on exactly one line, and every suppressed one has
        exactly one reason.
        """
        lines = list(self.people.values())
        reasons = list(self.suppressed.values())
        return (
            sum(len(ids) for ids in lines) == len(self.addressed)
            and BitMap().union(*lines) == self.addressed
            and sum(len(ids) for ids in reasons) == len(self.people["not_sent"])
            and BitMap().union(*reasons) == self.people["not_sent"]
        )


def account(conn: Connection, v: Version) -> Account:
    """Return the account as it stands at this moment: from what is kept of the version, and what
    changed since. The connection must see one snapshot, as that of `Database.read` does.
    """
    return _account(conn, v, reading.passes(conn, v.id))


def computed(conn: Connection, v: Version) -> Account:
    """Return the same account computed from the rows alone, person by person: this takes seconds
    for a million people.

    Decisions on whom to send to use this one, and the kept bitmaps are checked against it.
    """
    return _account(conn, v, rows.passes(conn, v.id))


def _account(conn: Connection, v: Version, passes: Passes) -> Account:
    audience = audiences.read(conn, v.id)
    duplicate = audiences.duplicates(conn, v.id)
    channels: dict[str, dict[str, BitMap]] = {}
    reasons: dict[str, dict[str, BitMap]] = {}
    ended = _ended_as(v)
    for channel in _in_order({*passes, *duplicate}):
        channels[channel], reasons[channel] = _channel_lines(
            passes.get(channel, {}), duplicate.get(channel, BitMap()), ended
        )
    sendable = BitMap().union(*audience.send.values()) if audience.send else BitMap()
    people = {line: BitMap() for line in LINES}
    left = BitMap(sendable)
    for line in BEST_FIRST:
        there = (
            BitMap().union(*(lines[line] for lines in channels.values())) & left
            if channels
            else BitMap()
        )
        people[line] = there
        left -= there
    if v.live_at is None:
        people[ended or "waiting"] |= left  # frozen, and not released: nobody has a batch yet
    suppressed = {reason: BitMap(ids) for reason, ids in audience.suppressed.items()}
    unexplained = BitMap(people["not_sent"])
    for reason in SUPPRESSION_REASONS:
        on_channels = (
            BitMap().union(*(r.get(reason, BitMap()) for r in reasons.values()))
            if reasons
            else BitMap()
        )
        mine = on_channels & unexplained
        if mine:
            suppressed[reason] = suppressed.get(reason, BitMap()) | mine
            unexplained -= mine
    if unexplained:
        suppressed["withdrawn"] = suppressed.get("withdrawn", BitMap()) | unexplained
    for ids in audience.suppressed.values():
        people["not_sent"] |= ids
    for channel in CHANNELS:
        channels.setdefault(channel, {line: BitMap() for line in LINES})
    return Account(
        version=v,
        addressed=audience.addressed,
        people=people,
        channels=channels,
        suppressed=suppressed,
    )


def of_message(conn: Connection, message_id: int, number: int | None = None) -> Account:
    """Return the account of a message's version, by default the newest that was published, else the
    open one.
    """
    existing = versions.of_message(conn, message_id)
    v = (
        next((v for v in existing if v.number == number), None)
        if number is not None
        else versions.newest_published(existing)
    )
    return account(conn, v or existing[-1])


def _ended_as(v: Version) -> str | None:
    if v.state == "expired":
        return "expired"
    return "not_sent" if v.state in _WITHDRAWN else None


def _in_order(channels: set[str]) -> list[str]:
    return [*(c for c in CHANNELS if c in channels), *sorted(channels - set(CHANNELS))]


def _channel_lines(
    passes: Mapping[int, Pass], duplicate: BitMap, ended: str | None
) -> tuple[dict[str, BitMap], dict[str, BitMap]]:
    """Return the lines of one channel, and the reasons of those not sent.

    The newest pass decides, except that an arrival in any pass stands, and a doubt in any stays
    visible (rule R12).
    """
    found = _Lines(ended)
    for _, each in sorted(passes.items()):
        found.add_pass(each.facts, each.waiting, each.claimed)
    found.show_arrivals_and_doubts()
    found.add_duplicates(duplicate)
    if ended == "not_sent":
        found.explain_the_withdrawn()
    return found.lines, found.reasons


class _Lines:
    """The lines of one channel while its passes are laid over each other.

    `ended` is the line of people who still waited when the version ended, if it did.
    """

    def __init__(self, ended: str | None) -> None:
        self.lines = {line: BitMap() for line in LINES}
        self.reasons: dict[str, BitMap] = {}
        self._waiting_line = ended or "waiting"
        self._arrived, self._doubted = BitMap(), BitMap()

    def add_pass(self, facts: Facts, waiting: BitMap, claimed: BitMap) -> None:
        """Lay a pass over the earlier ones: whoever it touched stands where it says."""
        here = {line: BitMap() for line in LINES}
        here[self._waiting_line] |= waiting
        known, reasons = BitMap(), {}
        for (state, code), ids in facts.items():
            known |= ids
            if state != "skipped":
                line = _LINE_OF[state]
                here[self._waiting_line if line == "waiting" else line] |= ids
            elif code != "reached":
                here["expired" if code == "expired" else "not_sent"] |= ids
                reasons[code] = ids
        here["handing_over"] |= claimed - known
        self._arrived |= facts.get(("delivered", ""), BitMap())
        self._doubted |= facts.get(("in_doubt", ""), BitMap())
        # Skipped because an earlier pass reached them: they stay where that pass put them.
        stays = facts.get(("skipped", "reached"), BitMap())
        touched = BitMap().union(*here.values()) - stays
        for line in LINES:
            self.lines[line] = (self.lines[line] - touched) | (here[line] - stays)
        for reason in self.reasons:
            self.reasons[reason] -= touched
        for reason, ids in reasons.items():
            self._explain(reason, ids)

    def show_arrivals_and_doubts(self) -> None:
        """Hide no doubt behind a later failure, and no arrival behind anything."""
        doubted = self._doubted - self.lines["accepted"] - self._arrived
        for line, ids in (("in_doubt", doubted), ("delivered", self._arrived)):
            for other in LINES:
                self.lines[other] = (
                    self.lines[other] | ids if other == line else self.lines[other] - ids
                )

    def add_duplicates(self, duplicate: BitMap) -> None:
        """Add people whose contact point somebody else was sent to instead."""
        alone = duplicate - BitMap().union(*self.lines.values())
        if alone:
            self.lines["not_sent"] |= alone
            self._explain("duplicate_person", alone)

    def explain_the_withdrawn(self) -> None:
        """Give everybody without a reason the one that the version was ended before them."""
        explained = BitMap().union(*self.reasons.values()) if self.reasons else BitMap()
        self._explain("withdrawn", self.lines["not_sent"] - explained)

    def _explain(self, reason: str, ids: BitMap) -> None:
        self.reasons[reason] = self.reasons.get(reason, BitMap()) | ids


def progress(conn: Connection, version_id: int) -> dict[str, dict[str, int]]:
    """Return channel → {size, claimed, accepted, failed, in_doubt, skipped, waiting} from per-slice
    totals: cheap, for a live view (R18).
    """
    return reading.progress(conn, version_id)


def held(conn: Connection, version_id: int, now: datetime) -> dict[str, tuple[BitMap, datetime]]:
    """Return per channel who waits for a later moment, most of them for the end of their quiet
    hours, and when the last of them is due.
    """
    found: dict[str, tuple[BitMap, datetime]] = {}
    for row in conn.execute(
        select(batch.c.channel, batch.c.members, batch.c.next, batch.c.not_before).where(
            batch.c.version_id == version_id, batch.c.open, batch.c.not_before > now
        )
    ):
        ids, last = found.get(row.channel, (BitMap(), now))
        mine = BitMap(members_of(row.members)[row.next :])
        found[row.channel] = (ids | mine, max(last, row.not_before))
    return found


def only_held(conn: Connection, found: Account, now: datetime) -> bool:
    """Return whether nobody is left but those who wait for a later moment."""
    later = BitMap().union(*(ids for ids, _ in held(conn, found.version.id, now).values()))
    return not (found.people["waiting"] - later) and not found.people["handing_over"]


def failure_codes(
    conn: Connection, version_id: int, people: Collection[int]
) -> dict[int, list[str]]:
    """Return why an attempt to these people failed or is in doubt, "sms 30003"; who had none is
    missing. Every person is looked up, so whoever lists a million asks piece by piece.
    """
    query = select(outcome.c.person_id, outcome.c.channel, outcome.c.code).where(
        outcome.c.version_id == version_id,
        outcome.c.person_id.in_(list(people)),
        outcome.c.state.in_(UNSURE),
        outcome.c.code != "",
    )
    found: dict[int, list[str]] = {}
    for person, channel, code in conn.execute(
        query.order_by(outcome.c.generation, outcome.c.channel)
    ):
        said = found.setdefault(person, [])
        if f"{channel} {code}" not in said:
            said.append(f"{channel} {code}")
    return found


def heard_of_between(
    conn: Connection, version_id: int, begin: datetime | None, end: datetime | None
) -> BitMap:
    """Return of whose attempts something was recorded last from `begin` until before `end`; None is
    no bound.
    """
    query = select(outcome.c.person_id).where(outcome.c.version_id == version_id).distinct()
    if begin is not None:
        query = query.where(outcome.c.at >= begin)
    if end is not None:
        query = query.where(outcome.c.at < end)
    return BitMap(conn.execute(query).scalars())


def with_failures(conn: Connection, version_id: int) -> BitMap:
    """Return everybody with an attempt that failed, was refused or is in doubt."""
    return reading.people_in(conn, version_id, UNSURE)
