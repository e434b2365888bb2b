"""Traces by OpenTelemetry, for who installs `fasttime[otel]` and sets FASTTIME_TRACES.

All steps of one version are one trace, whichever process they are done in: its id is made from the
version and the installation's key, so nothing need be handed on. The approval is its root.
"""

from __future__ import annotations

import hashlib
import hmac
from contextvars import ContextVar
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from broadcast import traces
from broadcast.problems import refuse
from broadcast.traces import Step
from config.settings import Settings
from config.version import program_version

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

EXPORT_SECONDS = 2
"""How long a collector may take; what it does not take in time is dropped, nobody waits for it."""

_root: ContextVar[tuple[int, int] | None] = ContextVar("fasttime_trace_root", default=None)


def start(settings: Settings) -> None:
    """Record the steps of this process, if the settings ask for it; loads nothing otherwise.

    Raises Rejected (exit 2) where FASTTIME_TRACES is set and the extra is not installed.
    """
    if not settings.traces:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise refuse(
            "setting_invalid",
            "FASTTIME_TRACES is set, and what sends traces is not installed",
            "pip install 'fasttime[otel]', or unset it",
            field="FASTTIME_TRACES",
        ) from None
    exporter = OTLPSpanExporter(endpoint=settings.traces, timeout=EXPORT_SECONDS)
    traces.record_by(recorder(BatchSpanProcessor(exporter), settings.key()))


def recorder(processor: SpanProcessor, key: bytes) -> traces.Recorder:
    """Return a recorder that turns steps into spans for `processor`. All processes of an
    installation share `key`, from which they derive the same trace id for the same version.
    """
    from opentelemetry.context import Context
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
    from opentelemetry.trace import (
        NonRecordingSpan,
        SpanContext,
        TraceFlags,
        set_span_in_context,
    )

    class Ids(RandomIdGenerator):
        """Random ids, but for the root of a trace."""

        def generate_trace_id(self) -> int:
            root = _root.get()
            return super().generate_trace_id() if root is None else root[0]

        def generate_span_id(self) -> int:
            root = _root.get()
            return super().generate_span_id() if root is None else root[1]

    # ours alone: libraries that would trace by themselves (FastAPI, Redis) find no provider
    provider = TracerProvider(
        resource=Resource.create(
            {"service.name": "fasttime", "service.version": program_version()}
        ),
        id_generator=Ids(),
    )
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("fasttime")

    @lru_cache(maxsize=1024)
    def root_of(version_id: int) -> tuple[int, int]:
        made = hmac.new(key, f"trace {version_id}".encode(), hashlib.sha256).digest()
        return int.from_bytes(made[:16]), int.from_bytes(made[16:24])

    def keep(step: Step) -> None:
        trace_id, span_id = root_of(step.version_id)
        facts: dict[str, Any] = {f"fasttime.{name}": value for name, value in step.facts.items()}
        facts["fasttime.version"] = step.version_id
        begins = _root.set((trace_id, span_id) if step.first else None)
        try:
            parent = SpanContext(trace_id, span_id, True, TraceFlags(TraceFlags.SAMPLED))
            span = tracer.start_span(
                step.name,
                Context()
                if step.first
                else set_span_in_context(NonRecordingSpan(parent), Context()),
                attributes=facts,
                start_time=_nanoseconds(step.began),
            )
        finally:
            _root.reset(begins)
        span.end(_nanoseconds(step.ended))

    return keep


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * 1_000
