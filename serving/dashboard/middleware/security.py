"""Checks the host, the origin and the body of every request; adds the security headers to every response."""

from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fraud.errors import ConfigurationError
from serving.dashboard.middleware.body_limit import RefusedBodyError, read_body
from serving.dashboard.middleware.hosts import Host, parse_host, parse_origin

_LOCAL = ("localhost", "127.0.0.1", "[::1]")
_SAFE = ("GET", "HEAD", "OPTIONS")
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


class SecurityMiddleware:
    """Refuses requests with a foreign host name (DNS rebinding), from another site, or with a long body.

    Raises:
        ConfigurationError: one of `hosts` is not a host.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str], *, behind_tls: bool) -> None:
        self._app = app
        # A host without a port is allowed with every port.
        self._hosts = {_parse_allowed(host) for host in (*_LOCAL, *hosts)}
        self._port_of_scheme = 443 if behind_tls else 80
        tls = {"Strict-Transport-Security": "max-age=31536000"} if behind_tls else {}
        self._headers = _HEADERS | tls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or pass it on; add the headers to the response."""
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

        headers = Headers(scope=scope)
        refusal = self._refusal(scope["method"], headers)
        if refusal is None:
            try:
                receive = await read_body(headers, receive, length_required=scope["method"] not in _SAFE)
            except RefusedBodyError as error:
                # The rest of the body must not be read as the next request.
                refusal = PlainTextResponse(str(error), error.status, {"Connection": "close"})
        await (refusal or self._app)(scope, receive, send_with_headers)

    def _refusal(self, method: str, headers: Headers) -> PlainTextResponse | None:
        host = parse_host(headers.get("host", ""))
        if host is None or not self._is_allowed(host):
            return PlainTextResponse("unknown host; name it in FRAUD_DASHBOARD__ALLOWED_HOSTS", 421)
        if method not in _SAFE and not _same_site(headers, host):
            return PlainTextResponse("the request comes from another site", 403)
        return None

    def _is_allowed(self, host: Host) -> bool:
        port = self._port_of_scheme if host.port is None else host.port
        return not self._hosts.isdisjoint({Host(host.name, None), Host(host.name, port)})


def _parse_allowed(text: str) -> Host:
    # An IPv6 address may have no brackets here, as nothing else has two colons.
    host = parse_host(f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text)
    if host is None:
        raise ConfigurationError(
            f"FRAUD_DASHBOARD__ALLOWED_HOSTS: {text!r} is not a host; write names as in example.com or "
            "example.com:8443, without http://"
        )
    return host


def _same_site(headers: Headers, host: Host) -> bool:
    """Whether the origin is ours. Browsers send `Origin` with every POST; other clients have no cookies."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    if "origin" not in headers:
        return True
    origin = parse_origin(headers["origin"])
    if origin is None:
        return False
    scheme, from_host = origin
    return (from_host.name, from_host.port_for(scheme)) == (host.name, host.port_for(scheme))
