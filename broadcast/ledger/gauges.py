"""Numbers for whoever watches the machine: every question is bounded, however much is stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Select, func, select

from broadcast.answers.tables import answer
from broadcast.events import dead_letters
from broadcast.events.tables import outbox, parked
from broadcast.ledger import delivery_report
from broadcast.ledger.claims.tables import slice_
from broadcast.ledger.kept import reading
from broadcast.ledger.tables import receipt, worker
from broadcast.messages.tables import version

CAP = 10_000
"""More than this is not counted: a gauge that stands there means "at least"."""
LIVE_VERSIONS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauges:
    """One look. `totals` are (channel, line) sums over the newest live versions, from per-slice
    totals committed with "slice done".
    """

    outbox_waiting: int
    receipts_waiting: int
    slices_open: int
    in_doubt: int
    parked: int
    """What was put aside and is open, alarms of look-ups among it."""
    look_ups: int
    """Open alarms of look-ups alone."""
    urgent_answers: int
    workers: int
    versions: dict[str, int]
    totals: dict[tuple[str, str], int]


def look(conn: Connection, alive_after: datetime) -> Gauges:
    """Return the gauges; a worker counts whose last sign of life is younger than that moment."""
    live = list(
        conn.execute(
            select(version.c.id)
            .where(version.c.state.in_(("live", "held")))
            .order_by(version.c.id.desc())
            .limit(LIVE_VERSIONS)
        ).scalars()
    )
    totals: dict[tuple[str, str], int] = {}
    for version_id in live:
        for channel, sums in delivery_report.progress(conn, version_id).items():
            for line, n in sums.items():
                totals[channel, line] = totals.get((channel, line), 0) + n
    return Gauges(
        outbox_waiting=_bounded(conn, select(outbox.c.id).where(outbox.c.relayed_at.is_(None))),
        receipts_waiting=_bounded(conn, select(receipt.c.id).where(receipt.c.folded_at.is_(None))),
        slices_open=_bounded(conn, select(slice_.c.attempt).where(slice_.c.state == "open")),
        in_doubt=sum(
            min(reading.in_state(conn, version_id, "in_doubt"), CAP) for version_id in live
        ),
        parked=_bounded(conn, select(parked.c.id).where(parked.c.closed_at.is_(None))),
        look_ups=_bounded(
            conn,
            select(parked.c.id).where(
                parked.c.closed_at.is_(None), parked.c.what == dead_letters.LOOK_UPS
            ),
        ),
        urgent_answers=_bounded(
            conn,
            select(answer.c.id).where(
                answer.c.urgent,
                answer.c.first_read_at.is_(None),
                answer.c.erased_at.is_(None),
                ~answer.c.simulated,
            ),
        ),
        workers=_bounded(
            conn,
            select(worker.c.id).where(
                worker.c.dead_at.is_(None), worker.c.heartbeat_at > alive_after
            ),
        ),
        versions={
            row[0]: row[1]
            for row in conn.execute(select(version.c.state, func.count()).group_by(version.c.state))
        },
        totals=totals,
    )


def waiting_by_topic(conn: Connection) -> dict[str, int]:
    """Return how many events of each kind wait for the relay, of the oldest that wait."""
    oldest = (
        select(outbox.c.type).where(outbox.c.relayed_at.is_(None)).order_by(outbox.c.id).limit(CAP)
    ).subquery()
    query = select(oldest.c.type, func.count()).group_by(oldest.c.type).order_by(oldest.c.type)
    return {row[0]: row[1] for row in conn.execute(query)}


def open_by_channel(conn: Connection) -> dict[str, int]:
    """Return how many slices of each channel are being handed over now."""
    query = (
        select(slice_.c.channel, func.count())
        .where(slice_.c.state == "open")
        .group_by(slice_.c.channel)
        .order_by(slice_.c.channel)
    )
    return {row[0]: row[1] for row in conn.execute(query)}


def _bounded(conn: Connection, query: Select[tuple[int]] | Select[tuple[str]]) -> int:
    return int(
        conn.execute(select(func.count()).select_from(query.limit(CAP).subquery())).scalar_one()
    )
