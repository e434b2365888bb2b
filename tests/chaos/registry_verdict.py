"""The verdict on the registry: everybody is there whole or not at all, and nothing was sent to who
had not confirmed, had stopped or was erased. Every fault in words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from pyroaring import BitMap
from sqlalchemy import Connection, select, text

from broadcast.ledger.claims.batches import members_of
from broadcast.ledger.claims.tables import batch, slice_
from broadcast.ledger.delivery_report import Account
from broadcast.ledger.tables import frozen_set
from subscribers.contact import points
from subscribers.demo_world import REGION
from tests.chaos.residents import Resident

if TYPE_CHECKING:
    from tests.chaos.harness import System

HALF_WRITTEN: Final[Mapping[str, str]] = {
    "is registered and nowhere reached": """SELECT id FROM subscriber s WHERE erased_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM contact_point p WHERE p.subscriber_id = s.id)""",
    "has not one consent that holds": """SELECT id FROM subscriber s WHERE erased_at IS NULL
        AND 1 <> (SELECT count(*) FROM consent c
            WHERE c.subscriber_id = s.id AND c.withdrawn_at IS NULL)""",
    "consented to other channels than their row says": """SELECT s.id FROM subscriber s
        JOIN consent c ON c.subscriber_id = s.id AND c.withdrawn_at IS NULL
        WHERE s.erased_at IS NULL AND c.channels <> s.consented""",
    "registered by themselves and confirmed nothing": """SELECT id FROM subscriber s
        WHERE erased_at IS NULL AND external_id LIKE 'web-%' AND NOT EXISTS (
            SELECT 1 FROM contact_point p WHERE p.subscriber_id = s.id
                AND p.confirmed_how = 'code')""",
    "registered by themselves, and the audit does not say so": """SELECT id FROM subscriber s
        WHERE id IN (SELECT subscriber_id FROM consent WHERE source = 'page') AND 1 <> (
            SELECT count(*) FROM audit a WHERE a.action = 'subscribers.add'
                AND a.subject = CAST(s.id AS TEXT))""",
    "was erased, and the audit does not say so": """SELECT id FROM subscriber s
        WHERE erased_at IS NOT NULL AND 1 <> (
            SELECT count(*) FROM audit a WHERE a.action = 'subscribers.erase'
                AND a.subject = CAST(s.id AS TEXT))""",
    "was erased and is still reached": """SELECT s.id FROM subscriber s
        JOIN contact_point p ON p.subscriber_id = s.id WHERE s.erased_at IS NOT NULL""",
    "was erased and still has a name": """SELECT s.id FROM subscriber s
        JOIN sealed_name n ON n.subscriber_id = s.id WHERE s.erased_at IS NOT NULL""",
    "was erased and is still signed in": """SELECT s.id FROM subscriber s
        JOIN session e ON e.holder_id = s.id AND e.kind = 'resident'
        WHERE s.erased_at IS NOT NULL""",
    "was erased and still consents": """SELECT s.id FROM subscriber s
        JOIN consent c ON c.subscriber_id = s.id AND c.withdrawn_at IS NULL
        WHERE s.erased_at IS NOT NULL""",
    "was erased, and nothing keeps them out of a later file": """SELECT id FROM subscriber s
        WHERE erased_at IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM erased_mark m WHERE m.subscriber_id = s.id)""",
    "is reached and not registered": """SELECT subscriber_id FROM contact_point p
        WHERE NOT EXISTS (SELECT 1 FROM subscriber s WHERE s.id = p.subscriber_id)""",
    "is signed in and not registered": """SELECT holder_id FROM session e
        WHERE kind = 'resident' AND NOT EXISTS (
            SELECT 1 FROM subscriber s WHERE s.id = e.holder_id)""",
    "is a form that was confirmed, and still says where its code went": """SELECT id
        FROM registration WHERE done_at IS NOT NULL
            AND (address IS NOT NULL OR code_hash IS NOT NULL)""",
}
"""What somebody whose registration or erasure was written by half looks like: the numbers of such
people, by what is wrong with them.
"""


def half_written(conn: Connection) -> list[str]:
    """Return who is there by half."""
    faults = []
    for what, query in HALF_WRITTEN.items():
        if found := list(conn.execute(text(query)).scalars()):
            faults.append(f"{len(found)} times: number {found[0]} {what}")
    forms = conn.execute(
        text("SELECT count(*) FROM registration WHERE purpose = 'join' AND done_at IS NOT NULL")
    ).scalar_one()
    people = conn.execute(
        text("SELECT count(DISTINCT subscriber_id) FROM consent WHERE source = 'page'")
    ).scalar_one()
    if forms != people:
        faults.append(f"{forms} registrations were confirmed, and {people} people came of them")
    return faults


def base_of(conn: Connection) -> BitMap:
    """Return who was there from the beginning, and does nothing by themselves."""
    query = text("SELECT id FROM subscriber WHERE external_id LIKE 'p%'")
    return BitMap(conn.execute(query).scalars())


def told(conn: Connection, residents: Iterable[Resident]) -> list[str]:
    """Return where the registry is not what people were told."""
    faults = []
    for r in residents:
        here = points.persons_at(conn, "sms", r.number)
        if (r.there is True and here != r.persons[-1:]) or (r.there is False and here):
            said = "are registered" if r.there else "are not registered"
            faults.append(f"resident {r.number[-8:]} ({r.way}): they {said}, and there is {here}")
        if len(here) > 1:
            faults.append(f"resident {r.number[-8:]} ({r.way}): {len(here)} people of one code")
        erased = text("SELECT count(*) FROM subscriber WHERE erased_at IS NOT NULL AND id = :id")
        faults += [
            f"number {person} was told that they are erased, and is not"
            for person in r.erased
            if not conn.execute(erased, {"id": person}).scalar_one()
        ]
    return faults


def heard_in_silence(
    residents: Iterable[Resident],
    slices: Mapping[str, Any],
    taken: Iterable[tuple[str, str]],
) -> list[str]:
    """Return who was sent to while nothing might be. `taken`: (number, attempt of the slice) of
    each message that the provider took.
    """
    by_number = {r.number: r for r in residents}
    faults = []
    for number, attempt in taken:
        r = by_number.get(number)
        if r is not None and r.must_be_silent(slices[attempt].claimed_at):
            faults.append(
                f"resident {number[-8:]} ({r.way}) was sent to: who had not confirmed, had stopped"
                f" or was erased, version {slices[attempt].version_id}"
            )
    return faults


def is_code(body: str) -> bool:
    """Return whether what was sent without an attempt is a code to register or to sign in."""
    return "is your code to" in body


def codes_twice(codes: Iterable[tuple[str, str]], residents: Iterable[Resident]) -> list[str]:
    """Return whom a code was sent to twice, or who asked for none."""
    asked = {r.number for r in residents}
    sent = Counter(codes)
    return [f"{to[-8:]} got one code {n} times" for (to, _), n in sent.items() if n > 1] + [
        f"a code went to {to[-8:]}, who asked for none" for to, _ in sent if to not in asked
    ]


def addressed(account: Account, residents: Iterable[Resident], approving: datetime) -> list[str]:
    """Return who stood in the registry from an approval to its release and is missing of its
    audience, or is in it though they had left its area.
    """
    v = account.version
    live = v.live_at or v.ended_at or approving
    faults = []
    for r in residents:
        for stay in r.stays:
            if not stay.covers(approving, live):
                continue
            wanted = REGION in v.content.areas or stay.area in v.content.areas
            if wanted != (stay.person in account.addressed):
                faults.append(
                    f"version {v.id}: resident {r.number[-8:]} ({r.way}) is"
                    f" {'missing' if wanted else 'not of its areas, and was addressed'}"
                )
            quiet = any(
                (end is None or end > approving) and (begin is None or begin < live)
                for begin, end in r.silences
            )
            left = stay.until is not None or any(b is not None and b > live for b, _ in r.silences)
            line, reason = account.of_person(stay.person)
            if wanted and not quiet and not left and line == "not_sent" and v.state == "live":
                faults.append(
                    f"version {v.id}: resident {r.number[-8:]} ({r.way}) wants it, and was not"
                    f" sent to: {reason}"
                )
    return faults


def held_until(conn: Connection) -> dict[tuple[int, int], datetime]:
    """Return until when whom quiet hours held: (version, person) to the moment."""
    held = select(frozen_set.c.version_id, frozen_set.c.not_before, frozen_set.c.members)
    return {
        (row.version_id, person): row.not_before
        for row in conn.execute(held.where(frozen_set.c.role == "held"))
        for person in BitMap.deserialize(row.members)
    }


def held_back(conn: Connection) -> list[str]:
    """Return who was claimed before their quiet hours ended."""
    until = held_until(conn)
    claimed = conn.execute(
        select(slice_.c.version_id, slice_.c.lo, slice_.c.hi, slice_.c.claimed_at, batch.c.members)
        .join(batch, batch.c.id == slice_.c.batch_id)
        .where(slice_.c.version_id.in_({version for version, _ in until}))
    ).all()
    return [
        f"version {row.version_id}: number {person} was claimed before their quiet hours ended"
        for row in claimed
        for person in members_of(row.members)[row.lo : row.hi].tolist()
        if row.claimed_at < until.get((row.version_id, person), row.claimed_at)
    ]


def of_registry(conn: Connection, residents: Iterable[Resident]) -> list[str]:
    """Return every fault that the database shows by itself."""
    return [*half_written(conn), *told(conn, residents), *held_back(conn)]


async def judge(system: System, faults: list[str], facts: dict[str, Any]) -> None:
    """Add the faults and facts of the registry."""
    residents = system.residents
    everybody = residents.all if residents is not None else []
    faults += await system.read(of_registry, everybody)
    held = await system.read(held_until)
    facts["held by quiet hours"] = f"{len(held):,} persons x versions"
    if system.holds and not held:
        faults.append("nobody was held by quiet hours")
    if residents is None:
        return
    faults += residents.faults
    ways = Counter(r.way for r in everybody)
    facts["residents"] = f"{len(everybody):,} ({', '.join(f'{w} {n}' for w, n in ways.items())})"
    facts["what they did"] = ", ".join(
        f"{what} {n:,}" for what, n in sorted(residents.facts.items())
    )
