"""Traces by OpenTelemetry, for who asks for them: `FRAUD_TRACING__ENDPOINT` names a collector.

Without an endpoint nothing of OpenTelemetry is imported here. With one, spans go to a bounded queue that a
thread empties: whoever is traced never waits for the collector, and one that is away costs spans and
nothing else.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from fraud.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_LAST_WORDS_S = 3.0


def tracer_provider(settings: Settings, service: str) -> "TracerProvider | None":
    """What makes spans and sends them, or None where no endpoint is set.

    Args:
        settings: of which `tracing` counts.
        service: the name under which the spans are found.
    """
    if settings.tracing.endpoint is None:
        return None
    from fraud.sending_spans import sending_provider

    return sending_provider(settings.tracing.endpoint, service)


def close(provider: "TracerProvider") -> None:
    """Send what is queued, as far as the collector takes it within seconds, and end."""
    _within(_LAST_WORDS_S, provider.shutdown)


def traced(settings: Settings, flow: str) -> AbstractContextManager[None]:
    """A span around a flow's body; the spans that Prefect makes of its tasks become its children."""
    return nullcontext() if settings.tracing.endpoint is None else _traced(settings, flow)


@contextmanager
def _traced(settings: Settings, flow: str) -> Iterator[None]:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider

    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        made = tracer_provider(settings, "fraud-flows")
        assert made is not None
        trace.set_tracer_provider(made)  # where Prefect looks for it
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    try:
        with provider.get_tracer("fraud").start_as_current_span(flow):
            yield
    finally:
        _within(_LAST_WORDS_S, provider.force_flush)


def _within(seconds: float, call: Callable[[], object]) -> None:
    # What these calls promise of time they do not keep while a collector is silent.
    thread = threading.Thread(target=call, name="last-spans", daemon=True)
    thread.start()
    thread.join(seconds)
