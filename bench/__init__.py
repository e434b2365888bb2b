"""`fasttime bench NAME`: ratios side by side in one run; absolute numbers are only logged
(docs/performance.md).
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from broadcast.problems import refuse

if TYPE_CHECKING:
    from bench.measure import Result

Bench = Callable[..., "Awaitable[Result | tuple[Result, ...]]"]


def benches() -> Mapping[str, Bench]:
    """Return every bench by name, in the order of `all`."""
    from bench import fanout, latency, matching, pages, registry, sending, small
    from bench.log import measuring

    return {
        "email": sending.email,
        "sms": sending.sms,
        "memory": sending.memory,
        "fanout": fanout.fanout,
        "latency": latency.latency,
        "pages": pages.pages,
        "match": matching.match,
        "preview": matching.preview,
        "log": measuring.log,
        "import": registry.import_,
        "segments": small.segments,
        "signing": small.signing,
    }


def run(name: str, json_output: bool = False) -> int:
    """Run one bench, or `all` of them in short form, and print a table or JSON; return 0, or 1
    where a goal is missed.

    Raises Rejected: exit 2 for a name that there is not (it lists them), 69 where a service is
    missing. Progress goes to stderr. FASTTIME_TEST_BENCH_QUICK=1 shortens a single bench too;
    _PAIRS, _PEOPLE, _WORKERS change its size.
    """
    from config import logging as logs

    known = benches()
    if name not in known and name != "all":
        raise refuse(
            "bench_unknown",
            f"there is no bench {name}" if name else "which bench?",
            f"use one of {', '.join(known)}, or all",
            field="NAME",
        )
    logs.configure("json", level=logging.WARNING)
    quick = name == "all" or os.environ.get("FASTTIME_TEST_BENCH_QUICK", "") not in ("", "0")
    return asyncio.run(_run(known if name == "all" else {name: known[name]}, quick, json_output))


async def _run(wanted: Mapping[str, Bench], quick: bool, json_output: bool) -> int:
    from bench.measure import note
    from console.output import Output

    results: list[Result] = []
    affinity = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    for name, bench in wanted.items():
        note(f"{name}: {(bench.__doc__ or '').splitlines()[0]}")
        try:
            found = await bench(quick)
            results += found if isinstance(found, tuple) else (found,)
        finally:
            if affinity:
                os.sched_setaffinity(0, affinity)
    rows = []
    for r in results:
        low, middle, high = r.quartiles
        goal = "" if r.goal is None else f"{'<=' if r.at_most else '>='} {r.goal:g}"
        verdict = "" if r.met is None else "met" if r.met else "MISSED"
        logged = f"{r.ours:,.0f} / {r.theirs:,.0f} {r.unit}"
        rows.append(
            (
                r.name,
                r.what,
                f"{middle:.3f}",
                f"{low:.3f} .. {high:.3f}",
                len(r.ratios),
                goal,
                verdict,
                logged,
                "" if r.quiet else "no",
            )
        )
    after = [
        f"{r.name}: {', '.join(f'{k}={v}' for k, v in r.facts.items() if not isinstance(v, list))}"
        for r in results
    ]
    header = ("bench", "ratio of", "median", "quartiles", "n", "goal", "", "only logged", "quiet")
    Output(json=json_output).table(
        {"benches": [r.to_json() for r in results], "quick": quick}, header, rows, *after
    )
    return 0 if all(r.met is not False for r in results) else 1
