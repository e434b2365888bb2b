"""Replay: rebuilds levels, states, ledger and counts from the recorded facts and compares them with
the live store (rule R18).

The facts are the outbox rows, the frozen audiences, and the claimed ranges of batches and slices.
It is a second computation, made differently from the first, in a process that has no adapters: it
never sends, and there is no option that would make it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from pyroaring import BitMap
from sqlalchemy import Connection, Select, select

from broadcast.content.model import Content
from broadcast.events.tables import outbox
from broadcast.ledger import claims, delivery_report
from broadcast.ledger.tables import (
    batch,
    frozen_set,
    frozen_shard,
    generation,
    outcome,
    receipt,
    response,
    slice_,
)
from broadcast.levels import history
from broadcast.levels.tables import level_fact
from broadcast.messages import versions
from broadcast.messages.tables import resend, version
from broadcast.operators import audit
from broadcast.replay import people
from broadcast.replay.people import BatchOf, Counted, SliceOf
from broadcast.replay.recorded import NONE, STATES, TOTALS, Log, SliceTold, Told, receipt_digest
from broadcast.store.database import Database
from broadcast.wording.levels import ENDED

ALIKE = 20
"""Of differences of one kind so many are named; the rest are counted."""
_PUBLISHED = (
    "approved",
    "live",
    "held",
    "blocked",
    "expired",
    "superseded",
    "corrected",
    "cancelled",
    "stood_down",
)
_NOT_SENT = ("superseded", "corrected", "cancelled", "stood_down")
_AT_ONCE = 2000  # rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that stands otherwise in the live store than the facts say. `live` and `rebuilt`
    are numbers, states or digests, never an address.
    """

    what: str
    live: Any = None
    rebuilt: Any = None
    message: int | None = None
    version: int | None = None
    channel: str = ""
    line: str = ""
    scope: str = ""
    detail: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return what is set, and both sides in any case."""
        told = {
            name: getattr(self, name)
            for name in ("what", "message", "version", "channel", "line", "scope", "detail")
        }
        sides = {
            name: value.isoformat() if isinstance(value := getattr(self, name), datetime) else value
            for name in ("live", "rebuilt")
        }
        return {**{name: value for name, value in told.items() if value not in (None, "")}, **sides}


def text(difference: Mapping[str, Any]) -> str:
    """Return a difference, as `to_json` gives it, as one line for a person."""
    version_ = (
        f"message {difference['message']} version {difference['version']}"
        if "message" in difference
        else ""
    )
    words = " ".join(
        filter(
            None,
            (
                difference.get("scope"),
                version_,
                difference.get("channel"),
                difference.get("line"),
                difference["what"],
            ),
        )
    )
    detail = f" ({difference['detail']})" if "detail" in difference else ""
    return f"{words}: live {difference['live']}, rebuilt {difference['rebuilt']}{detail}"


@dataclass
class ReplayResult:
    """How many events were read, and every difference found."""

    events: int = 0
    differences: list[Difference] = field(default_factory=list)
    _alike: Counter[tuple[str, int | None, int | None]] = field(default_factory=Counter)

    def add(self, difference: Difference) -> None:
        """Keep a difference; of many alike the first ones."""
        key = (difference.what, difference.message, difference.version)
        self._alike[key] += 1
        if self._alike[key] <= ALIKE:
            self.differences.append(difference)

    def end(self) -> None:
        """Say how many were left out."""
        for (what, message, number), n in self._alike.items():
            if n > ALIKE:
                self.differences.append(
                    Difference(
                        what=what,
                        message=message,
                        version=number,
                        live=n,
                        rebuilt=0,
                        detail=f"{n - ALIKE} more of this kind",
                    )
                )

    def to_json(self) -> dict[str, Any]:
        """Return the contract's JSON of `replay`."""
        return {"events": self.events, "differences": [d.to_json() for d in self.differences]}


async def run(
    db: Database, *, since: datetime | None = None, message_id: int | None = None
) -> dict[str, Any]:
    """Replay what stands in the database at one moment; return {events, differences}. Raises
    Rejected (404 message_unknown).
    """
    result = await db.read(replay, since=since, message_id=message_id)
    return result.to_json()


def replay(
    conn: Connection, *, since: datetime | None = None, message_id: int | None = None
) -> ReplayResult:
    """Rebuild and compare; changes nothing. The connection must see one snapshot, as that of
    `Database.read` does.

    With `since` (aware) only the versions of which something was written since then are looked at,
    from their first event on, and the levels recorded since then; with `message_id` only that
    message.
    """
    result = ReplayResult()
    log = _log(conn, since, message_id)
    receipts = _receipts(conn, log)
    log.read(_stream(conn, select(outbox.c.type, outbox.c.payload).order_by(outbox.c.id)))
    result.events = log.events
    _compare_receipts(result, log, receipts)
    _compare_responses(conn, result, log)
    _compare_levels(conn, result, log, since)
    _compare_audit(conn, result, log.heads)
    live = {v.id: v for v in _live_versions(conn, log)}
    names = {version_id: (v.message_id, v.number) for version_id, v in live.items()}
    for version_id, detail in log.broken:
        message, number = names.get(version_id or 0, (None, None))
        result.add(
            Difference(
                what="the log is not whole",
                message=message,
                version=number,
                live="",
                rebuilt="",
                detail=detail,
            )
        )
    for version_id in sorted({*live, *log.versions}):
        _compare_version(conn, result, log, live.get(version_id), log.versions.get(version_id))
    result.end()
    return result


def _stream(conn: Connection, query: Select[Any]) -> Iterator[Any]:
    yield from conn.execute(query.execution_options(yield_per=_AT_ONCE))


# What is looked at


def _log(conn: Connection, since: datetime | None, message_id: int | None) -> Log:
    if since is None and message_id is None:
        return Log()
    wanted: set[int] = set(conn.execute(select(version.c.id)).scalars())
    if message_id is not None:
        wanted &= {v.id for v in versions.of_message(conn, message_id)}
    if since is not None:
        wanted &= _touched_since(conn, since)
    attempts = conn.execute(select(slice_.c.attempt, slice_.c.version_id)) if wanted else ()
    return Log(
        wanted=frozenset(wanted),
        attempts=frozenset(a for a, v in attempts if v in wanted),
        levels_from=since,
        imports=message_id is None,
    )


def _touched_since(conn: Connection, since: datetime) -> set[int]:
    everything = Log()
    everything.read(
        _stream(
            conn,
            select(outbox.c.type, outbox.c.payload)
            .where(outbox.c.at >= since)
            .order_by(outbox.c.id),
        )
    )
    attempts = set(everything.states)
    of_receipts = {
        v for a, v in _stream(conn, select(slice_.c.attempt, slice_.c.version_id)) if a in attempts
    }
    return {
        *everything.versions,
        *of_receipts,
        *(b["version_id"] for b in everything.batches.values()),
        *(s.place["version_id"] for s in everything.slices.values()),
    }


def _live_versions(conn: Connection, log: Log) -> Iterator[versions.Version]:
    published = version.c.identifier.is_not(None) | version.c.state.in_(_PUBLISHED)
    for version_id in (
        conn.execute(select(version.c.id).where(published).order_by(version.c.id)).scalars().all()
    ):
        if log.concerns(version_id):
            yield versions.get(conn, version_id)


# Receipts, responses, levels


def _receipts(conn: Connection, log: Log) -> Counter[str]:
    """Return the digests of the receipts on record; those not folded yet are named to the log."""
    found: Counter[str] = Counter()
    unfolded: set[str] = set()
    columns = (
        receipt.c.attempt,
        receipt.c.position,
        receipt.c.source,
        receipt.c.provider_id,
        receipt.c.state,
        receipt.c.code,
        receipt.c.folded_at,
    )
    for row in _stream(conn, select(*columns)):
        if log.concerns(None, row.attempt):
            digest = receipt_digest({c.name: getattr(row, c.name) for c in columns})
            found[digest] += 1
            if row.folded_at is None:
                unfolded.add(digest)
    log.unfolded = frozenset(unfolded)
    return found


def _compare_audit(conn: Connection, result: ReplayResult, heads: Mapping[int, str]) -> None:
    """Compare the audit chain with its published heads, and the decisions with their links."""
    for broken in audit.broken(conn, heads):
        result.add(
            Difference(
                what="audit",
                live="broken",
                rebuilt="whole",
                line=str(broken.number or ""),
                detail=broken.what,
            )
        )


def _compare_receipts(result: ReplayResult, log: Log, found: Counter[str]) -> None:
    for digest in log.receipts.keys() | found.keys():
        if log.receipts[digest] != found[digest]:
            result.add(
                Difference(
                    what="receipt",
                    live=found[digest],
                    rebuilt=log.receipts[digest],
                    detail=f"of digest {digest}",
                )
            )


def _compare_responses(conn: Connection, result: ReplayResult, log: Log) -> None:
    columns = (
        response.c.kind,
        response.c.channel,
        response.c.person_id,
        response.c.version_id,
        response.c.attempt,
        response.c.value,
    )
    found = Counter(
        tuple(row)
        for row in _stream(conn, select(*columns))
        if log.concerns(row.version_id, row.attempt)
    )
    for key in log.responses.keys() | found.keys():
        if log.responses[key] != found[key]:
            result.add(
                Difference(
                    what="response",
                    channel=key[1],
                    line=key[0],
                    live=found[key],
                    rebuilt=log.responses[key],
                    detail=f"of person {key[2]} to version {key[3]}",
                )
            )


def _compare_levels(
    conn: Connection, result: ReplayResult, log: Log, since: datetime | None
) -> None:
    """Compare every fact, then what holds now, by the plainest fold: the last one counts, no import
    after the first approval.
    """
    told = Counter(
        (scope, level, datetime.fromisoformat(at), source, version_id)
        for scope, level, at, source, version_id in log.levels
    )
    columns = (
        level_fact.c.scope,
        level_fact.c.level,
        level_fact.c.at,
        level_fact.c.source,
        level_fact.c.version_id,
    )
    query = (
        select(*columns)
        if since is None
        else select(*columns).where(level_fact.c.recorded_at >= since)
    )
    rows = (tuple(row) for row in conn.execute(query))
    found = Counter(
        row
        for row in rows
        if log.wanted is None or row[4] in log.wanted or (log.imports and row[3] == "import")
    )
    for key in sorted(told.keys() | found.keys(), key=str):
        if told[key] != found[key]:
            scope, level, at, source, _ = key
            result.add(
                Difference(
                    what="level fact",
                    scope=scope,
                    live=found[key],
                    rebuilt=told[key],
                    detail=f"{level} since {at.isoformat()} by {source}",
                )
            )
    if log.wanted is not None:
        return
    rebuilt = _present_levels(log)
    live = {
        scope: str(standing.level)
        for scope, standing in (
            history.history(conn).present(datetime.max.replace(tzinfo=UTC)).items()
        )
    }
    for scope in sorted(rebuilt.keys() | live.keys()):
        if rebuilt.get(scope) != live.get(scope):
            result.add(
                Difference(
                    what="level", scope=scope, live=live.get(scope), rebuilt=rebuilt.get(scope)
                )
            )


def _present_levels(log: Log) -> dict[str, str]:
    held: dict[str, tuple[bool, datetime, str]] = {}
    for scope, level, at, source, _ in log.levels:
        fact = (source == "approval", datetime.fromisoformat(at), level)
        if not scope.startswith("scale:") and (scope not in held or fact[:2] >= held[scope][:2]):
            held[scope] = fact
    return {scope: level for scope, (_, _, level) in held.items() if level != ENDED}


# One version


def _compare_version(
    conn: Connection,
    result: ReplayResult,
    log: Log,
    live: versions.Version | None,
    told: Told | None,
) -> None:
    if live is None or told is None:
        message, number = (
            (live.message_id, live.number)
            if live
            else (told.said["message"], told.said["version"])
            if told
            else (None, None)
        )
        there, rebuilt = live.state if live else None, told.state if told else None
        result.add(
            Difference(
                what="approval",
                message=message,
                version=number,
                live=there,
                rebuilt=rebuilt,
                detail="one side has no such version",
            )
        )
        return

    def differs(what: str, there: Any, rebuilt: Any, **more: Any) -> None:
        if there != rebuilt:
            result.add(
                Difference(
                    what=what,
                    message=live.message_id,
                    version=live.number,
                    live=there,
                    rebuilt=rebuilt,
                    **more,
                )
            )

    if (
        told.state != "blocked" or live.state != "pending_approval"
    ):  # submitted anew: not yet a fact of the log
        differs("state", live.state, told.state)
    if told.state != "blocked":  # the hash of an approval that was blocked is void
        differs("content_hash", live.content_hash, told.said["content_hash"])
    said = told.said
    differs("identifier", live.identifier, said["identifier"])
    for name, at in (("sent", live.sent), ("expires", live.expires_at)):
        differs(name, at, datetime.fromisoformat(said[name]))
    if versions.canonical(live.content) != versions.canonical(Content.from_json(said["content"])):
        differs("content", "changed", "as approved")
    people = said["people"]
    if said["status"] == "Actual" and people["approver"] in (
        None,
        people["author"],
        people["submitter"],
        *people["editors"],
    ):
        differs("approval", "one person", "two persons")
    frozen = Frozen.read(conn, live.id)
    frozen.compare(differs, told)
    batches = _batches(conn, log, live.id, differs)
    _compare_resends(conn, live.id, told, batches, differs)
    slices, totals = _slices(conn, log, live.id, batches, differs)
    _compare_outcomes(conn, live.id, batches, slices, differs)
    ended = "expired" if told.state == "expired" else "not_sent" if told.state in _NOT_SENT else ""
    counted = frozen.count(batches, slices, ended=ended, released=told.live is not None)
    for problem in counted.wrong:
        differs("line", problem, "everybody on exactly one")
    _compare_counts(conn, live, counted, differs)
    _compare_totals(conn, live.id, batches, slices, totals, differs)


@dataclass
class Frozen:
    """The frozen bytes of a version, with the digests computed from them."""

    addressed: BitMap = field(default_factory=BitMap)
    send: list[BitMap] = field(default_factory=list)
    suppressed: dict[str, BitMap] = field(default_factory=dict)
    duplicates: dict[str, BitMap] = field(default_factory=dict)
    shards: dict[str, tuple[str, str]] = field(default_factory=dict)
    duplicate_digests: dict[str, str] = field(default_factory=dict)
    sizes: list[tuple[int, int]] = field(default_factory=list)

    @classmethod
    def read(cls, conn: Connection, version_id: int) -> Frozen:
        """Read the stored bytes, each shard's digest beside the one stored with it."""
        found = cls()
        digests: dict[int, Any] = {}
        stored: dict[int, str] = {}
        for row in conn.execute(
            select(frozen_shard)
            .where(frozen_shard.c.version_id == version_id)
            .order_by(frozen_shard.c.shard)
        ):
            digests[row.shard], stored[row.shard] = hashlib.sha256(row.addressed), row.digest
            found.addressed |= _bitmap(row.addressed)
        for row in conn.execute(
            select(frozen_set)
            .where(frozen_set.c.version_id == version_id)
            .order_by(frozen_set.c.shard, frozen_set.c.no)
        ):
            ids = _bitmap(row.members)
            found.sizes.append((row.size, len(ids)))
            if row.role == "duplicate":
                found.duplicates[row.channels] = ids
                found.duplicate_digests[row.channels] = hashlib.sha256(row.members).hexdigest()
                continue
            if row.shard in digests:
                digests[row.shard].update(_named(row).encode() + row.members)
            if row.role == "send":
                found.send.append(ids)
            elif row.role == "suppressed":  # who is held is among those to be sent to
                found.suppressed[row.reason] = found.suppressed.get(row.reason, BitMap()) | ids
        found.shards = {
            str(shard): (digest.hexdigest(), stored[shard]) for shard, digest in digests.items()
        }
        return found

    def compare(self, differs: Any, told: Told) -> None:
        """Compare the bytes with the digests that the event of the release carries, or, before it,
        with those stored beside them.
        """
        if told.live is not None:
            for shard in sorted({*self.shards, *told.live["audience"]}):
                differs(
                    "frozen audience",
                    self.shards.get(shard, (None,))[0],
                    told.live["audience"].get(shard),
                    detail=f"shard {shard}: not the bytes that were released",
                )
            for channel in sorted({*self.duplicate_digests, *told.live["duplicates"]}):
                differs(
                    "frozen audience",
                    self.duplicate_digests.get(channel),
                    told.live["duplicates"].get(channel),
                    channel=channel,
                    detail="duplicates",
                )
        for shard, (computed, stored) in self.shards.items():
            differs("frozen digest", stored, computed, detail=f"shard {shard}")
        for stored_size, size in self.sizes:
            differs("frozen size", stored_size, size)

    def count(
        self, batches: dict[int, _Batch], slices: _Slices, *, ended: str, released: bool
    ) -> Counted:
        """Put everybody on a line."""
        made = [
            BatchOf(
                channel=b.channel,
                generation=b.generation,
                members=b.members,
                ordered=claims.repeats(b.cause),
                slices=tuple(s for _, s in slices.get(batch_id, ())),
            )
            for batch_id, b in batches.items()
        ]
        return self.put(made, ended=ended, released=released)

    def put(self, made: list[BatchOf], *, ended: str, released: bool) -> Counted:
        """Put everybody on a line by what became of these batches."""
        return people.count(
            addressed=self.addressed,
            send=self.send,
            suppressed=self.suppressed,
            duplicates=self.duplicates,
            batches=made,
            ended=ended,
            released=released,
        )


def _named(row: Any) -> str:
    """Return what stands before the members of a set in the digest of its shard."""
    if row.role == "held":
        return f"held|{row.not_before.isoformat()}|"
    return f"{row.role}|{row.channels}|{row.language}|{row.reason}|"


def _bitmap(data: bytes) -> BitMap:
    try:
        return BitMap.deserialize(data)
    except ValueError:
        return BitMap()  # the digest says that these bytes are not what was frozen


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    channel: str
    generation: int
    cause: str
    next: int
    members: Any


def _batches(conn: Connection, log: Log, version_id: int, differs: Any) -> dict[int, _Batch]:
    """Return the batches on record, each held against its event: the bytes of its members too."""
    found: dict[int, _Batch] = {}
    people: Counter[int] = Counter()
    for row in conn.execute(
        select(batch)
        .where(batch.c.version_id == version_id)
        .order_by(batch.c.generation, batch.c.id)
    ):
        told = log.batches.get(row.id)
        members = np.frombuffer(row.members[: len(row.members) // 4 * 4], "<u4")
        found[row.id] = _Batch(
            channel=row.channel,
            generation=row.generation,
            cause=row.cause,
            next=row.next,
            members=members,
        )
        if told is None:
            differs("batch", row.id, None, channel=row.channel, detail="no event tells of it")
            continue
        people[told["generation"]] += told["people"]
        there = [row.channel, row.language, row.generation, row.cause, row.size]
        differs(
            "batch",
            there,
            [told[k] for k in ("channel", "language", "generation", "cause", "people")],
            channel=row.channel,
            detail=f"batch {row.id}",
        )
        differs(
            "batch members",
            hashlib.sha256(row.members).hexdigest(),
            told["members"],
            channel=row.channel,
            detail=f"batch {row.id}",
        )
    for batch_id, told in log.batches.items():
        if told["version_id"] == version_id and batch_id not in found:
            differs("batch", None, batch_id, channel=told["channel"], detail="an event tells of it")
    for number, made in conn.execute(
        select(generation.c.number, generation.c.people).where(
            generation.c.version_id == version_id
        )
    ):
        differs("generation", made, people[number], detail=f"people of generation {number}")
    return found


def _compare_resends(
    conn: Connection, version_id: int, told: Told, batches: dict[int, _Batch], differs: Any
) -> None:
    approved = (
        conn.execute(
            select(resend.c.id).where(
                resend.c.version_id == version_id, resend.c.state.in_(("approved", "made"))
            )
        )
        .scalars()
        .all()
    )
    differs("resends", len(approved), told.resends)
    made = len({b.generation for b in batches.values() if b.cause.startswith("resend")})
    if made > told.resends:
        differs("resends", made, told.resends, detail="more were made than approved")


_Slices = dict[int, list[tuple[str, SliceOf]]]


def _slices(
    conn: Connection, log: Log, version_id: int, batches: dict[int, _Batch], differs: Any
) -> tuple[_Slices, dict[str, Counter[str]]]:
    """Return batch → (attempt, slice) and attempt → totals, each held against its events; every
    claimed position must be in exactly one.
    """
    found: _Slices = {}
    totals_of: dict[str, Counter[str]] = {}
    skips = _skips_of_open_slices(conn, log, version_id)
    stored = select(slice_).where(slice_.c.version_id == version_id)
    for row in conn.execute(stored.order_by(slice_.c.batch_id, slice_.c.lo)).all():
        told = log.slices.get(row.attempt)
        _compare_slice(row, told, differs)
        totals = Counter(told.totals if told else {})
        if not (told and told.closed):
            totals["skipped"] += skips[row.attempt]
        _compare_slice_totals(row, totals, differs, closed=bool(told and told.closed))
        totals_of[row.attempt] = totals
        found.setdefault(row.batch_id, []).append((row.attempt, _told_of(row, told, log)))
    for attempt, told in log.slices.items():
        if told.place["version_id"] == version_id and attempt not in totals_of:
            differs(
                "slice",
                None,
                told.closed or "open",
                channel=told.place["channel"],
                detail=f"an event tells of slice {attempt}",
            )
    _compare_cursors(batches, found, differs)
    return found, totals_of


def _skips_of_open_slices(conn: Connection, log: Log, version_id: int) -> Counter[str]:
    """Merge whom the claims of open slices skipped into the log; return how many per attempt.

    An event tells of them when the slice is closed. Until then the claim's own rows are the record.
    """
    skips: Counter[str] = Counter()
    claimed = select(outcome.c.attempt, outcome.c.position, outcome.c.code).join(
        slice_, slice_.c.attempt == outcome.c.attempt
    )
    of_open = claimed.where(
        outcome.c.version_id == version_id,
        outcome.c.state == "skipped",
        slice_.c.state == "open",
    )
    for row in conn.execute(of_open):
        # a reason in the log: the worker skipped this person itself, and its event is there
        if (row.attempt, row.position) not in log.reasons:
            skips[row.attempt] += 1
            log.fold(row.attempt, row.position, "skipped", row.code)
    return skips


def _compare_slice(row: Any, told: SliceTold | None, differs: Any) -> None:
    """Hold a stored slice's state and place against what its events tell."""
    closed = told.closed if told else ""
    about = {"channel": row.channel, "detail": f"slice {row.attempt}"}
    differs("slice", row.state, closed or "open", **about)
    if told is None:
        return
    there = {
        "version_id": row.version_id,
        "batch": row.batch_id,
        "generation": row.generation,
        "channel": row.channel,
        "lo": row.lo,
        "hi": row.hi,
    }
    if "provider" in told.place:
        there["provider"] = row.provider
    differs("slice", there, told.place, **about)


def _compare_slice_totals(row: Any, totals: Counter[str], differs: Any, *, closed: bool) -> None:
    """Hold a stored slice's totals against what its events tell; those of a closed slice must cover
    all its people.
    """
    for name in TOTALS:
        differs(
            "slice total",
            getattr(row, name),
            totals[name],
            channel=row.channel,
            line=name,
            detail=f"slice {row.attempt}",
        )
    if closed:
        differs(
            "slice",
            totals.total(),
            row.hi - row.lo,
            channel=row.channel,
            detail=f"the totals of slice {row.attempt} do not cover its people",
        )


def _told_of(row: Any, told: SliceTold | None, log: Log) -> SliceOf:
    """Return a slice as the log tells of its people."""
    states = bytes(log.states.get(row.attempt, b""))
    reasons = {
        position: log.reasons[row.attempt, position]
        for position in range(min(len(states), row.hi - row.lo))
        if (row.attempt, position) in log.reasons
    }
    is_open = not (told and told.closed)
    return SliceOf(lo=row.lo, hi=row.hi, open=is_open, states=states, reasons=reasons)


def _compare_cursors(batches: dict[int, _Batch], found: _Slices, differs: Any) -> None:
    """Hold each batch's cursor against its slices: they must cover what was claimed, each position
    once.
    """
    for batch_id, b in batches.items():
        ranges = sorted((s.lo, s.hi) for _, s in found.get(batch_id, ()))
        ends = [0, *(hi for _, hi in ranges)]
        tiled = [lo for lo, _ in ranges] == ends[:-1] and ends[-1] == b.next
        differs(
            "cursor",
            b.next,
            b.next if tiled else ranges,
            channel=b.channel,
            detail=(
                f"the slices of batch {batch_id} do not cover what was claimed, each position once"
            ),
        )


def _compare_outcomes(
    conn: Connection, version_id: int, batches: dict[int, _Batch], slices: _Slices, differs: Any
) -> None:
    """Compare the recorded outcome of every position with the fold of its evidence."""
    place = {
        attempt: (batches[batch_id], s)
        for batch_id, listed in slices.items()
        if batch_id in batches
        for attempt, s in listed
    }
    seen: Counter[str] = Counter()
    apart: Counter[tuple[str, str, str]] = Counter()
    example: dict[tuple[str, str, str], str] = {}

    def note(channel: str, there: str, rebuilt: str, attempt: str, position: int) -> None:
        apart[channel, there, rebuilt] += 1
        example.setdefault(
            (channel, there, rebuilt), f"for example position {position} of slice {attempt}"
        )

    columns = (
        outcome.c.attempt,
        outcome.c.position,
        outcome.c.person_id,
        outcome.c.channel,
        outcome.c.state,
        outcome.c.code,
    )
    known: dict[str, set[int]] = {}
    for row in _stream(conn, select(*columns).where(outcome.c.version_id == version_id)):
        b, s = place.get(row.attempt, (None, None))
        if b is None or s is None or not 0 <= row.position < s.hi - s.lo:
            note(row.channel, row.state, "no such position", row.attempt, row.position)
            continue
        seen[row.attempt] += 1
        state = s.states[row.position] if row.position < len(s.states) else NONE
        rebuilt = "nothing" if state == NONE else STATES[state]
        if (row.state, row.channel) != (rebuilt, b.channel):
            note(row.channel, row.state, rebuilt, row.attempt, row.position)
        elif row.state == "skipped" and row.code != s.reasons.get(row.position, ""):
            note(
                row.channel,
                f"skipped {row.code}",
                f"skipped {s.reasons.get(row.position, '')}",
                row.attempt,
                row.position,
            )
        if row.person_id != int(b.members[s.lo + row.position]):
            note(
                row.channel,
                "another person",
                "the person of that position",
                row.attempt,
                row.position,
            )
        known.setdefault(row.attempt, set()).add(row.position)
    for attempt, (b, s) in place.items():
        told = [p for p, state in enumerate(s.states[: s.hi - s.lo]) if state != NONE]
        if len(told) != seen[attempt]:
            for position in set(told) - known.get(attempt, set()):
                note(b.channel, "nothing", STATES[s.states[position]], attempt, position)
    for (channel, there, rebuilt), n in sorted(apart.items()):
        differs(
            "outcome",
            there,
            rebuilt,
            channel=channel,
            line=f"{n} people",
            detail=example[channel, there, rebuilt],
        )


def _compare_counts(
    conn: Connection, live: versions.Version, counted: Counted, differs: Any
) -> None:
    """Compare every line of the account that the control room sees."""
    try:
        shown = delivery_report.account(conn, live).to_json()
    except ValueError as error:  # bytes that cannot be read: the digests have said so
        differs("addressed", type(error).__name__, counted.addressed)
        return
    differs("addressed", shown["addressed"], counted.addressed)
    for line, n in shown["people"].items():
        differs("people", n, counted.people[line], line=line)
    for channel, lines in shown["channels"].items():
        for line, n in lines.items():
            differs(
                "count",
                n,
                counted.channels.get(channel, Counter())[line],
                channel=channel,
                line=line,
            )
    for reason, n in shown["suppressed"].items():
        differs("suppressed", n, counted.suppressed[reason], line=reason)


def _compare_totals(
    conn: Connection,
    version_id: int,
    batches: dict[int, _Batch],
    slices: _Slices,
    totals: dict[str, Counter[str]],
    differs: Any,
) -> None:
    """Compare the live view's numbers, sums of the slices' totals, with the sums that the events
    give.
    """
    sums: dict[str, Counter[str]] = {}
    for batch_id, b in batches.items():
        here = sums.setdefault(b.channel, Counter())
        here["size"] += len(b.members)
        for attempt, s in slices.get(batch_id, ()):
            here["claimed"] += s.hi - s.lo
            here.update(totals[attempt])
    for channel, numbers in delivery_report.progress(conn, version_id).items():
        for name, n in numbers.items():
            differs("progress", n, sums.get(channel, Counter())[name], channel=channel, line=name)
