"""Which version of fasttime this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def program_version() -> str:
    """Return the version of the installed package, 0 where it is not installed."""
    try:
        return version("fasttime")
    except PackageNotFoundError:
        return "0"
