"""A deadline on the monotonic clock, which calls that take turns can share."""

import time


class Deadline:
    """A moment that lies `timeout_s` seconds ahead when it is made; `math.inf` makes one that never comes."""

    def __init__(self, timeout_s: float) -> None:
        self._at = time.monotonic() + timeout_s

    @property
    def remaining_s(self) -> float:
        """Seconds until the deadline; 0.0 once it is over, never negative."""
        return max(0.0, self._at - time.monotonic())

    @property
    def is_over(self) -> bool:
        """Whether the deadline has been reached."""
        return time.monotonic() >= self._at
