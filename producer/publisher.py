"""Publishing to Kafka: idempotent, in order by card, nothing lost silently."""

import time
from itertools import repeat
from types import TracebackType
from typing import TYPE_CHECKING, Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from fraud.errors import ConfigurationError, UnreachableError
from fraud.kafka.clients import flush, producer_config
from fraud.kafka.permission_checks import require_topic
from fraud.messages.decoding import PUBLISHED_AT_HEADER
from fraud.settings import Settings
from producer.wire import Headers, OutgoingMessages

if TYPE_CHECKING:
    from producer.simulator.draws import Ints

DELIVERY_TIMEOUT_S = 60.0
_IN_TIME_MS = 60_000
"""A payment that is published later than this after its time says when, in a header: its Kafka time is that
of the event, and consumers could not know a replayed history from the payments of now."""


class Publisher:
    """Sends messages with their own keys and timestamps; use it in a `with`, which flushes at the end.

    `produce_batch` of the client cannot carry timestamps, so each message has its own call. Only
    failures are called back: a callback for each success would cost more than sending it.
    """

    def __init__(self, settings: Settings, linger_ms: int = 20) -> None:
        if settings.kafka.payload_format != "json":
            raise ConfigurationError(
                f"the payments of {settings.topics.transactions!r} are in {settings.kafka.payload_format} "
                "(FRAUD_KAFKA__PAYLOAD_FORMAT), and this command writes JSON; name another topic, whose "
                "format is json"
            )
        for topic in (settings.topics.transactions, settings.topics.labels):
            require_topic(settings, topic, "write")
        self._transactions = settings.topics.transactions
        self.sent = 0
        self._failed = 0
        self._reason = ""
        self._producer = Producer(
            producer_config(
                settings,
                **{
                    "delivery.report.only.error": True,
                    "on_delivery": self._count_failure,
                    "delivery.timeout.ms": int(DELIVERY_TIMEOUT_S * 1_000),
                    "linger.ms": linger_ms,
                    "batch.size": 1_000_000,
                },
            )
        )

    def send(self, topic: str, messages: OutgoingMessages, published: "Ints | None" = None) -> None:
        """Queue all messages, waiting while the queue is full.

        Args:
            topic: of all of them.
            messages: in their order.
            published: by message the moment (ms) that counts as that of publishing; default: now.

        Raises:
            UnreachableError: some message could not be delivered.
        """
        produce = self._producer.produce
        for key, value, timestamp, headers in zip(
            messages.keys,
            messages.values,
            messages.timestamps,
            self._headers(topic, messages, published),
            strict=True,
        ):
            while True:
                try:
                    produce(topic, value, key, timestamp=timestamp, headers=headers)
                    break
                except BufferError:
                    self._producer.poll(0.05)
                    self._raise_failure()
                except KafkaException as error:
                    raise UnreachableError(
                        f"Kafka refuses a message for {topic}: {error.args[0].str()}"
                    ) from None
        self.sent += len(messages)
        self._producer.poll(0)
        self._raise_failure()

    def _headers(self, topic: str, messages: OutgoingMessages, published: "Ints | None") -> list[Headers]:
        """Of each message; a payment that is published late says when."""
        if topic != self._transactions:
            return messages.headers
        now = time.time_ns() // 1_000_000
        moments = repeat(now, len(messages)) if published is None else published.tolist()
        return [
            [*(headers or ()), (PUBLISHED_AT_HEADER, str(moment).encode())]
            if moment - timestamp > _IN_TIME_MS
            else headers
            for moment, timestamp, headers in zip(moments, messages.timestamps, messages.headers, strict=True)
        ]

    def flush(self) -> None:
        """Wait until everything sent is acknowledged.

        Raises:
            UnreachableError: some of it was not.
        """
        flush(self._producer, DELIVERY_TIMEOUT_S + 5.0)
        self._raise_failure()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, UnreachableError):
            return
        self.flush()

    def _count_failure(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failed += 1
            self._reason = error.str()

    def _raise_failure(self) -> None:
        if self._failed:
            raise UnreachableError(
                f"{self._failed} messages were not delivered to Kafka ({self._reason}); "
                "check the broker and run again"
            )
