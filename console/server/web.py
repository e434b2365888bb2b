"""The web process as one ASGI application: a factory, and nothing at import."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

import structlog
from fastapi import FastAPI

from broadcast.drafts.source import LIMIT as DRAFT_LIMIT
from broadcast.store.database import Database
from channels.twilio.settings import named_senders
from config.settings import Settings
from config.version import program_version
from console import api
from console.pages import answer_link, face_routes, opt_out_link, public
from console.residents import routes as residents
from console.room import routes as room
from console.server import health, hooks, metrics, openapi, problem_json
from console.server.capacity import Capacity, read_proxies
from console.server.context import Web
from console.server.edge import Edge
from console.server.limits import Limits, body_limit
from service.answers.keeping import Sealer
from service.commands.context import Context
from service.rendering import StoredRenderings

log = structlog.get_logger("web")


def create_app(
    *,
    context: Context,
    db: Database,
    settings: Settings,
    accounts: Mapping[str, str],
    wake: Callable[[str], None] | None = None,
    ready: Callable[[], datetime | None],
    simulated: frozenset[str] = frozenset(),
    limits: Limits | None = None,
    attach: Callable[[FastAPI, Web], None] | None = None,
) -> FastAPI:
    """Return the application of one process.

    `accounts` is account → token of who may call the webhooks, `simulated` those of them that are
    the simulator's. `wake(topic)` hurries the engine of this process; `ready()` is when one of its
    loops last turned well. Streams end when `app.state.close()` is called: before the server is
    told to stop, for it waits for them. `attach` adds the routes (None: `attach_routes`).
    """
    web = Web(
        context=context,
        db=db,
        settings=settings,
        accounts=dict(accounts),
        wake=wake,
        ready=ready,
        renderings=StoredRenderings(
            db,
            no_replies=named_senders(settings.env),
            sender_name=settings.sender_name,
            public_url=settings.public_url,
            zone=settings.timezone,
        ),
        key=settings.key(),
        closing=asyncio.Event(),
        sealer=_sealer(settings),
        simulated=simulated,
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        web.close()

    app = FastAPI(
        title="fasttime",
        summary=(
            "Police message broadcast: write once, reach the right people, know what became of"
            " every message."
        ),
        version=program_version(),
        docs_url=None,  # their page loads scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.web, app.state.close = web, web.close
    counted = metrics.Metrics(role="web")
    problem_json.install(app, settings.sender_name)
    capacity = Capacity(limits or Limits(), proxies=read_proxies(settings.trusted_proxy))
    app.state.capacity = capacity
    # on a port of its own: what it tells is for nobody outside
    app.state.metrics = metrics.application(counted, metrics.looking(db), lambda: ())
    app.add_middleware(
        Edge,
        limit_of=limit_of,
        observe=counted.observe,
        capacity=capacity,
        sender_name=settings.sender_name,
        endless=frozenset({"/api/v1/events", "/room/events"}),
        tls=settings.public_url.startswith("https:"),
    )
    (attach or attach_routes)(app, web)
    openapi.install(app)
    return app


def attach_routes(app: FastAPI, web: Web) -> None:
    """Add every page and every route of the API."""
    public_pages = (face_routes, public, opt_out_link, answer_link)
    for routes in (api, hooks, health, *public_pages, residents, room):
        app.include_router(routes.router(web))


def limit_of(path: str) -> int:
    """Return how many bytes of a body are read at a path; a message may be the largest, so that a
    polygon with too many points is refused as such.
    """
    return body_limit(path, DRAFT_LIMIT)


def _sealer(settings: Settings) -> Sealer:
    """Return what answers are sealed with; warn where it is only the stand-in."""
    secret = settings.key()
    key = settings.answers_key.sealing(secret)
    if key.interim:
        log.warning(
            "answers_key.interim",
            hint="run `fasttime answers keygen` where people read answers, and set"
            " FASTTIME_ANSWERS_KEY",
        )
    return Sealer(key=key, secret=secret)
