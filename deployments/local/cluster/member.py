"""A broker's place in its cluster; each is a broker and a controller (KRaft)."""

import uuid
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Self

from deployments.local.processes import free_port

LOOPBACK = "127.0.0.1"
_MOST_REPLICAS = 3


@dataclass(frozen=True)
class ClusterMember:
    """One broker of a cluster.

    Attributes:
        node_id: from 1 on.
        controllers: where the controller of each member listens, as `host:port`, in the order of their ids.
        cluster_id: the same for all members.
        host: on which this broker listens for clients and for the other brokers.
    """

    node_id: int
    controllers: tuple[str, ...]
    cluster_id: str = field(default_factory=lambda: cluster_id_of(uuid.uuid4().bytes))
    host: str = LOOPBACK

    @classmethod
    def alone(cls) -> Self:
        """The only broker of a new cluster."""
        return cls(1, (f"{LOOPBACK}:{free_port()}",))

    @property
    def controller_port(self) -> int:
        """Where its own controller listens."""
        return int(self._controller.rpartition(":")[2])

    def properties(self) -> dict[str, str]:
        """Kafka's properties that follow from the place; `{port}` stands for the broker's own."""
        voters = (f"{number}@{address}" for number, address in enumerate(self.controllers, 1))
        return {
            "node.id": str(self.node_id),
            "listeners": f"PLAINTEXT://{self.host}:{{port}},CONTROLLER://{self._controller}",
            "controller.quorum.voters": ",".join(voters),
            **_replication(min(len(self.controllers), _MOST_REPLICAS)),
        }

    @property
    def _controller(self) -> str:
        return self.controllers[self.node_id - 1]


def cluster_id_of(random: bytes) -> str:
    """A name that never begins with a dash, which Kafka's tool would take for an option."""
    return urlsafe_b64encode(b"\0" + random[1:]).decode().rstrip("=")


def _replication(replicas: int) -> dict[str, str]:
    """Of Kafka's own topics, and of those that are created without a word on it."""
    in_sync = "2" if replicas > 2 else "1"
    return {
        "default.replication.factor": str(replicas),
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": str(replicas),
        "transaction.state.log.replication.factor": str(replicas),
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": str(replicas),
        "share.coordinator.state.topic.min.isr": in_sync,
    }
