"""Pictures that the server draws, each beside a table with the same numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from markupsafe import Markup, escape

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
    last = escape(frames[-1]["clock"])
    drawn.append(f'<text class="axis end" x="{WIDTH - LEFT}" y="{HEIGHT - 6}">{last}</text>')
    names = ", ".join(line.replace("_", " ") for line in SHOWN)
    return Markup(  # noqa: S704 - numbers of ours, and text that is escaped
        f'<svg class="picture" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        ' aria-labelledby="curve-t curve-d"><title id="curve-t">People by line over time</title>'
        f'<desc id="curve-d">{escape(names)}, from {escape(frames[0]["clock"])} to'
        f" {escape(frames[-1]['clock'])}; the table below has the same numbers</desc>"
        f'{"".join(drawn)}<path class="now" d="M{LEFT} 0V{HEIGHT - FOOT}"/></svg>'
    )
