"""An installation to call: SQLite in a folder, two boroughs, a few people, operators of every role,
and the web process on a free loopback port.
"""

from __future__ import annotations

import asyncio
import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from json import dumps
from pathlib import Path
from typing import Any

import aiohttp
import uvicorn
from shapely import box

from broadcast.ledger.attempts import new_slice_attempt, person_attempt
from broadcast.ledger.claims import open_batches, recording, taking
from broadcast.ledger.claims.outcomes import Outcome
from broadcast.ledger.claims.slices import Slice
from broadcast.messages import versions
from broadcast.operators import operators
from broadcast.places.areas import AreaRecord
from broadcast.places.stored_areas import store_areas
from broadcast.store.database import Database
from channels.twilio import callbacks
from config import settings as settings_module
from config import wiring
from config.settings import Settings
from console.processes import migrate
from console.server.door import make_server, run_server
from console.server.web import create_app
from service.commands.context import Context
from service.installation import make_context
from subscribers.people_file.record import COLUMNS, SubscriberRecord
from subscribers.registry.importing import import_records
from tests import schema
from tests.console.routes_again import routes

PUBLIC_URL = "https://alerts.example"
ACCOUNT = "AC" + "0" * 32
TOKEN = "a" * 32
WESTMINSTER, CAMDEN, LONDON = "E09000033", "E09000007", "E12000007"
ROLES = ("author", "approver", "approver2", "operator", "administrator", "auditor")


def person(n: int, **more: Any) -> SubscriberRecord:
    blank: dict[str, Any] = dict.fromkeys(COLUMNS, "") | dict.fromkeys(
        ("email", "mobile", "phone", "lat", "lon", "area")
    )
    mine = {
        "external_id": f"p{n}",
        "name": f"Person {n}",
        "kind": "resident",
        "language": "en",
        "channels": "sms",
        "mobile": f"+447700900{n:03d}",
        "lat": 51.5,
        "lon": -0.14,
    }
    return SubscriberRecord(**(blank | mine | more))


def a_draft(**changes: Any) -> dict[str, Any]:
    base = {
        "kind": "incident",
        "status": "Actual",
        "severity": "Moderate",
        "areas": [WESTMINSTER],
        "expires": "4h",
        "languages": {
            "en": {
                "headline": "Road closed",
                "description": "A long story.",
                "instruction": "Go round.",
            }
        },
    }
    return {name: value for name, value in {**base, **changes}.items() if value is not None}


@dataclass
class Answer:
    """What came back, whole."""

    status: int
    body: bytes
    headers: Any
    json: Any = None

    @property
    def code(self) -> str:
        return str(self.json["code"])


@dataclass
class Site:
    """The running installation; `tokens` by role, `woken` are the topics that were hurried."""

    settings: Settings
    db: Database
    context: Context
    app: Any
    url: str
    client: aiohttp.ClientSession
    server: uvicorn.Server
    tokens: dict[str, str] = field(default_factory=dict)
    woken: list[str] = field(default_factory=list)
    turned: datetime | None = None

    async def call(
        self,
        method: str,
        path: str,
        *,
        role: str | None = "author",
        key: str | None = "",
        json: Any = None,
        data: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Call the API: with the token of a role (None: without) and a new Idempotency-Key (None:
        without).
        """
        sent = dict(headers or {})
        if role is not None:
            sent.setdefault("Authorization", f"Bearer {self.tokens[role]}")
        if method == "POST" and key is not None:
            sent.setdefault("Idempotency-Key", key or str(uuid.uuid4()))
        if json is not None:
            data = dumps(json).encode()
            sent.setdefault("Content-Type", "application/json")
        if isinstance(data, bytes) and len(data) > 1_000_000:
            data = BytesIO(data)  # aiohttp warns of large bytes
        async with self.client.request(
            method, self.url + path, data=data, headers=sent, allow_redirects=False
        ) as response:
            body = await response.read()
            is_json = "json" in response.headers.get("Content-Type", "")
            return Answer(
                response.status,
                body,
                response.headers,
                await response.json(content_type=None) if is_json and body else None,
            )

    async def post(self, path: str, json: Any = None, **more: Any) -> Answer:
        return await self.call("POST", path, json=json, **more)

    async def get(self, path: str, **more: Any) -> Answer:
        return await self.call("GET", path, **more)

    async def metrics(self) -> str:
        """Return what the application of the metrics' own port answers."""
        sent: list[bytes] = []

        async def nothing() -> Any:
            return {"type": "http.disconnect"}

        async def keep(message: Any) -> None:
            sent.append(message.get("body", b""))

        scope = {
            "type": "http",
            "method": "GET",
            "path": "/metrics",
            "raw_path": b"/metrics",
            "query_string": b"",
            "headers": [],
        }
        await self.app.state.metrics(scope, nothing, keep)
        return b"".join(sent).decode()

    async def drafted(self, **changes: Any) -> int:
        answer = await self.post("/api/v1/messages", a_draft(**changes))
        assert answer.status == 201, answer.body
        return int(answer.json["id"])

    async def submitted(self, **changes: Any) -> tuple[int, str]:
        message = await self.drafted(**changes)
        answer = await self.post(f"/api/v1/messages/{message}/submit")
        assert answer.status == 200, answer.body
        return message, answer.json["content_hash"]

    async def approved(self, **changes: Any) -> int:
        message, agreed = await self.submitted(**changes)
        await self.approve(message, agreed)
        return message

    async def approve(self, message: int, agreed: str) -> None:
        answer = await self.post(
            f"/api/v1/messages/{message}/approve", {"content_hash": agreed}, role="approver"
        )
        assert answer.status == 200, answer.body

    async def live(self, **changes: Any) -> int:
        message = await self.approved(**changes)
        await self.release(message)
        return message

    async def release(self, message: int) -> None:
        assert await self.context.matcher.process((await self.version(message)).id) == "released"

    async def follow(self, message: int, path: str, **changes: Any) -> None:
        """Draft, submit, approve and release what follows a live message."""
        assert (
            await self.post(
                f"/api/v1/messages/{message}/{path}", a_draft(**{"kind": None, **changes})
            )
        ).status == 201
        agreed = (await self.post(f"/api/v1/messages/{message}/submit")).json["content_hash"]
        await self.approve(message, agreed)
        await self.release(message)

    async def version(self, message: int) -> versions.Version:
        return (await self.db.read(versions.of_message, message))[-1]

    async def claimed(
        self, channel: str = "sms", lane: str = "routine", *, status: str = "", attempt: str = ""
    ) -> Slice:
        """Claim the next slice of a channel, as a sender would."""
        statuses = (status,) if status else ("Actual", "Exercise")
        candidate = (
            await self.db.read(open_batches.candidates, lane, channel, statuses, datetime.now(UTC))
        )[0]
        made = (lambda: attempt) if attempt else new_slice_attempt
        found = await self.db.write(
            taking.claim, candidate, want=32, worker="w1", attempts=made, suppress=lambda *_: {}
        )
        assert found is not None
        return found[0][0]

    async def done(self, s: Slice, state: str = "accepted") -> None:
        await self.db.write(
            recording.record,
            [(s, [Outcome(position=p, person_id=person, state=state) for p, person in s.people])],
            at=datetime.now(UTC),
        )

    def attempt(self, s: Slice, position: int = 0) -> str:
        return person_attempt(s.attempt, position, self.settings.key())

    async def twilio(
        self,
        path: str,
        params: dict[str, str] | list[tuple[str, str]],
        *,
        sign_url: str | None = None,
        signature: str | None = "",
        token: str = TOKEN,
    ) -> Answer:
        """Call a webhook as Twilio does: a form, signed over the public URL."""
        pairs = list(params.items()) if isinstance(params, dict) else params
        if not any(name == "AccountSid" for name, _ in pairs):
            pairs = [("AccountSid", ACCOUNT), *pairs]
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if signature is not None:
            headers["X-Twilio-Signature"] = signature or callbacks.sign(
                token, sign_url or PUBLIC_URL + path, pairs
            )
        return await self.call(
            "POST", path, role=None, key=None, data=aiohttp.FormData(pairs)(), headers=headers
        )


@asynccontextmanager
async def open_site(folder: Path, **env: str) -> AsyncIterator[Site]:
    """Run an installation until the block ends. PORT in a setting stands for its own port."""
    sock = socket.socket(proto=socket.IPPROTO_TCP)  # named, asyncio sends small answers at once
    sock.bind(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    env = {name: value.replace("PORT", str(port)) for name, value in env.items()}
    given = {
        "FASTTIME_DATA": str(folder / "data"),
        "FASTTIME_PUBLIC_URL": PUBLIC_URL,
        "FASTTIME_SENDER_NAME": "Met Police",
        **env,
    }
    settings = settings_module.load(given)
    if settings.embedded:
        schema.sqlite_at(settings.data / "fasttime.db")
    db = wiring.database(settings)
    await migrate.upgrade(db)
    context = make_context(
        settings,
        db,
        lambda _status: frozenset({"sms", "voice", "email"}),
        rates=wiring.planned(settings).rates,
    )
    now = datetime.now(UTC)
    areas = [
        AreaRecord(code=LONDON, level="region", name="London", geometry=box(-0.5, 51.3, 0.3, 51.7)),
        AreaRecord(
            code=WESTMINSTER,
            level="borough",
            name="Westminster",
            parent=LONDON,
            geometry=box(-0.2, 51.48, -0.11, 51.52),
        ),
        AreaRecord(
            code=CAMDEN,
            level="borough",
            name="Camden",
            parent=LONDON,
            geometry=box(-0.2, 51.53, -0.11, 51.57),
        ),
    ]
    await db.write(store_areas, areas, now)
    people = [
        *(person(n) for n in range(1, 31)),
        person(31, lat=51.55, name="Cam den"),
        person(32, channels="voice", phone="+442079460001", mobile=None),
        person(33, mobile="+447700900001", external_id="=p33"),
    ]
    await db.write(import_records, people, "test", now)
    tokens = {}
    for role in ROLES:
        _, tokens[role] = await db.write(
            operators.add, name=role, role=role.rstrip("2"), area=None, email=None, now=now
        )
    _, tokens["camden"] = await db.write(
        operators.add, name="camden", role="author", area=CAMDEN, email=None, now=now
    )
    woken: list[str] = []
    site: Site
    accounts = {**wiring.webhook_accounts(settings), ACCOUNT: TOKEN}
    simulated = wiring.simulated_accounts(settings)
    with routes() as again:
        app = create_app(
            context=context,
            db=db,
            settings=settings,
            accounts=accounts,
            simulated=simulated,
            wake=woken.append,
            attach=again.attach,
            ready=lambda: site.turned,
        )
        server = make_server(app, graceful_seconds=2)
        running = asyncio.create_task(run_server(server, sock))
        while not server.started:
            await asyncio.sleep(0.01)
        async with aiohttp.ClientSession() as client:
            url = f"http://127.0.0.1:{port}"
            site = Site(
                settings=settings,
                db=db,
                context=context,
                app=app,
                url=url,
                client=client,
                server=server,
                tokens=tokens,
                woken=woken,
                turned=now,
            )
            try:
                yield site
            finally:
                app.state.close()
                server.should_exit = True
                await running
    await db.close()
