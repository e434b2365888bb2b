"""Fixtures of the console's tests."""

from __future__ import annotations

from tests.console.browser import browser
from tests.console.cli import cli

__all__ = ["browser", "cli"]
