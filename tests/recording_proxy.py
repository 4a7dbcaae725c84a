"""A forward proxy of HTTP that remembers what it was asked for."""

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class RecordingProxy:
    """What came to a proxy at `url`: methods with addresses, and the credentials shown."""

    url: str
    asked: list[str] = field(default_factory=list)
    credentials: set[str | None] = field(default_factory=set)


@contextmanager
def recording_proxy(*, wants_password: bool = False) -> Iterator[RecordingProxy]:
    """A running proxy; it fetches plain http, and opens no tunnel."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            proxy.asked.append(f"{self.command} {self.path}")
            shown = self.headers.get("Proxy-Authorization")
            proxy.credentials.add(shown)
            if wants_password and shown is None:
                self.send_response(407)
                self.send_header("Proxy-Authenticate", 'Basic realm="proxy"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            status, content = _fetch(self.command, self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_HEAD = do_POST = do_GET  # noqa: N815

        def do_CONNECT(self) -> None:
            proxy.asked.append(f"CONNECT {self.path}")
            self.send_error(502)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    proxy = RecordingProxy(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _fetch(method: str, url: str) -> tuple[int, bytes]:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    # What the tests ask for under a name of a foreign network is on this machine.
    here = url.replace("http://repository.example:", "http://127.0.0.1:")
    try:
        with direct.open(urllib.request.Request(here, method=method), timeout=10) as response:
            return int(response.status), response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, b""
