"""The verdict of a kill test: the provider's ledger against our log, every fault in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from pyroaring import BitMap
from sqlalchemy import Connection, func, select, text

from broadcast.ledger import attempts, audiences
from broadcast.ledger.claims import batch_causes
from broadcast.ledger.claims.batches import members_of
from broadcast.ledger.claims.tables import batch, outcome, slice_
from broadcast.ledger.delivery_report import Account
from broadcast.ledger.evidence import LINES
from broadcast.ledger.kept import checking
from broadcast.replay import comparison, differences
from subscribers.contact import points
from subscribers.demo_world import REGION
from tests.chaos import registry_verdict
from tests.chaos.harness import CHANNEL_OF, DOUBTS_SHOWN_WITHIN, System


@dataclass
class Verdict:
    """What was found, and every fault in words; no faults = nobody lost, nobody twice, and the log
    is the ledger.
    """

    faults: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    rows: list[tuple[str, ...]] = field(default_factory=list)

    def table(self, title: str) -> str:
        """Return it as lines to print and to keep."""
        width = max(len(name) for name in self.facts)
        lines = [
            title,
            "=" * len(title),
            *(f"{name:<{width}}  {value}" for name, value in self.facts.items()),
            "",
        ]
        widths = [max(len(row[n]) for row in self.rows) for n in range(len(self.rows[0]))]
        lines += [
            "  ".join(
                cell.ljust(w) if n < 2 else cell.rjust(w)
                for n, (cell, w) in enumerate(zip(row, widths, strict=True))
            )
            for row in self.rows
        ]
        lines += ["", f"faults: {len(self.faults)}", *self.faults[:50]]
        return "\n".join(lines)


async def verify(system: System) -> Verdict:
    """Hold the provider's ledger against our log: (1) nobody twice, (2) everybody on one line, (3)
    the log is the ledger, (4) doubts shown in time, (5) replay agrees, (6) everybody registered is
    there whole, and nobody heard who had not confirmed, had stopped or was erased.
    """
    verdict = Verdict()
    stored = await system.read(_stored)
    taken = _held_against_slices(system, stored, verdict)
    verdict.rows.append(
        (
            "message",
            "state",
            "addressed",
            *(line.replace("_", " ") for line in LINES),
            "provider took",
        )
    )
    for version_id in system.published:
        account = await system.account(version_id)
        frozen = await system.read(lambda conn, v=version_id: audiences.read(conn, v).addressed)
        _adds_up(account, frozen, verdict)
        wanted = BitMap(
            [
                person
                for person, area in stored.areas.items()
                if person in stored.base
                and (
                    REGION in account.version.content.areas or area in account.version.content.areas
                )
            ]
        )
        # who comes, moves and goes meanwhile is judged apart
        there = account.addressed & stored.base
        if there != wanted:
            verdict.faults.append(
                f"version {version_id}: {len(wanted - there)} people of its areas are"
                f" missing, {len(there - wanted)} are not of them"
            )
        if system.residents is not None:
            verdict.faults += registry_verdict.addressed(
                account, system.residents.all, system.approving[version_id]
            )
        _log_is_ledger(account, taken, verdict)
        await _is_kept(system, version_id, verdict)
        v = account.version
        took = sum(len(ids) for (of, _), ids in taken.items() if of == version_id)
        name = f"{v.message_id}.{v.number} {v.action} {v.content.severity}"
        verdict.rows.append(
            (
                name,
                v.state,
                str(len(account.addressed)),
                *(str(len(account.people[line])) for line in LINES),
                str(took),
            )
        )
        for channel, lines in account.channels.items():
            if asked := sum(len(ids) for ids in lines.values()):
                took = len(taken.get((version_id, channel), ()))
                verdict.rows.append(
                    (
                        f"    {channel}",
                        "",
                        str(asked),
                        *(str(len(lines[line])) for line in LINES),
                        str(took),
                    )
                )
    _kills(system, verdict)
    await _doubts(system, taken, verdict)
    await registry_verdict.judge(system, verdict.faults, verdict.facts)
    await _replayed(system, verdict)
    return verdict


@dataclass(frozen=True, slots=True)
class _Stored:
    slices: dict[str, Any]
    members: dict[int, list[int]]
    causes: dict[int, str]
    addresses: dict[tuple[str, int], str]
    areas: dict[int, str]
    base: BitMap


def _stored(conn: Connection) -> _Stored:
    slices = {row.attempt: row for row in conn.execute(select(slice_))}
    batches = conn.execute(select(batch.c.id, batch.c.members, batch.c.cause)).all()
    addresses: dict[tuple[str, int], str] = {}
    people = conn.execute(text("SELECT id, area FROM subscriber")).all()
    where: dict[int, str] = {row.id: row.area for row in people}
    for id_, known in points.known(conn, where).items():
        for channel, kind in (("sms", "mobile"), ("email", "email")):
            if kind in known.addresses:
                addresses[channel, id_] = known.addresses[kind]
    return _Stored(
        slices,
        {b.id: [int(i) for i in members_of(b.members)] for b in batches},
        {b.id: b.cause for b in batches},
        addresses,
        where,
        registry_verdict.base_of(conn),
    )


def _held_against_slices(
    system: System, stored: _Stored, verdict: Verdict
) -> dict[tuple[int, str], BitMap]:
    """Return (version, channel) → whom the provider took a message for; faults: without a claim, to
    another's address, twice.
    """
    taken: dict[tuple[int, str], BitMap] = {}
    by_person: Counter[tuple[int, str, int]] = Counter()
    by_address: Counter[tuple[int, str, str]] = Counter()
    outcomes: Counter[str] = Counter()
    ranges: dict[int, list[tuple[int, int]]] = {}
    for s in stored.slices.values():
        ranges.setdefault(s.batch_id, []).append((s.lo, s.hi))
    for batch_id, there in ranges.items():
        if any(before[1] > after[0] for before, after in pairwise(sorted(there))):
            verdict.faults.append(f"batch {batch_id}: two slices hold the same people")
    key = system.settings.key()
    residents = system.residents.all if system.residents is not None else []
    # who was erased has no address in the registry any more
    addresses = {("sms", person): r.number for r in residents for person in r.persons}
    addresses |= stored.addresses
    codes: list[tuple[str, str]] = []
    messages: list[tuple[str, str]] = []
    for entry in system.handsets.entries():
        outcomes[entry["outcome"]] += 1
        if not entry["attempt"] and not entry["taken"]:
            continue  # a mail refused before its envelope was complete names no attempt
        if not entry["attempt"] and registry_verdict.is_code(entry["body"]):
            codes.append((entry["to"], entry["body"]))
            continue
        parsed = attempts.parse_person_attempt(entry["attempt"], key)
        s = stored.slices.get(parsed[0]) if parsed else None
        if parsed is None or s is None:
            verdict.faults.append(
                f"a hand-over ({entry['kind']}, {entry['outcome']}) without a claim: attempt"
                f" {entry['attempt'] or 'none'}"
            )
            continue
        person = stored.members[s.batch_id][s.lo + parsed[1]]
        if (
            s.channel != CHANNEL_OF[entry["kind"]]
            or addresses.get((s.channel, person)) != entry["to"]
        ):
            verdict.faults.append(
                f"attempt {entry['attempt']} reached an address that is not the person's"
            )
        if entry["taken"]:
            messages.append((entry["to"], s.attempt))
            taken.setdefault((s.version_id, s.channel), BitMap()).add(person)
            if not batch_causes.repeats(
                stored.causes[s.batch_id]
            ):  # ordered by a person and marked REPEAT
                by_person[s.version_id, s.channel, person] += 1
                by_address[s.version_id, s.channel, entry["to"]] += 1
    verdict.faults += [
        f"version {v}: person {p} got it {n} times by {channel}"
        for (v, channel, p), n in by_person.items()
        if n > 1
    ]
    verdict.faults += [
        f"version {v}: an address got it {n} times by {channel}"
        for (v, channel, _), n in by_address.items()
        if n > 1
    ]
    verdict.faults += registry_verdict.heard_in_silence(residents, stored.slices, messages)
    verdict.faults += registry_verdict.codes_twice(codes, residents)
    total = sum(outcomes.values())
    ambiguous = sum(
        outcomes[name] for name in ("lost_reply", "error_after", "slow", "error_before")
    )
    verdict.facts["hand-overs in the provider's ledger"] = (
        f"{total:,} ({', '.join(f'{name} {n:,}' for name, n in outcomes.most_common())})"
    )
    verdict.facts["ambiguous answers"] = f"{ambiguous:,} ({ambiguous / max(1, total):.1%})"
    verdict.facts["taken"] = (
        f"{sum(len(ids) for ids in taken.values()):,} persons x channels x versions; twice:"
        f" {sum(n > 1 for n in by_person.values())}"
    )
    return taken


def _adds_up(account: Account, frozen: BitMap, verdict: Verdict) -> None:
    v = account.version
    name = f"version {v.id} ({v.state})"
    if not account.adds_up:
        verdict.faults.append(f"{name}: the account does not add up")
    if account.addressed != frozen:
        verdict.faults.append(
            f"{name}: {len(frozen ^ account.addressed)} people of the frozen audience are not in"
            " the account"
        )
    if not account.complete:
        verdict.faults.append(
            f"{name}: {len(account.people['waiting'])} wait, {len(account.people['handing_over'])}"
            " are being handed over"
        )
    for where, lines in (("people", account.people), *account.channels.items()):
        if sum(len(ids) for ids in lines.values()) != len(BitMap().union(*lines.values())):
            verdict.faults.append(f"{name}, {where}: somebody is on two lines")


def _log_is_ledger(
    account: Account, taken: Mapping[tuple[int, str], BitMap], verdict: Verdict
) -> None:
    v = account.version
    for channel, lines in account.channels.items():
        there = taken.get((v.id, channel), BitMap())
        said = lines["accepted"] | lines["delivered"]
        if more := said - there:
            verdict.faults.append(
                f"version {v.id}, {channel}: {len(more)} are said to be accepted, and the provider"
                f" never took them: {list(more)[:5]}"
            )
        for line in LINES:
            if line not in ("accepted", "delivered", "in_doubt") and (
                hidden := lines[line] & there
            ):
                verdict.faults.append(
                    f"version {v.id}, {channel}: {len(hidden)} are on the line {line}, and the"
                    f" provider took them: {list(hidden)[:5]}"
                )
        if unnamed := there - BitMap().union(*lines.values()):
            verdict.faults.append(
                f"version {v.id}, {channel}: the provider took {len(unnamed)} who are on no line:"
                f" {list(unnamed)[:5]}"
            )


async def _is_kept(system: System, version_id: int, verdict: Verdict) -> None:
    """Hold what is kept of a version, of which everybody's looks are made, against its rows."""

    def look(conn: Connection) -> tuple[list[str], int, int]:
        kept, closed = (
            conn.execute(
                select(func.count()).select_from(slice_).where(slice_.c.version_id == version_id, w)
            ).scalar_one()
            for w in (slice_.c.kept_at.is_not(None), slice_.c.state != "open")
        )
        return checking.differences(conn, version_id), int(kept), int(closed)

    found, kept, closed = await system.read(look)
    verdict.faults += [f"version {version_id}, kept: {line}" for line in found]
    if closed and not kept:
        verdict.faults.append(f"version {version_id}: of {closed} slices nothing is kept")
    before = verdict.facts.get("slices kept, of those closed", "")
    verdict.facts["slices kept, of those closed"] = (
        f"{before}{', ' if before else ''}{kept:,} of {closed:,}"
    )


def _kills(system: System, verdict: Verdict) -> None:
    by_name = Counter(kill.name for kill in system.kills)
    open_ = [kill for kill in system.kills if kill.attempts]
    by_open = Counter(kill.name for kill in open_)
    verdict.facts["kill -9"] = (
        f"{len(system.kills)} ({', '.join(f'{name} {n}' for name, n in by_name.most_common())})"
    )
    verdict.facts["of them while a slice was open"] = (
        f"{len(open_)} ({', '.join(f'{name} {n}' for name, n in by_open.most_common())})"
    )
    verdict.facts["slices open then"] = (
        f"{sum(len(k.attempts) for k in open_):,}, with {sum(k.people for k in open_):,} people of"
        " unknown fate"
    )
    shown = [
        kill.shown_after for kill in open_ if kill.shown_after is not None and not kill.excused
    ]
    late = [
        kill.shown_after - kill.nobody_ran
        for kill in open_
        if kill.shown_after is not None and not kill.excused
    ]
    excused = [kill.shown_after for kill in open_ if kill.shown_after is not None and kill.excused]
    if any(kill.shown_after is None for kill in open_):
        verdict.faults.append("after a kill, slices stayed open")
    if shown:
        verdict.facts["doubts shown after"] = (
            f"max {max(shown):.1f} s, median {sorted(shown)[len(shown) // 2]:.1f} s"
        )
        verdict.facts["of that while a program of ours ran"] = (
            f"max {max(late):.1f} s (limit {DOUBTS_SHOWN_WITHIN:g} s)"
        )
        if max(late) > DOUBTS_SHOWN_WITHIN:
            verdict.faults.append(f"doubts were shown only after {max(late):.1f} s")
    if excused:
        verdict.facts["the same while the database was away or just back"] = (
            f"max {max(excused):.1f} s ({len(excused)} kills)"
        )
    verdict.facts["seconds"] = ", ".join(
        f"{what} {seconds:.0f}" for what, seconds in system.seconds.items()
    )
    if system.events:
        verdict.facts["besides"] = ", ".join(system.events)


async def _doubts(
    system: System, taken: Mapping[tuple[int, str], BitMap], verdict: Verdict
) -> None:
    def once(conn: Connection) -> tuple[int, int]:
        left = conn.execute(
            select(func.count()).select_from(outcome).where(outcome.c.state == "in_doubt")
        ).scalar_one()
        ever = conn.execute(select(func.coalesce(func.sum(slice_.c.in_doubt), 0))).scalar_one()
        return int(ever), int(left)

    ever, _ = await system.read(once)
    had, had_not = 0, 0
    for version_id in system.published:
        account = await system.account(version_id)
        for channel, lines in account.channels.items():
            there = taken.get((version_id, channel), BitMap())
            had += len(lines["in_doubt"] & there)
            had_not += len(lines["in_doubt"] - there)
    verdict.facts["ever in doubt"] = f"{ever:,}"
    verdict.facts["still in doubt, all named"] = (
        f"{had + had_not:,} (taken by the provider {had:,}, not taken {had_not:,})"
    )


async def _replayed(system: System, verdict: Verdict) -> None:
    rebuilt = await comparison.run(system.db)
    verdict.facts["replay"] = (
        f"{rebuilt['events']:,} events, {len(rebuilt['differences'])} differences"
    )
    verdict.faults += [
        f"replay: {differences.text(difference)}" for difference in rebuilt["differences"]
    ]
