"""What every request passes first: limits of requests in flight, of bodies and their kind; and metrics."""

import time

from fastapi import Response
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.dashboard.middleware.body_limit import RefusedBodyError, read_body
from serving.gateway.api.responses import RETRY_SOON, error_response
from serving.gateway.context import GatewayContext

ARRIVED_AT = "arrived_at"
"""In a request's state: when its headers had arrived, on the monotonic clock."""

_CLOSE = {"Connection": "close"}
_HEADERS = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
]
_PATHS = ("/v1/decisions", "/v1/reviews")


class GatewayMiddleware:
    """Refuses what is too much or too long before any route sees it."""

    def __init__(self, app: ASGIApp, context: GatewayContext) -> None:
        self._app, self._context = app, context
        settings = context.settings
        self._max_bytes = settings.admission.max_bytes
        self._gateway = settings.gateway
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, start_ns = time.monotonic(), time.time_ns()
        scope.setdefault("state", {})[ARRIVED_AT] = start
        status = 500

        async def send_counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        self._in_flight += 1
        try:
            await self._pass_on(scope, receive, send_counted)
        finally:
            self._in_flight -= 1
            self._observe(scope, start, start_ns, status)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is None:
            try:
                receive = await read_body(
                    headers,
                    receive,
                    length_required=False,
                    max_bytes=self._max_bytes,
                    timeout_s=self._gateway.request_timeout_s,
                )
            except RefusedBodyError as error:
                # The rest of the body must not be read as the next request.
                refusal = error_response(error.status, str(error), headers=_CLOSE)
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        if not scope["path"].startswith("/v1/"):
            return None
        if self._in_flight > self._gateway.max_in_flight:
            return error_response(503, "too many requests are being answered", headers=RETRY_SOON | _CLOSE)
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        # Pages of other sites can send other kinds without asking (CORS).
        if scope["method"] == "POST" and kind != "application/json":
            return error_response(415, "the body must be application/json", headers=_CLOSE)
        return None

    def _observe(self, scope: Scope, start: float, start_ns: int, status: int) -> None:
        path = scope["path"]
        name = next((one for one in _PATHS if path.startswith(one)), "other")
        route = f"{scope['method']} {name}" if scope["method"] in ("GET", "POST") else name
        metrics = self._context.metrics
        metrics.requests.labels(route, status).inc()
        metrics.in_flight.set(self._in_flight)
        if route == "POST /v1/decisions" and status == 200:
            metrics.seconds.observe(time.monotonic() - start)
        if self._context.spans is not None:
            self._context.spans.add(route, start_ns, time.time_ns(), status)
