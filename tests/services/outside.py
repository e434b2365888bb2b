"""Services that somebody else runs (docker compose): the same names as ours, without the power over
their lives.

FASTTIME_TEST_KAFKA=host:port  FASTTIME_TEST_POSTGRES=postgresql://superuser…/postgres
FASTTIME_TEST_REDIS=redis://…/15 FASTTIME_TEST_SMTP=smtp://host:port. Only loopback is let through;
give Redis a database of its own, it is emptied for every test.
"""

from __future__ import annotations

from email.message import EmailMessage
from urllib.parse import urlsplit

from tests.services.postgres import Databases
from tests.services.process import NotReady
from tests.services.redis import flush_url


class Outside:
    """What all of them lack: start, stop, kill9, restart, freeze and thaw raise NotReady."""

    alive = True

    def __init__(self, where: str) -> None:
        self.url = where

    def _not_ours(self) -> None:
        raise NotReady(f"{self.url} is not ours to stop: unset FASTTIME_TEST_… to run this test")

    start = stop = kill9 = restart = freeze = thaw = _not_ours


class OutsideKafka(Outside):
    """A broker."""

    @property
    def bootstrap(self) -> str:
        """Host and port."""
        return self.url


class OutsidePostgreSQL(Outside):
    """A server whose superuser we may be."""

    def __init__(self, where: str) -> None:
        super().__init__(where)
        self.databases = Databases(where)
        self.create_database = self.databases.create_database
        self.drop_database = self.databases.drop_database


class OutsideRedis(Outside):
    """A Redis."""

    def flush(self) -> None:
        """Empty the database that the URL names."""
        flush_url(self.url)


class OutsideSmtp(Outside):
    """A mail server whose mails we cannot read."""

    @property
    def host(self) -> str:
        """Its host."""
        return urlsplit(self.url).hostname or "127.0.0.1"

    @property
    def port(self) -> int:
        """Its port."""
        return urlsplit(self.url).port or 25

    def mails(self) -> list[EmailMessage]:
        """Raise NotReady: they lie elsewhere."""
        raise NotReady("the mails of FASTTIME_TEST_SMTP cannot be read: unset it to run this test")

    def forget(self) -> None:
        """Do nothing."""

    def taken(self) -> int:
        """Raise NotReady: it does not count for us."""
        raise NotReady("FASTTIME_TEST_SMTP counts nothing for us: unset it to run this test")
