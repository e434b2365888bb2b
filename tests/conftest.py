"""What every test stands on: real services started when first asked for, time that stands still, no
way off this machine.

Services (a service that cannot start is an error, never a skip):
- `kafka`, `postgres`, `redis`, `smtp`: handles for the whole session (tests.services.Program:
  kill9, freeze, start …);
- `kafka_bootstrap`, `postgres_url` (a new, empty database), `migrated_postgres_url` (with the
  schema), `redis_url` (emptied), `smtp_sink` (emptied): for one test.
A test that kills a service takes one of its own: `with Kafka() as kafka: …`.
"""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog

from config.contact_keys import default_file
from tests import loopback, schema
from tests.clock import NOON, Clock
from tests.console.browser import one_browser
from tests.services import Kafka, PostgreSQL, Redis, SmtpSink
from tests.services.kafka import delete_topics
from tests.services.outside import OutsideKafka, OutsidePostgreSQL, OutsideRedis, OutsideSmtp
from tests.sources import REFERENCE

__all__ = ["one_browser"]
# Named here alone: imported by each module it would be a browser of each.

_LONG = (
    *("tests/chaos/", "tests/journeys/", "tests/security/test_generated"),
    *("tests/test_tutorial", "tests/test_how_to"),
)

_MARKED = {
    "kafka": {"kafka", "kafka_bootstrap"},
    "postgres": {"postgres", "postgres_url", "migrated_postgres_url"},
    "redis": {"redis", "redis_url"},
    "smtp": {"smtp", "smtp_sink"},
}

# The settings of whoever runs the suite are not the tests': ours would call FASTTIME_TEST_… an
# unknown setting, and obey FASTTIME_TOKEN.
_outside = {
    name.removeprefix("FASTTIME_TEST_"): value
    for name, value in os.environ.items()
    if name.startswith("FASTTIME_TEST_")
}
for _name in [name for name in os.environ if name.startswith("FASTTIME_")]:
    del os.environ[_name]

# Names and contact points are sealed with a key that lies apart from the data: for tests, in a
# folder of their own, and the same key in every process of a run, so that a test that makes none
# has one.
_config = Path(tempfile.mkdtemp(prefix="fasttime-tests-"))
atexit.register(shutil.rmtree, _config, ignore_errors=True)
os.environ["XDG_CONFIG_HOME"] = str(_config)
_keys = default_file()
_keys.parent.mkdir(mode=0o700)
_keys.touch(mode=0o600)
_keys.write_text("5e" + "0123456789abcdef" * 3 + "c0ffee00decade" + "\n")

# Where nothing was configured structlog prints a traceback with every variable in a frame: ten
# seconds for one of a template.
_printer = structlog.get_config()["processors"][-1]
assert isinstance(_printer, structlog.dev.ConsoleRenderer)
_printer.exception_formatter = structlog.dev.plain_traceback

# Machines of CI are slow and shared: no deadlines; there, the same examples every time.
hypothesis.settings.register_profile(
    "fasttime",
    deadline=None,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile(
    "ci", hypothesis.settings.get_profile("fasttime"), derandomize=True
)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "fasttime")


# "required": a run that compares nothing with the world's own files is an error (`.ci/run` sets
# it).
_reference = _outside.get("REFERENCE", "")
_not_compared = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    if _outside.keys() - {"REFERENCE"} and getattr(config.option, "numprocesses", None):
        raise pytest.UsageError(
            "tests on services of your own (FASTTIME_TEST_KAFKA …) empty them before each test, and"
            " so cannot run side by side: add -n 0"
        )
    if _reference not in ("", "required"):
        raise pytest.UsageError(
            f'FASTTIME_TEST_REFERENCE is "{_reference}": write "required", or leave it out'
        )
    if _reference and not REFERENCE.is_dir():
        raise pytest.UsageError(
            f"FASTTIME_TEST_REFERENCE=required, and {REFERENCE} is missing: put the folder `shared`"
            " beside the checkout"
        )
    loopback.install()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark each test with the services it uses, so that -m "not kafka" leaves them out; leave out
    what cannot be compared.
    """
    if not REFERENCE.is_dir():
        left = [item for item in items if item.get_closest_marker("reference")]
        items[:] = [item for item in items if not item.get_closest_marker("reference")]
        config.hook.pytest_deselected(items=left)
        config.stash[_not_compared] = len(left)
    # The longest first, so that at the end of a run side by side no job waits long for the other.
    items.sort(key=lambda item: not any(part in item.nodeid for part in _LONG))
    for item in items:
        used = set(getattr(item, "fixturenames", ()))
        for marker, fixtures in _MARKED.items():
            if used & fixtures:
                item.add_marker(marker)


def pytest_collection_finish(session: pytest.Session) -> None:
    # What was collected stays until the end: the garbage collector need not go through it again and
    # again.
    gc.collect()
    gc.freeze()
    if (
        _reference
        and session.items
        and not any(item.get_closest_marker("reference") for item in session.items)
    ):
        raise pytest.UsageError(
            "FASTTIME_TEST_REFERENCE=required, and this selection has no test with the marker"
            " `reference`"
        )


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that prints the summary, where tests run side by side."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["not_compared"] = session.config.stash.get(_not_compared, 0)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Hear it: every worker collects the whole suite, and so counts the same."""
    node.config.stash[_not_compared] = getattr(node, "workeroutput", {}).get("not_compared", 0)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say in one line what was not compared."""
    if left := config.stash.get(_not_compared, 0):
        terminalreporter.write_line(
            f"Not compared with the world's own files: {left} tests marked `reference` were left"
            f" out, because {REFERENCE} is missing."
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail the test that tried to leave this machine, also where the tested code swallowed the
    refusal.
    """
    loopback.escapes()
    outcome = yield
    if tried := loopback.escapes():
        raise loopback.LeftTheMachine(f"{item.name}: {'; '.join(sorted(set(tried)))}")
    return outcome


@pytest.fixture
def now() -> datetime:
    """A moment: aware, UTC, always the same."""
    return NOON


@pytest.fixture
def clock() -> Clock:
    """A clock that stands at `now` until it is advanced."""
    return Clock()


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka | OutsideKafka]:
    """The broker of this session. Topics and groups outlive tests: use names of your own, or
    `kafka_bootstrap`.
    """
    if where := _outside.get("KAFKA"):
        yield OutsideKafka(where)
        return
    with Kafka() as ours:
        yield ours


@pytest.fixture
def kafka_bootstrap(kafka: Kafka | OutsideKafka) -> str:
    """Host and port of the broker, without the topics of earlier tests, and what groups had
    committed for them.
    """
    delete_topics(kafka.bootstrap)
    return kafka.bootstrap


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgreSQL | OutsidePostgreSQL]:
    """The database server of this session; `postgres.databases` makes, copies and drops
    databases.
    """
    if where := _outside.get("POSTGRES"):
        server = OutsidePostgreSQL(where)
        yield server
        server.databases.drop_templates()
        return
    with PostgreSQL() as ours:
        yield ours


@pytest.fixture
def postgres_url(postgres: PostgreSQL | OutsidePostgreSQL) -> Iterator[str]:
    """The plain postgresql:// URL of a new, empty database, dropped after the test."""
    url = postgres.create_database()
    yield url
    postgres.drop_database(url)


@pytest.fixture
def migrated_postgres_url(postgres: PostgreSQL | OutsidePostgreSQL) -> Iterator[str]:
    """The same of a database with the present schema."""
    url = schema.on(postgres)
    yield url
    postgres.drop_database(url)


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis | OutsideRedis]:
    """The Redis of this session."""
    if where := _outside.get("REDIS"):
        yield OutsideRedis(where)
        return
    with Redis() as ours:
        yield ours


@pytest.fixture
def redis_url(redis: Redis | OutsideRedis) -> str:
    """The redis:// URL of an empty Redis."""
    redis.flush()
    return redis.url


@pytest.fixture(scope="session")
def smtp() -> Iterator[SmtpSink | OutsideSmtp]:
    """The mail server of this session."""
    if where := _outside.get("SMTP"):
        yield OutsideSmtp(where)
        return
    with SmtpSink() as ours:
        yield ours


@pytest.fixture
def smtp_sink(smtp: SmtpSink | OutsideSmtp) -> SmtpSink | OutsideSmtp:
    """The mail server without the mails of earlier tests: `url`, `host`, `port`, `mails()`."""
    smtp.forget()
    return smtp
