"""What the commands of one installation work with: its store, areas, index and clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar

from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.places.areas import AreaTree
from broadcast.places.areas import revision as areas_revision
from broadcast.problems import Problem, Rejected
from broadcast.store.database import Database
from broadcast.wording.times import DEFAULT_ZONE
from service.commands.aside import Aside
from service.commands.unit_of_work import Act, commit

if TYPE_CHECKING:
    from datetime import datetime

    from broadcast.messages.publishing import House
    from subscribers.matcher import Matcher

P = ParamSpec("P")
T = TypeVar("T")


class Pool(Protocol):
    """Worker processes that do pure work on what a stranger sent, within a deadline."""

    async def run(self, work: Callable[..., T], *args: Any, **more: Any) -> T:
        """Return what the work returns; raises Rejected where it refuses or takes too much."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On which terms an installation sends. `rates` are attempts a second by channel for a CAP
    status, 0 where none is set; `prices` are pence, for a part of a text message and for a call;
    `simulated` are the (status, channel) that go to the simulator, which asks nothing. The words
    that we add depend on `no_replies` and `zone`.
    """

    rates: Callable[[str], Mapping[str, float]] = lambda _status: {}
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    simulated: frozenset[tuple[str, str]] = frozenset()
    no_replies: frozenset[str] = frozenset()
    zone: str = DEFAULT_ZONE


class Context:
    """Binds the store, the areas and the registry of one installation. `now` is the clock."""

    def __init__(
        self,
        db: Database,
        house: House,
        *,
        channels_on: Callable[[str], frozenset[str]],
        matcher: Matcher,
        sender_name: str,
        public_url: str,
        now: Callable[[], datetime],
        terms: Terms | None = None,
        pool: Pool | None = None,
    ) -> None:
        self.db, self.house, self.channels_on = db, house, channels_on
        self.sender_name, self.public_url, self.now = sender_name, public_url, now
        self.matcher = matcher
        self.terms = terms or Terms()
        self.pool = pool
        self.costly = Aside()
        self.checking = asyncio.Lock()
        self._tree: AreaTree | None = None

    async def do(
        self,
        command: Callable[Concatenate[Context, P], Awaitable[Act[T]]],
        *args: P.args,
        **more: P.kwargs,
    ) -> T:
        """Run one command to its end: prepare its act, and commit that by itself."""
        return await commit(self.db, await command(self, *args, **more))

    async def apart(self, work: Callable[..., T], *args: Any, **more: Any) -> T:
        """Do pure work on what a stranger sent: in a worker process where there is a pool, else on
        a thread.
        """
        if self.pool is not None:
            return await self.pool.run(work, *args, **more)
        return await self.aside(work, *args, **more)

    async def aside(self, work: Callable[..., T], *args: Any, **more: Any) -> T:
        """Do costly work that needs the areas or the index, on threads of its own. Raises Rejected:
        422 too_costly, 503 busy (`Aside.run`).
        """
        return await self.costly.run(work, *args, **more)

    async def actor(self, token: str) -> Operator:
        """Return whose token it is; raises Rejected (401 token_invalid)."""
        found = await self.db.read(operators.by_token, token.strip()) if token.strip() else None
        if found is None:
            raise Rejected(
                Problem(
                    code="token_invalid",
                    detail="this is no operator's token",
                    fix=(
                        "use the token that `fasttime operators add` printed; that of a disabled"
                        " operator no longer works"
                    ),
                    field="FASTTIME_TOKEN",
                    status=401,
                )
            )
        return found

    async def tree(self) -> AreaTree:
        """Return the areas as imported now."""
        if self._tree is None or self._tree.revision != await self.db.read(areas_revision):
            self._tree = await self.db.read(AreaTree.load)
        return self._tree
