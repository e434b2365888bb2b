"""Where the tests' data lies: our own in `tests/data`, and the world's own files beside the
checkout, which ours are compared with.
"""

from __future__ import annotations

from pathlib import Path

import pytest

OWN = Path(__file__).resolve().parent / "data"
REFERENCE = Path(__file__).resolve().parents[2] / "shared" / "data"

# For parametrize: the same test on our own data and, where the folder is there, on the world's own
# files.
EITHER = [
    pytest.param(OWN, id="own"),
    pytest.param(REFERENCE, id="reference", marks=pytest.mark.reference),
]
