"""What looking for cyclic garbage may cost a process that sends."""

from __future__ import annotations

import gc

THRESHOLDS = (10_000, 20, 20)


def spare_the_collector() -> None:
    """Keep what was loaded at the start out of every later collection, and collect less often; once
    in a process, when everything is built.

    Attempts make many small objects that die by reference count. With Python's own thresholds
    (700, 10, 10) each of thousands of collections walks through the libraries: a third of a text
    message's CPU (docs/performance.md). Cycles are still collected.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
