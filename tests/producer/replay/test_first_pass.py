"""The order of time."""

import numpy as np

from producer.replay.first_pass import time_order


def test_time_order_keeps_equal_times_as_they_stood() -> None:
    assert time_order(np.array([1, 2, 2, 3])) is None
    order = time_order(np.array([3, 1, 3, 1]))
    assert order is not None
    assert order.tolist() == [1, 3, 0, 2]
