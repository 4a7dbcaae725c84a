"""Exports spans to a collector: queued, without free text, as OTLP over HTTP."""

from collections.abc import Mapping, Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace import Status
from opentelemetry.util.types import AttributeValue

from fraud.cards.masking import mask_text

_EXPORT_TIMEOUT_S = 2.0
_EXPORT_INTERVAL_MS = 1_000
_MAX_QUEUE_SIZE = 2_048
"""Spans; beyond it new ones are dropped."""


def exporting_provider(endpoint: str, service: str) -> TracerProvider:
    """A provider of a service's spans that exports them to the collector at the endpoint, once a second."""
    exporter = _RedactingExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=_EXPORT_TIMEOUT_S)
    provider = TracerProvider(resource=Resource.create({"service.name": service}), shutdown_on_exit=False)
    provider.add_span_processor(
        BatchSpanProcessor(
            exporter,
            max_queue_size=_MAX_QUEUE_SIZE,
            schedule_delay_millis=_EXPORT_INTERVAL_MS,
            max_export_batch_size=_MAX_QUEUE_SIZE // 4,
        )
    )
    return provider


class _RedactingExporter(OTLPSpanExporter):
    """Exports no text of exceptions or states: it may name a payment. The log has the text."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export names, times, attributes without card numbers, links and status codes."""
        return super().export([_without_texts(span) for span in spans])


def _without_texts(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=mask_text(span.name),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_masked(span.attributes),
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _masked(attributes: Mapping[str, AttributeValue] | None) -> dict[str, AttributeValue]:
    return {name: _masked_value(value) for name, value in (attributes or {}).items()}


def _masked_value(value: AttributeValue) -> AttributeValue:
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, Sequence):
        return [mask_text(one) if isinstance(one, str) else one for one in value]
    return value
