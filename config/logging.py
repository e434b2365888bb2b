"""Logging: structlog on stderr, JSON lines, so that stdout stays the answer's. No one's number,
address or words.
"""

from __future__ import annotations

import logging
import os
import sys

import structlog


def configure(log_format: str = "auto", *, level: int = logging.INFO) -> None:
    """Send every log line to stderr: as JSON, or as text for people ("console"). "auto" is for
    people where stderr is a terminal, which shows colours unless NO_COLOR is set.
    """
    terminal = sys.stderr.isatty()
    people = log_format == "console" or (log_format == "auto" and terminal)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    last: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=terminal and not os.environ.get("NO_COLOR"))
        if people
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
            foreign_pre_chain=shared,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.WARNING))
