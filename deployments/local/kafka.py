"""A broker of a real Apache Kafka (KRaft) on the loopback interface, without a container."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from deployments.local.cluster.member import ClusterMember
from deployments.local.jars import Progress, kafka_jars
from deployments.local.processes import ServerProcess, free_port, listens, spawn, wait_until_ready
from fraud.errors import UnreachableError
from fraud.machine.java import Java, find_java
from fraud.machine.locales import utf8_environment

_TIMEOUT_S = 120.0
_GRACE_S = 15.0
_PROPERTIES = "server.properties"
_DEFAULTS = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    # Messages carry event time, by which brokers delete: a topic without its own limit keeps all.
    "log.retention.ms": "-1",
    "offsets.retention.minutes": "525600",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    # After a crash the broker may register again only when its former session has run out.
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": "4000",
    # The default takes a quarter of our heap.
    "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
}


class EmbeddedKafka:
    """One broker with its data in a folder; its ports stay the same across restarts.

    As a context manager it runs from entry to exit. `member` is its place in a cluster; by default it is the
    only broker. `properties` are laid over the defaults and may use `{port}` and `{controller_port}`;
    `format_arguments` go to the storage tool (say, `--add-scram`), `java_options` to every JVM, `launcher`
    stands before its command, and `client` is what a client needs beside the address, to ask whether the
    broker answers.
    """

    def __init__(
        self,
        folder: Path,
        *,
        name: str = "Kafka",
        member: ClusterMember | None = None,
        port: int | None = None,
        log: Path | None = None,
        heap_mb: int = 512,
        properties: Mapping[str, str] | None = None,
        format_arguments: Sequence[str] = (),
        java_options: Sequence[str] = (),
        launcher: Sequence[str] = (),
        client: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
        java_home: Path | None = None,
    ) -> None:
        self.name = name
        self.folder = folder.resolve()
        self.port = port or free_port()
        self._member = member or ClusterMember.alone()
        self.log = log or self.folder / "kafka.log"
        self.process: ServerProcess | None = None
        self._heap_mb = heap_mb
        self._properties = dict(properties or {})
        self._format_arguments = tuple(format_arguments)
        self._java_options = tuple(java_options)
        self._launcher = tuple(launcher)
        self._client = dict(client or {})
        self._progress = progress
        self._java_home = java_home

    @property
    def bootstrap_servers(self) -> str:
        """What clients connect to."""
        return f"{self._member.host}:{self.port}"

    def start(self) -> None:
        """Start the broker and wait until it answers.

        Raises:
            UnreachableError: the jars cannot be fetched or the broker does not come up.
        """
        self.spawn()
        self.wait()

    def spawn(self) -> ServerProcess:
        """Start the broker without waiting; its jars are fetched and its folder is formatted at need.

        Raises:
            UnreachableError: the jars cannot be fetched or the folder cannot be prepared.
        """
        java = find_java(self._java_home)
        jars = kafka_jars(self._progress, java)
        self._write_properties()
        if not (self.folder / "data" / "meta.properties").exists():
            self._format(java, jars)
        command = [*self._launcher, *self._java(java, jars, "kafka.Kafka", _PROPERTIES)]
        self.process = spawn(self.name, command, self.log, {}, self.folder)
        return self.process

    def wait(self) -> None:
        """Wait until the broker answers.

        Raises:
            UnreachableError: it does not come up.
        """
        if self.process is not None:
            wait_until_ready(self.process, self.answers, self.log, _TIMEOUT_S)

    def stop(self) -> None:
        """Shut the broker down in order."""
        if self.process is not None:
            self.process.stop(_GRACE_S)
            self.process = None

    def kill(self) -> None:
        """End the broker as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process = None

    def restart(self) -> None:
        """Stop and start on the same ports and data."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def answers(self) -> bool:
        """Whether a client gets the cluster's metadata, with this broker among those that take requests."""
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient

        if not listens(self.port, self._member.host):
            return False
        quiet = {"bootstrap.servers": self.bootstrap_servers, "log_level": 0}
        try:
            brokers = AdminClient(quiet | self._client).list_topics(timeout=5).brokers
        except KafkaException:
            return False
        return self._member.node_id in brokers

    def _write_properties(self) -> None:
        ports = {"port": self.port, "controller_port": self._member.controller_port}
        # Relative to the folder it works in: a comma in the path would make a list of it.
        merged = _DEFAULTS | self._member.properties() | {"log.dirs": "data"} | self._properties
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = (f"{name}={_filled(value, ports)}\n" for name, value in merged.items())
        (self.folder / _PROPERTIES).write_text("".join(lines), encoding="utf-8")

    def _format(self, java: Java, jars: Path) -> None:
        cluster = ("--cluster-id", self._member.cluster_id)
        tool = ("kafka.tools.StorageTool", "format", *cluster, "--config", _PROPERTIES)
        # It runs for a second, so the JVM had better not optimise.
        command = self._java(java, jars, "-XX:TieredStopAtLevel=1", *tool, *self._format_arguments)
        environment = dict(os.environ) | utf8_environment()
        done = subprocess.run(  # noqa: S603
            command, cwd=self.folder, env=environment, capture_output=True, text=True, errors="replace",
            check=False, timeout=_TIMEOUT_S,
        )  # fmt: skip
        if done.returncode != 0:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            self.log.write_text(done.stdout + done.stderr, encoding="utf-8")
            raise UnreachableError(f"Kafka's data folder could not be prepared; see {self.log}")

    def _java(self, java: Java, jars: Path, *arguments: str) -> list[str]:
        heap = [f"-Xms{self._heap_mb // 2}m", f"-Xmx{self._heap_mb}m"]
        logging = ["-Dlog4j2.level=WARN", "-Dlog4j2.disableJmx=true"]
        options = [*java.options(), *heap, "-XX:+UseG1GC", "-Djava.awt.headless=true", *logging]
        options += self._java_options
        return [str(java.executable), *options, "-cp", f"{jars}/*", *arguments]


def _filled(value: str, ports: Mapping[str, int]) -> str:
    for name, port in ports.items():
        value = value.replace(f"{{{name}}}", str(port))
    return value
