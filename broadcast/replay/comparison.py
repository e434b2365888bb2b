"""Replay: rebuilds levels, states, ledger and counts from the recorded facts and compares them with
the live store (rule R18).

The facts are the outbox rows, the frozen audiences, and the claimed ranges of batches and slices.
It is a second computation, made differently from the first, in a process that has no adapters: it
never sends, and there is no option that would make it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from broadcast.content.model import Content
from broadcast.events.tables import outbox
from broadcast.ledger.claims.tables import slice_
from broadcast.ledger.tables import response
from broadcast.messages import versions
from broadcast.messages.tables import version
from broadcast.operators import audit
from broadcast.replay import receipts
from broadcast.replay.batches import compare_batches, compare_resends
from broadcast.replay.differences import Difference, Differs, ReplayResult
from broadcast.replay.frozen import Frozen
from broadcast.replay.levels import compare_levels
from broadcast.replay.outcomes import compare_counts, compare_outcomes, compare_totals
from broadcast.replay.recorded import Log, Told
from broadcast.replay.slices import compare_slices
from broadcast.replay.streaming import stream
from broadcast.store.database import Database

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
    found = _receipts(conn, log)
    log.read(stream(conn, select(outbox.c.type, outbox.c.payload).order_by(outbox.c.id)))
    result.events = log.events
    receipts.compare(conn, result, log, log.receipts, found)
    _compare_responses(conn, result, log)
    compare_levels(conn, result, log, since)
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
        stream(
            conn,
            select(outbox.c.type, outbox.c.payload)
            .where(outbox.c.at >= since)
            .order_by(outbox.c.id),
        )
    )
    attempts = set(everything.states)
    of_receipts = {
        v for a, v in stream(conn, select(slice_.c.attempt, slice_.c.version_id)) if a in attempts
    }
    return {
        *everything.versions,
        *of_receipts,
        *(b["version_id"] for b in everything.batches.values()),
        *(s.place.version_id for s in everything.slices.values()),
    }


def _live_versions(conn: Connection, log: Log) -> Iterator[versions.Version]:
    published = version.c.identifier.is_not(None) | version.c.state.in_(_PUBLISHED)
    for version_id in (
        conn.execute(select(version.c.id).where(published).order_by(version.c.id)).scalars().all()
    ):
        if log.concerns(version_id):
            yield versions.get(conn, version_id)


# Receipts, responses, levels


def _receipts(conn: Connection, log: Log) -> receipts.Told:
    """Return the receipts on record; those not merged yet are named to the log."""
    found = receipts.Told(log.receipts.key)
    unmerged: set[bytes] = set()
    for row in receipts.stored(conn):
        if log.concerns(None, row.attempt):
            hashed = found.hashed(receipts.said_by(row))
            found.add(hashed)
            if row.folded_at is None:
                unmerged.add(hashed)
    log.unmerged = frozenset(unmerged)
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
        for row in stream(conn, select(*columns))
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


# One version


def _compare_version(
    conn: Connection,
    result: ReplayResult,
    log: Log,
    live: versions.Version | None,
    told: Told | None,
) -> None:
    if live is None or told is None:
        result.add(_one_sided(live, told))
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

    _compare_approval(live, told, differs)
    _compare_sending(conn, log, live, told, differs)


def _one_sided(live: versions.Version | None, told: Told | None) -> Difference:
    message, number = None, None
    if live is not None:
        message, number = live.message_id, live.number
    elif told is not None:
        message, number = told.said["message"], told.said["version"]
    return Difference(
        what="approval",
        message=message,
        version=number,
        live=live.state if live else None,
        rebuilt=told.state if told else None,
        detail="one side has no such version",
    )


def _compare_approval(live: versions.Version, told: Told, differs: Differs) -> None:
    """Compare what was approved, by whom, and the state that it led to."""
    # a version submitted anew after it was blocked: not yet a fact of the log
    if told.state != "blocked" or live.state != "pending_approval":
        differs("state", live.state, told.state)
    if told.state != "blocked":  # the hash of an approval that was blocked is void
        differs("content_hash", live.content_hash, told.content_hash)
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


def _compare_sending(
    conn: Connection, log: Log, live: versions.Version, told: Told, differs: Differs
) -> None:
    """Compare to whom the version went, attempt by attempt, and every number that is shown."""
    frozen = Frozen.read(conn, live.id)
    frozen.compare(differs, told)
    batches = compare_batches(conn, log, live.id, differs)
    compare_resends(conn, live.id, told, batches, differs)
    slices, totals = compare_slices(conn, log, live.id, batches, differs)
    compare_outcomes(conn, live.id, batches, slices, differs)
    ended = "expired" if told.state == "expired" else "not_sent" if told.state in _NOT_SENT else ""
    counted = frozen.count(batches, slices, ended=ended, released=told.live is not None)
    for problem in counted.wrong:
        differs("line", problem, "everybody on exactly one")
    compare_counts(conn, live, counted, differs)
    compare_totals(conn, live.id, batches, slices, totals, differs)
