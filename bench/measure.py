"""How a ratio is measured honestly on a machine that others use too: ABBA pairs, a calibration
around each block, steal and foreign load told.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

DRIFT, STEAL, FOREIGN = 0.05, 0.02, 0.2
"""A pair is void if the calibration drifts by more, if the host stole more, or if others kept
that many cores busy before a block.
"""
QUIET_SECONDS = 0.3
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One side, once: `value` is what the ratio is made of (a rate, seconds, bytes), `facts` are
    only logged.
    """

    value: float
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Both sides, one after the other, and what the machine did meanwhile."""

    ours: Block
    theirs: Block
    drift: float
    steal: float
    foreign: float

    @property
    def ratio(self) -> float:
        """Ours by theirs."""
        return self.ours.value / self.theirs.value

    @property
    def quiet(self) -> bool:
        """Whether the machine was ours while it was measured."""
        return self.drift <= DRIFT and self.steal <= STEAL and self.foreign <= FOREIGN

    def to_json(self) -> dict[str, Any]:
        """Return everything that was seen."""
        return {
            "ratio": round(self.ratio, 4),
            "ours": round(self.ours.value, 3),
            "theirs": round(self.theirs.value, 3),
            "quiet": self.quiet,
            "drift": round(self.drift, 4),
            "steal": round(self.steal, 4),
            "foreign": round(self.foreign, 3),
            "ours_facts": self.ours.facts,
            "theirs_facts": self.theirs.facts,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one bench found. `goal` is the least (or, with `at_most`, the greatest) ratio wanted;
    None = only told.
    """

    name: str
    what: str
    unit: str
    ratios: tuple[float, ...]
    goal: float | None
    at_most: bool = False
    ours: float = 0.0
    theirs: float = 0.0
    quiet: bool = True
    pairs: tuple[Pair, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def quartiles(self) -> tuple[float, float, float]:
        """The lower quartile, the median, the upper quartile."""
        return quartiles(self.ratios)

    @property
    def met(self) -> bool | None:
        """Whether the median meets the goal, and the worse quartile within a tenth of it; None
        without a goal.
        """
        if self.goal is None:
            return None
        low, middle, high = self.quartiles
        return (
            (middle <= self.goal and high <= self.goal / 0.9)
            if self.at_most
            else (middle >= self.goal and low >= 0.9 * self.goal)
        )

    def to_json(self) -> dict[str, Any]:
        """Return the bench as JSON, all samples included."""
        low, middle, high = self.quartiles
        return {
            "name": self.name,
            "what": self.what,
            "median": round(middle, 4),
            "quartiles": [round(low, 4), round(high, 4)],
            "goal": self.goal,
            "goal_is": "at most" if self.at_most else "at least",
            "met": self.met,
            "quiet": self.quiet,
            "unit": self.unit,
            "ours": round(self.ours, 3),
            "theirs": round(self.theirs, 3),
            "samples": [round(r, 4) for r in self.ratios],
            "pairs": [pair.to_json() for pair in self.pairs],
            "facts": self.facts,
        }


def against_goal(
    *,
    name: str,
    what: str,
    share: str,
    seconds: float,
    goal_seconds: float,
    quiet: bool,
    facts: dict[str, Any],
) -> Result:
    """Return the result of a time that must be no longer than its goal; `share` names which of the
    times it is, such as p99.
    """
    return Result(
        name=name,
        what=what,
        unit=f"ms ({share} / goal)",
        ratios=(seconds / goal_seconds,),
        goal=1.0,
        at_most=True,
        ours=1000 * seconds,
        theirs=1000 * goal_seconds,
        quiet=quiet,
        facts=facts,
    )


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the lower quartile, the median and the upper quartile, of one value too."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` (0..1) of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, int(np.ceil(share * len(ordered))) - 1))]


def note(line: str) -> None:
    """Tell whoever waits how far it is."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def calibrate() -> float:
    """Return the seconds of a fixed piece of work: a numpy scan and a Python loop, the best of
    three.
    """
    data = np.arange(400_000, dtype=np.float64)
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        total = 0.0
        for _ in range(10):
            total += float(((data > 1_000.0) & (data < 300_000.0)).sum())
        for n in range(100_000):
            total += n % 7
        best = min(best, time.perf_counter() - began)
    return best


def machine_ticks() -> tuple[float, float, float]:
    """Return (busy, stolen, all) seconds of all cores since boot; zeros where there is no /proc."""
    try:
        words = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]
    except OSError:
        return 0.0, 0.0, 0.0
    user, nice, system, idle, wait, irq, soft, steal = (int(w) / _TICKS for w in words)
    busy = user + nice + system + irq + soft
    return busy, steal, busy + idle + wait + steal


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the CPU seconds that these processes have used; one that is gone counts nothing."""
    total = 0.0
    for pid in pids:
        try:
            words = (
                Path(f"/proc/{pid}/stat")
                .read_text(encoding="utf-8", errors="replace")
                .rpartition(")")[2]
                .split()
            )
        except OSError:
            continue
        total += (int(words[11]) + int(words[12])) / _TICKS
    return total


async def foreign_load() -> float:
    """Return how many cores others keep busy while nothing of ours runs."""
    before = machine_ticks()[0]
    began = time.monotonic()
    await asyncio.sleep(QUIET_SECONDS)
    return (machine_ticks()[0] - before) / (time.monotonic() - began)


Side = Callable[[], Awaitable[Block]]


async def side_by_side(
    name: str, ours: Side, theirs: Side, *, pairs: int, tries: int | None = None
) -> list[Pair]:
    """Measure both sides `pairs` times in the order ABBA; a pair that was disturbed is measured
    again, at most `tries` pairs in all.
    """
    done: list[Pair] = []
    limit = tries or 2 * pairs
    while sum(p.quiet for p in done) < pairs and len(done) < limit:
        first_ours = len(done) % 2 == 0
        foreign = await foreign_load()
        calibration = [calibrate()]
        before = machine_ticks()
        blocks = []
        for mine in (first_ours, not first_ours):
            blocks.append(await (ours if mine else theirs)())
            calibration.append(calibrate())
            foreign = max(foreign, await foreign_load())
        after = machine_ticks()
        a, b = blocks if first_ours else blocks[::-1]
        steal = (after[1] - before[1]) / (after[2] - before[2]) if after[2] > before[2] else 0.0
        pair = Pair(
            ours=a,
            theirs=b,
            drift=max(calibration) / min(calibration) - 1,
            steal=steal,
            foreign=foreign,
        )
        done.append(pair)
        disturbed = (
            ""
            if pair.quiet
            else (
                f"  disturbed: drift {pair.drift:.0%}, steal {pair.steal:.1%}, others"
                f" {pair.foreign:.2f} cores"
            )
        )
        note(
            f"{name} {len(done)}: {pair.ratio:.3f}  (ours {a.value:,.0f}, bare"
            f" {b.value:,.0f}){disturbed}"
        )
    return done


def of_pairs(
    name: str,
    what: str,
    unit: str,
    pairs: Sequence[Pair],
    *,
    wanted: int,
    goal: float | None,
    facts: dict[str, Any],
) -> Result:
    """Make a result of the quiet pairs; of all of them where too few were quiet, and say so."""
    quiet = [p for p in pairs if p.quiet]
    used = quiet if len(quiet) >= wanted else list(pairs)
    if used and "workers_cpu_us" in used[0].ours.facts and "loops_cpu_us" in used[0].theirs.facts:
        # Of less use than time, but others' load hardly moves it: what the sending processes
        # themselves had to do.
        facts = {
            **facts,
            "cpu_ratio": round(
                statistics.median(
                    p.theirs.facts["loops_cpu_us"] / p.ours.facts["workers_cpu_us"] for p in used
                ),
                3,
            ),
        }
    return Result(
        name=name,
        what=what,
        unit=unit,
        ratios=tuple(p.ratio for p in used),
        goal=goal,
        ours=statistics.median(p.ours.value for p in used),
        theirs=statistics.median(p.theirs.value for p in used),
        quiet=used is quiet,
        pairs=tuple(pairs),
        facts=facts,
    )
