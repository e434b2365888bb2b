"""A PostgreSQL cluster of our own, never the machine's: made in a temp folder, durable as in
production, a database per test.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tests.services.apart import run_apart
from tests.services.process import LOOPBACK, NotReady, Program, free_port

_NOBODY = 65534
_names = itertools.count(1)


def binaries() -> Path | None:
    """Return the folder with initdb and postgres, the newest if there are several; None where there
    is none.
    """
    debian = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda found: int(found.parts[-3]) if found.parts[-3].isdigit() else 0,
    )
    if debian:
        return debian[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


class Databases:
    """Databases on a server, made and dropped as its superuser; `url` is one to a database that
    exists.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._templates: dict[str, str] = {}
        self._ahead: dict[str, Future[str]] = {}
        self._beside = ThreadPoolExecutor(1)

    def execute(self, *statements: str) -> None:
        """Run statements one by one, each in its own transaction, in the database of `url`."""

        async def work() -> None:
            import asyncpg

            wire = await asyncpg.connect(self.url, timeout=20)
            try:
                for statement in statements:
                    await wire.execute(statement)
            finally:
                await wire.close(timeout=10)

        run_apart(work)

    def url_of(self, database: str) -> str:
        """Return the plain postgresql:// URL of a database on this server."""
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{database}"))

    def create_database(self, template: str = "template0") -> str:
        """Create a database with a name of its own as a copy of `template` and return its URL."""
        name = f"test_{os.getpid()}_{next(_names)}"
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url_of(name)

    def drop_database(self, url: str) -> None:
        """Drop what `create_database` made, with whoever is still connected."""
        self.execute(f'DROP DATABASE IF EXISTS "{urlsplit(url).path[1:]}" WITH (FORCE)')

    def prepared(self, name: str, prepare: Callable[[str], object]) -> str:
        """Return a new database that holds what `prepare(url)` put there the first time `name` was
        asked for.

        For schemas: the migrations run once in a session, every test gets a copy, which is made
        while the test before it runs: with fsync on it takes a fifth of a second. `prepare` must
        leave no connection open.
        """
        if name not in self._templates:
            url = self.create_database()
            prepare(url)
            self._templates[name] = urlsplit(url).path[1:]
        template = self._templates[name]
        made = self._ahead.pop(name, None)
        url = made.result() if made else self.create_database(template)
        self._ahead[name] = self._beside.submit(self.create_database, template)
        return url

    def drop_templates(self) -> None:
        """Drop what `prepared` keeps."""
        for made in self._ahead.values():
            self.drop_database(made.result())
        self._ahead.clear()
        for database in self._templates.values():
            self.drop_database(self.url_of(database))
        self._templates.clear()


class PostgreSQL(Program):
    """A cluster on a free port: fsync on, commits as durable as the disk, `max_connections` 200.

    `settings` are further lines of postgresql.conf, by name. `databases` makes and drops databases.
    """

    def __init__(self, *, port: int | None = None, settings: dict[str, str] | None = None) -> None:
        found = binaries()
        if found is None:
            raise NotReady("PostgreSQL (initdb) is missing: run `make services`")
        self.port = port or free_port()
        # SIGINT is PostgreSQL's fast shutdown: it does not wait for clients.
        super().__init__("postgres", [], ready_within=60, stop_signal=signal.SIGINT, user=_NOBODY)
        self.binaries = found
        self.data = self.folder / "data"
        self.folder.chmod(0o711)  # the server's user must get through to its data
        self.command = [str(found / "postgres"), "-D", str(self.data)]
        self.cwd = self.folder
        self._settings = {
            "listen_addresses": f"'{LOOPBACK}'",
            "port": str(self.port),
            "unix_socket_directories": "''",  # TCP only: no path that could be too long
            "max_connections": "200",
            "shared_buffers": "'128MB'",
            "fsync": "on",
            "synchronous_commit": "on",
            "max_wal_size": "'2GB'",
            "timezone": "'UTC'",
            "log_min_messages": "warning",
            "logging_collector": "off",
            **(settings or {}),
        }
        self.databases = Databases(self.url)

    @property
    def url(self) -> str:
        """The superuser's URL of the database `postgres`, plain postgresql:// form."""
        return f"postgresql://postgres@{LOOPBACK}:{self.port}/postgres"

    def start(self) -> PostgreSQL:
        """Make the cluster if this is the first start, then start it and wait until it answers."""
        if not (self.data / "PG_VERSION").exists():
            self._make_cluster()
        return super().start()

    def is_ready(self) -> bool:
        """Return whether it lets clients in (the answer to an SSL request says only that it
        listens).
        """
        with socket.create_connection((LOOPBACK, self.port), timeout=5):
            pass
        try:
            self.databases.execute("SELECT 1")
        except Exception as problem:
            if type(problem).__name__ in {
                "CannotConnectNowError",
                "ConnectionDoesNotExistError",
            } or isinstance(problem, OSError):
                return False
            raise
        return True

    def create_database(self, template: str = "template0") -> str:
        """Create an empty database and return its URL."""
        return self.databases.create_database(template)

    def drop_database(self, url: str) -> None:
        """Drop a database that `create_database` made."""
        self.databases.drop_database(url)

    def _make_cluster(self) -> None:
        self.data.mkdir(mode=0o700)
        become: list[str] = []
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            os.chown(self.data, _NOBODY, _NOBODY)
            become = ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", "--"]
        made = subprocess.run(
            [
                *become,
                str(self.binaries / "initdb"),
                "-D",
                str(self.data),
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ],
            capture_output=True,
            text=True,
            cwd=self.folder,
            check=False,
        )
        if made.returncode != 0:
            raise NotReady(f"initdb ended with {made.returncode}\n{made.stdout}{made.stderr}")
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as conf:
            conf.writelines(f"{name} = {value}\n" for name, value in self._settings.items())
