"""Whether Kafka answers, asked every second or so on a thread of its own."""

import threading
import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaException

_EVERY_S = 1.0
_TIMEOUT_S = 2.0
_FRESH_S = 5.0


class Reachability:
    """Asks for a topic's metadata; calls `on_layout` with the number of its partitions."""

    def __init__(self, client: Any, topic: str, on_layout: Callable[[int], None]) -> None:
        self._client, self._topic, self._on_layout = client, topic, on_layout
        self._answered_at = float("-inf")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gateway-kafka", daemon=True)

    @property
    def is_reachable(self) -> bool:
        """Whether Kafka has answered within the last seconds."""
        return time.monotonic() - self._answered_at < _FRESH_S

    def start(self) -> None:
        """Start to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Stop asking."""
        self._stop.set()
        self._thread.join(_TIMEOUT_S + 1)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._ask()
            self._stop.wait(_EVERY_S)

    def _ask(self) -> None:
        try:
            found = self._client.list_topics(self._topic, timeout=_TIMEOUT_S).topics.get(self._topic)
        except KafkaException:
            return
        self._answered_at = time.monotonic()
        if found is not None and found.error is None:
            self._on_layout(len(found.partitions))
