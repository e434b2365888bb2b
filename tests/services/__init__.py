"""Real services for tests, journeys and benchmarks: Kafka, PostgreSQL, Redis and an SMTP sink on
free ports of this machine.

    with PostgreSQL() as pg, Kafka() as kafka:
        url = pg.create_database()
        kafka.kill9()
        kafka.start()  # the same port, the same data

Every class is a context manager and a `Program`; `Program` also runs any command of ours under the
same handles. Nothing outlives the process that started it, however it ends.
"""

from __future__ import annotations

from tests.services.kafka import Kafka
from tests.services.postgres import PostgreSQL
from tests.services.process import NotReady, Program, free_port, tree_of
from tests.services.redis import Redis
from tests.services.smtp import SmtpSink

__all__ = [
    "Kafka",
    "NotReady",
    "PostgreSQL",
    "Program",
    "Redis",
    "SmtpSink",
    "free_port",
    "tree_of",
]
