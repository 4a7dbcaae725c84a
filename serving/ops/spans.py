"""Spans of sampled micro-batches, from the poll to the outbox, and of the commits that made them visible.

A batch's span names the topic's partitions and offsets, so that its messages can be found, and nothing of
their content. A commit holds several batches; it is a trace of its own that links to those that were sampled.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from fraud.settings import Settings
from fraud.telemetry import shut_down, tracer_provider

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

Timer = AbstractContextManager[Any]

_MAX_LINKS = 128


def batch_spans(settings: Settings) -> "BatchSpans | None":
    """The spans of an engine; None where no collector is named."""
    provider = tracer_provider(settings, "fraud-serving")
    return None if provider is None else BatchSpans(settings, provider)


class BatchSpans:
    """Makes the spans of one engine, on its thread; only what `commit` returns is entered on another one."""

    def __init__(self, settings: Settings, provider: "TracerProvider") -> None:
        self._settings = settings
        self._provider = provider
        self._tracer = provider.get_tracer("fraud.serving")
        self._sampled_share = 0.0
        self._is_in_sampled_batch = False
        self._uncommitted: deque[Any] = deque(maxlen=_MAX_LINKS)

    def batch(self, start_ns: int, messages: Sequence[Any], version: str) -> AbstractContextManager[None]:
        """A span around a micro-batch if it is sampled, as `tracing.sample` of all batches are.

        Args:
            start_ns: when the poll started that returned the messages, in ns since 1970.
            messages: of the micro-batch.
            version: of the model that scores them.
        """
        self._sampled_share += self._settings.tracing.sample
        if self._sampled_share < 1:
            return nullcontext()
        self._sampled_share -= 1
        return self._batch(start_ns, self._attributes(messages, version))

    def stage(self, name: str, timer: Timer) -> Timer:
        """The timer, in a sampled batch together with a span."""
        return self._stage(name, timer) if self._is_in_sampled_batch else timer

    def commit(self, timer: Timer) -> Timer:
        """The timer of a commit of the batches so far, together with a span if one of them was sampled."""
        if not self._uncommitted:
            return timer
        batches = [*self._uncommitted]
        self._uncommitted.clear()
        return self._commit(timer, batches)

    def close(self) -> None:
        """Send what is queued, for a few seconds at most."""
        shut_down(self._provider)

    @contextmanager
    def _batch(self, start_ns: int, attributes: dict[str, Any]) -> Iterator[None]:
        with self._tracer.start_as_current_span("batch", start_time=start_ns, attributes=attributes) as span:
            self._uncommitted.append(span.get_span_context())
            self._tracer.start_span("poll", start_time=start_ns).end()
            self._is_in_sampled_batch = True
            try:
                yield
            finally:
                self._is_in_sampled_batch = False

    @contextmanager
    def _stage(self, name: str, timer: Timer) -> Iterator[None]:
        with timer, self._tracer.start_as_current_span(name):
            yield

    @contextmanager
    def _commit(self, timer: Timer, batches: Sequence[Any]) -> Iterator[None]:
        from opentelemetry.trace import Link

        links = [Link(batch) for batch in batches]
        with timer, self._tracer.start_as_current_span("commit", links=links):
            yield

    def _attributes(self, messages: Sequence[Any], version: str) -> dict[str, Any]:
        first, last = dict[int, int](), dict[int, int]()
        for message in messages:
            if message.error() is None:
                first.setdefault(message.partition(), message.offset())
                last[message.partition()] = message.offset()
        serving = self._settings.serving
        return {
            "messaging.system": "kafka",
            "messaging.operation.type": "process",
            "messaging.destination.name": self._settings.topics.transactions,
            "messaging.consumer.group.name": serving.group_id,
            "messaging.batch.message_count": len(messages),
            "fraud.partitions": [*first],
            "fraud.first_offsets": [*first.values()],
            "fraud.last_offsets": [*last.values()],
            "fraud.model.version": version,
        }
