"""The thread of one endpoint: its own consumer group follows the committed predictions.

A batch's offsets are committed when each of its events was taken or has become a dead letter, so an event
is delivered at least once. While an endpoint is away its events wait in Kafka; other endpoints go on.
"""

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from fraud.errors import FraudError, UnreachableError
from fraud.kafka.clients import consumer_config, flush, producer_config
from fraud.kafka.errors import permission_error
from fraud.kafka.permissions import webhook_group
from fraud.messages.dead_letters import dead_letter, send_dead_letter
from fraud.messages.decoding import MessageReader
from fraud.settings import Settings, WebhookEndpoint
from serving.webhooks.delivery import InterruptedDeliveryError, WebhookSender
from serving.webhooks.events import WebhookPrediction, event_of
from serving.webhooks.metrics import WebhookMetrics

log = logging.getLogger(__name__)

_POLL_S = 0.25
_TIMEOUT_S = 10.0
_RETRY_S = 2.0
_STOP_TIMEOUT_S = 15.0

Messages = Sequence[Any]


class EndpointWorker:
    """Runs from `start` to `stop`."""

    def __init__(
        self, settings: Settings, name: str, endpoint: WebhookEndpoint, metrics: WebhookMetrics
    ) -> None:
        self._settings, self._name, self._endpoint, self._metrics = settings, name, endpoint, metrics
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhook", daemon=True)
        self._reader: MessageReader[WebhookPrediction] = MessageReader(WebhookPrediction)
        self._sender = WebhookSender(name, endpoint, settings.webhooks, metrics, self._stop.wait)
        self._arrived: list[Any] = []
        self.problem = "connecting to Kafka"
        self.heartbeat = time.monotonic()

    def start(self) -> None:
        """Start to follow; Kafka may answer later."""
        self._metrics.start(self._name)
        self._thread.start()

    def stop(self) -> None:
        """Stop between two attempts; what was not delivered is sent after the next start."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_TIMEOUT_S)
        self._sender.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            self.heartbeat = time.monotonic()
            try:
                self._follow()
            except (FraudError, KafkaException) as error:
                self.problem = str(error)
                log.warning("webhook %s: %s; trying again", self._name, error)
            except Exception:
                self.problem = "an unexpected failure; see the log"
                log.exception("webhook %s failed; trying again", self._name)
            self._stop.wait(_RETRY_S)

    def _follow(self) -> None:
        topic, group = self._settings.topics.predictions, webhook_group(self._settings, self._name)
        consumer = Consumer(consumer_config(self._settings, group))
        producer = Producer(producer_config(self._settings))
        self._arrived = []
        try:
            _start_at_the_end(consumer, topic)
            consumer.subscribe([topic])
            with ThreadPoolExecutor(self._settings.webhooks.concurrency) as pool:
                while not self._stop.is_set():
                    self.heartbeat = time.monotonic()
                    self._handle(consumer, producer, pool, self._gather(consumer))
        except InterruptedDeliveryError:
            log.info("webhook %s: stopped; what was not delivered is sent after the next start", self._name)
        finally:
            consumer.close()

    def _gather(self, consumer: Any) -> Messages:
        """What arrived during the last batch, and what is there now."""
        arrived, self._arrived = self._arrived, []
        polled = consumer.consume(self._settings.webhooks.batch_size, _POLL_S)
        return self._without_errors([*arrived, *polled])

    def _without_errors(self, polled: Messages) -> Messages:
        for message in polled:
            if (error := message.error()) is not None:
                doing = f"reading {self._settings.topics.predictions!r}"
                raise permission_error(self._settings.kafka, error, doing) or UnreachableError(
                    f"Kafka failed at {doing} ({error.str()})"
                )
        self.problem = ""
        return polled

    def _handle(self, consumer: Any, producer: Any, pool: ThreadPoolExecutor, messages: Messages) -> None:
        if not messages:
            return
        sent = [
            (message, pool.submit(self._deliver, prediction))
            for message in messages
            if (prediction := self._reader.read(message)) is not None
            and prediction.decision in self._endpoint.outcomes
        ]
        self._await(consumer, [future for _, future in sent], messages)
        refused = [(message, reason) for message, future in sent if (reason := future.result()) is not None]
        self._send_letters(producer, refused)
        consumer.commit(offsets=_after(messages), asynchronous=False)

    def _await(self, consumer: Any, futures: list[Future[str | None]], messages: Messages) -> None:
        """Wait for the deliveries and stay a member of the group meanwhile."""
        oldest = min(message.timestamp()[1] for message in messages) / 1_000
        waiting = self._metrics.waiting_seconds.labels(self._name)
        pending = wait(futures, timeout=_POLL_S).not_done
        while pending:
            self.heartbeat = time.monotonic()
            waiting.set(max(time.time() - oldest, 0.0))
            consumer.pause(consumer.assignment())
            # A partition that has just been assigned is not paused yet.
            message = consumer.poll(0)
            self._arrived += [] if message is None else [message]
            pending = wait(pending, timeout=_POLL_S).not_done
        waiting.set(0)
        consumer.resume(consumer.assignment())

    def _deliver(self, prediction: WebhookPrediction) -> str | None:
        problem = self._sender.deliver(event_of(prediction))
        if problem is None:
            self._metrics.events.labels(self._name, "delivered").inc()
            self._metrics.seconds.labels(self._name).observe(
                max(time.time() - prediction.scored_at / 1_000, 0.0)
            )
        return problem

    def _send_letters(self, producer: Any, refused: Sequence[tuple[Any, str]]) -> None:
        for message, reason in refused:
            log.error("%s; it becomes a dead letter", reason)
            letter = dead_letter(message, reason, self._settings.card_rule)
            send_dead_letter(producer, self._settings.topics.webhook_dead_letters, letter)
        if refused:
            flush(producer, _TIMEOUT_S)
            self._metrics.events.labels(self._name, "dead_letter").inc(len(refused))


def _after(messages: Messages) -> list[TopicPartition]:
    """For each partition the offset after its last message."""
    ends: dict[tuple[str, int], int] = {}
    for message in messages:
        key = (message.topic(), message.partition())
        ends[key] = max(ends.get(key, 0), message.offset() + 1)
    return [TopicPartition(*key, end) for key, end in ends.items()]


def _start_at_the_end(consumer: Any, topic: str) -> None:
    """Commit the present ends for a group that is new: an endpoint does not get the past.

    Of a partition that is added later the group gets everything.
    """
    metadata = consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
    asked = [TopicPartition(topic, partition) for partition in metadata.partitions]
    if any(found.offset >= 0 for found in consumer.committed(asked, timeout=_TIMEOUT_S)):
        return
    ends = [
        TopicPartition(topic, one.partition, consumer.get_watermark_offsets(one, timeout=_TIMEOUT_S)[1])
        for one in asked
    ]
    if ends:
        consumer.commit(offsets=ends, asynchronous=False)
