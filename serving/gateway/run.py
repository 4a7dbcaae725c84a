"""Running the gateway in this process."""

import gc
import logging
import socket
from typing import Any

import uvicorn

from fraud.errors import ConfigurationError
from fraud.settings import LOOPBACK_HOSTS, Settings
from serving.gateway.app import create_app
from serving.gateway.auth.keys import KeyFile
from serving.gateway.context import GatewayContext, create_context
from serving.ops.header_timeout import protocol_with
from serving.ops.health import HealthServer
from serving.ops.listening import address_of, listen

log = logging.getLogger(__name__)

_GRACE_S = 15
_BACKLOG = 1_024
_MAX_HEADER_BYTES = 16_384
_KEEP_ALIVE_S = 75


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; requests that are being answered get some seconds.

    Raises:
        ConfigurationError: a port is taken, an address is not this machine's, or payments are not JSON.
        DataError: the file of keys is damaged.
        UnreachableError: Kafka does not answer, or a topic is missing.
    """
    gateway = settings.gateway
    _warn(settings)
    # Closed, too, where the gateway cannot start.
    with listen("gateway", gateway.host, gateway.port, backlog=_BACKLOG) as listener:
        _serve(settings, listener)


def _serve(settings: Settings, listener: socket.socket) -> None:
    gateway, context = settings.gateway, create_context(settings)
    health = _health_server(context)
    log.info("gateway at %s", address_of(listener, gateway.host))
    log.info("status at http://%s:%d (/live, /ready, /metrics)", gateway.ops_host, health.port)
    _tune_garbage_collector()
    try:
        uvicorn.Server(server_config(context)).run(sockets=[listener])
    finally:
        health.close()


def _tune_garbage_collector() -> None:
    """Seldom traverse the payments in memory, which have no cycles: it would stop all requests for long."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 500)


def server_config(context: GatewayContext) -> uvicorn.Config:
    """How the gateway is served."""
    gateway = context.settings.gateway
    config: dict[str, Any] = {
        "http": protocol_with(gateway.request_timeout_s), "ws": "none", "log_config": None,
        "access_log": False, "server_header": False, "date_header": False, "lifespan": "on",
        "proxy_headers": False, "timeout_graceful_shutdown": _GRACE_S,
        "timeout_keep_alive": _KEEP_ALIVE_S, "limit_concurrency": gateway.max_connections,
        "h11_max_incomplete_event_size": _MAX_HEADER_BYTES, "log_level": "warning", "backlog": _BACKLOG,
    }  # fmt: skip
    return uvicorn.Config(create_app(context), **config)


def _health_server(context: GatewayContext) -> HealthServer:
    """On a thread: it answers while the event loop is stuck."""
    host, port = context.settings.gateway.ops_host, context.settings.gateway.ops_port
    try:
        return HealthServer(host, port, context, context.metrics)
    except OSError as error:
        raise ConfigurationError(
            f"the gateway's status cannot listen on {host}:{port} ({error.strerror}); choose another with "
            "FRAUD_GATEWAY__OPS_HOST and FRAUD_GATEWAY__OPS_PORT (0 takes a free one)"
        ) from error


def _warn(settings: Settings) -> None:
    gateway = settings.gateway
    has_keys = bool(KeyFile(settings.gateway_keys).load())
    if not (has_keys or gateway.oidc.issuer or gateway.allow_anonymous):
        log.warning("nobody may call yet; make a key with `fraud gateway key create --name NAME`")
    if gateway.host not in LOOPBACK_HOSTS and not gateway.behind_tls:
        log.warning("keys are sent unencrypted; put a proxy with TLS in front (docs/decisions/gateway.md)")
