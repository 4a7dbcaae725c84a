"""Following the predictions for all configured endpoints in this process."""

import logging
import signal
import threading
import time
from dataclasses import dataclass
from types import FrameType

from fraud.errors import ConfigurationError
from fraud.kafka.permission_checks import require_group, require_topic
from fraud.kafka.permissions import webhook_group
from fraud.settings import Settings
from serving.ops.health import HealthServer
from serving.webhooks.endpoint_worker import EndpointWorker
from serving.webhooks.metrics import WebhookMetrics

log = logging.getLogger(__name__)

_TICK_S = 0.5


@dataclass(frozen=True)
class WebhookStatus:
    """Whether every endpoint's worker follows the predictions, and why not."""

    is_ready: bool
    text: str


class Webhooks:
    """The workers of all endpoints."""

    def __init__(self, settings: Settings) -> None:
        self.metrics = WebhookMetrics()
        self.heartbeat = time.monotonic()
        self.workers = {
            name: EndpointWorker(settings, name, endpoint, self.metrics)
            for name, endpoint in settings.webhooks.endpoints.items()
        }

    def tick(self) -> None:
        """Take over the heartbeat of the worker that has been silent for longest."""
        self.heartbeat = min(worker.heartbeat for worker in self.workers.values())

    def status(self) -> WebhookStatus:
        """Readiness, with the first problem."""
        problems = [f"{name}: {worker.problem}" for name, worker in self.workers.items() if worker.problem]
        return WebhookStatus(not problems, problems[0] if problems else "following the predictions")

    def start(self) -> None:
        """Start every worker."""
        for worker in self.workers.values():
            worker.start()

    def stop(self) -> None:
        """Stop every worker."""
        for worker in self.workers.values():
            worker.stop()


def run(settings: Settings) -> None:
    """Deliver until SIGTERM or SIGINT.

    Raises:
        ConfigurationError: no endpoint is configured, or the port is taken.
        UnreachableError: Kafka does not answer, or a topic is missing.
        RefusedError: a permission is missing.
    """
    require_usable(settings)
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    webhooks = Webhooks(settings)
    health = _health_server(settings, webhooks)
    log.info("status at http://%s:%d (/live, /ready, /metrics)", settings.webhooks.ops_host, health.port)
    webhooks.start()
    try:
        while not stop.wait(_TICK_S):
            webhooks.tick()
    finally:
        webhooks.stop()
        health.close()


def require_usable(settings: Settings) -> None:
    """See that there are endpoints, and that Kafka lets us read, commit and write what is needed.

    Raises:
        ConfigurationError: no endpoint is configured.
        UnreachableError: Kafka does not answer, or a topic is missing.
        RefusedError: a permission is missing.
    """
    if not settings.webhooks.endpoints:
        raise ConfigurationError(
            "no webhook is configured; set FRAUD_WEBHOOKS__ENDPOINTS__NAME__URL and "
            "FRAUD_WEBHOOKS__ENDPOINTS__NAME__SECRET (`fraud webhooks --new-secret` makes one)"
        )
    require_topic(settings, settings.topics.predictions, "read")
    require_topic(settings, settings.topics.webhook_dead_letters, "write")
    for name in settings.webhooks.endpoints:
        require_group(settings, webhook_group(settings, name), "read")


def _health_server(settings: Settings, webhooks: Webhooks) -> HealthServer:
    host, port = settings.webhooks.ops_host, settings.webhooks.ops_port
    try:
        return HealthServer(host, port, webhooks, webhooks.metrics)
    except OSError as error:
        raise ConfigurationError(
            f"the webhooks' status cannot listen on {host}:{port} ({error.strerror}); choose another with "
            "FRAUD_WEBHOOKS__OPS_HOST and FRAUD_WEBHOOKS__OPS_PORT (0 takes a free one)"
        ) from error
