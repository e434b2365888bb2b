"""A real Kafka broker of one node (KRaft) from the jars that Maven fetches once into the user's
cache.
"""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from pathlib import Path

from tests.services.apart import run_apart
from tests.services.process import LOOPBACK, NotReady, Program, free_port

VERSION = "4.1.1"
SCALA = "2.13"
_LOG4J = "2.24.3"  # the one that this Kafka brings
_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"

_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>fasttime</groupId><artifactId>kafka-for-tests</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_{SCALA}</artifactId><version>{VERSION}</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-server</artifactId><version>{VERSION}</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>{_LOG4J}</version></dependency>
  </dependencies>
</project>
"""

_LOGGING = """status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %c: %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
"""


def jars_folder() -> Path:
    """Return where the jars of this version lie, or will lie: in the user's cache, shared by all
    checkouts.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "fasttime" / f"kafka_{SCALA}-{VERSION}"


def fetch_jars() -> Path:
    """Fetch the jars by Maven unless they are there; return their folder. Raises NotReady with
    Maven's words.

    Maven compares each with the checksum its registry gives (--strict-checksums). Several processes
    may do this at once.
    """
    folder = jars_folder()
    if folder.is_dir():
        return folder
    if shutil.which("mvn") is None:
        raise NotReady("Maven (mvn) is missing: run `make services`")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="kafka-") as place:
        (Path(place) / "pom.xml").write_text(_POM, encoding="utf-8")
        command = [
            "mvn",
            "--batch-mode",
            "--quiet",
            "--strict-checksums",
            _PLUGIN,
            f"-DoutputDirectory={place}/jars",
        ]
        done = subprocess.run(
            command,
            cwd=place,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise NotReady(
                f"Maven could not fetch Kafka {VERSION}\n{done.stdout[-3000:]}{done.stderr[-1000:]}"
            )
        try:
            (Path(place) / "jars").rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was first: the same jars
                raise
    return folder


class Kafka(Program):
    """One broker that is its own controller; topics are never made by themselves. `bootstrap` for
    clients.

    `settings` are further lines of server.properties. A restart keeps the data.
    """

    def __init__(
        self, *, port: int | None = None, settings: dict[str, str] | None = None, heap: str = "512m"
    ) -> None:
        if shutil.which("java") is None:
            raise NotReady("Java 17 is missing: run `make services`")
        jars = fetch_jars()
        self.port = port or free_port()
        self.controller_port = free_port()
        super().__init__("kafka", [], ready_within=90, stop_within=30)
        self._properties = self.folder / "server.properties"
        logging = self.folder / "log4j2.properties"
        logging.write_text(_LOGGING, encoding="utf-8")
        conf = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.bootstrap.servers": f"{LOOPBACK}:{self.controller_port}",
            "controller.listener.names": "CONTROLLER",
            "listeners": (
                f"PLAINTEXT://{LOOPBACK}:{self.port},CONTROLLER://{LOOPBACK}:{self.controller_port}"
            ),
            "advertised.listeners": (
                f"PLAINTEXT://{LOOPBACK}:{self.port},CONTROLLER://{LOOPBACK}:{self.controller_port}"
            ),
            "log.dirs": str(self.folder / "data"),
            "auto.create.topics.enable": "false",
            "num.partitions": "1",
            "offsets.topic.num.partitions": "4",
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            # After kill -9 the broker is let in again only when its earlier self is counted dead.
            "broker.session.timeout.ms": "2000",
            "broker.heartbeat.interval.ms": "300",
            "initial.broker.registration.timeout.ms": "30000",
            "controller.quorum.election.timeout.ms": "300",
            "controller.quorum.fetch.timeout.ms": "1000",
            **(settings or {}),
        }
        self._properties.write_text(
            "".join(f"{name}={value}\n" for name, value in conf.items()), encoding="utf-8"
        )
        self._java = [
            "java",
            f"-Xmx{heap}",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            f"-Dlog4j2.configurationFile={logging}",
            "-cp",
            f"{jars}/*",
        ]
        self.command = [*self._java, "kafka.Kafka", str(self._properties)]
        self.cwd = self.folder

    @property
    def bootstrap(self) -> str:
        """For example 127.0.0.1:15003, as FASTTIME_KAFKA_BOOTSTRAP takes it."""
        return f"{LOOPBACK}:{self.port}"

    def start(self) -> Kafka:
        """Format the log folder if this is the first start, then start the broker and wait until it
        serves.
        """
        if not (self.folder / "data" / "meta.properties").exists():
            self._format()
        return super().start()

    def is_ready(self) -> bool:
        """Return whether the broker answers an ApiVersions request: it opens its port some time
        before it serves.
        """
        with socket.create_connection((LOOPBACK, self.port), timeout=5) as wire:
            # size, api key 18 (ApiVersions), version 0, correlation id 1, no client id:
            # https://kafka.apache.org/protocol
            wire.sendall(bytes.fromhex("0000000a0012000000000001ffff"))
            answer = wire.recv(10)
        return len(answer) == 10 and answer[4:10] == bytes.fromhex("000000010000")

    def _format(self) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if cluster.startswith("-"):  # it would be read as an option
            cluster = f"A{cluster[1:]}"
        command = [
            *self._java,
            "kafka.tools.StorageTool",
            "format",
            "--standalone",
            "-t",
            cluster,
            "-c",
            str(self._properties),
        ]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise NotReady(f"Kafka's storage could not be formatted\n{done.stdout}{done.stderr}")


def delete_topics(bootstrap: str) -> None:
    """Delete every topic of a broker but Kafka's own; what groups had committed for them goes
    too.
    """

    async def work() -> None:
        from aiokafka.admin import AIOKafkaAdminClient

        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        await admin.start()
        try:
            if topics := [
                topic for topic in await admin.list_topics() if not topic.startswith("__")
            ]:
                await admin.delete_topics(topics)
                while set(topics) & set(await admin.list_topics()):
                    await asyncio.sleep(0.02)
        finally:
            await admin.close()

    run_apart(work)
