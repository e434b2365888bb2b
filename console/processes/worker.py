"""A worker of the cluster: the engine in one role, woken by Faust. A Kafka that is away costs time,
never a message and never the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import structlog

from broadcast import failures
from broadcast.events.kafka_topics import check_topics
from broadcast.events.topics import ROLES, TOPICS_OF_ROLE
from broadcast.problems import Rejected, refuse
from broadcast.store.database import TROUBLE, Database
from broadcast.waiting import until_set
from config import logging as logs
from config import tracing
from config.settings import Settings
from console.processes import migrate
from console.processes.up import end_by, stop_on_signals, watched
from service.garbage_collection import spare_the_collector
from service.installation import Service, build

log = structlog.get_logger("worker")

ENGINE_SECONDS = 9.0
FAUST_STOP_SECONDS = 0.6
LEFTOVER_SECONDS = 1.0
REACH_SECONDS = 9.5
TELL_SECONDS = 5.0
UNASSIGNED_SECONDS = 30.0
_LOOK_SECONDS = 0.02
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0


def run(settings: Settings, role: str) -> int:
    """Run `fasttime worker --role ROLE` until SIGTERM; return 0. Raises Rejected: exit 2 wrong
    set-up, 69 a service is unreachable.
    """
    logs.configure(settings.log_format, level=settings.log_level)
    quieten()
    if role not in ROLES:
        raise refuse(
            "role_unknown",
            f"there is no role {role}",
            f"use one of {', '.join(ROLES)}",
            field="--role",
        )
    require_cluster(settings)
    tracing.start(settings)
    return asyncio.run(_run(settings, role))


def require_cluster(settings: Settings) -> None:
    """Raise Rejected (exit 2) unless the settings describe a cluster."""
    if settings.embedded:
        raise refuse(
            "not_a_cluster",
            "FASTTIME_KAFKA_BOOTSTRAP is not set",
            "set it, or run `fasttime up`: one process does everything",
            field="FASTTIME_KAFKA_BOOTSTRAP",
        )


class Seldom(logging.Filter):
    """Lets the same complaint through once in `seconds`: clients of a broker that is away say the
    same many times a second.
    """

    def __init__(self, seconds: float = 30.0) -> None:
        super().__init__()
        self._seconds = seconds
        self._last: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to log this line: not if the same one was logged lately. Lines are the
        same if their texts are, before the arguments are filled in.
        """
        key, now = (record.name, str(record.msg)), time.monotonic()
        if now - self._last.get(key, -self._seconds) < self._seconds:
            return False
        if len(self._last) > 1000:
            self._last.clear()
        self._last[key] = now
        return True


def quieten() -> None:
    """Make the Kafka libraries log each complaint seldom. Their debug output, which would show
    events, stays off.
    """
    for handler in logging.getLogger().handlers:
        handler.addFilter(Seldom())


async def ready_database(db: Database) -> None:
    """Raise Rejected: exit 69 within ten seconds where the database is unreachable, 2 where its
    schema is not this version's.
    """
    host = f"{db.url.host or 'localhost'}:{db.url.port or 5432}"
    try:
        await asyncio.wait_for(migrate.check(db), REACH_SECONDS)
        await asyncio.wait_for(migrate.check_keys(db), REACH_SECONDS)
    except TROUBLE as trouble:
        raise unreachable(f"PostgreSQL at {host}", trouble) from trouble


def unreachable(database: str, trouble: BaseException) -> Rejected:
    """Return the refusal (exit 69) of a process whose database cannot be used; `database` says
    which.
    """
    cause = getattr(trouble, "orig", None) or trouble
    return refuse(
        "database_unreachable",
        f"{database} cannot be used: {type(cause).__name__}",
        "start it, or mend FASTTIME_DATABASE_URL",
        field="FASTTIME_DATABASE_URL",
        status=503,
    )


async def ready_topics(settings: Settings) -> None:
    """Raise Rejected (exit 2, naming `fasttime migrate`) where a topic is missing or wrong; 69
    where Kafka is unreachable.
    """
    problems = await check_topics(settings)
    if problems:
        raise Rejected(problems)


async def run_engine(service: Service, *beside: Coroutine[Any, Any, None]) -> None:
    """Run the engine until its `stopping`, and others beside it; one of those that fails is the end
    of all (its error is raised).
    """
    engine = asyncio.create_task(service.engine.run())
    others = [asyncio.create_task(one) for one in beside]
    try:
        await asyncio.wait({engine, *others}, return_when=asyncio.FIRST_COMPLETED)
        service.engine.stopping.set()
        await asyncio.wait({engine}, timeout=ENGINE_SECONDS)
        if others:
            await asyncio.wait(others, timeout=FAUST_STOP_SECONDS + 0.2)
    finally:
        for task in (engine, *others):
            task.cancel()
        ended = await asyncio.gather(engine, *others, return_exceptions=True)
    for failure in ended:
        if isinstance(failure, Exception):
            log.error("process.failed", **failures.told(failure))
            raise failure


async def _run(settings: Settings, role: str) -> int:
    service = build(settings, roles=(role,))
    try:
        stop_on_signals(service.engine.stopping)
        await ready_database(service.db)
        await ready_topics(settings)
        spare_the_collector()
        async with watched(service):
            await run_engine(
                service, keep_faust(settings, role, service.engine.wake, service.engine.stopping)
            )
    finally:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(service.close(), 0.5)
    # a thread of Faust's that still waits for its broker has nothing more to do
    end_by(LEFTOVER_SECONDS)
    await faust_threads_ended()
    return 0


async def faust_threads_ended() -> None:
    """Return once no thread of Faust's runs. One that was stopped while it started tells this loop
    that it ends, and fails with a traceback where the loop is closed by then.
    """
    from mode.threads import WorkerThread

    while any(isinstance(thread, WorkerThread) for thread in threading.enumerate()):
        await asyncio.sleep(_LOOK_SECONDS)


async def keep_faust(
    settings: Settings, role: str, wake: Callable[[str], None], stopping: asyncio.Event
) -> None:
    """Keep a Faust application running until `stopping`: one that crashes, or cannot start, is
    replaced by a fresh one after a pause.
    """
    pause, seen = _FIRST_PAUSE, Counter[str]()
    teller = asyncio.create_task(_tell(role, seen))
    try:
        while not stopping.is_set():
            began = time.monotonic()
            reason = await _one_faust(settings, role, wake, stopping, seen)
            if stopping.is_set():
                return
            pause = (
                _FIRST_PAUSE if time.monotonic() - began > 60 else min(_LONGEST_PAUSE, pause * 2)
            )
            log.warning(
                "faust.restarting",
                role=role,
                reason=reason,
                pause_seconds=pause,
                hint="the engine goes on, it looks into the database by itself",
            )
            await until_set(stopping, pause)
    finally:
        teller.cancel()


async def _one_faust(
    settings: Settings,
    role: str,
    wake: Callable[[str], None],
    stopping: asyncio.Event,
    seen: Counter[str],
) -> str:
    """Run one application until it ends or `stopping`; return why it ended."""
    from console.processes.agents import attach, make_app

    app = None
    starting = None
    try:
        # Faust must not start on a broker that is away (it crashes noisily), nor on a topic that is
        # missing (it ignores it in silence).
        problems = await check_topics(settings, TOPICS_OF_ROLE[role])
        if problems or stopping.is_set():
            return "; ".join(p.line() for p in problems)
        app = make_app(
            f"fasttime.{role}", settings.kafka_bootstrap, data=Path(settings.data) / f"faust-{role}"
        )
        attach(app, TOPICS_OF_ROLE[role], wake, seen)
        starting = asyncio.create_task(app.start())
        began, told = time.monotonic(), False
        while not stopping.is_set():
            if starting.done() and starting.exception() is not None:
                return f"start failed: {type(starting.exception()).__name__}"
            if app.crashed or app.should_stop:
                return f"crashed: {type(app.crash_reason).__name__}"
            if not told:
                told = _tell_partitions(
                    role,
                    len(app.consumer.assignment()) if starting.done() else 0,
                    time.monotonic() - began,
                )
            await until_set(stopping, 0.25)
        return "stopping"
    except Rejected as rejected:
        return str(rejected)
    except Exception as error:  # noqa: BLE001 - Faust must not take the engine with it
        return repr(error)[:200]
    finally:
        if app is not None:
            await _stop_faust(app, starting)


def _tell_partitions(role: str, partitions: int, seconds: float) -> bool:
    """Say once that events come, or that after a while none do; return whether
    it was said.
    """
    if partitions:
        log.info("faust.assigned", role=role, partitions=partitions)
    elif seconds > UNASSIGNED_SECONDS:
        log.warning(
            "faust.no_partitions",
            role=role,
            hint=(
                "more workers of this role than partitions, or topics made anew: see `fasttime"
                " doctor`; the engine looks by itself"
            ),
        )
    return bool(partitions) or seconds > UNASSIGNED_SECONDS


async def _stop_faust(app: Any, starting: asyncio.Task[Any] | None) -> None:
    try:
        await asyncio.wait_for(app.stop(), FAUST_STOP_SECONDS)
    except TimeoutError:
        log.warning("faust.slow_to_stop")
    except Exception as error:  # noqa: BLE001 - it is being thrown away
        log.warning("faust.stop_failed", error=type(error).__name__)
    if starting is not None:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)


async def _tell(role: str, seen: Counter[str]) -> None:
    """Say how many events came, by topic; never what they hold."""
    told: dict[str, int] = {}
    while True:
        await asyncio.sleep(TELL_SECONDS)
        if seen != told:
            told = dict(seen)
            log.info("events.seen", role=role, counts=told)
