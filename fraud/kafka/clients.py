"""Configurations of Kafka clients, the admin client, and calls whose failures a user can act on."""

from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient

from fraud.errors import UnreachableError
from fraud.kafka.errors import call_failed, connect
from fraud.kafka.login.mechanisms import login_config
from fraud.settings import Settings

_FETCH_S = 2.0
"""A fetch may take this long: a broker that has nothing new answers after half a second."""

MESSAGES_OF_NOW = {"max.in.flight.requests.per.connection": 5}
"""For producers whose messages have the time of sending: brokers remember their sequence numbers."""

READER_GROUP = "fraud-readers"
"""The group of consumers that neither join nor commit; librdkafka looks up its coordinator anyway."""


def client_config(settings: Settings, **extra: Any) -> dict[str, Any]:
    """What every librdkafka client needs to connect, plus `extra`."""
    kafka = settings.kafka
    config: dict[str, Any] = {
        "bootstrap.servers": kafka.bootstrap_servers,
        "security.protocol": kafka.security_protocol,
        "socket.keepalive.enable": True,
        "ssl.ca.location": _text(kafka.ssl_ca_location),
        "ssl.certificate.location": _text(kafka.ssl_certificate_location),
        "ssl.key.location": _text(kafka.ssl_key_location),
        "ssl.key.password": kafka.ssl_key_password and kafka.ssl_key_password.get_secret_value(),
        **login_config(kafka),
    }
    return {key: value for key, value in config.items() if value is not None} | extra


def producer_config(settings: Settings, **extra: Any) -> dict[str, Any]:
    """An idempotent producer that waits for all replicas and batches well.

    The partitioner is Java's, so that clients in other languages put a card where we put it.

    One request at a time is under way to a broker. A broker that starts again has forgotten the sequence
    numbers of producers whose messages are older than a day (`producer.id.expiration.ms`, by the messages'
    time, which is the events'), and takes any. If it takes a second request before a first one is repeated,
    librdkafka counts both as delivered (`rd_kafka_dr_implicit_ack`), and the first one is lost.
    """
    defaults: dict[str, Any] = {
        "enable.idempotence": True,
        "max.in.flight.requests.per.connection": 1,
        "acks": "all",
        "partitioner": "murmur2_random",
        "compression.type": "lz4",
        "linger.ms": 5,
        "queue.buffering.max.messages": 500_000,
    }
    return client_config(settings, **(defaults | extra))


def consumer_config(settings: Settings, group_id: str, **extra: Any) -> dict[str, Any]:
    """A consumer that sees committed records only and never commits by itself."""
    defaults: dict[str, Any] = {
        "group.id": group_id,
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
        "enable.partition.eof": False,
        # With the default of one second, fetching pauses for a second whenever the queue is full.
        "fetch.queue.backoff.ms": 10,
        # Until then a partition whose leader fell silent is not asked for elsewhere, by default for a minute.
        "socket.timeout.ms": round(1_000 * max(settings.kafka.request_timeout_s, _FETCH_S)),
    }
    return client_config(settings, **(defaults | extra))


def admin_client(settings: Settings) -> AdminClient:
    """An admin client that has reached a broker; it logs nothing, failures are raised.

    Raises:
        RefusedError: the broker does not let us in.
        UnreachableError: no broker answers.
    """
    return connect(settings.kafka, client_config(settings))


def flush(producer: Producer, timeout_s: float) -> None:
    """Wait until everything produced is acknowledged.

    Raises:
        UnreachableError: some of it was not in time.
    """
    left = producer.flush(timeout_s)
    if left:
        raise UnreachableError(
            f"{left} messages were not acknowledged within {timeout_s:.0f} s; is Kafka up?"
        )


def call_broker(settings: Settings, call: Callable[[], Any], *, doing: str, unless: int | None = None) -> Any:
    """Call, and raise a failure as an error that a user can act on; None for the error code `unless`.

    Args:
        settings: name the cluster.
        call: what is called.
        doing: what the call does, in an error's text, such as "listing topics".
        unless: the error code at which the result is None.

    Raises:
        RefusedError: a permission is missing.
        UnreachableError: any other failure of Kafka.
    """
    try:
        return call()
    except KafkaException as error:
        if unless is not None and error.args[0].code() == unless:
            return None
        raise call_failed(settings.kafka, error.args[0], doing) from error


def _text(path: object) -> str | None:
    return None if path is None else str(path)
