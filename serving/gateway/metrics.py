"""The gateway's metrics, in a Prometheus registry of its own."""

from itertools import product
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from fraud.decisions.outcomes import OUTCOMES
from fraud.machine.process_metrics import add_process_metrics
from serving.gateway.answers import AnswerStatus
from serving.gateway.events import GatewayEvent

_SECONDS = (0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 10.0)


class GatewayMetrics:
    """Requests, answers, and what differs from the decision."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        add_process_metrics(registry)
        self.requests = Counter(
            "fraud_gateway_requests",
            "Requests by route and HTTP status",
            ["route", "status"],
            registry=registry,
        )
        self.answers = Counter(
            "fraud_gateway_answers", "Answers by status and outcome", ["status", "outcome"], registry=registry
        )
        self.seconds = Histogram(
            "fraud_gateway_seconds",
            "Time from a request for a decision to its answer",
            buckets=_SECONDS,
            registry=registry,
        )
        self.in_flight = Gauge(
            "fraud_gateway_in_flight", "Requests that are being answered", registry=registry
        )
        self.events = Counter(
            "fraud_gateway_events",
            "Answers that are not the decision, by kind: fallback, late, exception",
            ["kind"],
            registry=registry,
        )
        self.undelivered = Counter(
            "fraud_gateway_undelivered", "Messages that Kafka did not take", ["topic"], registry=registry
        )
        self.unconfirmed = Gauge(
            "fraud_gateway_unconfirmed", "Answered decisions that are not committed yet", registry=registry
        )
        self.unconfirmed_seconds = Gauge(
            "fraud_gateway_unconfirmed_seconds", "Age of the oldest of them", registry=registry
        )
        self.silent_seconds = Gauge(
            "fraud_gateway_silent_seconds",
            "Time since payments wait without any decision becoming visible",
            registry=registry,
        )
        self.remembered = Gauge("fraud_gateway_remembered", "Payments in memory", registry=registry)
        for status, outcome in product(get_args(AnswerStatus), OUTCOMES):
            self.answers.labels(status, outcome)
        for kind in ("fallback", "late", "exception"):
            self.events.labels(kind)

    def count_event(self, event: GatewayEvent) -> None:
        """Count an event that goes to the topic."""
        self.events.labels(event.kind).inc()

    def exposition(self) -> bytes:
        """All metrics in Prometheus's text format."""
        return bytes(generate_latest(self._registry))
