"""What orchestrators and Prometheus ask: /live, /ready, /metrics."""

import json
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from serving.engine import Engine
from serving.ops.metrics import Metrics

_PATIENCE_S = 10.0
STUCK_AFTER_S = 30.0
"""A loop that has not turned for this long is stuck; a restart is the remedy."""


class StatusServer:
    """Answers on a thread of its own; `port` is the one that was bound."""

    def __init__(self, host: str, port: int, engine: Engine, metrics: Metrics) -> None:
        self._server = _Server((host, port), engine, metrics)
        self._thread = threading.Thread(target=self._server.serve_forever, name="status", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    """An HTTP server that knows whom it tells of."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], engine: Engine, metrics: Metrics) -> None:
        super().__init__(address, _Handler)
        self.engine = engine
        self.metrics = metrics


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _PATIENCE_S  # of a client that does not send, or does not read

    def do_GET(self) -> None:
        pages = {"/live": self._live, "/ready": self._ready, "/metrics": self._metrics}
        page = pages.get(self.path)
        if page is None:
            self._answer(404, {"error": f"there are {', '.join(pages)}"})
        else:
            page()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What Python answers to a malformed request would repeat it."""
        self.close_connection = True
        self._answer(code, {"error": HTTPStatus(code).phrase.lower()})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Keep quiet: probes come every few seconds."""

    def _live(self) -> None:
        age_s = time.monotonic() - self.server.engine.heartbeat
        self._answer(200 if age_s < STUCK_AFTER_S else 503, {"seconds_since_last_round": round(age_s, 3)})

    def _ready(self) -> None:
        status = self.server.engine.status()
        self._answer(200 if status.is_ready else 503, {"status": status.text})

    def _metrics(self) -> None:
        self._send(200, "text/plain; version=0.0.4; charset=utf-8", self.server.metrics.exposition())

    def _answer(self, code: int, told: dict[str, Any]) -> None:
        self._send(code, "application/json", json.dumps(told).encode())

    def _send(self, code: int, kind: str, content: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
