"""A histogram of arrays."""

import numpy as np
from prometheus_client import CollectorRegistry, generate_latest

from serving.ops.array_histogram import ArrayHistogram


def test_a_histogram_of_arrays_counts_as_prometheus_does() -> None:
    # given
    registry = CollectorRegistry()
    histogram = ArrayHistogram("x", "x", (1.0, 2.0), registry)

    # when
    histogram.observe_many(np.array([0.5, 1.0, 1.5, 9.0]))

    # then
    text = generate_latest(registry).decode()
    for line in ('x_bucket{le="1.0"} 2.0', 'x_bucket{le="2.0"} 3.0', 'x_bucket{le="+Inf"} 4.0', "x_sum 12.0"):
        assert line in text
