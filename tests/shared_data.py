"""Where the shared test data lies: beside the checkout, never inside it."""

from __future__ import annotations

from pathlib import Path


def shared_data() -> Path:
    """Return the folder `shared/data` beside the checkout; raises FileNotFoundError, saying what to do, where it is missing."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        raise FileNotFoundError(f"no test data at {folder}: put the folder `shared` beside the checkout")
    return folder
