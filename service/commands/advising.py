"""What an author is warned of that takes counting: which messages of other control rooms go to the
same people, and, of a message that ended, who read it in a language that is not theirs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import shapely
from pyroaring import BitMap

from broadcast.ledger import audiences, delivery_report
from broadcast.messages import advice, readers, versions
from broadcast.messages.advice import Met
from broadcast.messages.versions import Resolved, Version
from broadcast.places.geometry import circle_outline, from_wkb, union
from broadcast.problems import Problem
from broadcast.store.database import Connection
from service.commands.context import Context
from subscribers import audience
from subscribers.index import RegistryIndex, Rule
from subscribers.matcher import rule_for
from subscribers.registry.showing import languages_of

OUT = ("live", "held")
TO_COME = ("pending_approval", "approved")
LATEST = 200
"""Of so many messages that are out or to come it is asked whether they meet, the newest first."""
GOT = ("handing_over", "accepted", "delivered", "in_doubt")
"""Whoever is on one of these lines got it, or may have got it."""
AT_ONCE = 20_000
"""So many people's languages are asked for in one question."""
MATCHED = 20
"""So many that are not frozen yet are matched, which costs as much as a preview each."""


@dataclass(slots=True)
class _Other:
    """A version of another control room: its people where they are frozen, else its rule."""

    version: Version
    people: BitMap = field(default_factory=BitMap)
    rule: Rule | None = None


async def met(
    context: Context, v: Version, resolved: Resolved, people: BitMap, index: RegistryIndex
) -> list[Met]:
    """Return the messages of other control rooms, out or submitted, that go to some of `people`.

    Those that are not public are never among them, whoever asks.
    """
    if not people:
        return []
    others = await _others(context, v, people)
    to_come = [each for each in others if each.rule is not None]
    near = await context.aside(_near, v, resolved, to_come)
    for each in near[:MATCHED]:
        assert each.rule is not None
        each.people = audience.everybody(await context.aside(index.match, each.rule))
    return await context.aside(_met, others, people)


def _met(others: Sequence[_Other], people: BitMap) -> list[Met]:
    by_message: dict[int, list[_Other]] = {}
    for each in others:
        if each.people & people:
            by_message.setdefault(each.version.message_id, []).append(each)
    return [_told(same, people) for same in by_message.values()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """One warning as an approver reads it: `accepted` by the author or not, None where it came up
    since; `found` is what is wrong now, empty where it is so no more.
    """

    code: str
    accepted: bool | None
    found: tuple[Problem, ...]

    @property
    def says(self) -> str:
        """Return what became of it at the submission."""
        match self.accepted:
            case None:
                return "new since it was submitted"
            case True:
                return "accepted by the author"
        return "not accepted by the author: decide yourself"


def warned(kept: Iterable[Mapping[str, object]], found: Sequence[Problem]) -> list[Warned]:
    """Return each warning of a submission (`advice.of_submission`) with what is wrong as far as it
    is still so, and those that came up since.
    """
    told = {str(each["code"]): bool(each["accepted"]) for each in kept}
    return [
        Warned(
            code=code,
            accepted=told.get(code),
            found=tuple(problem for problem in found if problem.code == code),
        )
        for code in dict.fromkeys([*told, *(problem.code for problem in found)])
    ]


async def read_instead(context: Context, v: Version) -> list[Problem]:
    """Return a warning of who got a version, or may have got it, in a language that is not theirs.

    Whoever ends a message looks at it afterwards: the end itself waits for no counting.
    """
    account = await context.db.read(delivery_report.account, v)
    got = BitMap().union(*(account.people[name] for name in GOT))
    read: Counter[str] = Counter()
    for n in range(0, len(got), AT_ONCE):  # one question of a million ids would hold everybody up
        some = got[n : n + AT_ONCE]
        read.update(await context.db.read(languages_of, some))
    return advice.languages_missing(v.content, read, "all_clear")


def _told(same: list[_Other], people: BitMap) -> Met:
    theirs = BitMap().union(*(each.people for each in same))
    out = next((each for each in same if each.version.state in OUT), same[0])
    return Met(
        message=out.version.message_id,
        state="is out" if out.version.state in OUT else "awaits its approval or its release",
        content=out.version.content,
        people=len(theirs),
        both=len(theirs & people),
    )


async def _others(context: Context, v: Version, people: BitMap) -> list[_Other]:
    """Return the versions of other rooms that are out and go to some of `people`, and those that
    are to come, the newest first.

    A text is read only where the people meet: with hundreds of messages out, reading them all made
    each submission slower than the one before. Audiences are compared on a thread: read from
    PostgreSQL, a million people would hold up everybody whom this process serves.
    """
    db, now = context.db, context.now()
    asked = await db.read(versions.of_other_rooms, v, (*OUT, *TO_COME), now, LATEST)
    found = []
    for version_id, is_frozen in asked:
        theirs = BitMap()
        if is_frozen:
            stored = await db.read(audiences.sent_to_as_stored, version_id)
            theirs = await context.aside(audiences.together, stored)
            if not theirs.intersect(people):
                continue
        other = await db.read(_open, version_id)
        if other is None:
            continue
        rule = None if is_frozen else await db.read(rule_for, other, context.channels_on, at=now)
        found.append(_Other(other, theirs, rule))
    return found


def _open(conn: Connection, version_id: int) -> Version | None:
    """Return a version that whoever asks may know of; None for every other."""
    v = versions.get(conn, version_id)
    return v if readers.is_open(versions.of_message(conn, v.message_id)) else None


def _near(v: Version, resolved: Resolved, others: list[_Other]) -> list[_Other]:
    """Return those whose places may meet; the people themselves are compared afterwards."""
    mine, shape = _codes(resolved), _shape(v, resolved)
    found = []
    for each in others:
        theirs = each.version.resolved
        everywhere = resolved.everybody or theirs.everybody
        if everywhere or mine & _codes(theirs):
            found.append(each)
            continue
        there = _shape(each.version, theirs)
        if shape is not None and there is not None and bool(shapely.intersects(shape, there)):
            found.append(each)
    return found


def _codes(resolved: Resolved) -> frozenset[str]:
    return frozenset((*resolved.targets, *resolved.by_code, *resolved.touched))


def _shape(v: Version, resolved: Resolved) -> shapely.Geometry | None:
    parts = [from_wkb(resolved.shape), *map(circle_outline, v.content.circles)]
    return union([part for part in parts if part is not None])
