"""The services of one gateway, created at the start and stored on `app.state`."""

import asyncio
import logging
import socket
import time
from dataclasses import dataclass

from fastapi import Request
from starlette.types import Scope

from fraud.errors import ConfigurationError
from fraud.kafka.clients import READER_GROUP
from fraud.kafka.permission_checks import require_group, require_topic
from fraud.settings import Settings
from serving.dashboard.auth.rate_limit import RateLimit
from serving.dashboard.middleware.client_address import ClientAddresses
from serving.gateway.auth.callers import Callers
from serving.gateway.events import GatewayEvent
from serving.gateway.index import DecisionIndex
from serving.gateway.log.handing_over import HandOver
from serving.gateway.log.reachability import Reachability
from serving.gateway.log.reader import LogReader
from serving.gateway.log.sender import Sender
from serving.gateway.metrics import GatewayMetrics
from serving.gateway.payments import PaymentReader
from serving.gateway.spans import RequestSpans, request_spans

log = logging.getLogger(__name__)

_TICK_S = 0.25
_STRANGER_BURST, _STRANGER_REFILL_S = 30, 1.0
"""Of requests without a valid key or token from one address."""
_STOP_TIMEOUT_S = 3.0


@dataclass(frozen=True)
class GatewayStatus:
    """Whether requests should be sent here, and why not."""

    is_ready: bool
    text: str


class GatewayContext:
    """What routes use. Its index is the event loop's, as are all methods but `status`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = GatewayMetrics()
        self.callers = Callers(settings)
        self.payments = PaymentReader(settings)
        self.sender = Sender(settings, self.metrics)
        self.spans: RequestSpans | None = request_spans(settings)
        self.index = DecisionIndex(settings.gateway.remember_decisions, socket.gethostname(), self._report)
        self.heartbeat = time.monotonic()
        self._addresses = ClientAddresses(settings.gateway.proxies)
        self._strangers = RateLimit(_STRANGER_BURST, _STRANGER_REFILL_S)
        self._reachability = Reachability(
            self.sender.producer, settings.topics.predictions, self._compare_layout
        )
        self._readers: tuple[LogReader, ...] = ()
        self._ticking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the threads; call it on the event loop."""
        loop = asyncio.get_running_loop()
        self._readers = HandOver(self.settings, self.index, loop).readers()
        for one in (self.sender, self._reachability, *self._readers):
            one.start()
        self._ticking = loop.create_task(self._tick())

    async def stop(self) -> None:
        """Stop the threads; what is queued for Kafka gets a few seconds."""
        if self._ticking is not None:
            self._ticking.cancel()
        await asyncio.to_thread(self._stop)

    def status(self) -> GatewayStatus:
        """Readiness, as other threads may ask for it."""
        if not self._reachability.is_reachable:
            return GatewayStatus(False, "Kafka does not answer")
        if not self._readers or not all(one.is_caught_up for one in self._readers):
            return GatewayStatus(False, "reading the decisions of the last minutes")
        silent_s = self.silent_s
        if silent_s > self.settings.gateway.silent_after_s:
            # A caller is better served by fallbacks than by no answer at all.
            return GatewayStatus(True, f"no decision for {silent_s:.0f} s: answering with the fallback")
        return GatewayStatus(True, "answering with decisions")

    def note_stranger(self, scope: Scope) -> bool:
        """Log where a request without a valid key or token came from; False: too many came from there."""
        address = self._addresses.find(scope)
        if not self._strangers.take(address):
            return False
        log.warning("a request without a valid key or token was refused, from %s", address or "unknown")
        return True

    @property
    def silent_s(self) -> float:
        """Seconds since payments wait without any decision becoming visible."""
        since = self.index.silent_since
        return 0.0 if since is None else time.monotonic() - since

    def _report(self, event: GatewayEvent) -> None:
        self.metrics.count_event(event)
        if event.kind == "exception":
            # Identifiers of payments are on the topic; the log is read by more people.
            log.error("an answer was %s, the committed decision is %s", event.answered, event.decided)
        self.sender.send_event(event)

    def _compare_layout(self, partitions: int) -> None:
        for one in self._readers:
            if one.partitions.get(self.settings.topics.predictions, partitions) != partitions:
                one.read_again()

    async def _tick(self) -> None:
        is_reporting = False
        while True:
            self.heartbeat = time.monotonic()
            if not is_reporting and all(one.is_caught_up for one in self._readers):
                is_reporting = True
                self.index.start_reporting()
            self._update_gauges()
            await asyncio.sleep(_TICK_S)

    def _update_gauges(self) -> None:
        oldest = next(iter(self.index.unconfirmed.values()), None)
        metrics = self.metrics
        metrics.unconfirmed.set(len(self.index.unconfirmed))
        metrics.unconfirmed_seconds.set(0.0 if oldest is None else self.heartbeat - oldest)
        metrics.silent_seconds.set(self.silent_s)
        metrics.remembered.set(len(self.index))

    def _stop(self) -> None:
        self._reachability.stop()
        for one in self._readers:
            one.stop(_STOP_TIMEOUT_S)
        self.sender.stop()
        if self.spans is not None:
            self.spans.close()


def create_context(settings: Settings) -> GatewayContext:
    """Create the services; nothing runs yet.

    Raises:
        ConfigurationError: payments are not JSON.
        UnreachableError: Kafka does not answer, or a topic is missing.
        RefusedError: a permission is missing.
    """
    if settings.kafka.payload_format != "json":
        raise ConfigurationError(
            f"the gateway sends payments as JSON, and kafka.payload_format is "
            f"{settings.kafka.payload_format}; use FRAUD_KAFKA__PAYLOAD_FORMAT=json"
        )
    _require_permissions(settings)
    return GatewayContext(settings)


def _require_permissions(settings: Settings) -> None:
    topics = settings.topics
    require_group(settings, READER_GROUP, "describe")
    require_topic(settings, topics.transactions, "write")
    require_topic(settings, topics.predictions, "read")
    require_topic(settings, topics.labels, "write")
    require_topic(settings, topics.dead_letters, "read")
    require_topic(settings, topics.gateway_events, "read", "write")


def context_of(request: Request) -> GatewayContext:
    """The context of the application that the request came to."""
    context: GatewayContext = request.app.state.context
    return context
