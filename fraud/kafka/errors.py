"""The first contact with Kafka, and refusals: whoever is not let in hears why, at once and in one sentence.

librdkafka takes every failed connection for a passing one and tries until the call's time is over. What the
broker answered comes out beside the call, as events and log lines; they are listened to here.
"""

import logging
import time
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from fraud.errors import ConfigurationError, RefusedError, UnreachableError
from fraud.settings import KafkaSettings

_FIRST_SLICE_S = 0.5
_CLOSINGS = 3
"""Connections that the other side closes at once, after which it is not for want of time."""

_LISTENING = 6
"""librdkafka's level of log lines that tell of closed connections; they go to us, not to standard error."""

_DENIALS = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "topic",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "group",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "cluster",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "transactional.id",
}
"""The errors that mean a missing permission, and the kind of resource it is missing on."""


def connect(kafka: KafkaSettings, config: dict[str, Any]) -> AdminClient:
    """A silent client that has reached a broker and was let in.

    Raises:
        ConfigurationError: librdkafka does not accept the configuration.
        RefusedError: the broker does not accept the credentials, or its certificate is not trusted.
        UnreachableError: no broker answers in time, or the port is for another security protocol.
    """
    listener = _Listener()
    admin = _client(config | {"error_cb": listener.hear, "log_level": 0})
    deadline, slice_s, twin = time.monotonic() + kafka.request_timeout_s, _FIRST_SLICE_S, None
    while True:
        left_s = deadline - time.monotonic()
        try:
            admin.list_topics(timeout=max(0.01, min(slice_s, left_s)))
        except KafkaException as error:
            admin.poll(0)  # brings what the listener is told
            # Closed connections are told in log lines only, which a client that is kept should not write.
            twin = twin or _client(config | {"logger": listener.logger, "log_level": _LISTENING})
            twin.poll(0)
            listener.complain(kafka)
            if left_s <= slice_s:
                raise UnreachableError(
                    f"Kafka at {kafka.bootstrap_servers} does not answer: {error.args[0].str()}; "
                    "check FRAUD_KAFKA__BOOTSTRAP_SERVERS or start the embedded stack with `fraud up`"
                ) from error
            slice_s *= 2
        else:
            return admin


def permission_error(kafka: KafkaSettings, error: KafkaError, doing: str) -> RefusedError | None:
    """The error to raise if `error` means a missing permission at `doing` something; None otherwise."""
    if error.code() not in _DENIALS:
        return None
    return permission_denied(kafka, f"{doing} (a permission on the {_DENIALS[error.code()]} is missing)")


def permission_denied(kafka: KafkaSettings, what: str) -> RefusedError:
    """The error that says what a user has no permission for."""
    return RefusedError(
        f"Kafka at {kafka.bootstrap_servers} does not let {_whom(kafka)} do this: {what}; "
        "let an administrator grant its permissions with `fraud acl grant`"
    )


def _client(config: dict[str, Any]) -> AdminClient:
    try:
        return AdminClient(config)
    except KafkaException as error:
        reason = error.args[0].str().removeprefix("Failed to create admin client: ")
        raise ConfigurationError(
            f"FRAUD_KAFKA__* does not make a working client: {reason}; "
            "check the files that FRAUD_KAFKA__SSL_* name, and FRAUD_KAFKA__SASL_MECHANISM"
        ) from error


class _Listener(logging.Handler):
    """Remembers the first refusal, and counts connections that were closed at once."""

    def __init__(self) -> None:
        super().__init__()
        self.logger = logging.Logger("librdkafka")
        self.logger.addHandler(self)
        self._refusal: KafkaError | None = None
        self._closings = 0

    def hear(self, error: KafkaError) -> None:
        """Called with each of the client's events."""
        if self._refusal is None and error.code() in (KafkaError._AUTHENTICATION, KafkaError._SSL):
            self._refusal = error

    def emit(self, record: logging.LogRecord) -> None:
        """Called with each of the client's log lines."""
        self._closings += "closed by peer" in record.getMessage()

    def complain(self, kafka: KafkaSettings) -> None:
        """Raise what was heard, if anything."""
        if self._refusal is not None:
            refusal = _certificate if self._refusal.code() == KafkaError._SSL else _credentials
            raise refusal(kafka, self._refusal.str())
        if self._closings >= _CLOSINGS:
            raise UnreachableError(
                f"Kafka at {kafka.bootstrap_servers} closes every connection of a client that speaks "
                f"{kafka.security_protocol}: set FRAUD_KAFKA__SECURITY_PROTOCOL to what this port is for "
                "(PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL)"
            )


def _credentials(kafka: KafkaSettings, reason: str) -> RefusedError:
    if "supported mechanisms: " in reason:
        offered = reason.partition("supported mechanisms: ")[2].partition(" (after")[0]
        return RefusedError(
            f"Kafka at {kafka.bootstrap_servers} does not take {kafka.sasl_mechanism}: "
            f"set FRAUD_KAFKA__SASL_MECHANISM to one that it offers ({offered})"
        )
    return RefusedError(
        f"Kafka at {kafka.bootstrap_servers} refuses the credentials of {_whom(kafka)}: "
        "set FRAUD_KAFKA__SASL_USERNAME and FRAUD_KAFKA__SASL_PASSWORD to a user that the cluster knows "
        f"for {kafka.sasl_mechanism}"
    )


def _certificate(kafka: KafkaSettings, reason: str) -> RefusedError:
    servers = kafka.bootstrap_servers
    if "verify failed" in reason:
        return RefusedError(
            f"the certificate of Kafka at {servers} is not trusted, or made out to another name: set "
            "FRAUD_KAFKA__SSL_CA_LOCATION to the certificate of the authority that signed it, and "
            "FRAUD_KAFKA__BOOTSTRAP_SERVERS to the name in it"
        )
    return RefusedError(
        f"TLS with Kafka at {servers} fails ({reason.partition(' (after')[0]}): check FRAUD_KAFKA__SSL_*"
    )


def _whom(kafka: KafkaSettings) -> str:
    return f"user {kafka.sasl_username!r}" if kafka.sasl_username else "this client"
