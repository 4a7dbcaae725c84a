"""Keeps websites away from a server that listens on this machine only.

A browser on this machine reaches it, too. A website can point its own name at 127.0.0.1 (DNS rebinding), send
requests that need no permission of ours, and open WebSockets. Its name shows in `Host` or in `Origin`.
"""

from collections.abc import Iterable
from functools import lru_cache

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from serving.dashboard.middleware.hosts import parse_host, parse_origin

_NAMES = ("localhost", "127.0.0.1", "::1")
_POLICY_VIOLATION = 1008
_REFUSAL = "this server answers its own machine only, and the request names another host or site"
_HEADERS = {"Connection": "close", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class LoopbackGuard:
    """Refuses requests to a foreign name, and those that a page of another host sends."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = ()) -> None:
        self._app = app
        self._names = frozenset((*_NAMES, *(name.lower() for name in hosts)))
        # The same few headers come with every request.
        self._is_ours = lru_cache(maxsize=256)(self._check)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or pass it on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if self._is_ours(headers.get("host", ""), headers.get("origin")):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocketClose(_POLICY_VIOLATION, _REFUSAL)(scope, receive, send)
        else:
            await PlainTextResponse(_REFUSAL, 403, _HEADERS)(scope, receive, send)

    def _check(self, host_text: str, origin_text: str | None) -> bool:
        host = parse_host(host_text)
        if host is None or host.name not in self._names:
            return False
        if origin_text is None:
            return True
        origin = parse_origin(origin_text)
        return origin is not None and origin[1].name in self._names
