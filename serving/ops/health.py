"""The HTTP endpoints for orchestrators and Prometheus: /live, /ready, /metrics."""

import json
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from fraud.settings import LOOPBACK_HOSTS
from serving.dashboard.middleware.hosts import parse_host

_CLIENT_TIMEOUT_S = 10.0
STUCK_AFTER_S = 30.0
"""Since the last round of the serving loop: then it counts as stuck, and /live asks for a restart."""


class HealthStatus(Protocol):
    """Whether a service is ready, and why not."""

    @property
    def is_ready(self) -> bool:
        """Whether it is."""

    @property
    def text(self) -> str:
        """What it does or waits for."""


class MonitoredService(Protocol):
    """What is asked for its health: an engine or a gateway; `heartbeat` is on the monotonic clock."""

    heartbeat: float

    def status(self) -> HealthStatus:
        """Readiness, as other threads may ask for it."""


class Exposed(Protocol):
    """Metrics of a service."""

    def exposition(self) -> bytes:
        """All of them in Prometheus's text format."""


class HealthServer:
    """Serves the endpoints on a thread of its own."""

    def __init__(self, host: str, port: int, service: MonitoredService, metrics: Exposed) -> None:
        """Bind and start; port 0 binds a free one.

        Raises:
            OSError: the port is taken, or the address is not this machine's.
        """
        self._server = _HealthHttpServer((host, port), service, metrics)
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The bound port."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _HealthHttpServer(ThreadingHTTPServer):
    """An HTTP server with the service and the metrics that its handlers report."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], service: MonitoredService, metrics: Exposed) -> None:
        super().__init__(address, _HealthHandler)
        self.is_local = address[0] in LOOPBACK_HOSTS
        self.service = service
        self.metrics = metrics


class _HealthHandler(BaseHTTPRequestHandler):
    server: _HealthHttpServer
    timeout = _CLIENT_TIMEOUT_S  # of a client that neither sends nor reads

    def do_GET(self) -> None:
        endpoints = {"/live": self._live, "/ready": self._ready, "/metrics": self._metrics}
        endpoint = endpoints.get(self.path)
        if not self._is_host_allowed():
            self._send_json(421, {"error": "only a loopback name as host is allowed"})
        elif endpoint is None:
            self._send_json(404, {"error": f"there are {', '.join(endpoints)}"})
        else:
            endpoint()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Respond without the request's text, which Python's own response to a malformed one repeats."""
        self.close_connection = True
        self._send_json(code, {"error": HTTPStatus(code).phrase.lower()})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Log nothing: probes come every few seconds."""

    def _is_host_allowed(self) -> bool:
        """On a loopback address a page of a browser could come by another name (DNS rebinding)."""
        host = parse_host(self.headers.get("Host", ""))
        return not self.server.is_local or (host is not None and host.name in LOOPBACK_HOSTS)

    def _live(self) -> None:
        age_s = time.monotonic() - self.server.service.heartbeat
        self._send_json(200 if age_s < STUCK_AFTER_S else 503, {"seconds_since_last_round": round(age_s, 3)})

    def _ready(self) -> None:
        status = self.server.service.status()
        self._send_json(200 if status.is_ready else 503, {"status": status.text})

    def _metrics(self) -> None:
        self._send(200, "text/plain; version=0.0.4; charset=utf-8", self.server.metrics.exposition())

    def _send_json(self, code: int, payload: dict[str, Any]) -> None:
        self._send(code, "application/json", json.dumps(payload).encode())

    def _send(self, code: int, content_type: str, content: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
