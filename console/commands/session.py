"""What a command runs in: the settings, the database with its schema, the context, and who acts."""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from broadcast.problems import refuse
from console.output import Output

if TYPE_CHECKING:
    from broadcast.operators.operators import Operator
    from broadcast.places.areas import AreaTree
    from broadcast.store.database import Database
    from config.settings import Settings
    from config.wiring import Planned
    from service.commands.context import Context

T = TypeVar("T")

REACH_SECONDS = 10.0
"""How long a service may take to answer before it counts as not reachable."""


def load_settings() -> Settings:
    """Return the settings of the environment and `.env`; raises Rejected (exit 2) naming every
    wrong one.
    """
    from config import logging as logs
    from config import settings as settings_module

    settings = settings_module.load(os.environ, Path(".env"))
    # one act: its answer says what was done, the log only what went wrong
    logs.configure(settings.log_format, level=max(settings.log_level, 30))
    return settings


def machine_user() -> str:
    """Return the name of the account of this machine under which set-up, import, export and reading
    are logged.
    """
    try:
        return f"machine:{getpass.getuser()}"
    except (KeyError, OSError):
        return f"machine:{os.getuid()}"


@dataclass
class Session:
    """One command's view of the installation."""

    settings: Settings
    db: Database
    channels: Planned | None
    out: Output
    _context: Context | None = None

    def now(self) -> datetime:
        """Return the moment."""
        return datetime.now(UTC)

    @property
    def context(self) -> Context:
        """What the commands of a person work with."""
        if self._context is None:
            from service.installation import make_context

            self._context = make_context(
                self.settings,
                self.db,
                self.channels.on if self.channels is not None else _all_off,
                rates=self.channels.rates if self.channels is not None else _no_rates,
                simulated=self.channels.simulated if self.channels is not None else frozenset(),
            )
        return self._context

    async def tree(self) -> AreaTree:
        """Return the areas as imported now, without all that acting needs."""
        from broadcast.places.areas import AreaTree

        return await self.db.read(AreaTree.load)

    async def person(self) -> Operator:
        """Return whose token FASTTIME_TOKEN holds; raises Rejected (exit 2)."""
        if not self.settings.token:
            raise refuse(
                "token_missing",
                "this acts as a person and needs their token",
                "set FASTTIME_TOKEN to what `fasttime operators add` printed",
                field="FASTTIME_TOKEN",
                status=401,
            )
        return await self.context.actor(self.settings.token)

    async def log(self, action: str, subject: str, detail: str = "") -> None:
        """Record what is done as the machine's administrator."""
        from broadcast.operators import operators

        await self.db.write(
            operators.log_admin,
            actor=machine_user(),
            action=action,
            subject=subject,
            detail=detail,
            now=self.now(),
        )


def _all_off(_status: str) -> frozenset[str]:
    """Stand in for channels that nobody asked about."""
    return frozenset()


def _no_rates(_status: str) -> dict[str, float]:
    """Stand in for the rates of channels that nobody asked about."""
    return {}


@asynccontextmanager
async def opened(
    settings: Settings, out: Output, *, with_channels: bool = True
) -> AsyncIterator[Session]:
    """Open the database, bring its schema up to date (in a cluster: check it), and close everything
    again.

    Nothing in this process can reach a provider: of the channels only the settings are read, and
    not even those without `with_channels`. Raises Rejected: half-configured channels (exit 2), an
    unusable data folder or schema (2), a database that cannot be reached (69).
    """
    from broadcast.store.database import TROUBLE
    from config import tracing, wiring
    from console.processes import migrate
    from console.processes.data_folder import check_usable

    channels = wiring.planned(settings) if with_channels else None
    tracing.start(settings)
    if settings.embedded:
        check_usable(settings.data)
    try:
        db = wiring.database(settings)
        try:
            async with asyncio.timeout(REACH_SECONDS):
                await (migrate.upgrade(db) if settings.embedded else migrate.check(db))
            yield Session(settings, db, channels, out)
        finally:
            await db.close()
    except BrokenPipeError:
        raise  # whoever read our answer has gone; it is no trouble of the database
    except TROUBLE as trouble:
        from service.installation import database_trouble

        raise database_trouble(settings, trouble) from trouble


def run(work: Callable[[Session], Awaitable[T]], out: Output, *, with_channels: bool = True) -> T:
    """Run one command's work in a session of its own, to its end."""
    settings = load_settings()

    async def inside() -> T:
        async with opened(settings, out, with_channels=with_channels) as session:
            return await work(session)

    return asyncio.run(inside())
