"""/metrics: the names that leave the process for Prometheus, each declared once with its
meaning.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from platform import python_version

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from broadcast.ledger import gauges
from broadcast.ledger.gauges import Gauges
from broadcast.messages.states import STATES
from broadcast.store.database import TROUBLE, Database
from channels.dispatch.measures import Measures, Times
from config.version import program_version

KEPT_SECONDS = 1.0
ALIVE = timedelta(seconds=10)
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The metrics of one process, in a registry of their own. `gauges`: whether it tells what
    stands in the database, too. `measures` are the counts of its senders.
    """

    def __init__(self, *, role: str, gauges: bool = True, measures: Measures | None = None) -> None:
        self.registry = CollectorRegistry()
        self._role, self._gauges, self._measures = role, gauges, measures
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "fasttime_http_requests",
            "Requests answered; status 0 = the client left first",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "fasttime_http_seconds",
            "How long an answer took, by route",
            ["route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.seen: Gauges | None = None
        self.registry.register(self)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request; the route is its template, so that no token becomes a
        label.
        """
        known = (
            method
            if method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
            else "other"
        )
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def collect(self) -> Iterator[Metric]:
        """Yield what this process is, what it sent, and what was seen of the database."""
        build = GaugeMetricFamily(
            "fasttime_build_info",
            "1: the version that runs here, and in which role",
            labels=["version", "python", "role"],
        )
        build.add_metric([program_version(), python_version(), self._role], 1)
        yield build
        if self._measures is not None:
            yield from _sent(self._measures)
        if self._gauges:
            yield from self._stored()

    def _stored(self) -> Iterator[Metric]:
        """Yield the gauges; nothing but database_up where the database could not be reached."""
        yield _one(
            "fasttime_database_up",
            "1 if the database answered this scrape",
            0 if self.seen is None else 1,
        )
        if self.seen is None:
            return
        yield _one(
            "fasttime_outbox_waiting",
            f"Events not yet handed on; {gauges.CAP} means at least",
            self.seen.outbox_waiting,
        )
        yield _one(
            "fasttime_receipts_waiting",
            f"Receipts not yet merged; {gauges.CAP} means at least",
            self.seen.receipts_waiting,
        )
        yield _one(
            "fasttime_slices_open",
            f"Slices being handed over; {gauges.CAP} means at least",
            self.seen.slices_open,
        )
        yield _one(
            "fasttime_in_doubt",
            "Hand-overs of live versions of which nobody knows whether they were taken",
            self.seen.in_doubt,
        )
        yield _one(
            "fasttime_parked",
            "What could not be handled and waits for an operator",
            self.seen.parked,
        )
        yield _one(
            "fasttime_answers_urgent",
            "Answers with a word like gun, fire or attack that nobody has read",
            self.seen.urgent_answers,
        )
        yield _one(
            "fasttime_workers",
            "Workers with a sign of life in the last ten seconds",
            self.seen.workers,
        )
        states = GaugeMetricFamily(
            "fasttime_versions", "Message versions, by state", labels=["state"]
        )
        for state in STATES:
            states.add_metric([state], self.seen.versions.get(state, 0))
        yield states
        people = GaugeMetricFamily(
            "fasttime_handed_over",
            "People of the newest live versions, by channel and what became of them",
            labels=["channel", "line"],
        )
        for (channel, line), n in sorted(self.seen.totals.items()):
            people.add_metric([channel, line], n)
        yield people


def _sent(measures: Measures) -> Iterator[Metric]:
    attempts = CounterMetricFamily(
        "fasttime_delivery_attempts",
        "Attempts that touched the wire, by outcome",
        labels=["channel", "provider", "status", "outcome"],
    )
    for labels, n in sorted(measures.attempts.items()):
        attempts.add_metric(labels, n)
    yield attempts
    errors = CounterMetricFamily(
        "fasttime_provider_errors",
        "Attempts that were not accepted, by the provider's code",
        labels=["channel", "provider", "code"],
    )
    for codes, n in sorted(measures.errors.items()):
        errors.add_metric(codes, n)
    yield errors
    yield _times(
        "fasttime_provider_seconds",
        "How long the provider took to answer one attempt",
        ["channel", "provider"],
        measures.provider,
    )
    yield _times(
        "fasttime_approval_to_first_attempt_seconds",
        "From approval to the first attempt of a batch",
        ["channel", "status"],
        measures.to_first,
    )
    yield _times(
        "fasttime_approval_to_last_attempt_seconds",
        "From approval to the last attempt of a batch's first pass",
        ["channel", "status"],
        measures.to_last,
    )


def _times(
    name: str, meaning: str, labels: list[str], found: Mapping[tuple[str, str], Times]
) -> Metric:
    family = HistogramMetricFamily(name, meaning, labels=labels)
    for values, times in sorted(found.items()):
        family.add_metric(values, buckets=times.buckets(), sum_value=times.seconds)
    return family


def _one(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, value=value)


Look = Callable[[], Awaitable[Gauges | None]]
"""Reads the gauges; None where the database did not answer."""
Hung = Callable[[], Sequence[str]]
"""Says why this process should be restarted; nothing where it turns."""


def application(metrics: Metrics, look: Look | None, hung: Hung) -> Starlette:
    """Return the application of a process's own port: GET /metrics, and GET /healthz for whoever
    restarts what hangs.
    """
    busy = asyncio.Lock()
    at = -KEPT_SECONDS

    async def scrape(_request: Request) -> Response:
        """Return the metrics, as of a second ago at most."""
        nonlocal at
        async with busy:
            if look is not None and time.monotonic() - at >= KEPT_SECONDS:
                metrics.seen = None
                metrics.seen = await look()
                at = time.monotonic()
        return Response(
            generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    async def healthz(_request: Request) -> Response:
        """Answer 200 where the process turns, 503 with the reasons where it does not; one that
        hangs as a whole gives no answer.
        """
        reasons = list(hung())
        return JSONResponse({"ok": not reasons, "reasons": reasons}, 503 if reasons else 200)

    return Starlette(
        routes=[
            Route("/metrics", scrape, methods=["GET"]),
            Route("/healthz", healthz, methods=["GET"]),
        ]
    )


def looking(db: Database) -> Look:
    """Return how a web process reads the gauges: every question bounded, and five seconds in
    all.
    """

    async def look() -> Gauges | None:
        try:
            async with asyncio.timeout(5):
                return await db.read(gauges.look, datetime.now(UTC) - ALIVE)
        except TROUBLE:
            return None

    return look
