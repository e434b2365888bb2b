"""Where a bench takes place: services of this machine by environment, a database of its own on the
server, invented people in it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

from broadcast.content.model import Content, Text
from broadcast.messages import authoring, publishing
from broadcast.messages.publishing import House
from broadcast.messages.versions import Resolved, Version
from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.problems import refuse
from broadcast.store.database import Connection, Database
from config.contact_keys import ContactKeys, default_file
from console.processes import migrate
from subscribers.contact import points
from subscribers.contact.keys import OPTION, KeyRing
from subscribers.contact.points import Known

KEY = "bench" + "0123456789abcdef" * 3
FROM = "Police alerts <alerts@example.org>"
PUBLIC_URL = "https://alerts.police.example"
ACCOUNT, TOKEN, NUMBER = (
    "ACbe0c400000000000000000000000000000",
    "bench000000000000000000000000000",
    "+447700900997",
)
HOW = "run `make bench NAME={name}`, which starts what it needs, or set {variable}"

WORDS = Text(
    headline="Gas leak in Station Road: leave the area",
    description=(
        "A gas main has been damaged in Station Road. The fire brigade is there. Nobody is hurt."
    ),
    instruction=(
        "Leave Station Road and the streets beside it now. Do not use your car. Wait at the leisure"
        " centre until you are told that it is safe."
    ),
)


def service(which: str, bench: str) -> str:
    """Return where POSTGRES, KAFKA or REDIS is (FASTTIME_TEST_…, as the suite reads it). Raises
    Rejected (exit 69).
    """
    variable = f"FASTTIME_TEST_{which}"
    found = os.environ.get(variable, "").strip()
    if not found:
        raise refuse(
            "service_missing",
            f"{bench} needs {which.capitalize()}: {variable} is not set",
            HOW.format(name=bench, variable=variable),
            field=variable,
            status=503,
        )
    return found


CONTACT_KEYS = "b0" + "0123456789abcdef" * 3 + "c0ffee00decade"


def a_connection(url: str, pool_size: int) -> Database:
    """Open a database with the keys of contact points that the workers measured have too."""
    keys = KeyRing(ContactKeys(CONTACT_KEYS, default_file()))
    return Database(url, pool_size=pool_size, options={OPTION: keys})


def number_of(variable: str, default: int) -> int:
    """Return a whole number of the environment, such as FASTTIME_TEST_BENCH_PAIRS."""
    text = os.environ.get(f"FASTTIME_TEST_BENCH_{variable}", "").strip()
    return int(text) if text.isascii() and text.isdigit() and int(text) > 0 else default


@contextlib.asynccontextmanager
async def a_database(server: str) -> AsyncIterator[str]:
    """Make a database with our schema on a server that is there for such things; drop it at the
    end.
    """
    name = f"bench_{os.getpid()}_{secrets.token_hex(3)}"
    admin = a_connection(server, 1)
    try:
        await _outside_transactions(admin, f'CREATE DATABASE "{name}" TEMPLATE template0')
        url = urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        try:
            db = a_connection(url, 2)
            try:
                await migrate.upgrade(db)
            finally:
                await db.close()
            yield url
        finally:
            await _outside_transactions(admin, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        await admin.close()


async def _outside_transactions(db: Database, sql: str) -> None:
    async with db.engine.connect() as conn:
        conn = await conn.execution_options(isolation_level="AUTOCOMMIT")
        await conn.exec_driver_sql(sql)


async def run_sql(db: Database, *statements: str) -> None:
    """Run statements outside a transaction (ANALYZE, CHECKPOINT)."""
    for sql in statements:
        await _outside_transactions(db, sql)


async def copy_into(db: Database, table: str, columns: tuple[str, ...], rows: Any) -> None:
    """COPY rows into a table, the quickest way there is; the baseline of what is stored."""
    async with db.engine.connect() as conn:
        raw: Any = (await conn.get_raw_connection()).driver_connection
        await raw.copy_records_to_table(table, records=rows, columns=columns)


_PERSON = (
    "id",
    "external_id",
    "kind",
    "reached_by",
    "language",
    "lat",
    "lon",
    "area",
    "channels",
    "consented",
    "created_at",
    "updated_at",
    "change",
)


async def invent_people(
    db: Database, count: int, channels: str = "sms;email", *, chunk: int = 100_000
) -> None:
    """Put `count` people straight into the registry: +999 numbers and example.org addresses,
    nobody's.
    """
    now = datetime.now(UTC)

    def person(n: int) -> tuple[Any, ...]:
        place = 51.3 + (n % 4000) / 10_000, -0.5 + (n % 7919) / 10_000
        return (
            n,
            f"b{n}",
            "resident",
            "email;mobile",
            "en",
            *place,
            None,
            channels,
            channels,
            now,
            now,
            3,
        )

    for start in range(1, count + 1, chunk):
        await copy_into(
            db,
            "subscriber",
            _PERSON,
            (person(n) for n in range(start, min(start + chunk, count + 1))),
        )
        known = [
            (n, Known(addresses={"email": f"person{n}@example.org", "mobile": f"+999{n:09d}"}))
            for n in range(start, min(start + chunk, count + 1))
        ]
        await db.write(points.add, known, "basis", now)
    await run_sql(db, "ANALYZE subscriber", "ANALYZE contact_point")


def _no_document(*_: object) -> bytes:
    return b"<alert/>"  # a published document is no part of what is measured


class ControlRoom:
    """Two people who publish, and the house they publish in."""

    def __init__(self, db: Database, author: Operator, approver: Operator, house: House) -> None:
        self.db, self.author, self.approver, self.house = db, author, approver, house

    @classmethod
    async def open(cls, db: Database, *, shards: int = 1) -> ControlRoom:
        """Make the two."""
        now = datetime.now(UTC)
        tag = secrets.token_hex(3)
        author, _ = await db.write(
            operators.add, name=f"Author {tag}", role="author", area=None, email=None, now=now
        )
        approver, _ = await db.write(
            operators.add, name=f"Approver {tag}", role="approver", area=None, email=None, now=now
        )
        return cls(
            db,
            author,
            approver,
            House(
                sender="bench.fasttime",
                shards=shards,
                two_person="always",
                wording="bench",
                document=_no_document,
            ),
        )

    async def submit(
        self,
        count: int,
        channels: tuple[str, ...],
        *,
        severity: str = "Moderate",
        words: Text = WORDS,
    ) -> Version:
        """Draft and submit a message to everybody, for `count` people."""

        def act(conn: Connection) -> Version:
            now = datetime.now(UTC)
            content = Content(
                kind="incident",
                status="Actual",
                urgency="Immediate" if severity in ("Extreme", "Severe") else "Expected",
                severity=severity,
                certainty="Observed",
                languages={"en": words},
                expires=timedelta(hours=4),
                channels=channels,
            )
            v = authoring.create(conn, self.author, content, now)
            return authoring.submit(
                conn,
                self.author,
                v.id,
                revision=v.revision,
                resolved=Resolved(everybody=True),
                count=count,
                wording_revision="bench",
                now=now,
            )

        return await self.db.write(act)

    async def approve(self, v: Version) -> Version:
        """Approve it: the commit from which a publication counts."""
        return await self.db.write(
            publishing.approve,
            self.approver,
            v.message_id,
            content_hash=v.content_hash,
            house=self.house,
            now=datetime.now(UTC),
        )


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody holds just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class SmtpSink:
    """Postfix's smtp-sink of this machine, on a free port, counting."""

    def __init__(self, bench: str) -> None:
        path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
        self._binary, self.source = (
            shutil.which("smtp-sink", path=path),
            shutil.which("smtp-source", path=path),
        )
        if self._binary is None:
            raise refuse(
                "service_missing",
                f"{bench} needs Postfix's smtp-sink",
                "run `make services`, or install Postfix",
                status=503,
            )
        self.port = free_port()
        self.url = f"smtp://127.0.0.1:{self.port}"
        self._log = Path(tempfile.mkdtemp(prefix=f"fasttime-{os.getpid()}-bench-")) / "sink.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def taken(self) -> int:
        """Return how many mails it has counted."""
        with self._log.open("rb") as log:
            log.seek(max(0, self._log.stat().st_size - 400))
            found = log.read().rpartition(b"mesg=")[2].split()
        return int(found[0]) if found and found[0].isdigit() else 0

    def __enter__(self) -> Self:
        """Start it and wait until it greets."""
        command = [
            str(self._binary),
            "-c",
            "-h",
            "sink.example.org",
            "-m",
            "1024",
            f"inet:127.0.0.1:{self.port}",
            "1024",
        ]
        if os.geteuid() == 0 and shutil.which("setpriv"):
            self._log.parent.chmod(0o777)
            command = [
                "setpriv",
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                "--",
                *command,
            ]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._log.parent
            )
        end = time.monotonic() + 10
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as wire:
                    wire.recv(100)
                    return self
            except OSError:
                if time.monotonic() > end or self._process.poll() is not None:
                    self.__exit__()
                    raise refuse(
                        "service_missing",
                        "smtp-sink did not start",
                        "see `man smtp-sink`",
                        status=503,
                    ) from None
                time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
        shutil.rmtree(self._log.parent, ignore_errors=True)


@contextlib.contextmanager
def a_folder() -> Iterator[Path]:
    """Give a folder for data and logs that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=f"fasttime-{os.getpid()}-bench-") as made:
        yield Path(made)
