"""The address that a request comes from, where proxies stand between.

Each proxy appends the address of its own peer to `X-Forwarded-For`. So the header is read from the right, and
only as far as trusted proxies wrote it: what stands further left is whatever the client sent.
"""

import ipaddress
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address

from starlette.types import ASGIApp, Receive, Scope, Send

from fraud.settings import Networks

_HEADER = b"x-forwarded-for"
_MOST_PROXIES = 20
"""More stand in no real chain, and each costs time."""

Address = IPv4Address | IPv6Address


class ClientAddresses:
    """Finds clients' addresses; `proxies` are the networks of the trusted ones."""

    def __init__(self, proxies: Networks) -> None:
        self._proxies = proxies

    def find(self, scope: Scope) -> str:
        """The address of a request's client; empty if not even that of the connection is known."""
        client = scope.get("client")
        peer = str(client[0]) if client else ""
        address = parse_address(peer)
        if address is None:
            return peer
        for forwarded in _from_the_right(scope):
            if not self._is_proxy(address):
                break
            named = parse_address(forwarded)
            if named is None:
                break  # the proxy itself is the last address that somebody trusted vouches for
            address = named
        return str(address)

    def _is_proxy(self, address: Address) -> bool:
        return any(address in network for network in self._proxies)


class ClientAddressMiddleware:
    """Sets `scope["client"]` to the real client, and the scheme to what the browser uses."""

    def __init__(self, app: ASGIApp, proxies: Networks, *, behind_tls: bool) -> None:
        self._app = app
        self._addresses = ClientAddresses(proxies)
        self._behind_tls = behind_tls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "http":
            client = scope.get("client")
            scope["client"] = (self._addresses.find(scope), client[1] if client else 0)
            if self._behind_tls:
                scope["scheme"] = "https"
        await self._app(scope, receive, send)


def parse_address(text: str) -> Address | None:
    """An address as proxies write it, perhaps with a port; IPv4 mapped to IPv6 is IPv4. None: it is none."""
    host = text.strip().strip('"')
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _from_the_right(scope: Scope) -> Iterator[str]:
    """The addresses of all such headers, the last one first."""
    values: Iterable[bytes] = (value for name, value in scope["headers"] if name == _HEADER)
    line = b",".join(values)
    if line:
        yield from reversed(line.decode("latin-1").rsplit(",", _MOST_PROXIES)[-_MOST_PROXIES:])
