"""Numbers as they may be shown: where a shape was drawn, none that tells of fewer than ten people.

Who may draw may draw small, and a number of people is then a place of people. The account of what
was sent stays exact from ten people on, on every channel: it says how providers did, and its
audience was frozen once, for a text that two persons agreed on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from broadcast.content.model import Content

LEAST: Final = 10
FEW: Final = "fewer than 10"
"""Stands for 1 to 9; nobody is 0."""
HIDDEN: Final = "not shown"
"""Stands for a number, small or not, from which a small one could be worked out."""

Shown = int | str


def drawn(content: Content) -> bool:
    """Return whether a shape was drawn."""
    return bool(content.polygons or content.circles)


def number(n: int, content: Content) -> Shown:
    """Return a number of people as it may be shown of this content."""
    return _few(n) if drawn(content) else n


def whole(part: int, other: int, content: Content) -> Shown:
    """Return the sum of two parts as it may be shown beside them."""
    return _whole(part, other) if drawn(content) else part + other


def parts(group: Mapping[str, int], total: int, content: Content) -> dict[str, Shown]:
    """Return the parts of a total as they may be shown beside it."""
    return cells(group, total) if drawn(content) else dict(group)


def shared(both: int, rests: Iterable[int], content: Content) -> Shown:
    """Return how many people are in two groups as it may be shown: not where that would tell of a
    small rest of one of them.
    """
    if not drawn(content) or _small(both):
        return number(both, content)
    return HIDDEN if any(_small(rest) for rest in rests) else both


def preview(counts: Mapping[str, Any], content: Content) -> dict[str, Any]:
    """Return the numbers of a preview (addressed, send, channels, languages, kinds, suppressed) as
    they may be shown.
    """
    if not drawn(content):
        return dict(counts)
    addressed, send = counts["addressed"], counts["send"]
    inboxes = counts.get("passes_on", 0)
    return dict(counts) | {
        "addressed": _whole(send, addressed - send),
        "send": _few(send),
        "channels": _channels(counts["channels"], send),
        "languages": cells(counts["languages"], send),
        "kinds": cells(counts["kinds"], send),
        "organisations": _channels(counts.get("organisations", {}), send),
        "passes_on": shared(inboxes, [send - inboxes], content) if inboxes else 0,
        "suppressed": cells(counts["suppressed"], addressed - send),
        "held": _few(counts.get("held", 0)),
        "perhaps": _few(counts.get("perhaps", 0)),
    }


def account(told: Mapping[str, Any], content: Content) -> dict[str, Any]:
    """Return an account (people and channels by line, addressed, suppressed) as it may be shown."""
    if not drawn(content):
        return dict(told)
    not_sent = told["people"]["not_sent"]
    sent = told["addressed"] - not_sent
    lines = {line: n for line, n in told["people"].items() if line != "not_sent"}
    sums = {channel: sum(lines.values()) for channel, lines in told["channels"].items()}
    shown = _channels(sums, sent)
    if any(isinstance(n, str) for n in shown.values()):
        people = cells(lines, sent)  # the few of one channel may be the only ones on a line
    else:
        people = {line: FEW if n and _small(sent) else n for line, n in lines.items()}
    return dict(told) | {
        "addressed": _whole(sent, not_sent),
        "people": {line: people.get(line, _few(not_sent)) for line in told["people"]},
        "channels": {
            channel: _all(lines, shown[channel]) for channel, lines in told["channels"].items()
        },
        "suppressed": cells(told["suppressed"], not_sent),
    }


def progress(
    channels: Mapping[str, Mapping[str, int]], is_drawn: bool
) -> dict[str, dict[str, Shown]]:
    """Return the totals of slices by channel as they may be shown; where a channel has few, all are
    hidden.
    """
    few = is_drawn and any(_small(totals["size"]) for totals in channels.values())
    return {channel: _all(totals, HIDDEN if few else 0) for channel, totals in channels.items()}


def cells(group: Mapping[str, int], total: int) -> dict[str, Shown]:
    """Return the parts of a total as they may be shown beside it: no small part can be worked out
    from them.

    Small parts are hidden, and with them one other part, or the small ones would follow from the
    total. It is the first other one by name, for choosing it by size would tell of the small ones.
    If all small parts are 1 and that one is 10, their sum could be nothing else, so the next one is
    hidden too.
    """
    if _small(total):
        return {name: _few(n) for name, n in group.items()}
    small = {name for name, n in group.items() if _small(n)}
    hidden = set(small)
    for name in sorted(group) if small else ():
        others = [group[other] for other in hidden - small]
        if others and (max(others) > LEAST or any(group[one] > 1 for one in small)):
            break
        if group[name]:
            hidden.add(name)
    return {name: HIDDEN if name in hidden else n for name, n in group.items()}


def _channels(channels: Mapping[str, int], total: int) -> dict[str, Shown]:
    """Return people by channel: one person may be on several, so who is missing on one is a part as
    well.
    """
    if sum(channels.values()) == total or _small(total):
        return cells(channels, total)
    apart = {
        channel: HIDDEN if _small(n) or _small(total - n) else n for channel, n in channels.items()
    }
    if any(shown == HIDDEN for shown in apart.values()):
        return {channel: HIDDEN if n else 0 for channel, n in channels.items()}
    return apart


def _all(lines: Mapping[str, int], shown: Shown) -> dict[str, Shown]:
    return {line: shown if n and isinstance(shown, str) else n for line, n in lines.items()}


def _whole(part: int, other: int) -> Shown:
    """Return the sum of two parts, unless one of them could be worked out by it."""
    if _small(part + other):
        return FEW
    return HIDDEN if _small(part) or _small(other) else part + other


def _few(n: int) -> Shown:
    return FEW if _small(n) else n


def _small(n: int) -> bool:
    return 0 < n < LEAST


def people(n: object) -> str:
    """Return a number of people: "1 person", "31 people", "fewer than 10 people"."""
    said = f"{n:,}" if isinstance(n, int) else str(n)
    return "1 person" if n == 1 else f"{said} people"
