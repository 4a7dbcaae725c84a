"""Spans of sampled micro-batches: from the poll to the handing over, and the commit that made them visible.

A batch names its topic's partitions and offsets, so that one finds its messages, and nothing that is in
them. A commit holds several batches; it is a trace of its own that links to those that were sampled.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from fraud.settings import Settings
from fraud.telemetry import close, tracer_provider

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

Timer = AbstractContextManager[Any]

_MOST_LINKS = 128


def batch_spans(settings: Settings) -> "BatchSpans | None":
    """None where no collector is named: then nothing is asked of this module."""
    provider = tracer_provider(settings, "fraud-serving")
    return None if provider is None else BatchSpans(settings, provider)


class BatchSpans:
    """Makes the spans of one engine; all but `commit` on the engine's thread."""

    def __init__(self, settings: Settings, provider: "TracerProvider") -> None:
        self._settings = settings
        self._provider = provider
        self._tracer = provider.get_tracer("fraud.serving")
        self._due = 0.0
        self._is_sampled = False
        self._open: deque[Any] = deque(maxlen=_MOST_LINKS)
        self._committing: list[Any] = []

    def around(
        self, began_ns: int, messages: Sequence[Any], version: str, score: Callable[[Sequence[Any]], None]
    ) -> None:
        """Score the messages, and tell of every so many batches.

        Args:
            began_ns: when the poll began that brought them, in ns since 1970.
            messages: one micro-batch.
            version: of the model.
            score: what is done with them.
        """
        self._due += self._settings.tracing.sample
        if self._due < 1:
            return score(messages)
        self._due -= 1
        told = self._described(messages, version)
        with self._tracer.start_as_current_span("batch", start_time=began_ns, attributes=told) as span:
            self._open.append(span.get_span_context())
            self._tracer.start_span("poll", start_time=began_ns).end()
            self._is_sampled = True
            try:
                score(messages)
            finally:
                self._is_sampled = False

    def within(self, stage: str, timer: Timer) -> Timer:
        """The timer, and in a sampled batch a span with it."""
        return self._stage(stage, timer) if self._is_sampled else timer

    def seal(self) -> None:
        """The batches so far belong to the commit that begins now."""
        self._committing = [*self._open]
        self._open.clear()

    def commit(self, timer: Timer) -> Timer:
        """The timer, and a span with it if a sampled batch is being committed; on the commit's thread."""
        return self._commit(timer, self._committing) if self._committing else timer

    def close(self) -> None:
        """Send what is queued, for a few seconds at most."""
        close(self._provider)

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

    def _described(self, messages: Sequence[Any], version: str) -> dict[str, Any]:
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
