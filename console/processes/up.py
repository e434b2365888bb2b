"""The embedded service: its parts, how a web server and an engine run and stop in order, and `up`,
which starts them as processes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import structlog

from broadcast import failures
from broadcast.problems import Rejected, refuse
from config import answer_private_keys, tracing, wiring
from config import logging as logs
from config.settings import Settings
from console.processes import migrate
from service.installation import Service

log = structlog.get_logger("up")

STOP_SECONDS = 9.5
EXIT_SECONDS = 9.8
"""From the signal to the end of the process, whatever still hangs."""


def end_by(seconds: float, code: int = 0) -> None:
    """End the process after this time whatever still hangs: threads and loops of others
    included.
    """

    def end() -> None:
        log.warning("process.ended_hard", after_seconds=seconds)
        sys.stderr.flush()
        os._exit(code)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()


def stop_on_signals(
    stopping: asyncio.Event, numbers: Iterable[signal.Signals] = (signal.SIGTERM, signal.SIGINT)
) -> None:
    """These signals set `stopping`; from then on the process has `EXIT_SECONDS` left, and further
    ones change nothing.
    """

    def stop() -> None:
        if not stopping.is_set():
            log.info("process.stopping")
            end_by(EXIT_SECONDS)
            stopping.set()

    once_on_signals(stop, numbers)


def once_on_signals(act: Callable[[], None], numbers: Iterable[signal.Signals]) -> None:
    """Have the first of these signals do `act`; from then on they are ignored."""
    loop, numbers = asyncio.get_running_loop(), tuple(numbers)

    def first() -> None:
        # The loop gives its signals up when it closes; one that comes after that would end the
        # process as if it had failed.
        ignore_signals(numbers, loop)
        act()

    for number in numbers:
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, first)


def ignore_signals(
    numbers: Iterable[signal.Signals], loop: asyncio.AbstractEventLoop | None = None
) -> None:
    """Ignore these signals until the process has ended; `loop` had them before."""
    numbers = tuple(numbers)
    # Where the loop has given a signal up and it is not ignored yet, it would be deadly.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        for number in numbers:
            if loop is not None:
                loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 picks a free one. Raises Rejected (exit 69) where it cannot
    be had.
    """
    # named, or asyncio leaves Nagle on: 40 ms an answer
    sock = socket.socket(
        socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP
    )
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise refuse(
            "port_in_use",
            f"cannot listen on {host}:{port}: {error.strerror}",
            "choose another with --port, or 0 for a free one",
            status=503,
        ) from None
    sock.listen(1024)
    return sock


async def serve_metrics(app: Any, where: tuple[str, int] | None) -> None:
    """Serve /metrics at its own address until cancelled; one that cannot be had is warned of, and
    nothing else waits for it.
    """
    from console.server.door import make_server, run_server

    if where is None:
        return
    try:
        sock = listen(*where)
    except Rejected as rejected:
        log.warning(
            "metrics.off",
            reason=rejected.problems[0].detail,
            hint="choose another FASTTIME_METRICS_LISTEN, or off",
        )
        return
    log.info("metrics.listening", port=sock.getsockname()[1])
    await run_server(make_server(app, graceful_seconds=1, lifespan="off"), sock)


@contextlib.asynccontextmanager
async def watched(service: Service, *, beside: int = 0) -> AsyncIterator[None]:
    """Serve the metrics and the health of a process without doors while the block runs.

    `beside` is how many ports after the one of the setting: the doors of `up` have that one.
    """
    from console.server.metrics import Metrics, application

    where = service.settings.metrics_listen
    if where is not None and where[1]:
        where = (where[0], min(where[1] + beside, 65535))
    metrics = Metrics(
        role="+".join(service.engine.roles) or "relay",
        gauges=False,
        measures=service.engine.measures,
    )
    app = application(metrics, None, lambda: service.engine.hung(datetime.now(UTC)))
    serving = asyncio.create_task(serve_metrics(app, where))
    try:
        yield
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def serve(
    service: Service,
    sock: socket.socket,
    *,
    started: Callable[[], None] | None = None,
    ready: Callable[[], datetime | None] | None = None,
    signals: Iterable[signal.Signals] = (signal.SIGTERM, signal.SIGINT),
) -> None:
    """Run web server and engine until a signal or `engine.stopping`; claims stop first, then the
    web server, within ten seconds.

    `ready()` is when an engine last turned well, where it is not the one of this process.
    """
    from console.server.door import make_server, run_server
    from console.server.web import create_app

    app = create_app(
        context=service.context,
        db=service.db,
        settings=service.settings,
        accounts=wiring.webhook_accounts(service.settings),
        simulated=wiring.simulated_accounts(service.settings),
        wake=service.engine.wake,
        ready=ready or (lambda: service.engine.turns.healthy_at),
    )
    server = make_server(app)
    stop_on_signals(service.engine.stopping, signals)
    web = asyncio.create_task(run_server(server, sock))
    watched = asyncio.create_task(serve_metrics(app.state.metrics, service.settings.metrics_listen))
    engine = asyncio.create_task(service.engine.run())
    try:
        if started is not None:
            started()
        await asyncio.wait({web, engine}, return_when=asyncio.FIRST_COMPLETED)
        service.engine.stopping.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(engine), STOP_SECONDS)
        app.state.close()  # streams end by themselves, not cut
        server.should_exit = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(web), 0.5)
        server.force_exit = True
        for task in (engine, web):
            failure = task.exception() if task.done() and not task.cancelled() else None
            if failure is not None:
                log.error("up.failed", **failures.told(failure))
                raise failure
    finally:
        for task in (engine, web, watched):
            task.cancel()
        await asyncio.gather(engine, web, watched, return_exceptions=True)


async def _prepare(settings: Settings) -> None:
    """Bring the schema up to date; raises Rejected (69 or 2) where the database will not."""
    from broadcast.store.database import TROUBLE
    from service.installation import database_trouble

    db = wiring.database(settings)
    try:
        await migrate.upgrade(db)
        await migrate.check_keys(db)
    except TROUBLE as trouble:
        raise database_trouble(settings, trouble) from trouble
    finally:
        await db.close()


def run(settings: Settings, host: str, port: int) -> int:
    """Run `fasttime up` until SIGTERM; return the exit code."""
    logs.configure(settings.log_format, level=settings.log_level)
    if not settings.embedded:
        raise refuse(
            "not_embedded",
            "FASTTIME_KAFKA_BOOTSTRAP is set, so this is a cluster",
            "start `fasttime web`, `relay` and `worker --role ROLE`, or unset it",
        )
    from console.processes.data_folder import hold_lock
    from console.processes.supervisor import Supervisor

    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    with hold_lock(settings.data):
        # a channel configured by half stops the start here, with its name
        wiring.planned(settings)
        tracing.start(settings)  # likewise what cannot be traced: its children do the same
        asyncio.run(_prepare(settings))
        answer_private_keys.prepare(settings.answers_key, settings.answers_private_file)
        sock = listen(host, port)
        address = f"http://{host if ':' not in host else f'[{host}]'}:{sock.getsockname()[1]}"
        print(address, flush=True)  # noqa: T201 - printed first, for whoever asked for port 0
        if not settings.public_url:
            log.warning(
                "up.no_public_url",
                hint="set FASTTIME_PUBLIC_URL: without it no receipts and no unsubscribe links",
            )
        return Supervisor(sock).run()
