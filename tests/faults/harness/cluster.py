"""Three brokers that a test strikes one by one."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from deployments.local.cluster.member import LOOPBACK, ClusterMember
from deployments.local.kafka import EmbeddedKafka
from deployments.local.processes import free_port
from fraud.settings import Settings
from tests.serving.world import wait_for

COUNT = 3
_HEAP_MB = 256
_OFFSETS, _TRANSACTIONS = "__consumer_offsets", "__transaction_state"


@dataclass
class Cluster:
    """Three brokers; every topic has a replica on each, and two must have what is acknowledged."""

    brokers: list[EmbeddedKafka]

    @property
    def bootstrap_servers(self) -> str:
        """All of them."""
        return ",".join(one.bootstrap_servers for one in self.brokers)

    def start(self, brokers: Iterable[EmbeddedKafka] | None = None) -> None:
        """Start these, or all that do not run, at once, and wait until they take requests."""
        wanted = [one for one in brokers or self.brokers if one.process is None]
        for one in wanted:
            one.spawn()
        for one in wanted:
            one.wait()

    def kill(self) -> None:
        """Kill all that run."""
        for one in self.brokers:
            one.kill()

    def wait_until_in_sync(self) -> None:
        """Wait until every replica of every partition is in sync, so that any broker may go."""
        wait_for(self._is_in_sync, 90, 0.3)

    def leader_of(self, topic: str, partition: int = 0) -> EmbeddedKafka:
        """The broker that leads a partition."""
        return self._broker(self._topics()[topic].partitions[partition].leader)

    def group_coordinator(self, settings: Settings) -> EmbeddedKafka:
        """The broker that keeps the offsets and the members of serving's group."""
        return self._coordinator(_OFFSETS, settings.serving.group_id)

    def transaction_coordinator(self, transactional_id: str) -> EmbeddedKafka:
        """The broker that keeps the state of a producer's transactions."""
        return self._coordinator(_TRANSACTIONS, transactional_id)

    def _coordinator(self, topic: str, name: str) -> EmbeddedKafka:
        return self.leader_of(topic, coordinator_partition(name, len(self._topics()[topic].partitions)))

    def _broker(self, node_id: int) -> EmbeddedKafka:
        return self.brokers[node_id - 1]

    def _topics(self) -> Mapping[str, Any]:
        client = AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 0})
        topics: Mapping[str, Any] = client.list_topics(timeout=10).topics
        return topics

    def _is_in_sync(self) -> bool:
        try:
            topics = self._topics()
        except KafkaException:
            return False
        partitions = [one for topic in topics.values() for one in topic.partitions.values()]
        return all(len(one.isrs) == COUNT and one.leader > 0 for one in partitions)


def coordinator_partition(name: str, partitions: int) -> int:
    """Where Kafka keeps what it knows of a group or of a transactional id: by Java's hash of the text."""
    code = 0
    for letter in name:
        code = (31 * code + ord(letter)) & 0xFFFFFFFF
    return (code & 0x7FFFFFFF) % partitions


@contextmanager
def run_cluster(
    folders: Sequence[Path],
    hosts: Sequence[str] = (LOOPBACK,) * COUNT,
    launchers: Sequence[Sequence[str]] = ((),) * COUNT,
    port: Callable[[], int] = free_port,
) -> Iterator[Cluster]:
    """Three brokers that run, each with its data in its folder; they are killed at the end.

    Args:
        folders: of the brokers.
        hosts: on which each listens.
        launchers: what stands before the command of each.
        port: gives a free one.
    """
    controllers = tuple(f"{host}:{port()}" for host in hosts)
    cluster_id = ClusterMember(1, controllers).cluster_id
    brokers = [
        EmbeddedKafka(
            folder,
            name=f"Kafka {number}",
            member=ClusterMember(number, controllers, cluster_id, host),
            log=folder.with_name(f"{folder.name}.log"),
            heap_mb=_HEAP_MB,
            launcher=launcher,
        )
        for number, (folder, host, launcher) in enumerate(zip(folders, hosts, launchers, strict=True), 1)
    ]
    cluster = Cluster(brokers)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.kill()
