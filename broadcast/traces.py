"""What became of a version, step by step, for whoever traces it: nothing, unless something records.

A step is told when it is over, with its times. `config.tracing` records by OpenTelemetry where the
settings ask for it; without that, a step told costs the look at one variable. Who gets a message
never stands in a step: facts are counts and words of our own, by the names of FACTS alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

STEPS: Final = ("approve", "match", "claim", "attempt", "receipt")
FACTS: Final = frozenset(
    {"channel", "code", "lane", "cause", "message", "people", "result", "state", "status"}
)
_WORD: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a version. `first` begins its trace. Times are aware; a step never ends before
    it begins.
    """

    name: str
    version_id: int
    began: datetime
    ended: datetime
    facts: Mapping[str, int | str]
    first: bool = False


Recorder = Callable[[Step], None]
"""Whoever keeps steps; must not wait."""


_recorder: Recorder | None = None


def record_by(recorder: Recorder | None) -> None:
    """Have the steps of this process kept by `recorder`, or by nobody."""
    global _recorder  # noqa: PLW0603 - as loggers are: one for the process, set at its start
    _recorder = recorder


def on() -> bool:
    """Return whether anybody keeps steps: what is only computed for them can be left out."""
    return _recorder is not None


def told(
    name: str,
    version_id: int,
    began: datetime,
    ended: datetime,
    *,
    first: bool = False,
    **facts: int | str,
) -> None:
    """Tell of a step that is over. A word of a provider that is no plain word becomes "other": it
    could be anything.
    """
    if _recorder is None:
        return
    unknown = facts.keys() - FACTS
    if unknown or name not in STEPS:
        raise ValueError(f"no such step or fact: {name}, {', '.join(sorted(unknown))}")
    plain = {
        fact: value if isinstance(value, int) or _WORD.fullmatch(value) else "other"
        for fact, value in facts.items()
        if value != ""
    }
    # a step is done, whatever becomes of its record: nothing here may undo an attempt
    with suppress(Exception):
        _recorder(
            Step(
                name=name,
                version_id=version_id,
                began=began,
                ended=max(began, ended),
                facts=plain,
                first=first,
            )
        )
