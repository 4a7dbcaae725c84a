"""Traces by OpenTelemetry, enabled by `FRAUD_TRACING__ENDPOINT`, the address of a collector.

Without an endpoint nothing of OpenTelemetry is imported here. With one, spans go to a bounded queue that a
thread empties: what is traced never waits for the collector. An unreachable collector costs spans and nothing
else.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from fraud.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_FLUSH_TIMEOUT_S = 3.0


def tracer_provider(settings: Settings, service: str) -> "TracerProvider | None":
    """A provider that exports the spans of a service, or None where no endpoint is set.

    Args:
        settings: of which `tracing` is read.
        service: the `service.name` of the spans.
    """
    if settings.tracing.endpoint is None:
        return None
    from fraud.span_exporter import exporting_provider

    return exporting_provider(settings.tracing.endpoint, service)


def shut_down(provider: "TracerProvider") -> None:
    """Export what is queued, for at most `_FLUSH_TIMEOUT_S`, and stop."""
    _call_within(_FLUSH_TIMEOUT_S, provider.shutdown)


def flow_span(settings: Settings, flow: str) -> AbstractContextManager[None]:
    """A span around a flow's body; the spans that Prefect makes of its tasks become its children."""
    return nullcontext() if settings.tracing.endpoint is None else _flow_span(settings, flow)


@contextmanager
def _flow_span(settings: Settings, flow: str) -> Iterator[None]:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider

    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        new_provider = tracer_provider(settings, "fraud-flows")
        assert new_provider is not None
        trace.set_tracer_provider(new_provider)  # Prefect uses the global one
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    try:
        with provider.get_tracer("fraud").start_as_current_span(flow):
            yield
    finally:
        _call_within(_FLUSH_TIMEOUT_S, provider.force_flush)


def _call_within(seconds: float, call: Callable[[], object]) -> None:
    # OpenTelemetry's own time-outs are not kept while a collector does not respond.
    thread = threading.Thread(target=call, name="flush-spans", daemon=True)
    thread.start()
    thread.join(seconds)
