"""One pass over a draft: what it reads from, and the faults that it has met so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeVar

from broadcast.content.model import (
    Content,
)
from broadcast.drafts.model import DraftIn, Shaped
from broadcast.drafts.source import Path, Source
from broadcast.files.nearest import did_you_mean, shown
from broadcast.problems import Problem, Rejected

T = TypeVar("T")
Follows = Literal["update", "correct", "all_clear"]


@dataclass(slots=True, kw_only=True)
class OnePass:
    """One pass over one draft, and its small tools: a refusal is noted and the pass goes on."""

    source: Source
    shaped: Shaped
    now: datetime
    base: Content | None
    follows: Follows
    replaces: Content | None
    problems: list[Problem] = field(default_factory=list)

    @property
    def draft(self) -> DraftIn:
        """What was written, field by field."""
        return self.shaped.draft

    def add(self, path: Path, code: str, detail: str, fix: str) -> None:
        """Note what is wrong at a place of the draft."""
        self.problems.append(self.source.problem(path, code, detail, fix))

    def is_bad(self, *path: str | int) -> bool:
        """Whether something at or under `path` was refused already for its type or name."""
        return any(bad[: len(path)] == path for bad in self.shaped.bad)

    def tried(self, path: Path, decide: Callable[[], T]) -> T | None:
        """Return what `decide` returns, or None where it refuses; its refusal is kept."""
        try:
            return decide()
        except Rejected as exc:
            self.problems += [self.source.placed(p, path) for p in exc.problems]
            return None

    def one_of(self, name: str, text: str | None, known: Sequence[str]) -> str | None:
        """Return a word of a closed list, or None where it is missing or unknown (then named)."""
        if text is None or not text.strip():
            if not self.is_bad(name):
                self.add(
                    (name,),
                    f"{name}_missing",
                    f"no {name} is given",
                    f"write one of {', '.join(known)}",
                )
            return None
        word = text.strip()
        if word not in known:
            self.add(
                (name,),
                f"{name}_unknown",
                f"there is no {name} {shown(word)}",
                did_you_mean(word, known),
            )
            return None
        return word
