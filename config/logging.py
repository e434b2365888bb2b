"""Logging: structlog on stderr, JSON lines, so that stdout stays the answer's. No one's number,
address or words.
"""

from __future__ import annotations

import logging
import os
import sys

import structlog

from broadcast import failures


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
        _no_words_of_exceptions,
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


def _no_words_of_exceptions(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Say the type and the places of an exception, whoever logs it, a library too, and nothing that
    its message or a traceback would show.
    """
    given = event.pop("exc_info", None)
    error = given[1] if isinstance(given, tuple) else sys.exception() if given is True else given
    if isinstance(error, BaseException):
        event.update(failures.told(error))
    record = event.get("_record")
    if isinstance(record, logging.LogRecord) and record.name == "asyncio":
        # its next lines show the task, and with it the exception's message
        event["event"] = str(event["event"]).partition("\n")[0]
    return event
