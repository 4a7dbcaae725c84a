"""A collector of spans: it takes OTLP over HTTP and keeps what it got."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class Collector:
    """Where it listens, and the requests that came."""

    endpoint: str = ""
    requests: list[bytes] = field(default_factory=list)
    services: set[str] = field(default_factory=set)

    @property
    def spans(self) -> list[Span]:
        """All spans, decoded."""
        found = []
        for request in self.requests:
            for resource in ExportTraceServiceRequest.FromString(request).resource_spans:
                about = {one.key: one.value.string_value for one in resource.resource.attributes}
                self.services.add(about["service.name"])
                found += [span for scope in resource.scope_spans for span in scope.spans]
        return found

    def named(self, name: str) -> list[Span]:
        """The spans of a name."""
        return [span for span in self.spans if span.name == name]

    def children(self, parent: Span) -> list[Span]:
        """The spans directly below, in order of their beginning."""
        found = [span for span in self.spans if span.parent_span_id == parent.span_id]
        return sorted(found, key=lambda span: span.start_time_unix_nano)


def attributes(span: Span) -> dict[str, object]:
    """As a plain mapping."""
    kinds = ("string_value", "int_value", "double_value", "bool_value")

    def plain(value: object) -> object:
        kind = value.WhichOneof("value")  # type: ignore[attr-defined]
        if kind == "array_value":
            return [plain(one) for one in value.array_value.values]  # type: ignore[attr-defined]
        assert kind in kinds
        return getattr(value, kind)

    return {one.key: plain(one.value) for one in span.attributes}


@contextmanager
def collecting() -> Iterator[Collector]:
    """A running collector."""
    collector = Collector()

    class Page(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            collector.requests.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    collector.endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
