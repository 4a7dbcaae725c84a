"""Rate limits: a token bucket for each name or address."""

import threading
import time
from collections import OrderedDict

_MAX_BUCKETS = 10_000


class RateLimit:
    """`burst` tries at once, one more each `refill_s`; the number of buckets is bounded."""

    def __init__(self, burst: int, refill_s: float) -> None:
        self._burst = burst
        self._refill_s = refill_s
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str) -> bool:
        """Whether there was a token left; takes it."""
        now = time.monotonic()
        with self._lock:
            left, at = self._buckets.pop(key, (float(self._burst), now))
            left = min(float(self._burst), left + (now - at) / self._refill_s)
            allowed = left >= 1
            self._buckets[key] = (left - 1 if allowed else left, now)
            while len(self._buckets) > _MAX_BUCKETS:
                self._buckets.popitem(last=False)
        return allowed

    def clear(self, key: str) -> None:
        """Remove the bucket of a key, after a successful login."""
        with self._lock:
            self._buckets.pop(key, None)
