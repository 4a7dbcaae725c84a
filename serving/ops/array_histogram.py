"""A Prometheus histogram that takes arrays."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector


class ArrayHistogram(Collector):
    """A histogram that counts whole arrays: one call for each value would cost more than the scoring."""

    def __init__(
        self, name: str, documentation: str, buckets: Sequence[float], registry: CollectorRegistry
    ) -> None:
        """Register the histogram; `buckets` are the upper bounds, ascending, without infinity."""
        self._name, self._documentation = name, documentation
        self._buckets = np.asarray(buckets)
        self._counts = np.zeros(len(buckets) + 1, dtype=np.int64)
        self._sum = 0.0
        registry.register(self)

    @property
    def count(self) -> int:
        """The number of values observed."""
        return int(self._counts.sum())

    def observe_many(self, values: npt.NDArray[np.floating]) -> None:
        """Count every value of the array."""
        indices = np.searchsorted(self._buckets, values, side="left")
        self._counts += np.bincount(indices, minlength=len(self._counts))
        self._sum += float(values.sum())

    def collect(self) -> Iterable[Metric]:
        """The counts in Prometheus's form: cumulative, the last bucket infinite."""
        bounds = [*map(str, self._buckets.tolist()), "+Inf"]
        buckets = list(zip(bounds, np.cumsum(self._counts).tolist(), strict=True))
        yield HistogramMetricFamily(self._name, self._documentation, buckets=buckets, sum_value=self._sum)
