"""Running the dashboard in this process."""

import logging
import socket
from typing import Any

import uvicorn

from fraud.settings import Settings
from serving.dashboard.app import create_app
from serving.dashboard.context import AppContext, create_context
from serving.dashboard.feed.hub import Hub
from serving.ops.header_timeout import protocol_with
from serving.ops.listening import address_of, listen

log = logging.getLogger(__name__)
_GRACE_S = 5
_HEADER_TIMEOUT_S = 20.0
_MAX_CONNECTIONS = 2_000
"""Streams of open pages included; what is beyond gets HTTP 503."""
_LOCAL = ("127.0.0.1", "::1", "localhost")


class _DashboardServer(uvicorn.Server):
    """Ends the streams of open pages before it waits for them."""

    def __init__(self, config: uvicorn.Config, hub: Hub) -> None:
        super().__init__(config)
        self._hub = hub

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._hub.close()
        await super().shutdown(sockets)


def run(settings: Settings, context: AppContext | None = None) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        ConfigurationError: the port is taken, or the address is not this machine's.
        DataError: the stored history or the user file cannot be used.
    """
    dashboard = settings.dashboard
    listener = listen("dashboard", dashboard.host, dashboard.port, backlog=256)
    address = address_of(listener, dashboard.host)
    log.info("dashboard at %s", address)
    if dashboard.host not in _LOCAL and not dashboard.behind_tls:
        log.warning("passwords are sent unencrypted; put a proxy with TLS in front (docs/dashboard.md)")
    context = context or create_context(settings)
    _DashboardServer(server_config(context), context.hub).run(sockets=[listener])


def server_config(context: AppContext) -> uvicorn.Config:
    """How the dashboard is served."""
    config: dict[str, Any] = {
        "http": protocol_with(_HEADER_TIMEOUT_S), "ws": "none", "log_config": None, "access_log": False,
        "server_header": False, "date_header": False, "proxy_headers": False,
        "timeout_graceful_shutdown": _GRACE_S, "limit_concurrency": _MAX_CONNECTIONS, "lifespan": "on",
        "log_level": "warning",
    }  # fmt: skip
    return uvicorn.Config(create_app(context), **config)
