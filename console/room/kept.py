"""What was looked at a moment ago, kept so that all who watch look once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

KEPT_SECONDS: Final = 0.3


class KeptForAMoment(Generic[K, T]):
    """What was found under each key, for 0.3 s; at most so many keys, the newest."""

    def __init__(self, most: int = 16) -> None:
        self._most = most
        self._kept: dict[K, tuple[float, object, T]] = {}
        self._busy = asyncio.Lock()

    async def get(
        self, key: K, stands: Callable[[], object], look: Callable[[], Awaitable[T]]
    ) -> T:
        """Return what `look` found a moment ago, and never what it found while something else
        stood there: `stands` is asked before each look, and what was kept under another answer is
        not given.
        """
        async with self._busy:
            now_stands = stands()
            if key in self._kept:
                at, then, found = self._kept[key]
                if then == now_stands and time.monotonic() - at <= KEPT_SECONDS:
                    return found
            found = await look()
            self._kept[key] = (time.monotonic(), now_stands, found)
            for old in sorted(self._kept, key=lambda each: self._kept[each][0])[: -self._most]:
                del self._kept[old]
            return found
