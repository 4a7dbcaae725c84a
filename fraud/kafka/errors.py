"""Errors of Kafka as one sentence that a user can act on, and the first connection to a broker.

librdkafka treats every failed connection as temporary and retries until the call's timeout. The broker's own
answer arrives beside the call, in error events and log lines; `connect` collects it from there.
"""

import logging
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from fraud.deadline import Deadline
from fraud.errors import ConfigurationError, RefusedError, UnreachableError
from fraud.kafka.login.errors import token_error
from fraud.settings import KafkaSettings

_FIRST_TIMEOUT_S = 0.5
_MAX_CLOSED_CONNECTIONS = 3
"""As many connections closed by the broker mean a wrong security protocol, not a slow broker."""

_LOG_LEVEL = 6
"""librdkafka's level of the log lines that report closed connections; they do not go to standard error."""

_DENIED_RESOURCES = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "topic",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "group",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "cluster",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "transactional.id",
}
"""The errors that mean a missing permission, and the kind of resource it is missing on."""

MISSING_TOPIC = frozenset(
    {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION}
)
"""The errors of a producer whose topic the cluster does not have."""


def connect(kafka: KafkaSettings, config: dict[str, Any]) -> AdminClient:
    """A silent client that has reached a broker and was let in.

    Raises:
        ConfigurationError: librdkafka does not accept the configuration.
        RefusedError: the broker does not accept the credentials, or its certificate is not trusted.
        UnreachableError: no broker answers in time, or the port is for another security protocol.
    """
    failures = _ConnectionFailures()
    admin = _client(config | {"error_cb": failures.on_error, "log_level": 0})
    deadline, timeout_s, logging_client = Deadline(kafka.request_timeout_s), _FIRST_TIMEOUT_S, None
    while True:
        remaining_s = deadline.remaining_s
        try:
            admin.list_topics(timeout=max(0.01, min(timeout_s, remaining_s)))
        except KafkaException as error:
            admin.poll(0)  # calls `on_error`
            # Only log lines report closed connections; the client that is returned must not write any.
            logging_client = logging_client or _client(
                config | {"logger": failures.logger, "log_level": _LOG_LEVEL}
            )
            logging_client.poll(0)
            failures.raise_if_any(kafka)
            if remaining_s <= timeout_s:
                raise UnreachableError(
                    f"Kafka at {kafka.bootstrap_servers} does not answer: {error.args[0].str()}; "
                    "check FRAUD_KAFKA__BOOTSTRAP_SERVERS or start the embedded stack with `fraud up`"
                ) from error
            timeout_s *= 2
        else:
            return admin


def permission_error(kafka: KafkaSettings, error: KafkaError, doing: str) -> RefusedError | None:
    """The error to raise if `error` means a missing permission at `doing` something; None otherwise."""
    if error.code() not in _DENIED_RESOURCES:
        return None
    return permission_denied(
        kafka, f"{doing} (a permission on the {_DENIED_RESOURCES[error.code()]} is missing)"
    )


def call_failed(kafka: KafkaSettings, error: KafkaError, doing: str) -> UnreachableError:
    """The error to raise when Kafka failed at `doing`; a `RefusedError` if a permission is missing."""
    return permission_error(kafka, error, doing) or UnreachableError(
        f"Kafka at {kafka.bootstrap_servers} failed at {doing}: {error.str()}; "
        "check FRAUD_KAFKA__* or start the embedded stack with `fraud up`"
    )


def permission_denied(kafka: KafkaSettings, what: str) -> RefusedError:
    """The error that says what a user has no permission for."""
    return RefusedError(
        f"Kafka at {kafka.bootstrap_servers} does not let {_user(kafka)} do this: {what}; "
        "let an administrator grant its permissions with `fraud acl grant`"
    )


def _client(config: dict[str, Any]) -> AdminClient:
    try:
        return AdminClient(config)
    except KafkaException as error:
        reason = error.args[0].str().removeprefix("Failed to create admin client: ")
        raise ConfigurationError(
            f"FRAUD_KAFKA__* does not make a working client: {reason}; "
            "check the files that FRAUD_KAFKA__SSL_* name, FRAUD_KAFKA__SSL_KEY_PASSWORD and "
            "FRAUD_KAFKA__SASL_MECHANISM"
        ) from error


class _ConnectionFailures(logging.Handler):
    """The first refusal of the broker, and the number of connections that it closed at once."""

    def __init__(self) -> None:
        super().__init__()
        self.logger = logging.Logger("librdkafka")
        self.logger.addHandler(self)
        self._refusal: KafkaError | None = None
        self._closed_connections = 0

    def on_error(self, error: KafkaError) -> None:
        """Called with each error event of the client."""
        if self._refusal is None and error.code() in (KafkaError._AUTHENTICATION, KafkaError._SSL):
            self._refusal = error

    def emit(self, record: logging.LogRecord) -> None:
        """Called with each log line of the client."""
        self._closed_connections += "closed by peer" in record.getMessage()

    def raise_if_any(self, kafka: KafkaSettings) -> None:
        """Raise the error for what was collected, if anything was.

        Raises:
            RefusedError: the broker refused the credentials, or its certificate is not trusted.
            UnreachableError: the broker closed too many connections.
        """
        if self._refusal is not None:
            to_error = _certificate_error if self._refusal.code() == KafkaError._SSL else _credentials_error
            raise to_error(kafka, self._refusal.str())
        if self._closed_connections >= _MAX_CLOSED_CONNECTIONS:
            raise UnreachableError(
                f"Kafka at {kafka.bootstrap_servers} closes every connection of a client that speaks "
                f"{kafka.security_protocol}: set FRAUD_KAFKA__SECURITY_PROTOCOL to what this port is for "
                "(PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL)"
            )


def _credentials_error(kafka: KafkaSettings, reason: str) -> RefusedError:
    if "supported mechanisms: " in reason:
        offered = reason.partition("supported mechanisms: ")[2].partition(" (after")[0]
        return RefusedError(
            f"Kafka at {kafka.bootstrap_servers} does not take {kafka.sasl_mechanism}: "
            f"set FRAUD_KAFKA__SASL_MECHANISM to one that it offers ({offered})"
        )
    if kafka.sasl_mechanism in ("OAUTHBEARER", "AWS_MSK_IAM"):
        return token_error(kafka, reason)
    return RefusedError(
        f"Kafka at {kafka.bootstrap_servers} refuses the credentials of {_user(kafka)}: "
        "set FRAUD_KAFKA__SASL_USERNAME and FRAUD_KAFKA__SASL_PASSWORD to a user that the cluster knows "
        f"for {kafka.sasl_mechanism}"
    )


def _certificate_error(kafka: KafkaSettings, reason: str) -> RefusedError:
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


def _user(kafka: KafkaSettings) -> str:
    return f"user {kafka.sasl_username!r}" if kafka.sasl_username else "this client"
