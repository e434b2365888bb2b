"""match and preview: the index against the plainest code that is right, on invented people."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from bench import places
from bench.measure import Block, Pair, Result, note, of_pairs, percentile, side_by_side
from broadcast.content.model import PERSONAL_CHANNELS
from subscribers.audience import preview as preview_of
from subscribers.index import RegistryIndex, Rule
from subscribers.index.columns import Columns
from subscribers.index.people import People
from subscribers.index.registry_rows import PERSON, SEPARATOR, Rows

_AGAIN = 20  # times in a block: one answer takes a thousandth of a second
_CHANGES = 1_000


def _star(radius: float, corners: int = 1_000) -> shapely.Polygon:
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    reach = radius * (1 + 0.1 * np.sin(9 * angle))
    return shapely.Polygon(np.column_stack((reach * np.cos(angle), 51.5 + reach * np.sin(angle))))


def _timed(people: int, times: int, work: Callable[[], object]) -> Block:
    began, worked = time.perf_counter(), time.process_time()
    for _ in range(times):
        work()
    took = time.perf_counter() - began
    each = (time.process_time() - worked) / times
    return Block(value=people * times / took, facts={"processor_seconds": each})


def _processor_ratio(pairs: Sequence[Pair]) -> float:
    """Return how much processor time theirs takes for one of ours: others' load does not count."""
    key = "processor_seconds"
    ratios = [p.theirs.facts[key] / max(1e-9, p.ours.facts[key]) for p in pairs]
    middle: float = sorted(ratios)[len(ratios) // 2]
    return round(middle, 2)


async def match(quick: bool = False) -> tuple[Result, ...]:
    """Who of everybody is inside a drawn shape of 1,000 corners, of 1 % and of all, against a numpy
    bounding box and then shapely: the same ids, or it does not count. Then the same with 1,000
    people who changed a second ago, and how much room a person takes.
    """
    count = 1_000_000 if quick else places.number_of("PEOPLE", 10_000_000)
    pairs = places.number_of("PAIRS", 3 if quick else 7)
    rng = np.random.default_rng(7)
    lat, lon = rng.uniform(51.0, 52.0, count), rng.uniform(-1.0, 1.0, count)
    people = People.of(_columns(np.arange(1, count + 1), lat, lon))
    few, everybody = _star(0.08), _star(3.0)

    def plain(shape: shapely.Polygon) -> NDArray[np.intp]:
        west, south, east, north = shape.bounds
        at = np.flatnonzero((lon >= west) & (lon <= east) & (lat >= south) & (lat <= north))
        shapely.prepare(shape)
        found: NDArray[np.intp] = at[shapely.contains_xy(shape, lon[at], lat[at])]
        return found

    def same(shape: shapely.Polygon) -> bool:
        ours = np.sort(people.take("ids", people.inside(shape, ())))
        return np.array_equal(ours, plain(shape) + 1)

    facts: dict[str, Any] = {
        "people": count,
        "hits": len(plain(few)),
        "same_ids": same(few) and same(everybody),
        "bytes_a_person": round(people.nbytes / count, 2),
    }

    async def against(shape: shapely.Polygon, goal: float, name: str, what: str) -> Result:
        again = _AGAIN if shape is few else 1
        found = await side_by_side(
            name,
            lambda: asyncio.to_thread(_timed, count, again, lambda: people.inside(shape, ())),
            lambda: asyncio.to_thread(_timed, count, 1, lambda: plain(shape)),
            pairs=pairs,
        )
        goal = goal if facts["same_ids"] else float("inf")
        said = facts | {"processor_ratio": _processor_ratio(found)}
        return of_pairs(name, what, "people/s", found, wanted=3, goal=goal, facts=said)

    one = await against(few, 20, "match", "1 % inside / numpy bbox, then shapely")
    all_ = await against(everybody, 1, "match_all", "all inside / numpy bbox, then shapely")
    return one, all_, await _changed(people, few, pairs)


def _columns(ids: NDArray[Any], lat: NDArray[np.float64], lon: NDArray[np.float64]) -> Columns:
    count = len(ids)
    return Columns(
        ids=ids.astype(np.uint32),
        lat=lat,
        lon=lon,
        area=np.full(count, -1, dtype=np.int32),
        profile=np.zeros(count, dtype=np.uint32),
        spread=np.zeros(count, dtype=np.uint16),
    )


async def _changed(people: People, shape: shapely.Polygon, pairs: int) -> Result:
    """Match with changes that came since the people were put in order, against without; as many as
    stand beside them at most. How long 1,000 take to come in is told.
    """
    rng = np.random.default_rng(8)
    now, took = people, []
    while now.left == 0 or len(now.fresh) + _CHANGES <= max(20_000, len(people) // 100):
        ids = rng.choice(len(people), _CHANGES, replace=False) + 1
        rows = _columns(ids, rng.uniform(51, 52, _CHANGES), rng.uniform(-1, 1, _CHANGES))
        began = time.perf_counter()
        now = now.changed(rows)
        took.append(time.perf_counter() - began)
        if len(took) >= 10:
            break
    found = await side_by_side(
        "match_changed",
        lambda: asyncio.to_thread(_timed, len(people), _AGAIN, lambda: now.inside(shape, ())),
        lambda: asyncio.to_thread(_timed, len(people), _AGAIN, lambda: people.inside(shape, ())),
        pairs=pairs,
    )
    facts = {
        "processor_ratio": _processor_ratio(found),
        "changed": len(now.fresh),
        "ms_to_take_in_1000": round(1000 * sorted(took)[len(took) // 2], 2),
    }
    what = "match after 10 seconds of 1,000 changes / without (1 / 1.25 wanted)"
    return of_pairs("match_changed", what, "people/s", found, wanted=3, goal=0.8, facts=facts)


async def preview(quick: bool = False) -> tuple[Result, ...]:
    """How long the counts of a drawn shape take in an index with everybody's preferences, p95 in
    seconds by the 0.150 that are wanted.
    """
    count = places.number_of("PEOPLE", 100_000 if quick else 1_000_000)
    index = await asyncio.to_thread(RegistryIndex.of_rows, _rows(count))
    took, worked = [], []
    rng = np.random.default_rng(9)
    for n in range(20 if quick else 60):
        middle = _star(float(rng.uniform(0.02, 0.4)), 200)
        rule = Rule(
            topic="incident",
            severity_rank=1,
            status="Actual",
            channels=PERSONAL_CHANNELS,
            configured=frozenset(PERSONAL_CHANNELS),
            languages=("en", "pl", "cy", "ar"),
            shape=middle,
            urgent=bool(n % 2),
            postcodes="touch" if n % 2 else "perhaps",
            touched=frozenset(f"E0500{each:04d}" for each in range(40)),
            targets=frozenset(f"E0500{each:04d}" for each in range(20)),
        )
        began, worked_before = time.perf_counter(), time.process_time()
        counts = await asyncio.to_thread(preview_of, index, rule)
        took.append(time.perf_counter() - began)
        worked.append(time.process_time() - worked_before)
        note(f"preview: {counts.addressed:,} addressed in {took[-1] * 1000:.1f} ms")
    p95 = percentile(took, 0.95)
    return (
        Result(
            name="preview",
            what="p95 of a preview / 0.150 s",
            unit="s",
            ratios=(p95 / 0.150,),
            goal=1,
            at_most=True,
            ours=p95,
            theirs=0.150,
            facts={
                "people": count,
                "median_ms": round(1000 * percentile(took, 0.5), 1),
                "processor_p95_ms": round(1000 * percentile(worked, 0.95), 1),
            },
        ),
    )


def _rows(count: int, chunk: int = 50_000) -> Iterator[Rows]:
    """Yield invented people as the registry's statement gives them, one in five known only by a
    ward, one in five only by a postcode.
    """
    rng = np.random.default_rng(10)
    tongues = ("en", "en", "en", "pl", "cy", "ar", "ur", "pt-BR")
    for start in range(1, count + 1, chunk):
        size = min(chunk, count + 1 - start)
        lat, lon = rng.uniform(51, 52, size), rng.uniform(-1, 1, size)
        areas, choices, names = list[str](), list[str](), list[str]()
        spread = np.zeros(size, dtype=np.int64)
        for n, bits in enumerate(rng.integers(0, 1 << 30, size).tolist()):
            known = bits % 5
            channels = ("sms", "sms;email", "email;sms", "voice;sms", "email")[bits // 5 % 5]
            kind = ("resident", "resident", "business", "partner")[bits // 25 % 4]
            floor = ("", "", "Severe", "Moderate")[bits // 100 % 4]
            topics = ("", "incident", "incident;threat_level", "appeal")[bits // 400 % 4]
            stopped = "sms" if bits % 97 == 0 else ""
            areas.append(f"E0500{bits // 7 % 100:04d}" if known == 0 or kind == "partner" else "")
            if areas[-1]:
                lat[n] = lon[n] = np.nan
            elif known == 1:
                spread[n] = 200
            quiet = "22:00-07:00 Europe/London" if bits % 11 == 0 else ""
            single = ("", "", "", "incident Minor", "appeal email")[bits // 12_800 % 5]
            how = (kind, floor, channels, stopped, channels, topics, "mobile;email", "", "", "")
            choices.append(SEPARATOR.join((*how, tongues[bits // 1600 % 8], quiet, single)))
            off = "Council" if bits % 17 == 0 else ""
            names.append(SEPARATOR.join(("Retail" if bits % 13 == 0 else "", "", off)))
        ids = np.arange(start, start + size)
        what = np.full(size, PERSON)
        yield Rows(ids, lat, lon, spread, what, areas, choices, names)
