"""The embedded service under the harness: one process, `fasttime up`, on SQLite."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.harness import FASTTIME, Handsets, System


def embedded(folder: Path, *, rate: float, **provider: object) -> System:
    """Return `up` on its own data folder, with a provider of its own; nothing is started yet."""
    (folder / "data").mkdir(parents=True)
    return System(
        folder,
        Handsets(folder, **provider),
        {},
        {"up": [*FASTTIME, "up", "--port", "{port}"]},
        rate=rate,
    )
