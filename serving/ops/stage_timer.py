"""Times the stages of micro-batches and the commits, as metrics and, where a collector is named, as spans."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from prometheus_client import Histogram

from serving.ops.metrics import Metrics
from serving.ops.spans import BatchSpans


class StageTimer:
    """The timers of one engine."""

    def __init__(self, metrics: Metrics, spans: BatchSpans | None = None) -> None:
        self._metrics = metrics
        self._spans = spans
        self._stages: dict[str, Histogram] = {}

    def batch(self, start_ns: int, messages: Sequence[Any], version: str) -> AbstractContextManager[Any]:
        """Surround one micro-batch.

        Args:
            start_ns: when the poll started that returned the messages, in ns since 1970.
            messages: of the micro-batch.
            version: of the model that scores them.
        """
        return nullcontext() if self._spans is None else self._spans.batch(start_ns, messages, version)

    def stage(self, name: str) -> AbstractContextManager[Any]:
        """Measure a stage of a micro-batch."""
        # `labels` costs more than the rest, and small batches have many stages.
        histogram = self._stages.get(name)
        if histogram is None:
            histogram = self._stages[name] = self._metrics.pipeline.stage_seconds.labels(name)
        timer = histogram.time()
        return timer if self._spans is None else self._spans.stage(name, timer)

    def commit(self) -> AbstractContextManager[Any]:
        """Measure a commit of the batches so far; another thread may enter what is returned."""
        timer = self._metrics.delivery.commit_seconds.time()
        return timer if self._spans is None else self._spans.commit(timer)

    def close(self) -> None:
        """Send the spans that are queued, for a few seconds at most."""
        if self._spans is not None:
            self._spans.close()
