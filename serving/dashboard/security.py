"""What every answer carries and every request must show, whatever the page."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOCAL = ("localhost", "127.0.0.1", "[::1]")
_SAFE = ("GET", "HEAD", "OPTIONS")
_MOST_BODY = 64 * 1_024
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """Refuses what comes under a foreign name (DNS rebinding), from another site or at great length."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str], *, behind_tls: bool) -> None:
        self._app = app
        self._hosts = {*_LOCAL, *(host.lower() for host in hosts)}
        tls = {"Strict-Transport-Security": "max-age=31536000"} if behind_tls else {}
        self._headers = _HEADERS | tls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on and add the headers to the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refusal = self._refusal(scope["method"], Headers(scope=scope))
        if refusal is not None:
            await refusal(scope, receive, send_with_headers)
        else:
            await self._app(scope, receive, send_with_headers)

    def _refusal(self, method: str, headers: Headers) -> PlainTextResponse | None:
        host = headers.get("host", "")
        if host.lower().rsplit(":", 1)[0] not in self._hosts and host.lower() not in self._hosts:
            return PlainTextResponse("unknown host; name it in FRAUD_DASHBOARD__ALLOWED_HOSTS", 421)
        if method in _SAFE:
            return None
        if not _same_site(headers, host):
            return PlainTextResponse("the request comes from another site", 403)
        length = headers.get("content-length", "")
        if not length.isdigit() or int(length) > _MOST_BODY:
            return PlainTextResponse("the request is too long or does not tell its length", 413)
        return None


def _same_site(headers: Headers, host: str) -> bool:
    """Browsers send `Origin` with every POST; what sends none is no browser and has no foreign cookies."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == host
