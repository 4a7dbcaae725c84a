"""The metrics of webhooks, in a Prometheus registry of their own."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from fraud.machine.process_metrics import add_process_metrics

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0, 3_600.0)


class WebhookMetrics:
    """Attempts and what became of the events, by endpoint."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        add_process_metrics(registry)
        self.attempts = Counter(
            "fraud_webhook_attempts", "Requests by their HTTP status, or by `error`", ["endpoint", "status"],
            registry=registry,
        )  # fmt: skip
        self.events = Counter(
            "fraud_webhook_events", "Events by what became of them", ["endpoint", "result"],
            registry=registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "fraud_webhook_seconds", "Time from scoring to delivery", ["endpoint"], buckets=_SECONDS,
            registry=registry,
        )  # fmt: skip
        self.waiting_seconds = Gauge(
            "fraud_webhook_waiting_seconds", "Age of the oldest event that is being delivered", ["endpoint"],
            registry=registry,
        )  # fmt: skip

    def start(self, endpoint: str) -> None:
        """Show an endpoint's figures before anything has happened."""
        for result in ("delivered", "dead_letter"):
            self.events.labels(endpoint, result)
        self.waiting_seconds.labels(endpoint).set(0)

    def exposition(self) -> bytes:
        """All metrics in Prometheus's text format."""
        return generate_latest(self._registry)
