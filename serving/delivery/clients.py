"""The Kafka clients of exactly-once delivery, behind an interface of which tests have a double in memory."""

from typing import Any, Protocol

from confluent_kafka import Consumer, Producer

from fraud.kafka.clients import MESSAGES_OF_NOW, consumer_config, producer_config
from fraud.settings import Settings
from serving.ops.permission_check import recheck_permissions


class TransactionClients(Protocol):
    """What ends transactions needs these clients."""

    def make_producer(self, transactional_id: str) -> Any:
        """A transactional producer, not yet initialized."""

    def make_offset_reader(self) -> Any:
        """A consumer that can read the group's committed offsets."""

    def recheck_permissions(self) -> None:
        """Raise RefusedError if a permission was withdrawn, MissingTopicError if a topic was deleted."""


class KafkaTransactionClients:
    """Clients of the cluster that the settings name."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def make_producer(self, transactional_id: str) -> Producer:
        """A transactional producer, not yet initialized."""
        config = {
            "transactional.id": transactional_id,
            "transaction.timeout.ms": int(self._settings.serving.transaction_timeout_s * 1_000),
            "delivery.report.only.error": True,
            "linger.ms": self._settings.serving.linger_s * 1_000,
        }
        return Producer(producer_config(self._settings, **config, **MESSAGES_OF_NOW))

    def make_offset_reader(self) -> Consumer:
        """A client of its own in the same group: it reads the group's offsets without joining."""
        return Consumer(consumer_config(self._settings, self._settings.serving.group_id))

    def recheck_permissions(self) -> None:
        """Raise RefusedError if a permission was withdrawn, MissingTopicError if a topic was deleted."""
        recheck_permissions(self._settings)
