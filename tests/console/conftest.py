"""Fixtures of the console's tests."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog

from tests.console.browser import browser
from tests.console.cli import cli

__all__ = ["browser", "cli"]


@pytest.fixture
def logging_as_it_was() -> Iterator[None]:
    """For tests that set up logging as a process of ours does."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
