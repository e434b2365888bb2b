"""Plans whom of a frozen audience to send to on which channel: each contact point and each person
once. People in their quiet hours wait until these end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from pyroaring import BitMap
from sqlalchemy import Connection

from broadcast.ledger.audiences import DUPLICATE_PERSON, Frozen


@dataclass(frozen=True, slots=True)
class Part:
    """People to be sent to on one channel in one language, not before `not_before`."""

    channel: str
    language: str
    ids: BitMap
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Who is sent to in the first pass. A contact point that several people share is used once.

    `left_out` are, by channel, the people who are not sent to there because somebody else gets the
    message at the same contact point, or the same person gets it under another registration. Who
    is left out on every channel is one of the `duplicates`: not sent to, and counted so from the
    preview on. `roles` are the people who get it once for several registrations, by the kinds of
    these, joined by ";".
    """

    parts: tuple[Part, ...]
    left_out: Mapping[str, BitMap]
    duplicates: BitMap
    roles: Mapping[str, BitMap] = field(default_factory=dict)

    @property
    def people(self) -> int:
        """How many people are sent to."""
        return len(BitMap().union(*(part.ids for part in self.parts)))

    def channels(self) -> dict[str, int]:
        """Return how many people are sent to on each channel at once."""
        found: dict[str, int] = {}
        for part in self.parts:
            found[part.channel] = found.get(part.channel, 0) + len(part.ids)
        return found

    def without_duplicates(self, audience: Frozen) -> Frozen:
        """Return the audience with the duplicates moved to the suppressed."""
        if not self.duplicates:
            return audience
        return Frozen(
            addressed=audience.addressed,
            send={
                key: rest for key, ids in audience.send.items() if (rest := ids - self.duplicates)
            },
            suppressed={**audience.suppressed, DUPLICATE_PERSON: self.duplicates},
            held={at: rest for at, ids in audience.held.items() if (rest := ids - self.duplicates)},
        )


SharedContacts = Callable[[Connection, str, BitMap], Iterable[BitMap]]
"""Takes a channel and people; returns groups of them who share one contact point there."""


OnePerson = Callable[[Connection, BitMap], Iterable[Mapping[int, str]]]
"""Takes registrations; returns groups of them that are one person, each registration with its
kind.
"""


def all_different(conn: Connection, ids: BitMap) -> Iterable[Mapping[int, str]]:  # noqa: ARG001 - keeps OnePerson
    """Return no groups: every registration counts as a different person."""
    return ()


_NOBODY: Mapping[str, BitMap] = MappingProxyType({})


def planned(
    conn: Connection,
    audience: Frozen,
    *,
    urgent: bool,
    shared_contacts: SharedContacts,
    one_person: OnePerson = all_different,
    reached: Mapping[str, BitMap] = _NOBODY,
    all_clear: bool = False,
) -> Plan:
    """Plan whom to send to, by channel and language. Of people who share a contact point the lowest
    id is sent to. Preview, approval and outcome count by this same plan, so their numbers agree.

    An urgent message uses every channel of a person, and every registration of one person. A
    routine one uses the first channel; whoever is a duplicate there moves on to the next. Of
    several registrations of one person the lowest id is sent to, and every one that an earlier
    version `reached`, by channel: what follows goes where that went. A routine `all_clear` goes by
    every channel that reached a person, as the alarm may have gone by all of theirs, and by their
    first one only where none of these is left: who was told to stay inside hears of the end by the
    same way.
    """
    left_out: dict[str, BitMap] = {}
    taken: dict[tuple[str, str], BitMap] = {}
    on_channel: dict[str, BitMap] = {}
    everybody = BitMap().union(*audience.send.values())
    others, roles = BitMap(), dict[str, BitMap]()
    if not urgent:
        before = BitMap().union(*reached.values())
        others, roles = _registered_again(one_person(conn, everybody), before)
    waiting: list[_Waiting] = []
    for (joined, language), ids in audience.send.items():
        order = joined.split(">")
        for channel in order if ids & others else ():
            left_out[channel] = left_out.get(channel, BitMap()) | (ids & others)
        if all_clear and not urgent:
            waiting += _by_what_reached(order, language, ids - others, reached)
        else:
            waiting.append(_Waiting(order, language, ids - others, by_all=urgent))
    step = 0
    while waiting:
        wanted: dict[str, BitMap] = {}
        for each in waiting:
            if step < len(each.order):
                channel = each.order[step]
                wanted[channel] = wanted.get(channel, BitMap()) | each.ids
        doubles = {
            channel: _doubles(
                conn, channel, on_channel.get(channel, BitMap()), ids, shared_contacts
            )
            for channel, ids in wanted.items()
        }
        following = []
        for each in waiting:
            if step >= len(each.order):
                continue
            channel, language = each.order[step], each.language
            mine = each.ids - doubles[channel]
            taken[channel, language] = taken.get((channel, language), BitMap()) | mine
            on_channel[channel] = on_channel.get(channel, BitMap()) | mine
            rest = each.ids if each.by_all else each.ids & doubles[channel]
            if rest:
                following.append(each._replace(ids=rest))
        for channel, ids in doubles.items():
            left_out[channel] = left_out.get(channel, BitMap()) | ids
        waiting, step = following, step + 1
    return Plan(
        parts=tuple(
            Part(channel, language, ids)
            for (channel, language), ids in sorted(taken.items())
            if ids
        ),
        left_out=left_out,
        duplicates=everybody.difference(*taken.values()),
        roles=roles,
    )


class _Waiting(NamedTuple):
    """People who are to be sent to in this order: by all of it, or until one channel takes them."""

    order: list[str]
    language: str
    ids: BitMap
    by_all: bool


def _by_what_reached(
    order: list[str], language: str, ids: BitMap, reached: Mapping[str, BitMap]
) -> Iterable[_Waiting]:
    """Yield the people by the channels of their order that reached them: by all of these; whom none
    of them did, by their order.
    """
    groups: list[tuple[list[str], BitMap]] = [([], ids)]
    for channel in order:
        there = reached.get(channel, BitMap())
        groups = [
            split
            for ways, mine in groups
            for split in (([*ways, channel], mine & there), (ways, mine - there))
            if split[1]
        ]
    for ways, mine in groups:
        yield _Waiting(ways or order, language, mine, by_all=bool(ways))


def _registered_again(
    found: Iterable[Mapping[int, str]], reached: BitMap
) -> tuple[BitMap, dict[str, BitMap]]:
    """Return the registrations that are left out because another one of the same person is sent
    to, and the `roles` of the plan.
    """
    others, roles = BitMap(), dict[str, BitMap]()
    for group in found:
        ids = BitMap(group)
        stay = ids & reached or BitMap([ids.min()])
        others |= ids - stay
        if len(stay) == 1:
            kinds = ";".join(group[person] for person in ids)
            roles[kinds] = roles.get(kinds, BitMap()) | stay
    return others, roles


def _doubles(
    conn: Connection,
    channel: str,
    already: BitMap,
    ids: BitMap,
    shared_contacts: SharedContacts,
) -> BitMap:
    doubles = BitMap()
    for group in shared_contacts(conn, channel, already | ids):
        keep = (group & already).min() if group & already else group.min()
        doubles |= (group & ids) - BitMap([keep])
    return doubles


def until_quiet_hours_end(parts: Iterable[Part], held: Mapping[datetime, BitMap]) -> Iterable[Part]:
    """Hold each person until their quiet hours end (rule R14)."""
    for part in parts:
        rest = part.ids
        for until, ids in sorted(held.items()):
            if rest & ids:
                yield Part(part.channel, part.language, rest & ids, until)
                rest = rest - ids
        if rest:
            yield Part(part.channel, part.language, rest)
