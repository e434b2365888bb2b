"""What replay finds: differences, the first of many alike, and how one is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

ALIKE = 20
"""Of differences of one kind so many are named; the rest are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that stands otherwise in the live store than the facts say. `live` and `rebuilt`
    are numbers, states or digests, never an address.
    """

    what: str
    live: Any = None
    rebuilt: Any = None
    message: int | None = None
    version: int | None = None
    channel: str = ""
    line: str = ""
    scope: str = ""
    detail: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return what is set, and both sides in any case."""
        told = {
            name: getattr(self, name)
            for name in ("what", "message", "version", "channel", "line", "scope", "detail")
        }
        sides = {
            name: value.isoformat() if isinstance(value := getattr(self, name), datetime) else value
            for name in ("live", "rebuilt")
        }
        return {**{name: value for name, value in told.items() if value not in (None, "")}, **sides}


def text(difference: Mapping[str, Any]) -> str:
    """Return a difference, as `to_json` gives it, as one line for a person."""
    version_ = (
        f"message {difference['message']} version {difference['version']}"
        if "message" in difference
        else ""
    )
    words = " ".join(
        filter(
            None,
            (
                difference.get("scope"),
                version_,
                difference.get("channel"),
                difference.get("line"),
                difference["what"],
            ),
        )
    )
    detail = f" ({difference['detail']})" if "detail" in difference else ""
    return f"{words}: live {difference['live']}, rebuilt {difference['rebuilt']}{detail}"


@dataclass
class ReplayResult:
    """How many events were read, and every difference found."""

    events: int = 0
    differences: list[Difference] = field(default_factory=list)
    _alike: Counter[tuple[str, int | None, int | None]] = field(default_factory=Counter)

    def add(self, difference: Difference) -> None:
        """Keep a difference; of many alike the first ones."""
        key = (difference.what, difference.message, difference.version)
        self._alike[key] += 1
        if self._alike[key] <= ALIKE:
            self.differences.append(difference)

    def end(self) -> None:
        """Say how many were left out."""
        for (what, message, number), n in self._alike.items():
            if n > ALIKE:
                self.differences.append(
                    Difference(
                        what=what,
                        message=message,
                        version=number,
                        live=n,
                        rebuilt=0,
                        detail=f"{n - ALIKE} more of this kind",
                    )
                )

    def to_json(self) -> dict[str, Any]:
        """Return the contract's JSON of `replay`."""
        return {"events": self.events, "differences": [d.to_json() for d in self.differences]}


class Differs(Protocol):
    """Keeps a difference of one version where its two sides are not equal."""

    def __call__(self, what: str, there: Any, rebuilt: Any, **more: Any) -> None:
        """`there` is what is stored, `rebuilt` what the facts say; `more` as in `Difference`."""
        ...
