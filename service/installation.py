"""One installation joined from its settings: database, adapters, the context, and the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from broadcast.events.topics import ROLES
from broadcast.messages.publishing import House
from broadcast.problems import Rejected, refuse
from broadcast.store.database import Database
from broadcast.wording.revision import wording_revision
from channels.twilio.settings import named_senders
from config import wiring
from config.settings import Settings
from service.commands.context import Context, Terms
from service.documents import documents
from subscribers.matcher import Matcher

if TYPE_CHECKING:
    from service.engine import Engine


@dataclass
class Service:
    """The joined parts of one process."""

    settings: Settings
    db: Database
    adapters: dict[str, wiring.Adapters]
    context: Context
    engine: Engine

    async def close(self) -> None:
        """Let go of everything, providers first."""
        for adapters in self.adapters.values():
            await adapters.close()
        await self.db.close()


def make_context(
    settings: Settings,
    db: Database,
    channels_on: Callable[[str], frozenset[str]],
    *,
    matcher: Matcher | None = None,
    rates: Callable[[str], Mapping[str, float]] = lambda _status: {},
    simulated: frozenset[tuple[str, str]] = frozenset(),
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Context:
    """Return what the commands of an installation work with. `rates` and `simulated`
    are those of its channels (`config.wiring.Adapters`).
    """
    no_replies = named_senders(settings.env)
    prices = {"sms": settings.sms_price, "voice": settings.voice_price}
    house = House(
        sender=settings.sender,
        shards=settings.shards,
        two_person=settings.two_person,
        wording=wording_revision(settings.sender_name, settings.timezone, no_replies),
        document=documents(settings),
        margin=settings.margin,
    )
    return Context(
        db,
        house,
        channels_on=channels_on,
        matcher=matcher or Matcher(db, channels_on),
        sender_name=settings.sender_name,
        public_url=settings.public_url,
        now=now,
        terms=Terms(
            rates=rates,
            simulated=simulated,
            prices={name: price for name, price in prices.items() if price is not None},
            no_replies=no_replies,
            zone=settings.timezone,
        ),
    )


def build(settings: Settings, roles: tuple[str, ...] = ROLES) -> Service:
    """Join the parts for a process with these roles; nothing is connected yet."""
    # a typed command makes a context only: what sends need not be loaded for it
    from service.engine import Engine

    db = wiring.database(settings)
    adapters = {lane: wiring.adapters(settings) for lane in ("urgent", "routine")}
    on = adapters["routine"].on
    engine = Engine(
        settings=settings,
        db=db,
        adapters=adapters,
        limiter=wiring.limiter(settings),
        roles=roles,
        channels_on=on,
    )
    context = make_context(
        settings,
        db,
        on,
        matcher=engine.matcher,
        rates=adapters["routine"].rates,
        simulated=adapters["routine"].simulated,
    )
    return Service(settings, db, adapters, context, engine)


def database_trouble(settings: Settings, trouble: BaseException) -> Rejected:
    """Return the refusal for a database that does not answer (exit 69), or that is there and will
    not do (exit 2).
    """
    cause = getattr(trouble, "orig", None) or trouble
    url = urlsplit(settings.database_url)
    if url.scheme == "sqlite":
        what = (
            str(cause)[:120]
            if type(trouble).__module__.startswith("sqlalchemy")
            else type(cause).__name__
        )
        status = 503 if "locked" in what else 422
        return refuse(
            "database_unusable",
            f"SQLite at {url.path.removeprefix('/') or '?'}: {what}",
            "check the file and who may write to it",
            field="FASTTIME_DATABASE_URL",
            status=status,
        )
    where = f"{url.hostname or 'localhost'}:{url.port or 5432}"
    state = str(getattr(cause, "sqlstate", "") or "")
    if state.startswith(("28", "3D")):
        return refuse(
            "database_refused",
            f"PostgreSQL at {where} refuses: {type(cause).__name__}",
            "check user, password and name of the database",
            field="FASTTIME_DATABASE_URL",
        )
    return refuse(
        "database_unreachable",
        f"PostgreSQL at {where} does not answer ({type(cause).__name__})",
        "start it, or correct FASTTIME_DATABASE_URL",
        field="FASTTIME_DATABASE_URL",
        status=503,
    )
