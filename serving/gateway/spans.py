"""Spans of sampled requests for decisions; they name nothing of the payment."""

from typing import TYPE_CHECKING

from fraud.settings import Settings
from fraud.telemetry import shut_down, tracer_provider

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider


def request_spans(settings: Settings) -> "RequestSpans | None":
    """The spans of a gateway; None where no collector is named."""
    provider = tracer_provider(settings, "fraud-gateway")
    return None if provider is None else RequestSpans(settings, provider)


class RequestSpans:
    """Makes a span of every so many requests, on the event loop."""

    def __init__(self, settings: Settings, provider: "TracerProvider") -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("fraud.gateway")
        self._sample = settings.tracing.sample
        self._sampled_share = 0.0

    def add(self, route: str, start_ns: int, end_ns: int, status: int) -> None:
        """A request that was answered, if it is sampled; times are in ns since 1970."""
        self._sampled_share += self._sample
        if self._sampled_share < 1:
            return
        self._sampled_share -= 1
        attributes: dict[str, str | int] = {"http.route": route, "http.response.status_code": status}
        span = self._tracer.start_span(route, start_time=start_ns, attributes=attributes)
        span.end(end_time=end_ns)

    def close(self) -> None:
        """Send what is queued, for a few seconds at most."""
        shut_down(self._provider)
