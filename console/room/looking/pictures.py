"""Pictures that the server draws, each beside a table with the same numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import cos, log10, radians
from typing import Any

import shapely
from markupsafe import Markup, escape

from broadcast.places.areas import AreaTree
from console.pages.maps import outline
from console.room.naming import LINES as WORDS

WIDTH, HEIGHT, LEFT, FOOT = 720, 240, 8, 24
SHOWN = ("delivered", "accepted", "in_doubt", "failed", "waiting", "not_sent")
"""The lines of the curve, each with a dash of its own: colour alone says nothing."""


def curve(frames: Sequence[dict[str, Any]], acts: Sequence[tuple[str, str]]) -> Markup:
    """Return people by line over time as SVG, every act as an upright mark. A number that is not
    shown leaves a gap in its line.
    """
    if len(frames) < 2:
        return Markup("")
    times = [datetime.fromisoformat(frame["at"]).timestamp() for frame in frames]
    begin, length = times[0], (times[-1] - times[0]) or 1.0
    known = [n for frame in frames for n in frame["people"].values() if isinstance(n, int)]
    most = max(known, default=0) or 1

    def x(at: float) -> float:
        return round(LEFT + (at - begin) / length * (WIDTH - 2 * LEFT), 1)

    def y(n: int) -> float:
        return round((HEIGHT - FOOT) - n / most * (HEIGHT - FOOT - 20), 1)

    drawn = []
    for line in SHOWN:
        points = [
            f"{x(at)},{y(frame['people'][line])}"
            for at, frame in zip(times, frames, strict=True)
            if isinstance(frame["people"][line], int)
        ]
        drawn.append(f'<polyline class="curve curve-{line}" points="{" ".join(points)}"/>')
    for what, moment in acts:
        at = x(datetime.fromisoformat(moment).timestamp())
        if LEFT <= at <= WIDTH:
            drawn.append(
                f'<path class="act" d="M{at} 0V{HEIGHT - FOOT}">'
                f"<title>{escape(what)}</title></path>"
            )
    drawn.append(f'<text class="axis" x="{LEFT + 4}" y="14">{most:,} people</text>')
    drawn.append(f'<text class="axis" x="{LEFT}" y="{HEIGHT - 6}">{frames[0]["clock"]}</text>')
    last = frames[-1]["clock"]
    drawn.append(
        f'<text class="axis end" x="{WIDTH - LEFT}" y="{HEIGHT - 6}">{escape(last)}</text>'
    )
    names = ", ".join(WORDS[line][0] for line in SHOWN)
    said = f"{names}, from {frames[0]['clock']} to {last}; the table below has the same numbers"
    drawn.append(f'<path class="now" d="M{LEFT} 0V{HEIGHT - FOOT}"/>')
    keys = _keys([(f"curve-{line}", WORDS[line][0]) for line in SHOWN])
    return _wide("curve", "People by line over time", said, drawn, HEIGHT) + keys


def _svg(name: str, title: str, described: str, drawn: Sequence[str], height: int) -> Markup:
    return Markup(  # noqa: S704 - numbers of ours, and text that is escaped
        f'<svg class="picture" viewBox="0 0 {WIDTH} {height}" role="img"'
        f' aria-labelledby="{name}-t {name}-d"><title id="{name}-t">{escape(title)}</title>'
        f'<desc id="{name}-d">{escape(described)}</desc>{"".join(drawn)}</svg>'
    )


def _wide(name: str, title: str, described: str, drawn: Sequence[str], height: int) -> Markup:
    """Return a picture whose text stays as large as it is: a small screen scrolls it."""
    return Markup(  # noqa: S704 - the title is escaped, the rest by _svg
        f'<div class="wide" role="region" aria-label="{escape(title)}" tabindex="0">'
        f"{_svg(name, title, described, drawn, height)}</div>"
    )


def _keys(lines: Sequence[tuple[str, str]]) -> Markup:
    """Return which line of a picture is which, beneath it."""
    drawn = "".join(
        f'<span><svg class="key" viewBox="0 0 40 8"><path class="curve {name}" d="M0 4H40"/></svg>'
        f" {escape(word)}</span> "
        for name, word in lines
    )
    return Markup(f'<p class="keys" aria-hidden="true">{drawn}</p>')  # noqa: S704 - escaped above


def dots(rows: Sequence[tuple[str, Sequence[float]]], promise: float) -> Markup:
    """Return seconds as dots on a logarithmic scale, a row for each channel: first, half, 95 %,
    99 %. The promise, in seconds, is an upright line.
    """
    if not rows:
        return Markup("")
    known = [max(value, 0.001) for _, values in rows for value in values] + [promise]
    low, high = log10(min(known)) - 0.2, log10(max(known)) + 0.2
    left, height = 150, 50 + 44 * len(rows)

    def x(seconds: float) -> float:
        share = (log10(max(seconds, 0.001)) - low) / (high - low)
        return round(left + share * (WIDTH - left - 40), 1)

    at = x(promise)
    drawn = [
        f'<path class="act" d="M{at} 20V{height - 10}"/>',
        f'<text class="axis" x="{at + 4}" y="14">promised first: {promise:g} s</text>',
    ]
    for n, (name, values) in enumerate(rows):
        y = 44 + 44 * n
        drawn.append(f'<text class="axis" x="4" y="{y + 4}">{escape(name)}</text>')
        drawn.append(f'<path class="rail" d="M{left} {y}H{WIDTH - 8}"/>')
        for size, value, label in zip(
            (9, 7, 5, 3), values, ("first", "half", "95 %", "99 %"), strict=True
        ):
            drawn.append(
                f'<circle class="dot" cx="{x(value)}" cy="{y}" r="{size}">'
                f"<title>{label}: {value:.3f} s</title></circle>"
            )
    said = "; ".join(
        f"{name}: first after {v[0]:.2f} s, half after {v[1]:.2f} s, 99 % after {v[3]:.2f} s"
        for name, v in rows
    )
    return _wide("speed", "Seconds from the approval until handed over", said, drawn, height)


def used_rates(
    rows: Sequence[tuple[str, Sequence[tuple[str, float | None, float]]]],
) -> Markup:
    """Return people a second as bars over time, a strip for each channel, under a dashed line at
    what was granted; rows are (channel, [(clock, granted, used)]). Where no rate is on record, or
    there is no limit, no line is drawn.
    """
    if not rows:
        return Markup("")
    left, strip, drawn, said = 8, 130, [], []
    for n, (name, intervals) in enumerate(rows):
        top, foot = n * strip + 22, (n + 1) * strip - 20
        most = max(max(granted or 0.0, used) for _, granted, used in intervals) or 1.0
        wide = (WIDTH - 2 * left) / len(intervals)
        line, held = "", None
        for place, (clock, granted, used) in enumerate(intervals):
            x = round(left + place * wide, 1)
            tall = round(used / most * (foot - top), 1)
            drawn.append(
                f'<rect class="dot" x="{x}" y="{round(foot - tall, 1)}"'
                f' width="{round(wide * 0.9, 1)}" height="{tall}">'
                f"<title>{escape(clock)}: {used:.1f} a second</title></rect>"
            )
            if granted:
                at = round(foot - granted / most * (foot - top), 1)
                line += f"{f'V{at}' if held else f'M{x} {at}'}H{round(x + wide, 1)}"
            held = granted
        if line:
            drawn.append(f'<path class="act" fill="none" d="{line}"/>')
        known = [granted for _, granted, _ in intervals if granted is not None]
        grant = granted_in_words(known[-1] if known else None)
        changed = " at the end, another before" if len(set(known)) > 1 else ""
        peak = max(used for _, _, used in intervals)
        text = f"{name}: {grant}{changed}; used at most {peak:.1f} a second"
        said.append(text)
        drawn.append(f'<text class="axis" x="{left}" y="{top - 8}">{escape(text)}</text>')
        drawn.append(f'<path class="rail" d="M{left} {foot}H{WIDTH - left}"/>')
        drawn.append(
            f'<text class="axis" x="{left}" y="{foot + 14}">{escape(intervals[0][0])}</text>'
        )
        if (last := intervals[-1][0]) != intervals[0][0]:
            drawn.append(
                f'<text class="axis end" x="{WIDTH - left}" y="{foot + 14}">{escape(last)}</text>'
            )
    title = "Granted rate against used, people a second"
    return _wide("rates", title, "; ".join(said), drawn, strip * len(rows))


def granted_in_words(rate: float | None) -> str:
    """Return a granted rate as one reads it."""
    if rate is None:
        return "granted rate not on record"
    return f"granted {rate:g} a second" if rate else "no limit"


def bars(rows: Sequence[tuple[str, int]], name: str, title: str) -> Markup:
    """Return numbers as lying bars, each with its words and its number."""
    if not rows:
        return Markup("")
    most, left, drawn = max(n for _, n in rows) or 1, 4, []
    for at, (label, n) in enumerate(rows):
        y, width = 24 + 44 * at, round(n / most * (WIDTH - left - 80), 1)
        drawn.append(f'<text class="axis" x="{left}" y="{y - 6}">{escape(label)}</text>')
        drawn.append(f'<rect class="bar-of" x="{left}" y="{y}" width="{width}" height="18"/>')
        drawn.append(f'<text class="axis" x="{left + width + 6}" y="{y + 13}">{n:,}</text>')
    said = "; ".join(f"{label}: {n}" for label, n in rows)
    return _wide(name, title, said, drawn, 8 + 44 * len(rows))


HATCHES = 5
"""Densities of a hatch: the share that was reached, in fifths. No hue says anything."""


def hatched(tree: AreaTree, shares: Mapping[str, float]) -> Markup:
    """Return a map of places, each hatched by the share of its people that was reached (0 to 1);
    `data-place` is the code of each.
    """
    shapes = {code: g for code in shares if code in tree and (g := tree.geometry(code)) is not None}
    if not shapes:
        return Markup("")
    bounds = [shapely.bounds(g) for g in shapes.values()]
    west, south = (float(min(b[n] for b in bounds)) for n in (0, 1))
    east, north = (float(max(b[n] for b in bounds)) for n in (2, 3))
    flat = cos(radians((south + north) / 2)) or 1.0
    scale = min(WIDTH / max((east - west) * flat, 1e-9), 480 / max(north - south, 1e-9))
    height = max(round((north - south) * scale), 1)
    drawn = [_hatch(n) for n in range(1, HATCHES + 1)]
    for code, geometry in sorted(shapes.items()):
        path = outline(geometry, west=west, north=north, flat=flat, scale=scale)
        share = shares[code]
        fill = f"url(#hatch-{min(int(share * HATCHES) + 1, HATCHES)})" if share else "none"
        said = f"{tree[code].name}: {share:.0%} reached"
        drawn.append(
            f'<path class="ward" data-place="{escape(code)}" fill="{fill}" d="{path}">'
            f"<title>{escape(said)}</title></path>"
        )
    said = f"{len(shapes)} places; the denser the hatch, the more were reached: see the table"
    return _svg("wards", "Reached, by place", said, drawn, height)


def _hatch(n: int) -> str:
    gap = (14, 10, 7, 5, 3)[n - 1]
    return (
        f'<pattern id="hatch-{n}" width="{gap}" height="{gap}" patternUnits="userSpaceOnUse"'
        f' patternTransform="rotate(45)"><path class="hatch" d="M0 0V{gap}"/></pattern>'
    )


def steps(
    scopes: Mapping[str, Sequence[tuple[datetime, int | None]]],
    names: Sequence[str],
    now: datetime,
) -> Markup:
    """Return levels over time as steps, a line of its own dash for each scope; None is no level.
    `names` are the levels, the lowest first.
    """
    times = [at.timestamp() for points in scopes.values() for at, _ in points]
    if not times:
        return Markup("")
    begin, end, left, row = min(times), max(now.timestamp(), max(times) + 1), 120, 34
    height = row * len(names) + 30

    def x(at: float) -> float:
        return round(left + (at - begin) / (end - begin) * (WIDTH - left - 8), 1)

    def y(rank: int) -> int:
        return row * (len(names) - rank) + row // 2

    drawn = []
    for n, name in enumerate(names, 1):
        drawn.append(f'<text class="axis" x="4" y="{y(n) + 4}">{n} {escape(name)}</text>')
        drawn.append(f'<path class="rail" d="M{left} {y(n)}H{WIDTH - 8}"/>')
    for n, (scope, points) in enumerate(scopes.items()):
        path, held = "", None
        for at, rank in points:
            if held is not None:
                path += f"H{x(at.timestamp())}"
            if rank is not None:
                path += f"M{x(at.timestamp())} {y(rank)}" if held is None else f"V{y(rank)}"
            held = rank
        path += f"H{x(end)}" if held is not None else ""
        drawn.append(
            f'<path class="curve step-of-{n % 4}" d="{path}"><title>{escape(scope)}</title></path>'
        )
    first, last = (datetime.fromtimestamp(t, now.tzinfo) for t in (begin, end))
    drawn.append(f'<text class="axis" x="{left}" y="{height - 6}">{first:%d %b %Y}</text>')
    drawn.append(f'<text class="axis end" x="{WIDTH - 8}" y="{height - 6}">{last:%d %b %Y}</text>')
    said = "; ".join(f"{scope}: {len(points)} changes" for scope, points in scopes.items())
    keys = _keys([(f"step-of-{n % 4}", scope) for n, scope in enumerate(scopes)])
    return _wide("levels", "Threat levels over time", said, drawn, height) + keys
